"""ParEGO: one model at a time, of weighed objectives (Knowles, IEEE TEC 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.history import History
from strategies.model_based.candidates import expected_improvement, new_children, new_random
from strategies.predictor import DEFAULT_PREDICTOR, make_predictor
from strategies.strategy import MultiObjectiveStrategy, Proposal, check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strategies.predictor import PredictorFactory
    from tabular.spaces.space import Space

_PARENTS = 10
"""The number of best architectures whose mutations are half of the candidates."""


def draw_weights(rng: np.random.Generator, objectives: int) -> NDArray[np.float64]:
    """Draw one of the evenly spread weight vectors lambda, (M,), that add up to 1.

    Weights are multiples of 1/s. The paper's s = 10 for two objectives makes 11 vectors, and s = 4 for three 15; s is 4
    for any other number too.
    """
    s = 10 if objectives == 2 else 4
    bars = np.sort(rng.choice(s + objectives - 1, objectives - 1, replace=False))
    return (np.diff(bars, prepend=-1, append=s + objectives - 1) - 1) / s


def augmented_tchebycheff(
    values: NDArray[np.float64], violations: NDArray[np.float64], weights: NDArray[np.float64], rho: float
) -> NDArray[np.float64]:
    """Return the worth of each training under weights, (N,), to be maximised.

    Minus f_lambda.

    f_lambda = max_j(lambda_j f_j) + rho sum_j(lambda_j f_j), where cost f_j is 0 at the best and 1 at the worst of the
    feasible ones. Below the worst of these come those that break constraints, by their violation or 1 if it is more;
    those that diverged are worth as little as the worst of all.

    Parameters
    ----------
    values : (N, M) float64
        To be maximised; at least one row finite.
    violations : (N,) float64
        0 where feasible.
    weights : (M,) float64
        lambda.
    rho : float
    """
    known = np.isfinite(values).all(axis=1)
    feasible = known & (violations == 0)
    worth = np.zeros(len(values))
    if feasible.any():
        among = values[feasible]
        best, worst = among.max(axis=0), among.min(axis=0)
        weighed = weights * (best - among) / np.where(best > worst, best - worst, 1)
        worth[feasible] = -(weighed.max(axis=1) + rho * weighed.sum(axis=1))  # -f_lambda
    broken = known & ~feasible
    worth[broken] = worth.min() - np.minimum(violations[broken], 1)
    worth[~known] = worth[known].min()
    return worth


class ParEGO(MultiObjectiveStrategy):
    """Trains what is expected to improve most on the best, under drawn weights.

    The weights of the objectives are drawn anew each time.

    The first architectures are drawn at random. Then, for each batch: draw weights, fit a predictor to the augmented
    Tchebycheff function of what is known, and propose those of largest expected improvement among as many mutations of
    the best as random architectures, none asked for before. The paper draws weights for each single proposal (batch=1,
    which finds more in as many trainings but takes five times as long), models with a Gaussian process, starts with
    11 L - 1 architectures, most of what a search can train, and searches its model with an evolutionary algorithm. It
    knows no constraints.

    Parameters
    ----------
    predictor : str or callable
        See `strategies.predictor.make_predictor`.
    initial : int
        Random architectures that are known before the first fit.
    batch : int
        Proposals from one fit, all with the same weights.
    candidates : int
        The number among which a batch is chosen.
    rho : float
        The weight of the sum of objectives beside the largest; 0.05 is the paper's.
    UnknownNameError
        If no package offers the predictor.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_3x3"))
    >>> search = ParEGO(space, np.random.default_rng(0), [12])
    >>> front = {}
    >>> for _ in range(60):
    ...     proposal = search.ask()
    ...     convolutions = int((proposal.architecture == 2).sum())  # made up: they cost, and are worth more than skips
    ...     accuracy = float(convolutions + 0.6 * (proposal.architecture == 1).sum()) / 6
    ...     search.tell_objectives(proposal, np.array([accuracy, -convolutions]), 0.0, seconds=1.0)
    ...     front[convolutions] = max(front.get(convolutions, 0.0), round(accuracy, 2))
    >>> sorted(front.items())
    [(0, 0.6), (1, 0.67), (2, 0.73), (3, 0.8), (4, 0.87), (5, 0.93)]
    """

    name = "parego"
    family = "multi-objective"
    paper = "Knowles, IEEE TEC 2006"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        predictor: str | PredictorFactory = DEFAULT_PREDICTOR,
        initial: int = 10,
        batch: int = 5,
        candidates: int = 200,
        rho: float = 0.05,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "initial", initial, least=1)
        check_whole(self.name, "batch", batch, least=1)
        check_whole(self.name, "candidates", candidates, least=2)
        check_number(self.name, "rho", rho, least=0)
        self.initial = initial
        self.batch = batch
        self.candidates = candidates
        self.rho = rho
        self._predictor = make_predictor(predictor, space)
        self._history = History(space)
        self._values: list[NDArray[np.float64]] = []
        self._violations: list[float] = []
        self._queue: list[NDArray[np.uint8]] = []

    def ask(self) -> Proposal:
        """Propose a random architecture at first, then the next of a batch."""
        if not self._queue:
            known = len(self._history) >= self.initial and np.isfinite(self._values).all(axis=1).any()
            self._queue = list((self._chosen() if known else new_random(self._history, self.rng, 1))[::-1])
            for architecture in self._queue:
                self._history.ask(architecture)
        return Proposal(self._queue.pop(), self.fidelities[-1])

    def _chosen(self) -> NDArray[np.uint8]:
        """Return the candidates expected to improve most, the best first.

        The shape is (at most batch, L).
        """
        values, violations = np.array(self._values), np.array(self._violations)
        weights = draw_weights(self.rng, values.shape[1])
        worth = augmented_tchebycheff(values, violations, weights, self.rho)
        known = self._history.architectures
        self._predictor.fit(known, worth, int(self.rng.integers(2**31)))
        candidates = self._candidates(known[np.argsort(-worth, kind="stable")[:_PARENTS]])
        improvement = expected_improvement(self._predictor.predict(candidates), float(worth.max()))
        return candidates[np.argsort(-improvement, kind="stable")[: self.batch]]

    def _candidates(self, best: NDArray[np.uint8]) -> NDArray[np.uint8]:
        half = self.candidates // 2
        children = new_children(self._history, self.rng, best, half)
        both = np.concatenate([children, new_random(self._history, self.rng, self.candidates - half)])
        new = self._history.new(both)
        return new if len(new) else both

    def tell_objectives(
        self,
        proposal: Proposal,
        values: NDArray[np.float64],
        violation: float,
        seconds: float,  # noqa: ARG002 - time plays no part
    ) -> None:
        """Add a result to those known."""
        self._history.tell(proposal.architecture, float(values[0]))
        self._values.append(values)
        self._violations.append(violation)
