"""How tables and the checklist name measures, budgets, seeds and results."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nasbench.comparison.protocol import Budget
    from nasbench.comparison.results import Results
    from tabular.measures import Metric

_UNITS = {"fraction": "%", "second": "s", "byte": "bytes", "count": ""}


def scale_of(metric: Metric) -> int:
    """Return what to multiply values by to print them: fractions are printed in percent."""
    return 100 if metric.unit == "fraction" else 1


def name_of(metric: Metric) -> str:
    """Return a metric's name as words: ``test accuracy``."""
    return metric.name.replace("_", " ")


def with_unit(name: str, metric: Metric) -> str:
    """Return a name with the unit that its values are printed in: ``test accuracy (%)``."""
    unit = _UNITS.get(metric.unit, metric.unit)
    return f"{name} ({unit})" if unit else name


def capital(text: str) -> str:
    """Return text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def budget_text(budget: Budget) -> str:
    """Return a budget as words: ``500 simulated seconds``."""
    unit = budget.unit.removesuffix("s") if budget.amount == 1 else budget.unit
    return f"{budget.amount:,.12g} {'simulated ' if budget.unit == 'seconds' else ''}{unit}"


def counted(count: int, what: str, several: str = "") -> str:
    """Return ``1 run``, ``20 runs``."""
    return f"{count:,} {what if count == 1 else several or f'{what}s'}"


def listed(names: Iterable[object]) -> str:
    """Return ``a, b and c``."""
    *most, last = map(str, names)
    return f"{', '.join(most)} and {last}" if most else last


def seeds_text(results: Results) -> str:
    """Return how many runs there are with which seeds: of all strategies, or of each where they differ."""
    by_text: dict[str, list[str]] = {}
    for name, trials in results.trials.items():
        seeds = np.unique(trials.seeds)
        gaps = "" if len(seeds) == 1 + seeds[-1] - seeds[0] else ", with gaps"
        span = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}{gaps}"
        by_text.setdefault(f"{counted(trials.runs, 'run')} ({span})", []).append(name)
    if len(by_text) == 1:
        return f"{next(iter(by_text))}{' of each strategy' if len(results.trials) > 1 else ''}"
    return "; ".join(f"{text} of {listed(names)}" for text, names in by_text.items())


def report_text(results: Results) -> str:
    """Return what incumbents are judged by as words: ``test accuracy after 12 epochs of training on digits``."""
    metric, report = results.report_metric, results.report
    after = f" after {counted(report.epochs, 'epoch')} of training" if metric.split != "none" else ""
    return f"{name_of(metric)}{after} on {report.task}"


def titles(several: Sequence[Results], beside: Sequence[str] = ()) -> list[str]:
    """Return a name for each of some results, as short as tells them apart.

    Parameters
    ----------
    several : sequence of Results
    beside : sequence of str
        What stands beside each title and tells results apart too: the report's metric, say.
    """
    parts: list[Callable[[Results], str]] = [
        lambda each: each.report.task,
        lambda each: budget_text(each.protocol.budget),
        lambda each: counted(each.report.epochs, "epoch") if beside else report_text(each),
    ]
    found = [each.oracle for each in several]
    others = list(beside) or [""] * len(found)
    for part in parts:
        pairs = list(zip(found, others, strict=True))
        twice = {title for title, what in pairs if pairs.count((title, what)) > 1}
        by_title: dict[str, set[str]] = {}
        for title, each in zip(found, several, strict=True):
            by_title.setdefault(title, set()).add(part(each))
        found = [
            f"{title}, {part(each)}" if title in twice and len(by_title[title]) > 1 else title
            for title, each in zip(found, several, strict=True)
        ]
    seen: Counter[tuple[str, str]] = Counter()
    count = Counter(zip(found, others, strict=True))
    for i, pair in enumerate(zip(list(found), others, strict=True)):
        seen[pair] += 1
        if count[pair] > 1:
            found[i] = f"{pair[0]} ({seen[pair]})"
    return found


def label_of(text: str) -> str:
    """Return text as letters, digits and hyphens, to refer to."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "table"
