"""When runs reach a target: the time each takes, and the share of runs that have by when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.curves import known_reference
from tabular.errors import QueryError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results


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
