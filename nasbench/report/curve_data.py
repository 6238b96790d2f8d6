"""The curves of the report, aggregated over runs and packed for the page: by unit of the budget and by report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.analysis.curves import curves
from nasbench.analysis.ranks import rank_over_time
from nasbench.analysis.wording import scale_of
from nasbench.comparison.protocol import Budget
from nasbench.comparison.results import budget_grid
from nasbench.report.wording import axis_title, report_names
from tabular.errors import NasbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results

POINTS = 80
"""Of each curve: more cannot be told apart on a page, and raw trials would make it large."""

UNITS = {"seconds": "time", "evaluations": "evaluations", "epochs": "epochs"}
"""What the switch calls the units of a budget."""

Packed = dict[str, Any]


@dataclass
class Curves:
    """One chart's curves.

    Parameters
    ----------
    titles : dict of str to str
        Of the y axis, by report.
    packed : dict of str to dict of str to dict
        By unit and report: the grid, and by strategy the center, the ends of the band and the number of runs; None
        where not known.
    missing : str
        Why there are no curves, or not all.
    may_be_log : bool
    """

    titles: dict[str, str]
    may_be_log: bool = False
    packed: dict[str, dict[str, Packed]] = field(default_factory=dict)
    missing: str = ""

    def __bool__(self) -> bool:
        return bool(self.packed)


def units_of(results: Results) -> list[str]:
    """Return the units that the budget can be shown in, its own first."""
    own = results.protocol.budget.unit
    return [own, *(unit for unit in ("seconds", "evaluations") if unit != own)]


def in_unit(results: Results, unit: str) -> Results:
    """Return the same runs with their budget counted in another unit: as much as the longest of them spent."""
    if unit == results.protocol.budget.unit:
        return results
    most = max(float(trials.clock(unit)[trials.last].max()) for trials in results.trials.values())
    counted = replace(results, protocol=replace(results.protocol, budget=Budget(most, unit)))
    counted.fronts_over_time.update(results.fronts_over_time)  # of the same runs, and not quick to find
    return counted


def regret_curves(results: Results) -> Curves:
    """Return the median regret of the incumbent with quartiles; where the best is not known, its report instead."""
    titles, names = {}, report_names(results)
    for measure in results.reports:
        judged = results.reported_by(measure)
        name = names[str(measure)]
        what = name if judged.reference is None else f"regret of {name}"
        titles[str(measure)] = axis_title(what, judged.report_metric)
    made = Curves(titles, may_be_log=True)

    def regret(judged: Results, grid: NDArray[np.float64]) -> pd.DataFrame:
        return curves(judged, "report" if judged.reference is None else "regret", grid=grid)

    for measure in results.reports:
        judged = results.reported_by(measure)
        _fill(made, judged, regret, "center", scale_of(judged.report_metric))
    return made


def rank_curves(results: Results) -> Curves:
    """Return the mean rank over the budget with its standard error."""
    made = Curves({key: f"mean rank by {name}" for key, name in report_names(results).items()})
    for measure in results.reports:
        _fill(made, results.reported_by(measure), rank_over_time, "rank", 1.0)
    return made


def volume_curves(results: Results) -> Curves:
    """Return the median hypervolume of the front over the budget with quartiles, by the report alone."""
    made = Curves({str(results.report): "hypervolume (1 is all of the space)"})
    _fill(made, results, lambda judged, grid: curves(judged, "hypervolume", grid=grid), "center", 1.0)
    return made


def _fill(
    made: Curves,
    judged: Results,
    frame_of: Callable[[Results, NDArray[np.float64]], pd.DataFrame],
    center: str,
    scale: float,
) -> None:
    """Add what a function returns for each unit; what goes wrong is noted."""
    for unit in units_of(judged):
        try:
            counted = in_unit(judged, unit)
            frame = frame_of(counted, budget_grid(counted, POINTS))
        except NasbenchError as error:  # noqa: PERF203
            made.missing = made.missing or str(error)
        else:
            made.packed.setdefault(unit, {})[str(judged.report)] = _pack(frame, center, scale)


def _pack(frame: pd.DataFrame, center: str, scale: float) -> Packed:
    groups = {str(name): rows for name, rows in frame.groupby("strategy", sort=False)}
    first = next(iter(groups.values()))
    return {
        "spent": _short(first["spent"].to_numpy(), 1.0),
        **{
            key: {name: _short(rows[column].to_numpy(), scale) for name, rows in groups.items()}
            for key, column in (("center", center), ("low", "low"), ("high", "high"))
        },
        "runs": {name: _unless_equal(rows["runs"].to_numpy()) for name, rows in groups.items()},
    }


def _short(values: NDArray[np.float64], scale: float) -> list[float | None]:
    """Return numbers with as many digits as a page can show."""
    return [float(f"{scale * each:.5g}") if np.isfinite(each) else None for each in values.tolist()]


def _unless_equal(counts: NDArray[np.int64]) -> int | list[int]:
    """Return one number where all are the same, which they mostly are."""
    return int(counts[0]) if (counts == counts[0]).all() else [int(each) for each in counts.tolist()]


def milestones(packed: Mapping[str, Any], shares: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0)) -> list[int]:
    """Return the places of a packed grid that are nearest below some shares of its end."""
    spent = np.array(packed["spent"])
    places = np.searchsorted(spent, np.array(shares) * spent[-1] * (1 + 1e-9), side="right") - 1
    return [int(place) for place in np.unique(np.maximum(places, 0))]
