"""What lies behind the results, once for all of them: verification, data cards, scorecards, origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nasbench.report.cards import card_html
from nasbench.report.charts import verification_chart
from nasbench.report.origin import everything, facts
from nasbench.report.wording import counted, listed, measure_name, number, with_spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nasbench.comparison.results import Results
    from nasbench.comparison.verification import Verified

Shown = dict[str, Any]


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
                "rows": [(each.replace("_", " "), [_score(row.get(each)) for row in rows]) for each in scores],
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
    return listed([counted(each, "time") for each in counts])
