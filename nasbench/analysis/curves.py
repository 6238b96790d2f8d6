"""Each strategy's progress over the budget, as a tidy frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.fronts import front_curves
from nasbench.comparison.results import budget_grid
from nasbench.comparison.trials import at_grid
from tabular.errors import QueryError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results
    from tabular.measures import Reference

OF = ("regret", "simple-regret", "report", "hypervolume", "igd+")


def curves(
    results: Results,
    of: str = "regret",
    center: str = "median",
    band: str | None = None,
    *,
    grid: NDArray[np.float64] | None = None,
) -> pd.DataFrame:
    """Return what the runs of each strategy had reached at each point of a grid of the budget.

    Between two trials a run stands where the earlier one left it.

    Parameters
    ----------
    results : Results
        By its report; for validation give ``results.reported_by(results.protocol.signal)``.
    of : str
        ``regret``, of the incumbent that the signal picked (inference regret); ``simple-regret``, of the best network
        evaluated so far; ``report``, of the incumbent; ``hypervolume`` or ``igd+`` of the front, see
        `nasbench.comparison.fronts.front_over_time`.
    center, band : str
        See `nasbench.analysis.curves.aggregate`.
    grid : (G,) float64, optional
        In the budget's unit; by default `nasbench.comparison.results.budget_grid`.

    Returns
    -------
    DataFrame
        Columns: strategy, spent (in the budget's unit), center, low, high, runs (that have a value there). NaN before
        the first value.

    Raises
    ------
    UnknownNameError, QueryError
        The latter if the best of the space is not known, for regret, or there are no objectives, for fronts.
    """
    import pandas as pd

    if of not in OF:
        raise UnknownNameError("kind of curve", of, OF)
    if "regret" in of:
        known_reference(results, f"a curve of {of}", "draw of='report' instead")
    grid = budget_grid(results) if grid is None else np.asarray(grid, dtype=np.float64)
    frames: list[pd.DataFrame] = []
    for name in results.trials:
        values = run_curves(results, name, of, grid)
        middle, low, high = aggregate(values, center, band)
        runs = np.isfinite(values).sum(axis=0)
        frames.append(
            pd.DataFrame(
                {"strategy": name, "spent": grid, "center": middle, "low": low, "high": high, "runs": runs},
            )
        )
    return pd.concat(frames, ignore_index=True)


def run_curves(results: Results, strategy: str, of: str, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each run of a strategy had reached at each point of a grid, (R, G).

    NaN before its first value.

    Parameters
    ----------
    results : Results
    strategy : str
    of : str
        One of `OF`.
    grid : (G,) float64
        In the budget's unit.
    """
    if of in {"hypervolume", "igd+"}:
        return front_curves(results, strategy, grid, of)
    trials = results.trials[strategy]
    if of == "report":
        values = trials.report
    else:
        values = results.regret(trials) if of == "regret" else results.simple_regret(trials)
    return at_grid(trials, values, grid, results.protocol.budget.unit)


def known_reference(
    results: Results, purpose: str, way_out: str = "compare on a table of the whole space"
) -> Reference:
    """Return what the report is like over the space: its best and what a random architecture has.

    Raises
    ------
    QueryError
        If that is not known.
    """
    if results.reference is None:
        raise QueryError(
            f"{purpose} needs the best {results.report} of the space, which {results.oracle} does not know; {way_out}"
        )
    return results.reference


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


SLACK = 1e-9
"""By how much regret may miss a target that it equals but for rounding."""


def default_target(results: Results) -> float:
    """Return the median final regret of the runs of all strategies, rounded up to two digits: half of them get there.

    Raises
    ------
    QueryError
        If the best of the space is not known, or no run has a regret.
    """
    known_reference(results, "a target of regret")
    final = np.concatenate([results.regret(trials)[trials.last] for trials in results.trials.values()])
    known = final[np.isfinite(final)]
    if not len(known):
        raise QueryError("no run ended with a regret that is known: give a target")
    return _rounded_up(float(np.median(known)))


def time_to_target(results: Results, target: float | None = None) -> pd.DataFrame:
    """Return when each run's incumbent first had a regret (inference regret) no greater than a target.

    Parameters
    ----------
    results : Results
    target : float, optional
        By default `default_target`.

    Returns
    -------
    DataFrame
        Columns: strategy, run (its seed), spent (in the budget's unit; NaN if the run never got there).

    Raises
    ------
    QueryError
        If the best of the space is not known, or the target is no regret.
    """
    import pandas as pd

    target = _target(results, target)
    frames: list[pd.DataFrame] = []
    for name, trials in results.trials.items():
        reached = np.flatnonzero(results.regret(trials) <= target + SLACK)
        run, first = np.unique(trials.run_of_trial()[reached], return_index=True)
        spent = np.full(trials.runs, np.nan)
        spent[run] = trials.clock(results.protocol.budget.unit)[reached[first]]
        frames.append(pd.DataFrame({"strategy": name, "run": trials.seeds, "spent": spent}))
    return pd.concat(frames, ignore_index=True)


def ecdf(results: Results, target: float | None = None) -> pd.DataFrame:
    """Return the share of each strategy's runs that had reached a target by when: an empirical distribution function.

    Runs that never reach it count among all, so a curve ends at the share that did (Hansen et al. 2021, "COCO").

    Parameters
    ----------
    results : Results
    target : float, optional
        A regret; see `time_to_target`.

    Returns
    -------
    DataFrame
        Columns: strategy, spent (in the budget's unit, ascending), share (from there on, until the next row). Every
        strategy's first row is where the earliest trial of all ended, its last the end of the budget.

    Raises
    ------
    QueryError
    """
    import pandas as pd

    times = time_to_target(results, target)
    unit = results.protocol.budget.unit
    start = min(trials.clock(unit)[trials.offsets[:-1]].min() for trials in results.trials.values())
    frames: list[pd.DataFrame] = []
    for name, trials in results.trials.items():
        hits: NDArray[np.float64] = np.sort(times.loc[times["strategy"] == name, "spent"].dropna().to_numpy())
        spent = np.unique(np.concatenate([[start, results.protocol.budget.amount], hits]))
        share = np.searchsorted(hits, spent, side="right") / trials.runs
        frames.append(pd.DataFrame({"strategy": name, "spent": spent, "share": share}))
    return pd.concat(frames, ignore_index=True)


def _target(results: Results, target: float | None) -> float:
    if target is None:
        return default_target(results)
    known_reference(results, "a target of regret")
    if not (np.isfinite(target) and target >= 0):
        raise QueryError(f"a target is a regret of 0 or more, in the report's unit; got {target:g}")
    return float(target)


def _rounded_up(value: float, digits: int = 2) -> float:
    """Return a value of 0 or more rounded up, so that what reached the value itself reaches what is printed of it."""
    if value <= 0:
        return 0.0
    decimals = digits - 1 - int(np.floor(np.log10(value)))
    rounded = round(value, decimals)
    return rounded if rounded >= value - SLACK else round(value + 10.0**-decimals, decimals)
