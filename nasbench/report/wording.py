"""Numbers and sentences of the report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results
    from tabular.measures import Measure, Metric

_PERCENT = "\u00a0%"  # on the line of its number
UNKNOWN = "\u2013"
"""Stands for what is not known."""


def number(value: float, unit: str = "") -> str:
    """Write a number as a person reads it: fractions in percent, what is not known as a dash."""
    if not math.isfinite(value):
        return UNKNOWN
    if unit == "fraction":
        return f"{round(100 * value, 2) + 0.0:.2f}{_PERCENT}"  # adding zero turns -0.0 into 0.0
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def with_spread(value: float, spread: float, unit: str = "") -> str:
    """Write a mean with its standard deviation, where that is known."""
    if not (math.isfinite(value) and math.isfinite(spread)):
        return number(value, unit)
    if unit == "fraction":
        return f"{100 * value:.2f} ± {100 * spread:.2f}{_PERCENT}"
    return f"{number(value)} ± {number(spread)}"


def with_quartiles(values: NDArray[np.float64], unit: str = "") -> str:
    """Write the median of (R,) runs with their quartiles, or a single run's value alone."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return number(float(known[0]) if len(known) else math.nan, unit)
    low, middle, high = (number(float(each), unit) for each in np.quantile(known, [0.25, 0.5, 0.75]))
    if unit == "fraction":
        low = low.removesuffix(_PERCENT)
    return f"{middle} ({low} to {high})"


def probability(p: float) -> str:
    """Write a p-value."""
    if not math.isfinite(p):
        return UNKNOWN
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def counted(count: int, what: str) -> str:
    """Write how many there are of something: ``1 run``, ``2 runs``."""
    ending = "ies" if what.endswith("y") else what[-1] + "s"
    return f"{count:,} {what if count == 1 else what[:-1] + ending}"


def listed(names: list[str], most: int = 6) -> str:
    """Write names in a row, with how many there are beyond the first few."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def sentence(text: str) -> str:
    """Return an error's text as a sentence, or nothing if there is none."""
    return text and f"{text[0].upper()}{text[1:].removesuffix('.')}."


def measure_name(measure: Measure) -> str:
    """Return what a measure is called where its task and epochs are known from elsewhere."""
    return measure.metric.replace("_", " ")


def report_names(results: Results) -> dict[str, str]:
    """Return what each report is called, with its task where several are called the same, and its epochs if need be."""
    for name in (
        measure_name,
        lambda each: f"{measure_name(each)} ({each.task})",
        lambda each: f"{measure_name(each)} ({each.task}, {each.epochs} epochs)",
    ):
        names = {str(each): name(each) for each in results.reports}
        if len(set(names.values())) == len(names):
            break
    return names


def axis_title(text: str, metric: Metric) -> str:
    """Return a title with the unit that the axis counts in."""
    unit = {"fraction": "%", "second": "s"}.get(metric.unit, metric.unit)
    return f"{text} ({unit})" if unit and unit != "none" else text


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
        text += f" Other objectives: {listed([measure_name(each) for each in protocol.objectives])}."
    if protocol.constraints:
        text += f" Every find has to keep to {listed([str(each) for each in protocol.constraints])}."
    if protocol.workers > 1:
        text += f" Each run had {protocol.workers} asynchronous workers."
    return text
