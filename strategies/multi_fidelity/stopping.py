"""Early stopping of the trainings that another strategy asks for."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from strategies.multi_fidelity.brackets import UnderWay, checks_offered
from strategies.strategy import Proposal, Strategy, check_factory

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from strategies.strategy import StrategyFactory
    from tabular.spaces.space import Space


@dataclass
class Training:
    """A training as far as it got.

    Attributes
    ----------
    proposal : Proposal
        The full training that the inner strategy asked for.
    epochs : list of int
        The checks that it has passed.
    values : list of float
        The value at each of these; -inf, at the end only, if it diverged.
    seconds : float
        The cost of all of it.
    """

    proposal: Proposal
    epochs: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def diverged(self) -> bool:
        """True if it ended in a divergence."""
        return self.values[-1] == -math.inf


class StoppingStrategy(Strategy):
    """A strategy that stops trainings of an inner one which are not promising.

    A full training that the inner strategy asks for is asked for with the epochs of the first check, then of the
    second, and so on; the inner strategy is told once, when the training has ended, was stopped or has diverged. A
    training that goes on comes before a new one. A training of fewer epochs that the inner strategy asks for is passed
    through, and a full training of the same architecture later is first looked at beyond them.

    Parameters
    ----------
    strategy : callable
        The inner strategy: a class, or a function ``(space, rng, fidelities)`` that makes one.
    checks : int
        At how many of the epochs on offer a training is looked at, at most, its end counted; all of them if there are
        no more, else as many spread evenly. Each check is an evaluation in the books of a comparison, which costs the
        epochs since the one before.

    Attributes
    ----------
    inner : Strategy
    checks : tuple of int
        The epochs of the checks, ascending.

    Raises
    ------
    StrategyError
        If the inner strategy cannot be made, ``checks`` is out of its range, or only one epoch is on offer.
    """

    family = "multi-fidelity"
    multi_fidelity = True

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        strategy: StrategyFactory,
        checks: int,
    ) -> None:
        super().__init__(space, rng, fidelities)
        self.checks = checks_offered(self.name, self.fidelities, checks)
        check_factory(self.name, "strategy", strategy)
        self.inner = strategy(space, rng, self.fidelities)
        self._going_on: deque[Training] = deque()
        self._under_way: UnderWay[Training | None] = UnderWay()
        self._trained: dict[bytes, int] = {}

    @abstractmethod
    def judge(self, training: Training) -> float | None:
        """Return the value told to the inner strategy of a training stopped here.

        None if the training goes on.

        Asked after each check but the last, of trainings that have not diverged.
        """

    def learn(self, training: Training) -> None:
        """Learn from a training that has ended, whether by itself, stopped or diverged.

        By default nothing.
        """

    def ask(self) -> Proposal | None:
        """Go on with a training to its next check, else begin another.

        That is the first part of what the inner strategy wants.
        """
        if self._going_on:
            training = self._going_on.popleft()
            done = training.epochs[-1]
        else:
            proposal = self.inner.ask()
            if proposal is None:
                return None
            if proposal.epochs != self.fidelities[-1]:
                self._under_way.start(proposal, None)
                return proposal
            training = Training(proposal)
            done = self._trained.pop(proposal.architecture.tobytes(), 0)
        part = Proposal(training.proposal.architecture, next(check for check in self.checks if check > done))
        self._under_way.start(part, training)
        return part

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Judge a training at its check; tell the inner strategy what has ended."""
        training = self._under_way.end(proposal)
        if training is None:
            if value > -math.inf:
                row = proposal.architecture.tobytes()
                self._trained[row] = max(proposal.epochs, self._trained.get(row, 0))
            self.inner.tell(proposal, value, seconds)
            return
        training.epochs.append(proposal.epochs)
        training.values.append(value)
        training.seconds += seconds
        ends = value == -math.inf or proposal.epochs == self.checks[-1]
        final = value if ends else self.judge(training)
        if final is None:
            self._going_on.append(training)
        else:
            self.learn(training)
            self.inner.tell(training.proposal, final, training.seconds)
