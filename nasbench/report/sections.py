"""The sections of a part that hold charts of curves: regret, ranks, fronts; what they show and say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasbench.comparison.compare import summarise
from nasbench.comparison.fronts import attainment_surfaces
from nasbench.figures.style import BUDGET_LABELS
from nasbench.report.charts import curve_chart, front_chart
from nasbench.report.curve_data import Curves, rank_curves, regret_curves, volume_curves
from nasbench.report.tables import curve_table
from nasbench.report.wording import counted, measure_name, number, sentence
from tabular.errors import NasbenchError

if TYPE_CHECKING:
    from nasbench.comparison.results import Results

Shown = dict[str, Any]


def regret_section(results: Results, part: str, found: str, charts: dict[str, Shown]) -> Shown:
    """Return the regret over the budget, in a chart and in numbers; the chart goes into ``charts``."""
    curves = regret_curves(results)
    regret = results.reference is not None
    what = f"regret of {measure_name(results.report)}" if regret else measure_name(results.report)
    alt = f"Line chart: the median {what} of each strategy over the budget, with quartiles. {found}"
    if curves:
        spec = curve_chart(list(results.trials), alt)
        charts[f"{part}-regret-chart"] = _chart(
            part, curves, spec, log=curves.may_be_log, zero=regret, suffixes=_suffixes(results)
        )
    tables, key = [], str(results.report)
    for unit in [unit for unit, by_report in curves.packed.items() if key in by_report]:
        heads, rows = curve_table(curves, unit, key, list(results.trials))
        title = f"{curves.titles[key]} in numbers, by {BUDGET_LABELS[unit]}"
        tables.append({"title": title[0].upper() + title[1:], "heads": heads, "rows": rows})
    return {
        "there": bool(curves),
        "missing": sentence(curves.missing),
        "heading": f"{'Regret' if regret else 'Incumbents'} over the budget",
        "short": "Regret" if regret else "Incumbents",
        "scale_label": "Regret" if regret else "Values",
        "alt": alt,
        "caption": (
            f"{_over(results)}; a run keeps its last value once it has ended. Point at a curve for its values, click a "
            "name above to hide or show it."
        ),
        "tables": tables,
    }


def ranks_section(results: Results, part: str, charts: dict[str, Shown]) -> Shown:
    """Return the mean rank over the budget; the chart goes into ``charts``."""
    curves = rank_curves(results)
    alt = f"Line chart: the mean rank of each strategy by {measure_name(results.report)} over the budget; 1 is best."
    if curves:
        packed = next(iter(curves.packed.values()))[str(results.report)]
        last = {name: centers[-1] for name, centers in packed["center"].items()}
        ended = ", ".join(f"{name} {rank:.2f}" for name, rank in sorted(last.items(), key=_by_rank) if rank is not None)
        alt += f" In the end: {ended}."
        spec = curve_chart(list(results.trials), alt)
        charts[f"{part}-ranks-chart"] = _chart(
            part, curves, spec, reverse=True, height=320, words=("mean rank", "± standard error")
        )
    return {
        "there": bool(curves),
        "missing": sentence(curves.missing),
        "alt": alt,
        "caption": "Strategies ranked seed by seed, 1 is best, ties share; the band is one standard error of the mean.",
    }


def _by_rank(pair: tuple[str, float | None]) -> tuple[bool, float]:
    return pair[1] is None, pair[1] or 0.0


def fronts_section(results: Results, part: str, charts: dict[str, Shown]) -> Shown:
    """Return fronts and hypervolume of results with objectives; their charts go into ``charts``."""
    curves = volume_curves(results)
    missing = [sentence(curves.missing)] if curves.missing else []
    report = measure_name(results.report)
    ended = ", ".join(f"{row.strategy} {number(row.hypervolume)}" for row in summarise(results) if row.runs)
    volume_alt = f"Line chart: the median hypervolume of each strategy's front over the budget. At the end: {ended}."
    if curves:
        spec = curve_chart(list(results.trials), volume_alt)
        charts[f"{part}-volume-chart"] = _chart(part, curves, spec, height=320)
    surfaces = {}
    if len(results.protocol.objectives) == 1:
        for name in results.trials:
            try:
                surfaces[name] = attainment_surfaces(results, name, (0.5,))[0]
            except NasbenchError as error:  # noqa: PERF203
                missing.append(sentence(str(error)))
    else:
        missing.append("With more than two measures a front has no flat picture: there is its hypervolume alone.")
    surfaces = {name: points for name, points in surfaces.items() if len(points)}
    beside = measure_name(results.protocol.objectives[0])
    front_alt = f"Line chart: {report} against {beside}, what half of the runs of each strategy had found in the end."
    if surfaces:
        charts[f"{part}-front-chart"] = {"part": part, "spec": front_chart(results, surfaces, front_alt)}
    best = " Diamonds are the front of the whole space." if results.front is not None else ""
    return {
        "missing": " ".join(missing),
        "front_there": bool(surfaces),
        "front_alt": front_alt,
        "front_caption": f"What half of the runs had reached in the end (median attainment surface).{best}",
        "volume_there": bool(curves),
        "volume_alt": volume_alt,
        "volume_caption": "Median hypervolume of the runs' fronts, the band from the lower to the upper quartile.",
    }


def _over(results: Results) -> str:
    runs = max(trials.runs for trials in results.trials.values())
    if runs == 1:
        return "One run of each strategy"
    return f"Median over {counted(runs, 'run')}, the band from the lower to the upper quartile"


def _suffixes(results: Results) -> dict[str, str]:
    fractions = {str(each): results.reported_by(each).report_metric.unit == "fraction" for each in results.reports}
    return {key: " %" if fraction else "" for key, fraction in fractions.items()}


def _chart(part: str, curves: Curves, spec: Shown, **more: object) -> Shown:
    return {
        "part": part, "spec": spec, "packed": curves.packed, "titles": curves.titles, "log": False, "zero": False,
        "reverse": False, "suffixes": {}, "words": ("median", "quartiles"), **more,
    }  # fmt: skip
