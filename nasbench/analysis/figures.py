"""Figures of results by name, with the statistics that each draws."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench.analysis.curves import USUAL, curves, default_target, ecdf
from nasbench.analysis.finals import finals, pooled_curves
from nasbench.analysis.significance import friedman, rank_over_time
from nasbench.analysis.wording import measure_label
from nasbench.comparison.fronts import attainment_surfaces, final_fronts
from nasbench.comparison.results import Results
from nasbench.figures import curves as curve_figures
from nasbench.figures.curves import ecdf_curves
from nasbench.figures.finals import critical_difference, final_boxes, final_violins
from nasbench.figures.fronts import fronts
from nasbench.figures.style import plain, write_figure
from tabular.errors import QueryError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_BANDS = {"quartiles": "quartiles", "error": "standard error", "bootstrap": "95 % bootstrap interval"}
_CENTERS = {"median": "median", "mean": "mean", "iqm": "interquartile mean"}


@dataclass(frozen=True)
class FigureOptions:
    """Statistics that a user may choose for a figure.

    Parameters
    ----------
    center, band : str
        See `nasbench.analysis.curves.aggregate`.
    target : float, optional
        Regret that counts as reached, see `nasbench.analysis.curves.ecdf`.
    alpha : float
        Level of significance.
    """

    center: str = "median"
    band: str | None = None
    target: float | None = None
    alpha: float = 0.05


class Kind(NamedTuple):
    """A kind of figure: its subject, its drawing, and whether of several results."""

    about: str
    draw: Callable[[Sequence[Results], Axes, FigureOptions], None]
    several: bool = False


def save_figure(
    results: Results | Sequence[Results],
    path: str | Path | Sequence[Path],
    kind: str = "regret",
    *,
    style: str = "paper",
    size: tuple[float, float] | None = None,
    center: str = "median",
    band: str | None = None,
    target: float | None = None,
    alpha: float = 0.05,
) -> None:
    """Draw one figure of results into a PDF, SVG, PGF or PNG file, or into several.

    Parameters
    ----------
    results : Results, or several for the kinds that pool them
    path : str, Path or sequence of Path
        The endings decide the formats.
    kind : str
        One of `KINDS`.
    style : str
        One of `nasbench.figures.style.STYLES`.
    size : (width, height), optional
        In inches; by default the style's.
    center, band, target, alpha
        See `FigureOptions`.

    Raises
    ------
    UnknownNameError, OutputError
    QueryError
        If the results do not suffice for such a figure.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of figure", kind, KINDS)
    given = [results] if isinstance(results, Results) else list(results)
    if len(given) != 1 and not KINDS[kind].several:
        several = ", ".join(name for name, each in KINDS.items() if each.several)
        raise QueryError(f"a figure of the kind {kind} is of one results file, got {len(given)}; of several: {several}")
    options = FigureOptions(center, band, target, alpha)
    paths = [Path(path)] if isinstance(path, (str, Path)) else list(path)
    write_figure(paths, lambda ax: KINDS[kind].draw(given, ax, options), style, size)


def _regret(results: Sequence[Results], ax: Axes, options: FigureOptions, of: str = "regret") -> None:
    (one,) = results
    if one.reference is None and of == "regret":  # the best of the space is not known
        _incumbent(results, ax, options)
        return
    frame = curves(one, of, options.center, options.band)
    words = "simple regret" if of == "simple-regret" else "regret"
    curve_figures.regret_curves(ax, frame, one.protocol.budget.unit, f"{words} of {measure_label(one)}")
    _curves_title(ax, one, options)


def _simple_regret(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:
    _regret(results, ax, options, "simple-regret")


def _incumbent(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:
    (one,) = results
    best = one.reference.best if one.reference else None
    frame = curves(one, "report", options.center, options.band)
    curve_figures.incumbent_curves(ax, frame, one.protocol.budget.unit, measure_label(one), best)
    _curves_title(ax, one, options)


def _rank(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:  # noqa: ARG001 - one signature
    (one,) = results
    curve_figures.rank_curves(ax, rank_over_time(one), one.protocol.budget.unit)
    _title(ax, f"{one.oracle}: {_runs(one)} runs")


def _ecdf(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:
    (one,) = results
    target = default_target(one) if options.target is None else options.target
    ecdf_curves(ax, ecdf(one, target), one.protocol.budget.unit, f"a regret of at most {target:.3g}")
    _title(ax, f"{one.oracle}: {_runs(one)} runs")


def _critical_difference(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:
    import pandas as pd

    found = friedman(list(results) if len(results) > 1 else results[0], options.alpha)
    frame = pd.DataFrame({"strategy": list(found.ranks), "rank": list(found.ranks.values())})
    critical_difference(ax, frame, found.critical_difference)
    of = _count(results) if len(results) > 1 else f"{results[0].oracle}, {found.blocks} runs"
    _title(ax, f"mean ranks on {of}")


def _boxes(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:  # noqa: ARG001 - one signature
    _finals(results[0], ax, final_boxes)


def _violins(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:  # noqa: ARG001 - one signature
    _finals(results[0], ax, final_violins)


def _finals(one: Results, ax: Axes, draw: Callable[..., None]) -> None:
    known = one.reference is not None
    draw(ax, finals(one), "regret" if known else "report", f"{'regret of ' if known else ''}{measure_label(one)}")
    _title(ax, f"{one.oracle}: after {one.protocol.budget}")


def _fronts(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:  # noqa: ARG001 - one signature
    import pandas as pd

    (one,) = results
    objectives = one.protocol.objectives
    if len(objectives) != 1:
        raise QueryError(
            f"fronts are drawn of the report and one objective, {one.oracle} was searched for {len(objectives)}; "
            "compare with one --objective, such as parameters"
        )
    metric = one.objective_metrics[0]
    words = [("less", "more")[each.sign > 0] for each in (metric, one.report_metric)]
    space = None if one.front is None else pd.DataFrame({"x": one.front[:, 1], "y": one.front[:, 0]})
    better = (words[0], words[1])
    label = objectives[0].metric.removesuffix("_seconds").replace("_", " ")
    label += "" if metric.unit in {"", "count"} else f" ({metric.unit})"
    fronts(ax, _points(one), _surfaces(one), label, measure_label(one), space, better=better)
    _title(ax, f"{one.oracle}: fronts of {_runs(one)} runs after {one.protocol.budget}")


def _points(one: Results) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name, trials in one.trials.items():
        nothing = np.full((1, 2), np.nan)
        runs = [front if len(front) else nothing for front in final_fronts(one, name)]
        seeds, points = np.repeat(trials.seeds, [len(front) for front in runs]), np.vstack(runs)
        rows.append(pd.DataFrame({"strategy": name, "run": seeds, "x": points[:, 1], "y": points[:, 0]}))
    found: pd.DataFrame = pd.concat(rows, ignore_index=True)
    return found


def _surfaces(one: Results) -> pd.DataFrame:
    import pandas as pd

    levels = (0.25, 0.5, 0.75)
    rows = [
        pd.DataFrame({"strategy": name, "level": level, "x": surface[:, 1], "y": surface[:, 0]})
        for name in one.trials
        for level, surface in zip(levels, attainment_surfaces(one, name, levels), strict=True)
    ]
    surfaces: pd.DataFrame = pd.concat(rows, ignore_index=True)
    return surfaces


def _hypervolume(results: Sequence[Results], ax: Axes, options: FigureOptions, indicator: str = "hypervolume") -> None:
    (one,) = results
    frame = curves(one, indicator, options.center, options.band)
    curve_figures.hypervolume_curves(ax, frame, one.protocol.budget.unit, indicator)
    _curves_title(ax, one, options)


def _igd(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:
    _hypervolume(results, ax, options, "igd+")


def _pooled(results: Sequence[Results], ax: Axes, options: FigureOptions) -> None:
    frame = pooled_curves(results, options.center, options.band).rename(columns={"share": "spent"})
    curve_figures.regret_curves(ax, frame, "share of the budget", "regret / regret of a random architecture")
    _title(ax, f"{_count(results)}: {_summary(options)}")


def _count(results: Sequence[Results]) -> str:
    return f"{len(results)} benchmarks" if len(results) > 1 else results[0].oracle


def _curves_title(ax: Axes, results: Results, options: FigureOptions) -> None:
    _title(ax, f"{results.oracle}: {_summary(options)} of {_runs(results)} runs")


def _title(ax: Axes, text: str) -> None:
    ax.set_title(plain(text), fontsize="medium")


def _summary(options: FigureOptions) -> str:
    return f"{_CENTERS[options.center]} and {_BANDS[options.band or USUAL[options.center]]}"


def _runs(results: Results) -> str:
    return "/".join(map(str, sorted({trials.runs for trials in results.trials.values()})))


KINDS = {
    "regret": Kind("distance of what would be returned to the best of the space, over the budget", _regret),
    "simple-regret": Kind("distance of the best evaluated so far to the best of the space", _simple_regret),
    "incumbent": Kind("the reported metric of what would be returned, over the budget", _incumbent),
    "rank": Kind("mean rank among the strategies, over the budget", _rank),
    "ecdf": Kind("share of runs that reached a target regret, over the budget", _ecdf),
    "critical-difference": Kind("mean ranks and which differ (Friedman, Nemenyi)", _critical_difference, several=True),
    "box": Kind("final regret of all runs, as boxes", _boxes),
    "violin": Kind("final regret of all runs, as densities", _violins),
    "fronts": Kind("accuracy against an objective: what runs found", _fronts),
    "hypervolume": Kind("how good the fronts are, over the budget", _hypervolume),
    "igd+": Kind("how far the fronts are from that of the space, over the budget", _igd),
    "pooled": Kind("normalised regret over several benchmarks", _pooled, several=True),
}
