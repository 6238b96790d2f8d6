"""The charts of the report as Vega-Lite specifications, built with Altair.

Colours and fonts are the page's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.analysis.wording import measure_name
from nasbench.comparison.fronts import attainment_surfaces
from nasbench.figures.style import BUDGET_LABELS, line_style
from nasbench.report.tables import Curves, axis_title, curve_table, rank_curves, regret_curves, volume_curves
from tabular.errors import NasbenchError
from tabular.wording import capital, counted, number, scale_of, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    import altair as alt

    from nasbench.comparison.compare import SummaryRow
    from nasbench.comparison.results import Results
    from nasbench.comparison.verification import Verified
    from tabular.measures import Metric

Spec = dict[str, Any]
INK = "var(--ink)"
_BLACK = "#000000"
_PATTERNS = {"-": (1, 0), "--": (6, 3), "-.": (7, 3, 1.5, 3), ":": (1.5, 2.5)}


def look(strategy: str, others: Sequence[str]) -> tuple[str, list[float]]:
    """Return a strategy's colour and dashes, those it has in every figure.

    Black is white on a dark page.
    """
    style = line_style(strategy, others)
    line = style["linestyle"]
    dashes = _PATTERNS[line] if isinstance(line, str) else tuple(1.8 * each for each in line[1])
    colour = style["color"]
    return "var(--black)" if colour == _BLACK else colour, [round(each, 1) for each in dashes]


def curve_chart(strategies: Sequence[str], description: str) -> Spec:
    """Return curves over the budget without their data, which the page puts in as the data set ``curves``.

    The first layer is the band, which the page takes away when it is to be hidden.

    Its rows have strategy, spent, center, low, high, and the texts budget, value, band and runs. The page also sets the
    titles and scales of the axes, and the parameter ``hidden``, a list of strategies.

    Parameters
    ----------
    strategies : sequence of str
    description : str
        For those who cannot see it.
    """
    import altair as alt

    hover = alt.selection_point(
        name="hover", nearest=True, on="pointerover", clear="pointerout", fields=["strategy", "spent"], empty=False
    )
    x = alt.X("spent:Q", scale=alt.Scale(type="log", nice=False))
    base = _strategies(alt.Chart(alt.NamedData("curves")).encode(x=x), strategies)
    shade = (
        _strategies(alt.Chart(alt.NamedData("curves")).encode(x=x), strategies, dashed=False)
        .mark_area(interpolate="step-after", opacity=0.12)
        .encode(y=alt.Y("low:Q"), y2="high:Q")
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2).encode(y=alt.Y("center:Q"))
    # The fields of a tooltip that are named here get lost in cells about nearest points; the page picks them instead.
    point = (
        base.mark_point(filled=True, size=55, tooltip=alt.TooltipContent("data"))
        .encode(
            y=alt.Y("center:Q"),
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            strokeDash=alt.value([1, 0]),
        )
        .add_params(hover)
    )
    return _finished(shade + line + point, description)


def front_chart(results: Results, surfaces: dict[str, np.ndarray[Any, Any]], description: str) -> Spec:
    """Return what half of the runs of each strategy had found of the report and one objective, and the space's front.

    Parameters
    ----------
    results : Results
        Of a comparison with one objective beside the signal.
    surfaces : dict of str to (P, 2) float64
        Of each strategy the report and the objective, as recorded.
    description : str
    """
    import altair as alt

    objective, (metric,) = results.protocol.objectives[0], results.objective_metrics
    scales = np.array([scale_of(results.report_metric), scale_of(metric)])
    units = (results.report_metric.unit, metric.unit)
    x = alt.X(
        "x:Q",
        title=axis_title(measure_name(objective), metric),
        scale=alt.Scale(zero=False),
        axis=alt.Axis(tickCount=8),
    )
    y = alt.Y("y:Q", title=axis_title(measure_name(results.report), results.report_metric), scale=alt.Scale(zero=False))
    # A cheaper architecture's report stands until a dearer one does better.
    step = "step-after" if metric.sign < 0 else "step-before"

    def rows(name: str, points: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
        return [
            {
                "strategy": name,
                "x": float(second * scales[1]),
                "y": float(first * scales[0]),
                "objective": number(float(second), units[1]),
                "report": number(float(first), units[0]),
            }
            for first, second in points[np.argsort(points[:, 1])].tolist()
        ]

    tips = [
        alt.Tooltip("strategy:N", title="half of the runs of"),
        alt.Tooltip("report:N", title=measure_name(results.report)),
        alt.Tooltip("objective:N", title=measure_name(objective)),
    ]
    found = [row for name, points in surfaces.items() for row in rows(name, points)]
    base = _strategies(alt.Chart(_inline(found)), list(results.trials)).encode(x=x, y=y)
    chart = base.mark_line(interpolate=step, strokeWidth=2) + base.mark_point(filled=True, size=45).encode(
        strokeDash=alt.value([1, 0]), tooltip=tips
    )
    if results.front is not None:
        best = alt.Chart(_inline(rows("the space's front", results.front))).encode(x=x, y=y, tooltip=tips[1:])
        chart = best.mark_point(shape="diamond", size=60, stroke=INK, strokeWidth=1.2) + chart
    return _finished(chart, description)


def verification_chart(verified: Sequence[Verified], metric: Metric, description: str) -> Spec:
    """Return what was promised against what fresh trainings gave, with one standard deviation to either side."""
    import altair as alt

    scale = scale_of(metric)
    rows: list[dict[str, Any]] = [
        {
            "architecture": each.architecture,
            "number": str(place),
            "promised": scale * each.promised,
            "measured": scale * each.measured,
            **_ends("promised", each.promised, each.promised_std, scale),
            **_ends("measured", each.measured, each.measured_std, scale),
            "promise": number(each.promised, metric.unit),
            "measurement": number(each.measured, metric.unit),
        }
        for place, each in enumerate(verified, start=1)
        if np.isfinite(each.promised) and np.isfinite(each.measured)
    ]
    ends = [row[f"{what}_{end}"] for row in rows for what in ("promised", "measured") for end in ("low", "high")]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    margin = 0.06 * (high - low or 1.0)
    span = alt.Scale(domain=[low - margin, high + margin], zero=False, nice=False)
    base = alt.Chart(_inline(rows)).encode(
        x=alt.X("promised:Q", title=axis_title("promised", metric), scale=span, axis=alt.Axis(tickCount=6)),
        y=alt.Y("measured:Q", title=axis_title("measured", metric), scale=span, axis=alt.Axis(tickCount=6)),
    )
    diagonal = (
        alt.Chart(_inline([{"promised": end, "measured": end} for end in (low - margin, high + margin)]))
        .mark_line(strokeDash=[4, 3], color="var(--soft)", strokeWidth=1)
        .encode(x=alt.X("promised:Q", scale=span), y=alt.Y("measured:Q", scale=span))
    )
    across = base.mark_rule(color="var(--accent)", opacity=0.7).encode(x=alt.X("promised_low:Q"), x2="promised_high:Q")
    along = base.mark_rule(color="var(--accent)", opacity=0.7).encode(y=alt.Y("measured_low:Q"), y2="measured_high:Q")
    points = base.mark_point(filled=True, size=70, color="var(--accent)", opacity=1).encode(
        tooltip=[
            alt.Tooltip("number:N", title="row"),
            alt.Tooltip("architecture:N"),
            alt.Tooltip("promise:N", title="promised"),
            alt.Tooltip("measurement:N", title="measured"),
        ]
    )
    labels = base.mark_text(dx=9, dy=-8, color=INK, fontSize=11).encode(text="number:N")
    return _finished(diagonal + across + along + points + labels, description)


def _ends(name: str, value: float, spread: float, scale: float) -> dict[str, float]:
    spread = spread if np.isfinite(spread) else 0.0
    return {f"{name}_low": scale * (value - spread), f"{name}_high": scale * (value + spread)}


def _strategies(chart: alt.Chart, strategies: Sequence[str], *, dashed: bool = True) -> alt.Chart:
    """Give strategies their looks, and leave out those that the reader hides."""
    import altair as alt

    names = list(strategies)
    looks = [look(name, names) for name in names]
    colours, dashes = [each[0] for each in looks], [each[1] for each in looks]
    styled: alt.Chart = chart.transform_filter("indexof(hidden, datum.strategy) < 0").encode(
        color=alt.Color("strategy:N", legend=None, sort=names, scale=alt.Scale(domain=names, range=colours))
    )
    if dashed:
        styled = styled.encode(
            strokeDash=alt.StrokeDash("strategy:N", legend=None, scale=alt.Scale(domain=names, range=dashes))
        )
    return styled


def _inline(rows: list[dict[str, Any]]) -> alt.InlineData:
    import altair as alt

    return alt.InlineData(values=rows)


def _finished(chart: alt.LayerChart, description: str) -> Spec:
    import altair as alt

    spec: Spec = (
        chart.add_params(alt.param(name="hidden", value=[]))
        .properties(width=600, height=320, description=description)
        .to_dict()
    )
    spec["config"] = CONFIG
    return spec


# Colours are the style sheet's, so that charts follow it into the dark and onto paper.
CONFIG: dict[str, Any] = {
    "background": None,
    "font": "system-ui, sans-serif",
    "aria": False,  # the figure around it says what there is to say, once
    "view": {"stroke": None},
    "axis": {
        "domainColor": "var(--soft)",
        "tickColor": "var(--soft)",
        "gridColor": "var(--line)",
        "labelColor": "var(--ink)",
        "titleColor": "var(--ink)",
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelOverlap": "greedy",
    },
    "legend": {"labelColor": "var(--ink)"},
}

Shown = dict[str, Any]


def regret_section(results: Results, part: str, found: str, charts: dict[str, Shown]) -> Shown:
    """Return the regret over the budget, in a chart and in numbers.

    The chart goes into ``charts``.
    """
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
        tables.append({"title": capital(title), "heads": heads, "rows": rows})
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


def fronts_section(results: Results, ended: Sequence[SummaryRow], part: str, charts: dict[str, Shown]) -> Shown:
    """Return fronts and hypervolume of results with objectives.

    Their charts go into ``charts``.
    """
    curves = volume_curves(results)
    missing = [sentence(curves.missing)] if curves.missing else []
    report = measure_name(results.report)
    volumes = ", ".join(f"{row.strategy} {number(row.hypervolume)}" for row in ended if row.runs)
    volume_alt = f"Line chart: the median hypervolume of each strategy's front over the budget. At the end: {volumes}."
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
