"""Brackets, the rounds of successive halving that Hyperband is made of."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from strategies.strategy import Proposal, Strategy, check_whole
from tabular.errors import StrategyError
from tabular.measures import rungs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space


def rungs_offered(strategy: str, fidelities: Sequence[int], eta: int) -> tuple[int, ...]:
    """Return the epochs on offer nearest to ``R, R/eta, R/eta^2, ...``.

    They ascend, with ``R`` the last.

    Raises a StrategyError, which names the strategy, if ``eta`` is not a whole number from 2, or the fidelities make
    one rung only.
    """
    check_whole(strategy, "eta", eta, least=2)
    ladder = rungs(fidelities, eta)
    if len(ladder) < 2:
        raise _no_short_trainings(strategy, fidelities, f"have none near {fidelities[-1]} divided by eta={eta}")
    return ladder


def checks_offered(strategy: str, fidelities: Sequence[int], checks: int) -> tuple[int, ...]:
    """Return the epochs on offer at which to check, ascending.

    All if they are at most ``checks``, else as many spread evenly up to the last.

    Raises a StrategyError, which names the strategy, if ``checks`` is not a whole number from 2 (a look before the end,
    and the end), or only one epoch is on offer.
    """
    check_whole(strategy, "checks", checks, least=2)
    last = fidelities[-1]
    if len(fidelities) < 2:
        raise _no_short_trainings(strategy, fidelities, f"have none before {last}")
    if len(fidelities) <= checks:
        return tuple(fidelities)
    ideals = [last * number / checks for number in range(1, checks + 1)]
    return tuple(sorted({min(fidelities, key=lambda epochs: abs(epochs - ideal)) for ideal in ideals}))


def _no_short_trainings(strategy: str, fidelities: Sequence[int], lack: str) -> StrategyError:
    offered = ", ".join(map(str, fidelities))
    return StrategyError(
        f"{strategy} chooses by short trainings, but the epochs on offer ({offered}) {lack}; ask an oracle that "
        "recorded earlier epochs, or use a strategy of full trainings only, such as random-search"
    )


def first_candidates(s: int, s_max: int, eta: int) -> int:
    """Return the number n of first candidates of bracket s of Hyperband.

    It is ``ceil((s_max + 1) / (s + 1) * eta^s)``, in whole numbers.
    """
    n: int = -(-(s_max + 1) * eta**s // (s + 1))  # Algorithm 1, line 2
    return n


Owner = TypeVar("Owner")


class UnderWay(Generic[Owner]):
    """Proposals whose results are outstanding, each with the owner of the result.

    The same architecture may be under way twice for as many epochs: the first result is then that of the first
    proposal.
    """

    def __init__(self) -> None:
        self._owners: dict[tuple[bytes, int], list[Owner]] = {}

    def start(self, proposal: Proposal, owner: Owner) -> None:
        """Note that a proposal is made."""
        self._owners.setdefault((proposal.architecture.tobytes(), proposal.epochs), []).append(owner)

    def end(self, proposal: Proposal) -> Owner | None:
        """Return the owner of a proposal, and forget both; None if it was not proposed."""
        key = proposal.architecture.tobytes(), proposal.epochs
        owners = self._owners.get(key)
        if owners is None:
            return None
        owner = owners.pop(0)
        if not owners:
            del self._owners[key]
        return owner


class Bracket:
    """One round of successive halving: lines 3 to 9 of Hyperband's Algorithm 1.

    Parameters
    ----------
    architectures : iterable of (L,) uint8
        The candidates, each drawn from it when it is proposed.
    n : int
        The number of candidates.
    epochs : sequence of int
        r_i, the epochs of each rung, ascending.
    eta : int
        After each rung, the best ``floor(n_i / eta)`` of its n_i candidates enter the next, the very best first.
    """

    def __init__(self, architectures: Iterable[NDArray[np.uint8]], n: int, epochs: Sequence[int], eta: int) -> None:
        self._later_epochs = list(epochs)
        self._eta = eta
        self._enter_rung(architectures, n)

    def _enter_rung(self, candidates: Iterable[NDArray[np.uint8]], n: int) -> None:
        self._epochs = self._later_epochs.pop(0)  # r_i, line 6
        self._next = iter(candidates)
        self._candidates = self._waiting = n
        self._results: list[tuple[float, NDArray[np.uint8]]] = []

    @property
    def ended(self) -> bool:
        """True once there is nothing left to propose and no result left to come."""
        return not self._waiting and len(self._results) == self._candidates

    def ask(self) -> Proposal | None:
        """Propose the next candidate of this rung.

        None while the rung's results are outstanding.
        """
        if not self._waiting:
            return None
        self._waiting -= 1
        return Proposal(next(self._next), self._epochs)

    def tell(self, proposal: Proposal, value: float) -> None:
        """Take a result; the last of a rung opens the next one.

        A diverged training has nothing to go on with.
        """
        self._results.append((value, proposal.architecture))
        if self.ended and self._later_epochs:
            ranked = sorted(self._results, key=lambda result: -result[0])
            promoted = ranked[: self._candidates // self._eta]  # top_k, line 8
            alive = [architecture for value, architecture in promoted if value > -math.inf]
            if alive:
                self._enter_rung(alive, len(alive))


class BracketStrategy(Strategy):
    """A strategy that runs one bracket of random architectures after another.

    Parameters
    ----------
    eta : int
        One in ``eta`` goes on to the next rung.

    Attributes
    ----------
    rungs : tuple of int
        The epochs on offer nearest to ``R, R/eta, R/eta^2, ...`` with ``R`` the last (see `tabular.measures.rungs`).

    Raises
    ------
    StrategyError
        If ``eta`` is not a whole number from 2, or the fidelities make one rung only.
    """

    family = "multi-fidelity"
    multi_fidelity = True

    def __init__(self, space: Space, rng: np.random.Generator, fidelities: Sequence[int], eta: int) -> None:
        super().__init__(space, rng, fidelities)
        self.rungs = rungs_offered(self.name, self.fidelities, eta)
        self.eta = eta
        self._bracket: Bracket | None = None

    @abstractmethod
    def next_bracket(self) -> Bracket:
        """Return the bracket to run when the last one has ended."""

    def ask(self) -> Proposal | None:
        """Propose the next candidate of the rung or of a new bracket.

        None while the rung's results are outstanding.
        """
        if self._bracket is None or self._bracket.ended:
            self._bracket = self.next_bracket()
        return self._bracket.ask()

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - rungs count epochs
        """Take a result; the last of a rung decides who goes on."""
        if self._bracket is None:
            raise StrategyError(f"{self.name} was told a result before it proposed anything")
        self._bracket.tell(proposal, value)


class Rounds(Protocol):
    """A bracket of any kind, which runs from its first rung to its last."""

    @property
    def ended(self) -> bool:
        """True once there is nothing left to propose and no result left to come."""
        ...

    def ask(self) -> Proposal | None:
        """Propose what comes next; None while that depends on results."""
        ...

    def tell(self, proposal: Proposal, value: float) -> None:
        """Take a result."""
        ...


class OverlappingBrackets(Strategy):
    """A strategy that starts the next bracket when all those under way wait.

    So no worker idles. With one evaluation at a time, brackets run one after another.

    Parameters
    ----------
    eta : int
        One in ``eta`` goes on to the next rung.

    Attributes
    ----------
    rungs : tuple of int
        The epochs on offer nearest to ``R, R/eta, R/eta^2, ...`` with ``R`` the last.

    Raises
    ------
    StrategyError
        If ``eta`` is not a whole number from 2, or the fidelities make one rung only.
    """

    family = "multi-fidelity"
    multi_fidelity = True

    def __init__(self, space: Space, rng: np.random.Generator, fidelities: Sequence[int], eta: int) -> None:
        super().__init__(space, rng, fidelities)
        self.rungs = rungs_offered(self.name, self.fidelities, eta)
        self.eta = eta
        self._brackets: list[Rounds] = []
        self._under_way: UnderWay[Rounds] = UnderWay()

    @abstractmethod
    def next_bracket(self) -> Rounds:
        """Return the bracket to run when all others wait; it has something to propose."""

    def ask(self) -> Proposal | None:
        """Propose what the oldest bracket that does not wait comes to next."""
        for bracket in self._brackets:
            proposal = bracket.ask()
            if proposal is not None:
                break
        else:
            bracket = self.next_bracket()
            self._brackets.append(bracket)
            proposal = bracket.ask()
        if proposal is not None:
            self._under_way.start(proposal, bracket)
        return proposal

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - rungs count epochs
        """Take a result to its bracket; one that was not asked for is in none."""
        bracket = self._under_way.end(proposal)
        if bracket is not None:
            bracket.tell(proposal, value)
            if bracket.ended:
                self._brackets.remove(bracket)
