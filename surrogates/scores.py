"""Scores of predictions, as functions of arrays; NaN wherever a score makes no sense.

In all of them ``truth`` (N,) is what was measured, the mean over an architecture's trainings, and ``mean`` (N,) what
was predicted; ``values`` (N, S) are the single trainings, NaN where there is none. Where better and worse matter,
``maximize`` tells whether higher is better, and of equal predictions those of the worse architectures come first: a
constant predictor earns the worst score, and no score depends on the order of the rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tabular.measures import mean_of_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FEWEST_ROWS = 3
"""A rank correlation of fewer rows than this says nothing."""

FRACTION_STEP = 0.001
"""Differences of fractions below 0.1 % do not count in `sparse_tau`."""

STEPS_OF_RANGE = 1000
"""Into as many steps `sparse_tau` divides the range of what is no fraction."""


# Ranks.


def kendall_tau(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return Kendall's rank correlation tau-b (Kendall 1945, Biometrika 33), which allows for ties.

    NaN for fewer than `FEWEST_ROWS` rows, or where either side is the same everywhere.
    """
    from scipy.stats import kendalltau

    return float(kendalltau(truth, mean).statistic) if _can_be_ranked(truth, mean) else math.nan


def spearman(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation (Spearman 1904), the linear correlation of the ranks; NaN as `kendall_tau`."""
    from scipy.stats import spearmanr

    return float(spearmanr(truth, mean).statistic) if _can_be_ranked(truth, mean) else math.nan


def sparse_tau(truth: NDArray[np.float64], mean: NDArray[np.float64], *, fraction: bool) -> float:
    """Return Kendall's tau after rounding the predictions, so that differences too small to matter are ties.

    NAS-Bench-301 (Zela et al. 2022, after Yu et al. 2020) rounds predicted accuracies to 0.1 %. Of other
    units no one step suits all, so their predictions are rounded to a thousandth of the range that was measured.

    Parameters
    ----------
    truth, mean : (N,) float64
    fraction : bool
        Whether the numbers are fractions, as accuracies and errors are.
    """
    if not _can_be_ranked(truth, mean):
        return math.nan
    step = FRACTION_STEP if fraction else float(np.ptp(truth)) / STEPS_OF_RANGE
    return kendall_tau(truth, np.round(mean / step))


def _can_be_ranked(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> bool:
    return len(truth) >= FEWEST_ROWS and bool(np.ptp(truth) > 0 and np.ptp(mean) > 0)


# Errors.


def r2(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return the share of the variance that is predicted: 1 at best, 0 for the mean itself; NaN without variance."""
    variation = float(((truth - truth.mean()) ** 2).sum()) if len(truth) else 0.0
    return 1 - float(((truth - mean) ** 2).sum()) / variation if variation > 0 else math.nan


def rmse(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return the root of the mean squared error, in the measure's unit."""
    return math.sqrt(_mean((truth - mean) ** 2))


def mae(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return the mean absolute error, in the measure's unit."""
    return _mean(np.abs(truth - mean))


# Predicted distributions, of single trainings: N(mean, std^2) each.


def coverage(
    values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64], level: float = 0.95
) -> float:
    """Return the share of the trainings inside the central interval that should hold a share ``level`` of them.

    Parameters
    ----------
    values : (N, S) float64
    mean, std : (N,) float64
    level : float
        In (0, 1).
    """
    from scipy.stats import norm

    value, center, spread = _trainings(values, mean, std)
    return _mean(np.abs(value - center) <= norm.ppf((1 + level) / 2) * spread)


def nll(values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]) -> float:
    """Return the mean negative logarithm of the predicted density at the trainings, in nats; lower is better.

    The logarithmic score of Gneiting and Raftery (2007, section 4.1), with its sign turned. It can be compared between
    predictions of the same measure only, and is NaN if some ``std`` is 0: a point has no density.
    """
    value, center, spread = _trainings(values, mean, std)
    if not (spread > 0).all():
        return math.nan
    return _mean(0.5 * ((value - center) / spread) ** 2 + np.log(spread) + 0.5 * math.log(2 * math.pi))


def crps(values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]) -> float:
    """Return the mean continuous ranked probability score of the trainings, in the measure's unit; lower is better.

    Gneiting and Raftery (2007, eq. 21) with its sign turned, for a Gaussian in the closed form of Gneiting et al.
    (2005, eq. 5). It weighs sharpness and honesty in one number; with ``std`` 0 it is the mean absolute error.
    """
    from scipy.special import ndtr

    value, center, spread = _trainings(values, mean, std)
    error = value - center
    with np.errstate(over="ignore"):  # far enough out the density is 0
        # Without a spread any error is infinitely many of them, and none is none.
        z = np.divide(error, spread, out=np.where(error == 0, 0, np.copysign(np.inf, error)), where=spread > 0)
        density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return _mean(error * (2 * ndtr(z) - 1) + spread * (2 * density - 1 / math.sqrt(math.pi)))


def _trainings(
    values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return value, mean and std of each training on record, (M,) each."""
    known = np.isfinite(values)
    repeats = known.sum(axis=1)
    return values[known], np.repeat(mean, repeats), np.repeat(std, repeats)


# The top: what a search gets that trusts the predictions.


def top_regret(truth: NDArray[np.float64], mean: NDArray[np.float64], k: int, *, maximize: bool) -> float:
    """Return by how much the best of all is better than the best of the ``k`` best predicted, in the measure's unit.

    What is lost if the predictions choose ``k`` architectures and these are trained. NaN unless there are more than k.
    """
    if len(truth) <= k:
        return math.nan
    gain, predicted = _rising(truth, mean, maximize=maximize)
    chosen = np.lexsort((gain, -predicted))[:k]
    return float(gain.max() - gain[chosen].max())


def rank_of_best(truth: NDArray[np.float64], mean: NDArray[np.float64], *, maximize: bool) -> float:
    """Return the rank that the predictions give to the best architecture, 1 for the top.

    As many of the best predicted have to be trained to come across it.
    """
    if not len(truth):
        return math.nan
    gain, predicted = _rising(truth, mean, maximize=maximize)
    best = gain == gain.max()
    return float(1 + (~best & (predicted >= predicted[best].max())).sum())


def rank_of_pick(truth: NDArray[np.float64], mean: NDArray[np.float64], *, maximize: bool) -> float:
    """Return the true rank of the best predicted architecture, 1 for the top.

    Best Ranking at 1 of Ning et al. (2021), not divided by the number of architectures.
    """
    if not len(truth):
        return math.nan
    gain, predicted = _rising(truth, mean, maximize=maximize)
    return float(1 + (gain > gain[predicted == predicted.max()].min()).sum())


def _rising(
    truth: NDArray[np.float64], mean: NDArray[np.float64], *, maximize: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return (truth, mean) if maximize else (-truth, -mean)


# Against a single training.


def against_others(
    values: NDArray[np.float64],
    guess: NDArray[np.float64],
    compare: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
) -> float:
    """Compare a guess at each seed with the mean over the other seeds, averaged over the seeds.

    If the guess is the training itself, this tells how well a table of one training predicts what is on record, which
    NAS-Bench-301 (Zela et al. 2022) compares its surrogates with. A surrogate's prediction as the guess meets
    the same references; the mean over all trainings scatters less than these, so scores against it do not compare.

    Parameters
    ----------
    values : (N, S) float64
    guess : (N, S) float64
        ``values`` itself, or a prediction repeated for each seed.
    compare : callable
        Of references and guesses, (M,) each: `kendall_tau`, `mae`.

    Returns
    -------
    float
        For each seed the rows count that have it and at least one other; NaN if no seed has `FEWEST_ROWS` of them.
    """
    found = []
    for seed in range(values.shape[1]):
        others = mean_of_known(np.delete(values, seed, axis=1))
        both = np.isfinite(values[:, seed]) & np.isfinite(others)
        if both.sum() >= FEWEST_ROWS:
            found.append(compare(others[both], guess[both, seed]))
    return float(np.mean(found)) if found else math.nan


def seed_tau(values: NDArray[np.float64]) -> float:
    """Return Kendall's tau between one training and the mean of the others: how well the table ranks itself."""
    return against_others(values, values, kendall_tau)


def seed_error(values: NDArray[np.float64]) -> float:
    """Return the mean absolute difference between one training and the mean of the others, in the measure's unit."""
    return against_others(values, values, mae)


# Failures.


def precision(failed: NDArray[np.bool_], foretold: NDArray[np.bool_]) -> float:
    """Return the share that failed of those foretold to fail; NaN if none were."""
    return share(failed[foretold])


def recall(failed: NDArray[np.bool_], foretold: NDArray[np.bool_]) -> float:
    """Return the share foretold to fail of those that failed; NaN if none did."""
    return share(foretold[failed])


def share(each: NDArray[np.bool_]) -> float:
    """Return the share that is true; NaN of none."""
    return _mean(each)


def _mean(each: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return float(each.mean()) if each.size else math.nan
