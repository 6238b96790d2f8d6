"""Asking and telling of searches that draw from a recurrent controller and update it in batches."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from nasbench.strategy import Proposal, Strategy
from strategies.reinforcement.policy import draw_inside
from tabular.work import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strategies.reinforcement.controller import Controller
    from tabular.spaces import Space


class ControllerSearch(Strategy):
    """Draws architectures from a controller, a batch at a time, and updates it whenever a batch of results is in.

    With several evaluations under way the next batch is drawn before all of the last are in, so results can be of a
    controller a few updates back, as they were with the papers' hundreds of workers. A batch in which all diverged
    before anything else was learnt teaches nothing.

    Parameters
    ----------
    space, rng, fidelities
        See `nasbench.strategy.Strategy`.
    controller : Controller
    batch : int
        Results in an update, and architectures that are drawn at a time.
    """

    family = "reinforcement"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        controller: Controller,
        batch: int,
    ) -> None:
        super().__init__(space, rng, fidelities)
        self.controller = controller
        self.batch = batch
        self._drawn: list[NDArray[np.uint8]] = []
        self._told: list[tuple[NDArray[np.uint8], float]] = []

    @abstractmethod
    def update(self, rows: NDArray[np.uint8], rewards: list[float]) -> None:
        """Change the controller given a batch of rows, (B, L) uint8, and what came of them, -inf if they diverged."""

    def drawn(self, rows: NDArray[np.uint8]) -> None:
        """Take note of rows, (B, L) uint8, that were drawn from the present controller."""

    def ask(self) -> Proposal:
        """Propose the next architecture of the batch."""
        if not self._drawn:
            with one_thread():
                rows = draw_inside(self.space, self.rng, self.batch, lambda n: self.controller.sample(n, self.rng))
                self.drawn(rows)
            self._drawn = list(rows[::-1])
        return Proposal(self._drawn.pop(), self.fidelities[-1])

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Keep the result, and update the controller once a batch is in."""
        self._told.append((proposal.architecture, value))
        if len(self._told) == self.batch:
            rows = np.array([row for row, _ in self._told])
            rewards = [reward for _, reward in self._told]
            self._told = []
            with one_thread():
                self.update(rows, rewards)
