"""Brackets of which the next begins while others wait for results."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

from nasbench.strategy import Strategy
from strategies.multi_fidelity.rungs_offered import rungs_offered
from strategies.multi_fidelity.under_way import UnderWay

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from nasbench.strategy import Proposal
    from tabular.spaces import Space


class Rounds(Protocol):
    """What runs from its first rung to its last, such as a `strategies.multi_fidelity.brackets.Bracket`."""

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to propose and no result left to come."""
        ...

    def ask(self) -> Proposal | None:
        """Propose what comes next; None while that depends on results."""
        ...

    def tell(self, proposal: Proposal, value: float) -> None:
        """Take a result."""
        ...


class OverlappingBrackets(Strategy):
    """A strategy that starts the next bracket when all those under way wait, so that no worker idles.

    With one evaluation at a time, brackets run one after another.

    Parameters
    ----------
    space, rng, fidelities
        See `nasbench.strategy.Strategy`.
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
