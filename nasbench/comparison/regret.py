"""Curves over the budget: step-wise, on one grid for all runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nasbench.errors import QueryError, UnknownNameError
from nasbench.oracle import mean_of_known, std_of_known

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results
    from nasbench.comparison.trials import Trials

CENTERS = ("median", "mean")


@dataclass(frozen=True)
class Curve:
    """What the runs of a strategy had reached, over what they had spent.

    Parameters
    ----------
    spent : (G,) float64
        In the budget's unit, ascending.
    center, low, high : (G,) float64
        Median with quartiles, or mean with one standard error to either side, over the runs whose value is known; NaN
        where none is, and for the error of a single one.
    """

    spent: NDArray[np.float64]
    center: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not (np.diff(self.spent) > 0).all():
            raise ValueError("a curve's grid must ascend")
        known = np.isfinite(self.low) & np.isfinite(self.high)
        if not ((self.low <= self.high) | ~known).all():
            raise ValueError("a curve's band must have its low end below its high end")


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


def curve(
    results: Results, strategy: str, grid: NDArray[np.float64], center: str = "median", *, regret: bool = True
) -> Curve:
    """Return how a strategy's runs went, summarised at each point of a grid.

    Parameters
    ----------
    results : Results
    strategy : str
    grid : (G,) float64
        As `budget_grid` gives it.
    center : str
        ``median`` with quartiles, or ``mean`` with its standard error.
    regret : bool
        Of the incumbent's regret, or else of its report.

    Raises
    ------
    UnknownNameError
    """
    if strategy not in results.trials:
        raise UnknownNameError("strategy", strategy, results.trials)
    trials = results.trials[strategy]
    values = results.regret(trials) if regret else trials.report
    runs = at_grid(trials, values, grid, results.protocol.budget.unit)
    if center == "median":
        quartiles = np.full((3, len(grid)), np.nan)
        known = np.isfinite(runs).any(axis=0)
        quartiles[:, known] = np.nanquantile(runs[:, known], [0.25, 0.5, 0.75], axis=0)
        low, middle, high = quartiles
        return Curve(grid, middle, low, high)
    if center == "mean":
        middle = mean_of_known(runs.T)
        error = std_of_known(runs.T) / np.sqrt(np.maximum(np.isfinite(runs).sum(axis=0), 1))
        return Curve(grid, middle, middle - error, middle + error)
    raise UnknownNameError("center", center, CENTERS)
