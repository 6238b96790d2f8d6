"""The base of searches that are guided by a predictor."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from strategies.history import History
from strategies.model_based.candidates import new_random
from strategies.predictor import DEFAULT_PREDICTOR, make_predictor
from strategies.strategy import Proposal, Strategy, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strategies.predictor import PredictorFactory
    from tabular.spaces.space import Space


class PredictorGuided(Strategy):
    """A search that trains random architectures, then batches that `choose` returns.

    With several evaluations under way, a batch is chosen as soon as the one before is all proposed, by a predictor of
    the results that are in by then; until ``initial`` results are in, architectures are drawn at random.

    Parameters
    ----------
    initial : int
        Random architectures that are trained first.
    predictor : str or callable
        See `strategies.predictor.make_predictor`.
    """

    family = "model-based"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        initial: int,
        predictor: str | PredictorFactory = DEFAULT_PREDICTOR,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "initial", initial, least=1)
        self.initial = initial
        self.history = History(space)
        self.predictor = make_predictor(predictor, space)
        self._queue: deque[NDArray[np.uint8]] = deque()
        self._fitted = 0

    def ask(self) -> Proposal | None:
        """Propose what is left of the batch, or of a new one."""
        if not self._queue:
            if len(self.history) < self.initial:
                self._queue.append(new_random(self.history, self.rng, 1)[0])
            else:
                self._queue.extend(self.choose())
        return self.propose()

    def propose(self) -> Proposal:
        """Propose the next of the batch."""
        architecture = self._queue.popleft()
        self.history.ask(architecture)
        return Proposal(architecture, self.fidelities[-1])

    @abstractmethod
    def choose(self) -> NDArray[np.uint8]:
        """Return the architectures of the next batch, (N, L) uint8, at least one."""

    def fit(self) -> None:
        """Fit the predictor to all results, unless it is."""
        if len(self.history) > self._fitted:
            self._fitted = len(self.history)
            seed = int(self.rng.integers(2**31))
            self.predictor.fit(self.history.architectures, self.history.values, seed)

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Note the value."""
        self.history.tell(proposal.architecture, value)


def best_of(candidates: NDArray[np.uint8], merit: NDArray[np.float64], n: int) -> NDArray[np.uint8]:
    """Return the ``n`` candidates of the greatest merit, the best first.

    The shape is (at most n, L) uint8.
    """
    return candidates[np.argsort(-merit, kind="stable")[:n]]
