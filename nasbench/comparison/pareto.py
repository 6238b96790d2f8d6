"""Fronts of several measures, and how good they are. Of all measures more is better."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nasbench.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def non_dominated(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows no other row equals or beats in all measures and beats in one, (N,).

    Equal rows stay together. A row that is not finite, as of a training that diverged, is none of them.

    Parameters
    ----------
    values : (N, M) float64
    """
    import moocore

    marks = _finite(values)
    if marks.any():
        marks[marks] = moocore.is_nondominated(values[marks], maximise=True, keep_weakly=True)
    return marks


def hypervolume(values: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the volume that rows dominate above a reference point (Zitzler and Thiele 1998); more is better.

    Rows that do not exceed the point in every measure, or are not finite, add nothing.

    Parameters
    ----------
    values : (N, M) float64
    reference : (M,) float64
    """
    import moocore

    counted = _counted(values, reference)
    return float(moocore.hypervolume(values[counted], ref=reference, maximise=True)) if counted.any() else 0.0


def _counted(values: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.bool_]:
    exceeding: NDArray[np.bool_] = np.asarray((values > reference).all(axis=1), dtype=bool)
    return np.logical_and(_finite(values), exceeding)


def _finite(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values).all(axis=1), dtype=bool)


def igd_plus(values: NDArray[np.float64], front: NDArray[np.float64]) -> float:
    """Return how far rows fall short of a front, by IGD+ (Ishibuchi et al. 2015); less is better, 0 reaches all of it.

    For each point of the front, the Euclidean distance to the nearest row, counting only measures in which the row is
    worse; the mean of these. Infinite if no row is finite.

    Parameters
    ----------
    values : (N, M) float64
    front : (K, M) float64
        The front to reach, finite.
    """
    import moocore

    finite = values[_finite(values)]
    return float(moocore.igd_plus(finite, ref=front, maximise=True)) if len(finite) else math.inf


def attainment(runs: Sequence[NDArray[np.float64]], levels: Sequence[float]) -> list[NDArray[np.float64]]:
    """Return empirical attainment surfaces: what at least a share of the runs has reached or exceeded.

    Parameters
    ----------
    runs : sequence of (K, M) float64
        What each run found, of two or three measures; a run may have found nothing, or rows that are not finite.
    levels : sequence of float
        Shares of the runs, 0 to 1: 0.5 is the median surface, 1 what every run reached, and 0 what any run did.

    Returns
    -------
    list of (P, M) float64
        For each level the points, in order of the first measure, whose dominated region is what was reached; none where
        too few runs found anything.

    Raises
    ------
    QueryError
        If there are no runs, a level is out of its range, or measures are not two or three.
    """
    import moocore

    if not runs or {run.shape[1] for run in runs} not in ({2}, {3}):
        found = sorted({run.shape[1] for run in runs})
        raise QueryError(f"attainment surfaces are of runs with 2 or 3 measures, the same in all; got {found}")
    if not all(0 <= level <= 1 for level in levels):
        raise QueryError(f"levels of attainment are shares of the runs, 0 to 1; got {list(levels)}")
    measures = runs[0].shape[1]
    finite = [run[_finite(run)] for run in runs]
    # A run that found nothing counts as one that found what is infinitely bad.
    points = np.vstack([run if len(run) else np.full((1, measures), -np.inf) for run in finite])
    sets = np.repeat(np.arange(len(runs)), [max(1, len(run)) for run in finite])
    # As many runs as the level asks for, at least one; half a run more or less is lost in rounding.
    needed = [max(1, math.ceil(level * len(runs) - 1e-9)) for level in levels]
    surfaces = {}
    for count in set(needed):
        # Named by a percentile between two numbers of runs, so that rounding cannot tell it from the next.
        surface = -moocore.eaf(-points, sets, percentiles=[100 * (count - 0.5) / len(runs)])[:, :measures]
        surface = surface[_finite(surface)]
        surfaces[count] = surface[np.lexsort(surface.T[::-1])]
    return [surfaces[count] for count in needed]
