"""The whole report: its parts put into one file that holds all it needs."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from nasbench.report.background import cards_shown, origins_shown, scorecards_shown, verification_shown
from nasbench.report.origin import as_text, made_with
from nasbench.report.part import part_of
from nasbench.report.wording import counted, listed
from tabular.errors import QueryError
from tabular.files import check_writable, replacing, without_nan

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
