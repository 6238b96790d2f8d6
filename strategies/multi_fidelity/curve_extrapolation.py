"""Stopping by extrapolated learning curves.

Domhan, Springenberg and Hutter, IJCAI 2015.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strategies.evolution.regularized_evolution import RegularizedEvolution
from strategies.multi_fidelity.stopping import StoppingStrategy, Training
from strategies.strategy import check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strategies.strategy import StrategyFactory
    from tabular.spaces.space import Space

WIDENING = 3.0
"""The factor by which the prior of ends is wider than the ends seen: a new training may be unlike them."""

PARAMETERS = 3
"""The number of parameters of a curve: c, a and one of its shape."""


class CurveExtrapolation(StoppingStrategy):
    """Stops a training that is not likely to end above the best.

    Its curve so far is carried on (predictive termination).

    At a check after n values, the training is stopped if ``P(y_T > y_best | y_1:n) < threshold``, where y_best is the
    best of those that were trained to the end. The inner strategy is then told the expected y_T, as in the paper.

    The paper samples the parameters of eleven families of curves by MCMC. Here three families are fitted by least
    squares on a grid of their shapes and weighted by how well they fit, with normal noise (see `forecast`). The
    trainings that have ended stand for the paper's priors: the noise is that about their curves; ends are expected
    about theirs, within `WIDENING` times their spread; and the mean squared error, over them, of the forecast after n
    values is added to its variance. So nothing is stopped before ``others`` trainings have ended.

    Parameters
    ----------
    space, rng, fidelities, strategy, checks
        See `strategies.multi_fidelity.stopping.StoppingStrategy`. With too few checks nothing is ever stopped.
    threshold : float
        delta, the probability below which a training is stopped; the paper's is 0.05.
    points : int
        The fewest values that are extrapolated, at least 3.
    others : int
        The trainings that must have ended before one is stopped, at least 2.

    Raises
    ------
    StrategyError
        See `strategies.multi_fidelity.stopping.StoppingStrategy`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> from strategies import LocalSearch
    >>> search = CurveExtrapolation(space, np.random.default_rng(0), range(1, 8), strategy=LocalSearch)
    >>> best, trainings = 0.0, dict.fromkeys(search.fidelities, 0)
    >>> for _ in range(200):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3)) * (1 - 0.1 / proposal.epochs)  # made up
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    ...     trainings[proposal.epochs] += 1
    >>> round(best, 2), trainings
    (0.66, {1: 40, 2: 40, 3: 39, 4: 39, 5: 14, 6: 14, 7: 14})
    """

    name = "curve-extrapolation"
    paper = "Domhan et al., IJCAI 2015"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        strategy: StrategyFactory = RegularizedEvolution,
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
        """Learn from a training that was neither stopped nor diverged.

        Where it ended, its noise, and errors.
        """
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


class Prior(NamedTuple):
    """Beliefs about a curve before it is seen: a normal end and normal noise.

    All are in the units of the values; ``noise`` and ``spread`` are standard deviations above 0.
    """

    mean: float
    spread: float
    noise: float


class Forecast(NamedTuple):
    """A mixture of normal distributions for the end of a curve, (G,) float64 each."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """The expected value at the end."""
        return float(self.weights @ self.means)

    def chance_above(self, value: float, error: float) -> float:
        """Return the probability that the end is above a value.

        Parameters
        ----------
        value : float
        error : float
            Standard deviation of the end beyond that of the fits.
        """
        from scipy.special import ndtr

        return float(self.weights @ ndtr((self.means - value) / np.sqrt(self.variances + error**2)))


def forecast(epochs: tuple[int, ...], values: NDArray[np.float64], last: int, prior: Prior) -> Forecast:
    """Fit ``c - a g(t)`` for every shape g of a grid, and weigh the fits.

    The fits are by least squares, with ``a >= 0``.

    The shapes are of three families of Domhan et al., with time t as a share of the whole training: pow3,
    ``g = t^-alpha``; exp3, ``g = exp(-k t)``; and log power, ``g = 1 / (1 + (t / t_0)^p)``, which with c = a is theirs.
    Each fit says where the curve ends, with the variance that its coefficients have for normal noise; that is combined
    with the prior of ends by Bayes' rule, and weighted by the likelihood of its residuals and of its end.

    Parameters
    ----------
    epochs : tuple of int
        Ascending, at least two.
    values : (n,) float64
        The values at these epochs; they tend to rise. A curve that falls is fitted by its mean.
    last : int
        The epochs of the whole training.
    prior : Prior
    """
    shapes = _shapes(epochs, last)
    means, squares = _fit(shapes, values)
    variances = (prior.noise * shapes.spread) ** 2
    both = variances + prior.spread**2
    logs = -0.5 * (squares / prior.noise**2 + (means - prior.mean) ** 2 / both + np.log(both))
    weights = np.exp(logs - logs.max())
    shrunk = means + (prior.mean - means) * variances / both
    return Forecast(weights / weights.sum(), shrunk, prior.spread**2 * variances / both)


def residual_variance(epochs: tuple[int, ...], values: NDArray[np.float64]) -> float:
    """Return the variance of a whole curve's values about the nearest fit.

    The values are (n,), n above `PARAMETERS`.
    """
    _, squares = _fit(_shapes(epochs, epochs[-1]), values)
    return float(squares.min()) / (len(epochs) - PARAMETERS)


class _Shapes(NamedTuple):
    centred: NDArray[np.float64]
    variation: NDArray[np.float64]
    to_end: NDArray[np.float64]
    spread: NDArray[np.float64]


def _fit(shapes: _Shapes, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where each fit ends and its sum of squared residuals, (G,) each."""
    mean = values.mean()
    centred = values - mean
    # g falls, so a curve that rises goes down in it. Not a matrix product: its sums could depend on threads.
    common = np.minimum((shapes.centred * centred).sum(axis=1), 0.0)
    slopes = common / shapes.variation
    squares = np.maximum((centred * centred).sum() - slopes * common, 0.0)
    return mean + slopes * shapes.to_end, squares


@lru_cache(maxsize=1024)
def _shapes(epochs: tuple[int, ...], last: int) -> _Shapes:
    """Return the parts that all fits of curves seen at these epochs share."""
    time = np.array([*epochs, last]) / last
    alphas = np.geomspace(0.1, 4, 12)[:, None]
    rates = np.geomspace(0.5, 50, 12)[:, None]
    middles, powers = (grid.ravel()[:, None] for grid in np.meshgrid(np.geomspace(0.02, 1, 6), [0.5, 1.0, 2.0, 4.0]))
    shapes = np.concatenate([time**-alphas, np.exp(-rates * time), 1 / (1 + (time / middles) ** powers)])
    seen, end = shapes[:, :-1], shapes[:, -1]
    size = np.ptp(seen, axis=1)  # of no consequence but to rounding
    means = seen.mean(axis=1)
    centred = (seen - means[:, None]) / size[:, None]
    variation = (centred * centred).sum(axis=1)
    to_end = (end - means) / size
    return _Shapes(centred, variation, to_end, np.sqrt(1 / len(epochs) + to_end**2 / variation))
