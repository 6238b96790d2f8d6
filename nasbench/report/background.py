"""The lower half of the report: verification, data cards, scorecards, origin."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nasbench.analysis.wording import measure_name
from nasbench.report.charts import Shown, verification_chart
from tabular.wording import counted, listed, number, spaced, with_spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nasbench.comparison.results import Results
    from nasbench.comparison.verification import Verified

MOST_LISTED = 6
"""Names in a row on the page; of more, the first ones are listed and the others counted."""


def verification_shown(
    results: Sequence[Results], verification: Mapping[str, Sequence[Verified]]
) -> tuple[list[Shown], dict[str, Shown]]:
    """Return what the page says of fresh trainings, and the charts of them.

    Parameters
    ----------
    results : sequence of Results
        The first of each oracle tells what was measured again: its report.
    verification : dict of str to sequence of Verified
        By the oracle that had promised.
    """
    by_oracle = {each.oracle: each for each in reversed(results)}
    shown: list[Shown] = []
    charts: dict[str, Shown] = {}
    for place, (oracle, verified) in enumerate(verification.items()):
        if verified:
            said, chart = _verification(by_oracle[oracle], verified)
            said["oracle"], said["chart"] = oracle, f"verification-chart-{place}" if chart else ""
            charts |= {said["chart"]: chart} if chart else {}
            shown.append(said)
    return shown, charts


def _verification(results: Results, verified: Sequence[Verified]) -> tuple[Shown, Shown]:
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
    chart: Shown = {}
    if len(known):
        chart = {"part": None, "spec": verification_chart(verified, metric, alt), "square": True}
    return {"finding": said, "rows": rows, "alt": alt}, chart


def cards_shown(cards: Mapping[str, str]) -> list[tuple[str, Markup]]:
    """Return data cards as HTML, by the oracle they describe."""
    return [(name, Markup(card_html(card, below=2))) for name, card in cards.items()]  # noqa: S704  # no raw HTML is left


def scorecards_shown(scorecards: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Shown]:
    """Return scorecards turned about: a score a row, a measure a column, as there are few measures and many scores."""
    shown = []
    for name, rows in scorecards.items():
        scores = [each for each in dict.fromkeys(key for row in rows for key in row) if each != "measure"]
        shown.append(
            {
                "name": name,
                "measures": [str(row.get("measure", "")) for row in rows],
                "rows": [(spaced(each), [_score(row.get(each)) for row in rows]) for each in scores],
            }
        )
    return shown


def origins_shown(results: Sequence[Results], names: Sequence[str]) -> list[Shown]:
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
    return listed([counted(each, "time") for each in counts], MOST_LISTED)


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
        ("reports", listed(results.reports, MOST_LISTED)),
        ("budget of a run", str(protocol.budget)),
        ("workers, repeats", f"{protocol.workers}, {protocol.repeats}"),
    ]
    if protocol.objectives:
        found.append(("objectives", listed(protocol.objectives, MOST_LISTED)))
    if protocol.constraints:
        found.append(("constraints", listed(protocol.constraints, MOST_LISTED)))
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
    return ", ".join(f"{spaced(name)} {value}" for name, value in chosen.items())


def seeds_of(results: Results) -> str:
    """Return the seeds of all runs, short where they are the same and without gaps."""
    texts = {}
    for name, trials in results.trials.items():
        first, last = int(trials.seeds.min()), int(trials.seeds.max())
        whole = len(trials.seeds) == last - first + 1
        span = f"{first} to {last}" if whole and last > first else ", ".join(map(str, trials.seeds.tolist()))
        texts[name] = span
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return "; ".join(f"{name}: {text}" for name, text in texts.items())


def runs_of(results: Results) -> str:
    """Return how many runs each strategy has: ``500 runs each``, or ``3 to 500 runs``."""
    runs = sorted({trials.runs for trials in results.trials.values()})
    if not runs:
        return "no runs"
    each = " each" if len(results.trials) > 1 else ""
    return f"{counted(runs[0], 'run')}{each}" if len(runs) == 1 else f"{runs[0]} to {runs[-1]:,} runs"
