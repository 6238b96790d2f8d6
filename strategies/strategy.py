"""The ask/tell protocol of search strategies, and checks of their options."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from tabular.errors import StrategyError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tabular.spaces.space import Space

    StrategyFactory = Callable[[Space, np.random.Generator, Sequence[int]], "Strategy"]
    """A strategy class, or a function with its first three arguments."""


class Proposal(NamedTuple):
    """An architecture ``(L,)`` uint8 to evaluate, and the epochs to train it for."""

    architecture: NDArray[np.uint8]
    epochs: int


class Strategy(ABC):
    """A search that proposes architectures and learns from their results.

    A strategy sees validation values and costs only; `tell` has no argument that could carry test results. All its
    randomness comes from ``rng``, so a run is reproduced by its seed. Further options are keyword arguments with
    defaults; one that is out of its range raises a StrategyError, a word that is not known an UnknownNameError.

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
        Its name in errors, lists and figures.
    family : str
        The family under which it is listed.
    paper : str
        The publication it follows.
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
        """Propose the next evaluation.

        None means "nothing until the result of one under way is in".
        """

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
            The cost of the evaluation on the simulated clock.
        """


class MultiObjectiveStrategy(Strategy):
    """A strategy that weighs several metrics and the violation of constraints.

    A comparison with objectives or constraints calls `tell_objectives`; one with a single signal calls `tell`, which
    passes that on as the one objective. Other strategies see the signal alone.
    """

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Learn the outcome of a proposal where there is one objective.

        See `Strategy.tell`.
        """
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
            The cost of the evaluation on the simulated clock.
        """


def check_whole(strategy: str, option: str, value: object, least: int, most: int | None = None) -> None:
    """Make sure that an option is a whole number from ``least`` to ``most``.

    Both are allowed; StrategyError if not.

    The first two arguments are what the error names; no ``most`` leaves the range open.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        span = f"of {least} or more" if most is None else f"from {least} to {most}"
        raise StrategyError(f"{strategy}: {option} must be a whole number {span}; got {value!r}")


def check_flag(strategy: str, option: str, value: object) -> None:
    """Make sure that an option is true or false.

    StrategyError if not: the text ``"false"`` would count as true.
    """
    if not isinstance(value, bool):
        raise StrategyError(f"{strategy}: {option} must be true or false; got {value!r}")


def check_number(
    strategy: str,
    option: str,
    value: object,
    least: float,
    most: float = math.inf,
    *,
    above: bool = False,
    below: bool = False,
) -> None:
    """Make sure that an option is a number from ``least`` to ``most``.

    StrategyError if not.

    Both ends are allowed, unless it has to be ``above`` the one or ``below`` the other.
    """
    fits = (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (value > least if above else value >= least)
        and (value < most if below else value <= most)
    )
    if not fits:
        lower = f"above {least:g}" if above else f"of {least:g} or more"
        upper = "" if most == math.inf else f" and {'below' if below else 'at most'} {most:g}"
        raise StrategyError(f"{strategy}: {option} must be a number {lower}{upper}; got {value!r}")


def check_choice(strategy: str, option: str, value: object, known: Sequence[str]) -> None:
    """Make sure that an option is one of a few words.

    The UnknownNameError offers the nearest.
    """
    if value not in known:
        raise UnknownNameError(option, value, known, of=f"strategy {strategy!r}")


def check_factory(strategy: str, option: str, value: object) -> None:
    """Make sure that an option can make strategies.

    StrategyError if not. Only the registry knows them by names.
    """
    if not callable(value):
        raise StrategyError(
            f"{strategy}: {option} must be a strategy class, or a function (space, rng, fidelities) that makes a "
            f"strategy, such as strategies.read_strategy('random-search'); got {value!r}"
        )
