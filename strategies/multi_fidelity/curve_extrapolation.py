"""Stopping by extrapolated learning curves (Domhan, Springenberg and Hutter, IJCAI 2015)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nasbench.strategy_options import check_number, check_whole
from strategies.multi_fidelity.curve_fits import PARAMETERS, Prior, forecast, residual_variance
from strategies.multi_fidelity.stopping import StoppingStrategy, Training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nasbench.strategy import StrategyFactory
    from tabular.spaces import Space

WIDENING = 3.0
"""The prior of ends is this many times wider than the ends seen: a new training may be unlike them."""


class CurveExtrapolation(StoppingStrategy):
    """Stops a training that, as its curve goes on, is not likely to end above the best (predictive termination).

    At a check after n values, the training is stopped if ``P(y_T > y_best | y_1:n) < threshold``, where y_best is the
    best of those that were trained to the end. The inner strategy is then told the expected y_T, as in the paper.

    The paper samples the parameters of eleven families of curves by MCMC. Here three families are fitted by least
    squares on a grid of their shapes and weighted by how well they fit, with normal noise (see
    `strategies.multi_fidelity.curve_fits`). What the trainings that have ended teach stands for the paper's priors: the
    noise is that about their curves; ends are expected about theirs, within `WIDENING` times their spread; and the mean
    squared error, over them, of the forecast after n values is added to its variance. So nothing is stopped before
    ``others`` trainings have ended.

    Parameters
    ----------
    space, rng, fidelities, strategy, checks
        See `strategies.multi_fidelity.stopping.StoppingStrategy`. With too few checks nothing is ever stopped.
    threshold : float
        delta, the probability below which a training is stopped; the paper's is 0.05.
    points : int
        The fewest values that are extrapolated, at least 3.
    others : int
        How many trainings must have ended before one is stopped, at least 2.

    Raises
    ------
    UnknownNameError, StrategyError
        See `strategies.multi_fidelity.stopping.StoppingStrategy`; or another option is out of its range.
    """

    name = "curve-extrapolation"
    paper = "Domhan et al., IJCAI 2015"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        strategy: str | StrategyFactory = "regularized-evolution",
        checks: int = 12,
        threshold: float = 0.05,
        points: int = 4,
        others: int = 5,
    ) -> None:
        super().__init__(space, rng, fidelities, strategy, checks)
        check_number(self.name, "threshold", threshold, 0, 1)
        check_whole(self.name, "points", points, least=3)
        check_whole(self.name, "others", others, least=2)
        self.threshold, self.points, self.others = threshold, points, others
        self._ends: list[float] = []
        self._noise = 0.0
        self._errors: dict[int, list[float]] = {check: [] for check in self.checks}
        """Of each check, the squared errors of forecasts made there."""

    def judge(self, training: Training) -> float | None:
        """Return the expected end if it is not likely to be above the best."""
        if len(training.epochs) < self.points or len(self._ends) < self.others:
            return None
        seen = forecast(tuple(training.epochs), np.array(training.values), self.checks[-1], self._prior())
        errors = self._errors[training.epochs[-1]]
        error = math.sqrt(sum(errors) / len(errors)) if errors else 0.0
        return seen.mean if seen.chance_above(max(self._ends), error) < self.threshold else None

    def learn(self, training: Training) -> None:
        """Learn from a training that was neither stopped nor diverged: where it ended, its noise, and errors."""
        if training.diverged or training.epochs[-1] != self.checks[-1]:
            return
        epochs, values = tuple(training.epochs), np.array(training.values)
        self._ends.append(training.values[-1])
        if len(epochs) > PARAMETERS:
            self._noise += (residual_variance(epochs, values) - self._noise) / len(self._ends)
        if len(self._ends) >= self.others:
            prior = self._prior()
            for seen in range(self.points, len(epochs)):
                expected = forecast(epochs[:seen], values[:seen], epochs[-1], prior).mean
                self._errors[epochs[seen - 1]].append((expected - values[-1]) ** 2)

    def _prior(self) -> Prior:
        ends = np.array(self._ends)
        spread = max(float(ends.std()), 1e-9)
        return Prior(float(ends.mean()), WIDENING * spread, max(math.sqrt(self._noise), 1e-3 * spread))
