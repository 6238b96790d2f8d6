"""Numbers, counts, names and lists as they are printed for readers."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from tabular.measures import Metric

UNKNOWN = "–"
"""Printed where there is no number."""

_PERCENT = "\u00a0%"
"""The space before the sign keeps it on the line of its number."""

_UNITS = {"fraction": "%", "second": "s", "byte": "bytes", "count": ""}


def counted(count: int, what: str) -> str:
    """Write how many there are of something.

    ``1 run``, ``2 runs``, ``1,200 strategies``.
    """
    if count == 1:
        return f"1 {what}"
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count:,} {plural}"


def listed(names: Iterable[object], most: int | None = None) -> str:
    """Write names in a row: ``a, b and c``.

    Of more than ``most`` the first ones, and how many more there are.
    """
    words = [str(name) for name in names]
    if most is not None and len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def spaced(name: str) -> str:
    """Write a name as words: ``test accuracy`` for ``test_accuracy``."""
    return name.replace("_", " ")


def capital(text: str) -> str:
    """Return text with a capital letter at the start."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """Return an error's text as a sentence; nothing if there is none."""
    return text and f"{capital(text).removesuffix('.')}."


def label_of(text: str) -> str:
    """Return text as letters, digits and hyphens, to refer to."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "table"


def scale_of(metric: Metric) -> int:
    """Return the factor of printed values: fractions are printed in percent."""
    return 100 if metric.unit == "fraction" else 1


def with_unit(name: str, metric: Metric) -> str:
    """Return a name with the unit that its values are printed in.

    ``test accuracy (%)``.
    """
    unit = _UNITS.get(metric.unit, metric.unit)
    return f"{name} ({unit})" if unit else name


def number(value: float, unit: str = "") -> str:
    """Write a number in four digits or whole thousands, a fraction in percent, an unknown value as a dash."""
    if not math.isfinite(value):
        return UNKNOWN
    if unit == "fraction":
        return f"{round(100 * value, 2) + 0.0:.2f}{_PERCENT}"  # adding zero turns -0.0 into 0.0
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def with_spread(value: float, spread: float, unit: str = "") -> str:
    """Write a mean with its standard deviation, where that is known.

    ``91.20 ± 0.31 %``.
    """
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
    low, middle, high = (number(float(one), unit) for one in np.quantile(known, [0.25, 0.5, 0.75]))
    if unit == "fraction":
        low = low.removesuffix(_PERCENT)
    return f"{middle} ({low} to {high})"


def probability(p: float) -> str:
    """Write a p-value with three decimals."""
    if not math.isfinite(p):
        return UNKNOWN
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Write seconds in three digits or more: ``1.25 s``, ``12,400 s``."""
    return f"{seconds:,.0f} s" if seconds >= 100 else f"{seconds:.3g} s"


def tick_number(value: float) -> str:
    """Write a number of an axis, without powers of ten as long as it is readable."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"


def fixed(value: float, decimals: int) -> str:
    """Write a number with so many decimals and a true minus sign, an unknown value as a dash."""
    if not math.isfinite(value):
        return UNKNOWN
    return f"{round(value, decimals) + 0.0:,.{decimals}f}".replace("-", "−")  # adding zero turns -0.0 into 0.0


def decimals_for(spreads: Iterable[float], values: Iterable[float] = ()) -> int:
    """Return how many decimals show two digits of a typical spread.

    The median of those above 0.

    Without any spread, as many as tell the values' range in three digits; 2 where there is nothing to go by.
    """
    known = sorted(one for one in spreads if one > 0 and math.isfinite(one))
    if known:
        return _within(1 - math.floor(math.log10(known[(len(known) - 1) // 2])))
    finite = [one for one in values if math.isfinite(one)]
    width = max(finite, default=0.0) - min(finite, default=0.0)
    return _within(2 - math.floor(math.log10(width))) if width > 0 else 2


def _within(decimals: int) -> int:
    return min(max(decimals, 0), 12)
