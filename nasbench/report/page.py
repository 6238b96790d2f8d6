"""The report: one HTML file made of a part for each of some results."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from nasbench.analysis.wording import measure_name
from nasbench.comparison.compare import summarise
from nasbench.figures.style import BUDGET_LABELS
from nasbench.report.background import (
    MOST_LISTED,
    as_text,
    cards_shown,
    made_with,
    origins_shown,
    runs_of,
    scorecards_shown,
    verification_shown,
)
from nasbench.report.charts import Shown, fronts_section, look, ranks_section, regret_section
from nasbench.report.tables import (
    ALPHA,
    UNITS,
    FinalTable,
    final_table,
    median_runs,
    pairwise_tests,
    report_names,
    significance,
    units_of,
)
from tabular.errors import QueryError
from tabular.files import check_writable, replacing, without_nan
from tabular.wording import UNKNOWN, counted, listed, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from jinja2 import Environment

    from nasbench.comparison.compare import SummaryRow
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
    """Write one HTML file that shows results to anyone with a browser.

    It fetches nothing.

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
            title=f"Search on {listed(dict.fromkeys(each.oracle for each in results), MOST_LISTED)}",
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
    ended = summarise(results)
    order = [row.strategy for row in ended if row.runs]
    tests, tests_missing = pairwise_tests(results)
    table = final_table(results, ended, tests)
    verdicts = {} if tests is None else significance(results, tests)
    found = finding(results, ended, table)
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
        "fronts": fronts_section(results, ended, part, charts) if results.protocol.objectives else None,
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


def finding(results: Results, ended: Sequence[SummaryRow], table: FinalTable) -> str:
    """Say in a sentence how the comparison ended."""
    rows = [row for row in ended if row.runs]
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
    return f"{text}; not significantly worse ({_LEVEL}): {listed(alike, MOST_LISTED)}."


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
        notes.append(f"One run alone has no spread: there is no band for {listed(single, MOST_LISTED)}.")
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


def compared(results: Results) -> str:
    """Say in two sentences what was compared, and how."""
    protocol = results.protocol
    what = counted(len(results.trials), "strategy")
    space = f"{results.space.name} ({results.space.size:,} architectures)"
    text = (
        f"{what}, {runs_of(results)}, searched {space} with the trainings of {results.oracle}, on a budget of "
        f"{protocol.budget} a run. They saw {measure_name(protocol.signal)} on {protocol.signal.task}; what they found "
        f"is judged by {measure_name(results.report)} on {results.report.task} after "
        f"{counted(results.report.epochs, 'epoch')}."
    )
    if protocol.objectives:
        text += f" Other objectives: {listed([measure_name(each) for each in protocol.objectives], MOST_LISTED)}."
    if protocol.constraints:
        text += f" Every find has to keep to {listed(protocol.constraints, MOST_LISTED)}."
    if protocol.workers > 1:
        text += f" Each run had {protocol.workers} asynchronous workers."
    return text
