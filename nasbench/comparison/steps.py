"""Values over the budget: step-wise, on one grid for all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import QueryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results
    from nasbench.comparison.trials import Trials


def budget_grid(results: Results, points: int = 200) -> NDArray[np.float64]:
    """Return a logarithmic grid from where every run has its first result to the end of the budget.

    Raises
    ------
    QueryError
        If no stretch of the budget is shared by all runs.
    """
    budget = results.protocol.budget
    firsts = [trials.clock(budget.unit)[trials.offsets[:-1]].max() for trials in results.trials.values()]
    start = max(firsts)
    if not 0 < start < budget.amount:
        raise QueryError(
            f"the slowest first evaluation took {start:,.4g} of a budget of {budget}: nothing to draw a curve of; "
            "compare with a larger budget"
        )
    if budget.unit == "seconds":
        return np.geomspace(start, budget.amount, points)
    return np.unique(np.geomspace(start, budget.amount, points).round())


def at_grid(trials: Trials, values: NDArray[np.float64], grid: NDArray[np.float64], unit: str) -> NDArray[np.float64]:
    """Return each run's last value at or before each point of a grid, (R, G); NaN before a run's first trial.

    Parameters
    ----------
    trials : Trials
    values : (T,) float64
        One per trial, such as its incumbent's regret.
    grid : (G,) float64
    unit : str
        Of the grid.
    """
    clock = trials.clock(unit)
    curves = np.full((trials.runs, len(grid)), np.nan)
    for run, (start, stop) in enumerate(zip(trials.offsets[:-1], trials.offsets[1:], strict=True)):
        seen = np.searchsorted(clock[start:stop], grid, side="right")
        curves[run, seen > 0] = values[start:stop][seen[seen > 0] - 1]
    return curves
