"""Brackets: rounds of successive halving, which successive halving and Hyperband are made of."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING

from nasbench.strategy import Proposal, Strategy
from strategies.multi_fidelity.rungs_offered import rungs_offered
from tabular.errors import StrategyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space


class Bracket:
    """One round of successive halving: the inner loop of Algorithm 1 of Li et al. (JMLR 2018).

    Parameters
    ----------
    architectures : iterable of (L,) uint8
        The candidates, each drawn from it when it is proposed.
    n : int
        How many of them there are.
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
        self._epochs = self._later_epochs.pop(0)
        self._next = iter(candidates)
        self._candidates = self._waiting = n
        self._results: list[tuple[float, NDArray[np.uint8]]] = []

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to propose and no result left to come."""
        return not self._waiting and len(self._results) == self._candidates

    def ask(self) -> Proposal | None:
        """Propose the next candidate of this rung; None while the rung's results are outstanding."""
        if not self._waiting:
            return None
        self._waiting -= 1
        return Proposal(next(self._next), self._epochs)

    def tell(self, proposal: Proposal, value: float) -> None:
        """Take a result; the last of a rung opens the next one. A diverged training has nothing to go on with."""
        self._results.append((value, proposal.architecture))
        if self.ended and self._later_epochs:
            ranked = sorted(self._results, key=lambda result: -result[0])
            promoted = ranked[: self._candidates // self._eta]
            alive = [architecture for value, architecture in promoted if value > -math.inf]
            if alive:
                self._enter_rung(alive, len(alive))


class BracketStrategy(Strategy):
    """A strategy that runs one bracket after another, each over architectures drawn at random.

    Parameters
    ----------
    space, rng, fidelities
        See `nasbench.strategy.Strategy`.
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
        """Propose the next candidate of the rung or of a new bracket; None while the rung's results are outstanding."""
        if self._bracket is None or self._bracket.ended:
            self._bracket = self.next_bracket()
        return self._bracket.ask()

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - rungs count epochs
        """Take a result; the last of a rung decides who goes on."""
        if self._bracket is None:
            raise StrategyError(f"{self.name} was told a result before it proposed anything")
        self._bracket.tell(proposal, value)
