"""The whole report: its parts put into one file that holds all it needs."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import platform
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nasbench.comparison.summary import summarise
from nasbench.figures.style import BUDGET_LABELS
from nasbench.report.charts import fronts_section, look, ranks_section, regret_section, verification_chart
from nasbench.report.tables import ALPHA, UNITS, FinalTable, final_table, median_runs, significance, units_of
from nasbench.report.wording import (
    UNKNOWN,
    compared,
    counted,
    listed,
    measure_name,
    number,
    report_names,
    runs_of,
    seeds_of,
    with_spread,
)
from tabular.errors import QueryError
from tabular.files import check_writable, replacing
from tabular.json_values import without_nan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from jinja2 import Environment

    from nasbench.comparison.results import Results
    from nasbench.comparison.verification import Verified

_START = 'document.documentElement.classList.add("js");'
"""Runs before anything is painted, so that what needs scripts does not come late."""


def write_report(
    results: Sequence[Results],
    path: str | Path,
    *,
    verification: Mapping[str, Sequence[Verified]] | None = None,
    cards: Mapping[str, str] | None = None,
    scorecards: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    command: str = "",
) -> None:
    """Write one HTML file that shows results to anyone with a browser; it fetches nothing.

    Curves are in it aggregated over runs, never single trials, so it stays small whatever was run.

    Parameters
    ----------
    results : sequence of Results
        Each becomes a part of the page.
    path : str or Path
        Written whole or not at all.
    verification : dict of str to sequence of Verified, optional
        What was trained again, by the oracle that had promised.
    cards : dict of str to str, optional
        Data cards in Markdown, by the oracle they describe.
    scorecards : dict of str to list of dict, optional
        Rows of surrogates' scorecards, one a measure, by the oracle they are of.
    command : str
        That made the results.

    Raises
    ------
    QueryError
        If there are no results, some without any run, or something is of an oracle that no results are of.
    OutputError
    """
    results = list(results)
    if not results:
        raise QueryError("a report shows results, and none were given")
    for each in results:
        if not each.trials:
            failed = "; ".join(each.failed.values()) or "none was compared"
            raise QueryError(f"the results on {each.oracle} hold no run of any strategy ({failed})")
    oracles = {each.oracle for each in results}
    for name in verification or {}:
        if name not in oracles:
            raise QueryError(
                f"what was verified was found on {name!r}, the results are of {', '.join(sorted(oracles))}"
            )
    check_writable(path)
    page = _page(results, dict(verification or {}), dict(cards or {}), dict(scorecards or {}), command)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def _page(
    results: list[Results],
    verification: Mapping[str, Sequence[Verified]],
    cards: Mapping[str, str],
    scorecards: Mapping[str, Sequence[Mapping[str, Any]]],
    command: str,
) -> str:
    names = part_names(results)
    made = [part_of(each, f"r{place}", name) for place, (each, name) in enumerate(zip(results, names, strict=True), 1)]
    verified, verified_charts = verification_shown(results, verification)
    charts = {key: chart for _, part_charts, _ in made for key, chart in part_charts.items()} | verified_charts
    script = {"charts": charts, "parts": {shown["id"]: known for shown, _, known in made}}
    background = [("verification", "Verification"), ("cards", "Data")]
    background += [("scorecards", "Surrogates")] if scorecards else []
    background += [("origin", "To make it again")]
    scripts = [_START, _text("report.js"), _text("cells.js"), _vega(), _text("charts.js")]
    return (
        _templates()
        .get_template("page.html")
        .render(
            title=f"Search on {listed(list(dict.fromkeys(each.oracle for each in results)))}",
            lead=_lead(results),
            parts=[shown for shown, _, _ in made],
            background=background,
            verification=verified,
            cards=cards_shown(cards),
            scorecards=scorecards_shown(scorecards),
            origins=origins_shown(results, names),
            origin_text=as_text(command, results),
            command=command,
            made_with=made_with(),
            css=_safe(_text("report.css")),
            policy=_policy(scripts),
            scripts=[_safe(each) for each in scripts],
            charts=_safe(as_json(script)),
        )
    )


def part_names(results: Sequence[Results]) -> list[str]:
    """Return what to call each part: its oracle and budget, with a number where these are the same."""
    names = [f"{each.oracle}, {each.protocol.budget}" for each in results]
    return [
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def as_json(value: object) -> str:
    """Return JSON that may stand between script tags: nothing in it can end them, and NaN is null."""
    text = json.dumps(without_nan(value), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _lead(results: Sequence[Results]) -> str:
    strategies = dict.fromkeys(name for each in results for name in each.trials)
    runs = sum(trials.runs for each in results for trials in each.trials.values())
    several = f", {len(results)} comparisons" if len(results) > 1 else ""
    return f"{counted(len(strategies), 'strategy')}, {counted(runs, 'run')}{several}."


def _vega() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script, which defines ``vegaEmbed``."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its snippet is optional
    return bundle


def _policy(scripts: Sequence[str]) -> str:
    """Return a policy by which a browser fetches nothing, and runs nothing but the page's own scripts."""
    digests = (base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in scripts)
    # Vega compiles the expressions of a chart; styles are the page's and those that it writes itself.
    runs = " ".join([*(f"'sha256-{each}'" for each in digests), "'unsafe-eval'"])
    return (
        f"default-src 'none'; script-src {runs}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _text(name: str) -> str:
    return (files("nasbench.report") / "templates" / name).read_text(encoding="utf-8")


def _safe(text: str) -> Markup:
    """Mark what is ours or has been made safe, so that it is put in as it is."""
    return Markup(text)  # noqa: S704


def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("nasbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


Shown = dict[str, Any]
_LEVEL = f"at a level of {100 * ALPHA:g} %"
_MANY = 8
"""Strategies from which on their bands lie on one another too often to be shown at first."""


def part_of(results: Results, part: str, name: str) -> tuple[Shown, dict[str, Shown], Shown]:
    """Return what the template shows of results, their charts by place, and what the page's script knows of them.

    Parameters
    ----------
    results : Results
        Of one strategy at least.
    part : str
        What the places of this part on the page begin with.
    name : str
        What the part is called.
    """
    names = list(results.trials)
    table = final_table(results)
    order, verdicts, tests_missing = significance(results)
    found = finding(results, table)
    charts: dict[str, Shown] = {}
    runs, svgs = median_runs(results)
    runs = {name: runs[name] for name in order}
    shown = next(((name, run) for name, run in runs.items() if run.steps), None)
    part_shown: Shown = {
        "id": part,
        "name": name,
        "compared": compared(results),
        "finding": found,
        "failed": list(results.failed.items()),
        "notes": _notes(results),
        "units": [(unit, UNITS[unit]) for unit in units_of(results)],
        "reports": list(report_names(results).items()),
        "bands": [("on", "shown"), ("off", "hidden")][:: -1 if len(names) > _MANY else 1],
        "scales": [("log", "log"), ("linear", "linear")],
        "report_name": measure_name(results.report),
        "budget": str(results.protocol.budget),
        "swatches": {name: swatch(name, names) for name in names},
        "final": table,
        "tested": any(good for _, good, _ in table.rows),
        "order": order,
        "verdicts": verdicts,
        "tests_missing": tests_missing,
        "regret": regret_section(results, part, found, charts),
        "ranks": ranks_section(results, part, charts),
        "fronts": fronts_section(results, part, charts) if results.protocol.objectives else None,
        "runs": {name: asdict(run) for name, run in runs.items()},
        "shown_name": shown[0] if shown else "",
        "shown": asdict(shown[1]) if shown else None,
        "shown_svg": Markup(svgs[shown[1].steps[-1].drawing]) if shown else "",  # noqa: S704  # escapes what it draws
    }
    part_shown["sections"] = [
        ("regret", part_shown["regret"]["short"]),
        ("final", "Final table"),
        ("tests", "Significance"),
        ("ranks", "Ranks"),
        *([("fronts", "Fronts")] if part_shown["fronts"] else []),
        ("cells", "Architectures"),
    ]
    script = {
        "unit": units_of(results)[0],
        "report": str(results.report),
        "units": {unit: BUDGET_LABELS[unit] for unit in units_of(results)},
        "names": names,
        "cells": {"runs": part_shown["runs"], "svgs": svgs, "regret": results.reference is not None},
    }
    return part_shown, charts, script


def swatch(name: str, names: list[str]) -> Markup:
    """Return a short line in a strategy's colour and dashes."""
    colour, dashes = look(name, names)
    pattern = " ".join(map(str, dashes))
    return Markup(
        '<svg class="swatch" width="28" height="10" aria-hidden="true">'
        '<line x1="1" y1="5" x2="27" y2="5" stroke="{}" stroke-width="2.5" stroke-dasharray="{}"/></svg>'
    ).format(colour, pattern)


def finding(results: Results, table: FinalTable) -> str:
    """Say in a sentence how the comparison ended."""
    rows = [row for row in summarise(results) if row.runs]
    best, unit = rows[0], results.report_metric.unit
    said = measure_name(results.report)
    value = number(best.report, unit)
    if value == UNKNOWN:
        return f"No strategy ended with a known {said}."
    if len(rows) == 1:
        return f"{best.strategy} ended with a mean {said} of {value}."
    text = f"{best.strategy} ended with the best mean {said}, {value}"
    alike = [name for name, good, _ in table.rows if good and name != best.strategy]
    if not any(good for _, good, _ in table.rows):
        return f"{text}; there are no tests of whether that is more than chance."
    two = len(rows) == 2
    if not alike:
        return f"{text}, significantly better than {'the other' if two else 'all others'} ({_LEVEL})."
    if len(alike) == len(rows) - 1:
        return f"{text}, but {'the other is not' if two else 'none of the others is'} significantly worse ({_LEVEL})."
    return f"{text}; not significantly worse ({_LEVEL}): {listed(alike)}."


def enough_runs(strategies: int) -> int:
    """Return how many runs a signed-rank test of all pairs needs to be able to find anything.

    Where one wins all of n runs, its exact p-value is 2 to the power of 1 - n, which Holm's correction multiplies by
    the number of pairs.
    """
    pairs = math.comb(strategies, 2)
    return 1 + math.ceil(math.log2(max(pairs, 1) / ALPHA))


def _notes(results: Results) -> list[str]:
    """Say what these results cannot tell."""
    notes = []
    names = list(results.trials)
    if len(names) == 1:
        notes.append(f"Only {names[0]} ran: there is nothing to compare it with.")
    single = [name for name, trials in results.trials.items() if trials.runs == 1]
    if single:
        notes.append(f"One run alone has no spread: there is no band for {listed(single)}.")
    fewest, enough = min(trials.runs for trials in results.trials.values()), enough_runs(len(names))
    if len(names) > 1 and fewest < enough:
        notes.append(
            f"With {counted(fewest, 'run')} no difference between {len(names)} strategies can come out as significant, "
            f"however clear it is; that takes {enough} runs of each."
        )
    if results.reference is None:
        notes.append(
            f"The best {measure_name(results.report)} of the space is not known to {results.oracle}: incumbents are "
            "shown instead of regret."
        )
    return notes


Shown_of_background = dict[str, Any]


def verification_shown(
    results: Sequence[Results], verification: Mapping[str, Sequence[Verified]]
) -> tuple[list[Shown_of_background], dict[str, Shown_of_background]]:
    """Return what the page says of fresh trainings, and the charts of them.

    Parameters
    ----------
    results : sequence of Results
        The first of each oracle tells what was measured again: its report.
    verification : dict of str to sequence of Verified
        By the oracle that had promised.
    """
    by_oracle = {each.oracle: each for each in reversed(results)}
    shown: list[Shown_of_background] = []
    charts: dict[str, Shown_of_background] = {}
    for place, (oracle, verified) in enumerate(verification.items()):
        if verified:
            said, chart = _verification(by_oracle[oracle], verified)
            said["oracle"], said["chart"] = oracle, f"verification-chart-{place}" if chart else ""
            charts |= {said["chart"]: chart} if chart else {}
            shown.append(said)
    return shown, charts


def _verification(results: Results, verified: Sequence[Verified]) -> tuple[Shown_of_background, Shown_of_background]:
    metric = results.report_metric
    name = measure_name(results.report)
    gaps = np.array([each.difference for each in verified])
    known = gaps[np.isfinite(gaps)]
    said = f"{counted(len(verified), 'architecture')}, each trained anew {_times(verified)}."
    if len(known):
        inside = sum(
            abs(each.difference) <= 2 * np.hypot(*np.nan_to_num([each.promised_std, each.measured_std]))
            for each in verified
        )
        said += (
            f" Measured {name} less what {results.oracle} had promised is {number(float(known.mean()), metric.unit)} "
            f"in the mean and {number(float(known[np.abs(known).argmax()]), metric.unit)} where it is most off; "
            f"{inside} of {len(verified)} lie within two standard deviations of trainings."
        )
    rows = [
        {
            "promised": with_spread(each.promised, each.promised_std, metric.unit),
            "measured": with_spread(each.measured, each.measured_std, metric.unit),
            "difference": number(each.difference, metric.unit),
            "found_by": ", ".join(f"{runs} of {strategy}" for strategy, runs in each.found_by.items()),
            "architecture": each.architecture,
        }
        for each in verified
    ]
    alt = f"Scatter plot: promised against measured {name}. {said}"
    chart: Shown_of_background = {}
    if len(known):
        chart = {"part": None, "spec": verification_chart(verified, metric, alt), "square": True}
    return {"finding": said, "rows": rows, "alt": alt}, chart


def cards_shown(cards: Mapping[str, str]) -> list[tuple[str, Markup]]:
    """Return data cards as HTML, by the oracle they describe."""
    return [(name, Markup(card_html(card, below=2))) for name, card in cards.items()]  # noqa: S704  # no raw HTML is left


def scorecards_shown(scorecards: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Shown_of_background]:
    """Return scorecards turned about: a score a row, a measure a column, as there are few measures and many scores."""
    shown = []
    for name, rows in scorecards.items():
        scores = [each for each in dict.fromkeys(key for row in rows for key in row) if each != "measure"]
        shown.append(
            {
                "name": name,
                "measures": [str(row.get("measure", "")) for row in rows],
                "rows": [(each.replace("_", " "), [_score(row.get(each)) for row in rows]) for each in scores],
            }
        )
    return shown


def origins_shown(results: Sequence[Results], names: Sequence[str]) -> list[Shown_of_background]:
    """Return what it takes to make each of the results again."""
    return [
        {"name": name, "facts": facts(each), "everything": everything(each)}
        for each, name in zip(results, names, strict=True)
    ]


def _score(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return number(float(value)) if isinstance(value, float) else number(float("nan"))


def _times(verified: Sequence[Verified]) -> str:
    counts = sorted({len(each.seeds) for each in verified})
    return listed([counted(each, "time") for each in counts])


_DEEPEST = 6


def card_html(markdown: str, below: int) -> str:
    """Return a card as HTML: without raw HTML and images, its headings under a heading of a given level.

    Parameters
    ----------
    markdown : str
    below : int
        2 makes ``#`` a heading of level 3.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + below, _DEEPEST)}"
    html: str = parser.renderer.render(tokens, parser.options, {})
    # A wide table scrolls by itself instead of making the page wide; a region that scrolls can be reached by keyboard.
    opening = '<div class="scroll" role="region" aria-label="table of the data card" tabindex="0"><table>'
    return html.replace("<table>", opening).replace("</table>", "</table></div>")


NOT_RECORDED = "not recorded"


def facts(results: Results) -> list[tuple[str, str]]:
    """Return what names the results and how they came about, as pairs of a label and a text."""
    known, protocol = results.provenance, results.protocol
    oracle: Mapping[str, Any] = known.get("oracle") or {}
    found = [
        ("oracle", f"{results.oracle} ({oracle.get('kind', 'kind ' + NOT_RECORDED)})"),
        ("digest of the oracle", str(oracle.get("digest") or NOT_RECORDED)),
        ("space", f"{results.space.name}, {results.space.size:,} architectures"),
        ("signal", str(protocol.signal)),
        ("reports", listed([str(each) for each in results.reports])),
        ("budget of a run", str(protocol.budget)),
        ("workers, repeats", f"{protocol.workers}, {protocol.repeats}"),
    ]
    if protocol.objectives:
        found.append(("objectives", listed([str(each) for each in protocol.objectives])))
    if protocol.constraints:
        found.append(("constraints", listed([str(each) for each in protocol.constraints])))
    found += [
        ("strategies", ", ".join(results.trials) or "none"),
        ("runs", runs_of(results)),
        ("seeds", seeds_of(results) or "none"),
        ("compared with", f"nasbench {known.get('nasbench', NOT_RECORDED)}, numpy {known.get('numpy', NOT_RECORDED)}"),
    ]
    for name, task in known.get("tasks", {}).items():
        found += _task(str(name), task)
    return found


def _task(name: str, task: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the origin of the trainings of one task."""
    dataset, device = task.get("dataset") or {}, task.get("device") or {}
    if not isinstance(dataset, dict):  # imported tables name theirs in words
        dataset = {"name": dataset}
    known = {
        "data set": _listing(dataset, ("name", "image_shape", "classes", "split_seed")).removeprefix("name "),
        "digest of the data": dataset.get("digest"),
        "images in each split": _listing(dataset.get("split_sizes") or {}),
        "recipe": _listing(task.get("recipe") or {}),
        "hash of the recipe": task.get("recipe_hash"),
        "hardware": _listing(device, ("hardware", "torch")).removeprefix("hardware "),
        "trained with": _listing(task.get("versions") or {}),
        "platform": task.get("platform"),
        "revision": task.get("git_revision"),
        "licence": task.get("licence"),
        "citation": task.get("citation"),
    }
    return [(f"{name}: {label}", str(value)) for label, value in known.items() if value] or [
        (f"{name}: origin", NOT_RECORDED)
    ]


def made_with() -> str:
    """Return the versions that made the page."""
    import altair as alt
    import vl_convert

    from tabular.version import __version__

    return (
        f"nasbench {__version__}, Altair {alt.__version__}, Vega {vl_convert.get_vega_version()}, "
        f"Python {platform.python_version()}"
    )


def everything(results: Results) -> str:
    """Return all that is recorded of the origin, as indented JSON."""
    return json.dumps(dict(results.provenance), indent=1, ensure_ascii=False, default=str)


def as_text(command: str, results: list[Results]) -> str:
    """Return the whole block as plain text, to be pasted somewhere else."""
    lines = [f"command: {command or NOT_RECORDED}", f"report made with: {made_with()}"]
    for each in results:
        lines += ["", f"[{each.oracle}, {each.protocol.budget}, {counted(len(each.trials), 'strategy')}]"]
        lines += [f"{label}: {value}" for label, value in facts(each)]
    return "\n".join(lines)


def _listing(values: Mapping[str, Any], names: tuple[str, ...] | None = None) -> str:
    chosen = {name: values[name] for name in names or values if name in values}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in chosen.items())
