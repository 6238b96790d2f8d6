"""Many runs as one line with a band: median, mean or interquartile mean; quartiles, standard error or bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import QueryError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

CENTERS = ("median", "mean", "iqm")
BANDS = ("quartiles", "error", "bootstrap")
USUAL = {"median": "quartiles", "mean": "error", "iqm": "bootstrap"}
"""The band that a center is drawn with unless another is asked for."""


def aggregate(
    values: NDArray[np.float64],
    center: str = "median",
    band: str | None = None,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the center of each column over its runs, and the low and high end of a band about it.

    Parameters
    ----------
    values : (R, G) float64
        One run a row. In each column those that are no finite number are left out.
    center : str
        ``median``, ``mean``, or ``iqm``, the interquartile mean: of what is left without the lowest and the highest
        quarter of the runs (Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
        Precipice").
    band : str, optional
        ``quartiles`` of the runs; ``error``, one standard error of the center to either side, for the mean
        ``s / sqrt(R)`` and else the standard deviation of its bootstrap; ``bootstrap``, the percentile interval of the
        center (Efron and Tibshirani 1993, chapter 13). By default quartiles for the median, the error for the mean
        and the bootstrap for the interquartile mean.
    level : float
        Share that a bootstrap interval covers.
    resamples : int
        Bootstrap samples of the runs.
    seed : int
        Of the bootstrap.

    Returns
    -------
    center, low, high : (G,) float64
        NaN for a column without any run; an error or a bootstrap takes two runs and is NaN for one.

    Raises
    ------
    UnknownNameError, QueryError
    """
    if center not in CENTERS:
        raise UnknownNameError("center", center, CENTERS)
    band = USUAL[center] if band is None else band
    if band not in BANDS:
        raise UnknownNameError("band", band, BANDS)
    if not 0 < level < 1:
        raise QueryError(f"a bootstrap interval covers a share between 0 and 1, such as 0.95; got the level {level:g}")
    if resamples < 1:
        raise QueryError(f"a bootstrap takes 1 resample or more, such as 1000; got {resamples}")
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)  # NaN goes last
    counts = np.isfinite(ordered).sum(axis=0)
    result = np.full((3, values.shape[1]), np.nan)
    for count in np.unique(counts[counts > 0]).tolist():
        columns = counts == count
        known = ordered[:count, columns]
        first, last = _middle(count, center)
        middle = known[first:last].mean(axis=0)
        result[:, columns] = middle, *_band(known, middle, center, band, level, resamples, seed)
    return result[0], result[1], result[2]


def _band(
    ordered: NDArray[np.float64],
    middle: NDArray[np.float64],
    center: str,
    band: str,
    level: float,
    resamples: int,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return low and high (G,) of columns (N, G) that ascend and hold numbers only."""
    if band == "quartiles":
        low, high = np.quantile(ordered, [0.25, 0.75], axis=0)
        return low, high
    if len(ordered) < 2:
        return np.full_like(middle, np.nan), np.full_like(middle, np.nan)
    if band == "bootstrap":
        tail = (1 - level) / 2
        low, high = np.quantile(_bootstrap(ordered, center, resamples, seed), [tail, 1 - tail], axis=0)
        return low, high
    if center == "mean":
        error = ordered.std(axis=0, ddof=1) / np.sqrt(len(ordered))
    else:
        error = _bootstrap(ordered, center, resamples, seed).std(axis=0, ddof=1)
    return middle - error, middle + error


def _middle(count: int, center: str) -> tuple[int, int]:
    """Return which of a column's values in ascending order, from the first to before the last, its center averages."""
    if center == "median":
        return (count - 1) // 2, count // 2 + 1
    cut = count // 4 if center == "iqm" else 0
    return cut, count - cut


def _bootstrap(ordered: NDArray[np.float64], center: str, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return the center of each resample of the runs, (B, G).

    Runs are exchangeable, so one draw of how often the smallest, the second smallest, ... value comes up serves every
    column. All centers average some middle stretch of a resample in ascending order, and how many places of it each
    value fills follows from those counts: no resample needs to be sorted, the centers are one product of matrices.
    """
    count = len(ordered)
    drawn = np.random.default_rng(seed).integers(0, count, (resamples, count))
    places = drawn + count * np.arange(resamples)[:, None]
    times = np.bincount(places.ravel(), minlength=resamples * count).reshape(resamples, count)
    first, last = _middle(count, center)
    filled = np.clip(np.cumsum(times, axis=1), first, last)
    weights = np.diff(filled, axis=1, prepend=first) / (last - first)
    centers: NDArray[np.float64] = weights @ ordered
    return centers
