"""Each strategy's progress over the budget, as a tidy frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.aggregation import aggregate
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
        See `nasbench.analysis.aggregation.aggregate`.
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
    """Return what each run of a strategy had reached at each point of a grid, (R, G); NaN before its first value.

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
