"""The ask/tell protocol every search strategy follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nasbench.spaces import Space


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
    """

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
            The validation signal, always to be maximised (losses come negated); -inf if the training diverged.
        seconds : float
            What the evaluation cost on the simulated clock.
        """
