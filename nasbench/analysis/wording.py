"""Names of measures, budgets, seeds and results as they are printed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tabular.wording import counted, listed, spaced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nasbench.comparison.protocol import Budget
    from nasbench.comparison.results import Results
    from tabular.measures import Measure, Metric


def measure_name(measure: Measure) -> str:
    """Return a measure's name where its task and epochs are known from elsewhere: ``test accuracy``."""
    return spaced(measure.metric)


def measure_label(results: Results) -> str:
    """Write what results report: ``test accuracy (digits, 12 epochs)``."""
    report = results.report
    return f"{measure_name(report)} ({report.task}, {report.epochs} epochs)"


def name_of(metric: Metric) -> str:
    """Return a metric's name as words: ``test accuracy``."""
    return spaced(metric.name)


def budget_text(budget: Budget) -> str:
    """Return a budget as words: ``500 simulated seconds``."""
    unit = budget.unit.removesuffix("s") if budget.amount == 1 else budget.unit
    return f"{budget.amount:,.12g} {'simulated ' if budget.unit == 'seconds' else ''}{unit}"


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
