"""The ask/tell protocol every search strategy follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space

    StrategyFactory = Callable[[Space, np.random.Generator, Sequence[int]], "Strategy"]


class Proposal(NamedTuple):
    """What a strategy wants evaluated: an architecture ``(L,)`` uint8, and for how many epochs it shall be trained."""

    architecture: NDArray[np.uint8]
    epochs: int


class Strategy(ABC):
    """Proposes architectures and learns what came of them.

    A strategy sees validation values and costs only; `tell` has no argument that could carry test results. All its
    randomness comes from ``rng``, so a run is reproduced by its seed.

    Parameters
    ----------
    space : Space
        The space to search.
    rng : numpy.random.Generator
        The only source of randomness.
    fidelities : sequence of int
        Epochs that can be asked for, ascending; the last is the full training that a single-fidelity strategy asks for.

    Attributes
    ----------
    name : str
        What errors and lists call it.
    family : str
        What it is listed under.
    paper : str
        Where it comes from.
    multi_fidelity : bool
        Whether it asks for other epochs than the last.
    """

    name: ClassVar[str] = ""
    family: ClassVar[str] = "own"
    paper: ClassVar[str] = ""
    multi_fidelity: ClassVar[bool] = False

    def __init__(self, space: Space, rng: np.random.Generator, fidelities: Sequence[int]) -> None:
        self.space = space
        self.rng = rng
        self.fidelities = tuple(fidelities)

    @abstractmethod
    def ask(self) -> Proposal | None:
        """Propose the next evaluation; None means "nothing until an evaluation under way has been told"."""

    @abstractmethod
    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Learn the outcome of a proposal.

        Parameters
        ----------
        proposal : Proposal
            As `ask` returned it.
        value : float
            The validation signal, always to be maximised (losses come negated); -inf if the training diverged, or
            ended at an architecture that breaks a constraint of the comparison.
        seconds : float
            What the evaluation cost on the simulated clock.
        """


class MultiObjectiveStrategy(Strategy):
    """A strategy that weighs several metrics, and how far an architecture is from meeting constraints.

    A comparison with objectives or constraints calls `tell_objectives`; one with a single signal calls `tell`, which
    passes that on as the one objective. Other strategies see the signal alone.
    """

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Learn the outcome of a proposal where there is one objective; see `Strategy.tell`."""
        self.tell_objectives(proposal, np.array([value]), 0.0, seconds)

    @abstractmethod
    def tell_objectives(
        self, proposal: Proposal, values: NDArray[np.float64], violation: float, seconds: float
    ) -> None:
        """Learn the outcome of a proposal.

        Parameters
        ----------
        proposal : Proposal
            As `ask` returned it.
        values : (M,) float64
            The signal, then the other objectives, each to be maximised (what is to be small comes negated); all -inf
            if the training diverged. M is the same in all of a run.
        violation : float
            By how much constraints are broken, summed over them, each as a share of its bound; 0 if all are met.
        seconds : float
            What the evaluation cost on the simulated clock.
        """
