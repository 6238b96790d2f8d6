"""The quality of fronts of several measures, and the best that a space can give.

Of all measures more is better, apart from `possible`, which takes and gives values as they are recorded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import QueryError
from tabular.measures import Reference, metric_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nasbench.comparison.protocol import Constraint
    from tabular.measures import Measure, Oracle

MOST_LISTED = 100_000
"""Spaces up to this many rows are gone through; of larger ones the best is what their oracle says, if it does."""


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
    if not len(values):
        return 0.0
    if not np.isfinite(values).all():
        values = np.where(np.isfinite(values), values, -np.inf)
    # A row moved up to the reference in a measure has no volume; moocore is quickest where less is better.
    return float(_volume_below(tuple((-reference).tolist()))(-np.maximum(values, reference)))


@lru_cache(maxsize=16)
def _volume_below(reference: tuple[float, ...]) -> Callable[[NDArray[np.float64]], float]:
    import moocore

    volume: Callable[[NDArray[np.float64]], float] = moocore.Hypervolume(ref=reference)
    return volume


def hypervolumes(values: NDArray[np.float64], fronts: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return the `hypervolume` above zero of many sets of rows, (E,); of two measures all at once.

    Parameters
    ----------
    values : (N, M) float64
    fronts : sequence of (K,) int
        Which rows are in each set.
    """
    origin = np.zeros(values.shape[1])
    if values.shape[1] != 2 or not len(fronts):
        return np.array([hypervolume(values[rows], origin) for rows in fronts])
    # Rows in descending order of the first measure: each adds a box as high as the second measure has been by then.
    x, y = np.where(np.isfinite(values).all(axis=1, keepdims=True), np.maximum(values, 0), 0).T
    sets = _padded(fronts, len(values))
    x, y = np.append(x, 0)[sets], np.append(y, 0)[sets]
    order = np.argsort(-x, axis=1)
    x, y = np.take_along_axis(x, order, 1), np.take_along_axis(y, order, 1)
    widths = x - np.pad(x[:, 1:], ((0, 0), (0, 1)))
    volumes: NDArray[np.float64] = (widths * np.maximum.accumulate(y, axis=1)).sum(axis=1)
    return volumes


def igds_plus(
    values: NDArray[np.float64], fronts: Sequence[NDArray[np.int64]], front: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far many sets of rows fall short of a front, (E,), by IGD+ (Ishibuchi et al. 2015); less is better.

    For each point of the front, the Euclidean distance to the nearest row, counting only measures in which the row is
    worse; the mean of these: 0 reaches all of it. Infinite if no row of a set is finite.

    Parameters
    ----------
    values : (N, M) float64
    fronts : sequence of (K,) int
        Which rows are in each set.
    front : (K, M) float64
        The front to reach, finite.
    """
    if not len(fronts):
        return np.zeros(0)
    short = np.maximum(front[:, None] - values, 0)  # inf or NaN of what is not finite
    distances = np.sqrt((short**2).sum(axis=2))
    distances[:, ~_finite(values)] = np.inf
    distances = np.column_stack([distances, np.full(len(front), np.inf)])
    sets = _padded(fronts, len(values))
    nearest = [each[sets].min(axis=1) for each in distances]  # one point of the front after the other, for memory
    means: NDArray[np.float64] = np.mean(nearest, axis=0)
    return means


def _padded(fronts: Sequence[NDArray[np.int64]], filler: int) -> NDArray[np.int64]:
    """Return sets of rows as one array (E, K), filled up."""
    sizes = np.array([len(rows) for rows in fronts])
    sets = np.full((len(fronts), max(1, int(sizes.max()))), filler, dtype=np.int64)
    sets[np.arange(sets.shape[1]) < sizes[:, None]] = np.concatenate(fronts)
    return sets


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


def _finite(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values).all(axis=1), dtype=bool)


@dataclass(frozen=True)
class Possible:
    """The best values of the architectures that keep to the constraints.

    Parameters
    ----------
    references : tuple of (Reference or None)
        Of each report.
    front : (K, M) float64 or None
        The non-dominated values of the first report and the objectives, as they are recorded.
    worst : (M,) float64 or None
        The worst value of each over the space.
    """

    references: tuple[Reference | None, ...]
    front: NDArray[np.float64] | None = None
    worst: NDArray[np.float64] | None = None


def possible(
    oracle: Oracle,
    reports: Sequence[Measure],
    objectives: Sequence[Measure] = (),
    constraints: Sequence[Constraint] = (),
) -> Possible:
    """Return what a space can give; what cannot be known is None.

    Raises
    ------
    QueryError
        If no architecture of the space keeps to the constraints.
    """
    if not (objectives or constraints):
        return Possible(tuple(oracle.reference(report) for report in reports))
    rows = _kept(oracle, reports[0], constraints)
    if rows is None:
        return Possible((None,) * len(reports))
    signs = [metric_of(oracle, report).sign for report in reports]
    values = [oracle.query(rows, report) for report in reports]
    references = tuple(_reference(value, sign) for value, sign in zip(values, signs, strict=True))
    if not objectives:
        return Possible(references)
    weighed = np.column_stack([values[0], *(oracle.query(rows, objective) for objective in objectives)])
    weighed = weighed[np.isfinite(weighed).all(axis=1)]
    towards = np.array([signs[0], *(metric_of(oracle, objective).sign for objective in objectives)])
    front = np.unique(weighed[non_dominated(weighed * towards)], axis=0)
    return Possible(references, front, (weighed * towards).min(axis=0) * towards)


def _kept(oracle: Oracle, some: Measure, constraints: Sequence[Constraint]) -> NDArray[np.uint8] | None:
    """Return all rows that keep to the constraints, (N, L); None if the oracle does not know all of a small space."""
    if oracle.space.size > MOST_LISTED:
        return None
    rows = oracle.space.all()
    try:
        oracle.query(rows, some)
    except QueryError:
        return None  # a table that does not hold all of its space
    for constraint in constraints:
        values = oracle.query(rows, constraint.measure)
        kept = constraint.violation(values) == 0
        if not kept.any():
            nearest = np.nanmin(values) if constraint.at_most else np.nanmax(values)
            others = " of those that keep to the other constraints" if constraint is not constraints[0] else ""
            raise QueryError(
                f"no architecture of {oracle.name}{others} keeps to {constraint}: the nearest has {nearest:g}"
            )
        rows = rows[kept]
    return rows


def _reference(values: NDArray[np.float64], sign: int) -> Reference | None:
    known = values[~np.isnan(values)]
    return (
        Reference(float(sign * (sign * known).max()), float(known.mean()), float(known.std())) if len(known) else None
    )
