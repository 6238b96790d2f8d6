"""Logarithmic axes with plain numbers that do not collide, and checks of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import Locator, LogLocator, MaxNLocator, NullFormatter, NullLocator

from nasbench.figures.style import font_size
from tabular.errors import QueryError
from tabular.wording import tick_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from matplotlib.axis import Axis
    from numpy.typing import NDArray

SUBS = ((1, 2, 5), (1, 3), (1,))


class FewLogTicks(Locator):
    """Ticks at 1, 2, 5 of each decade, or fewer where their numbers would collide.

    Within one decade they are at round numbers.

    Parameters
    ----------
    font : float
        Size of the numbers, in points.
    smallest : float
        Below it the axis is linear, with a tick at zero; 0 for an axis that is logarithmic everywhere.
    """

    def __init__(self, font: float, smallest: float = 0.0) -> None:
        self.font, self.smallest = font, smallest

    def __call__(self) -> list[float]:
        """Return where ticks are."""
        axis: Any = self.axis
        return self.tick_values(*axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return where ticks would be between two ends."""
        low, high = sorted((vmin, vmax))
        positive = max(low, self.smallest)
        if not 0 < positive < high:
            return [0.0] if low <= 0 <= high else []
        zero = [0.0] if self.smallest and low <= 0 else []
        ticks = zero
        for inner in self._choices(positive, high):
            ticks = [*zero, *inner.tolist()]
            if len(ticks) >= 2 and self._fit(np.array(ticks)):
                return ticks
        return ticks

    def _choices(self, low: float, high: float) -> Iterator[NDArray[np.float64]]:
        decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
        slack = 1e-9
        for subs in SUBS:
            each = np.sort(np.outer(10.0**decades, subs).ravel())
            yield each[(each >= low * (1 - slack)) & (each <= high * (1 + slack))]
        for stride in range(2, len(decades)):
            each = 10.0 ** decades[decades % stride == 0]
            yield each[(each >= low) & (each <= high)]
        for count in (4, 3, 2, 1):  # less than a decade
            each = np.asarray(MaxNLocator(count).tick_values(low, high))
            yield each[(each >= low) & (each <= high)]

    def _fit(self, ticks: NDArray[np.float64]) -> bool:
        axis: Any = self.axis
        box, dpi = axis.axes.bbox, axis.axes.figure.dpi
        ends = axis.get_transform().transform(np.array(axis.get_view_interval()))
        level = axis.axis_name == "x"
        length = (box.width if level else box.height) / dpi * 72
        places = (axis.get_transform().transform(ticks) - ends.min()) / (np.ptp(ends) or 1.0) * length
        if not level:
            return bool((np.diff(places) >= 1.3 * self.font).all())
        widths = np.array([len(tick_number(tick)) for tick in ticks]) * 0.55 * self.font
        return bool((np.diff(places) >= (widths[1:] + widths[:-1]) / 2 + 0.7 * self.font).all())


def plain_log_ticks(axis: Axis, smallest: float = 0.0) -> None:
    """Give a logarithmic axis ticks that do not collide.

    Parameters
    ----------
    axis : matplotlib Axis
    smallest : float
        Below it the axis is linear, as for `FewLogTicks`.
    """
    import matplotlib as mpl

    axis.set_major_locator(FewLogTicks(font_size(mpl.rcParams["xtick.labelsize"]), smallest))
    axis.set_major_formatter(lambda value, _: tick_number(value))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator() if smallest else LogLocator(subs=range(2, 10)))


def log_where_positive(axis: Axis, values: NDArray[np.float64]) -> None:
    """Make an axis logarithmic, with a linear piece down to zero if there are zeros, which have no logarithm.

    Parameters
    ----------
    axis : matplotlib Axis
        Whose data are drawn already.
    values : (N,) float64
        What is drawn, NaN included.
    """
    known = values[np.isfinite(values)]
    positive = known[known > 0]
    ax = axis.axes
    level = axis is ax.xaxis
    set_scale, set_limits = (ax.set_xscale, ax.set_xlim) if level else (ax.set_yscale, ax.set_ylim)
    if not positive.size:
        return  # nothing but zeros, or nothing at all: a linear axis shows that
    least, most = float(positive.min()), float(positive.max())
    if (known > 0).all():
        set_scale("log")
        margin = max(most / least, 1.1) ** 0.05
        set_limits(least / margin, most * margin)
        plain_log_ticks(axis)
    else:
        set_scale("symlog", linthresh=least, linscale=0.5)
        set_limits(0, most * (most / least) ** 0.05)
        plain_log_ticks(axis, least)


def check_frame(frame: pd.DataFrame, columns: Sequence[str], figure: str, texts: Sequence[str] = ()) -> None:
    """Make sure that a frame can be drawn: that its columns are there, those of numbers hold some, and it has rows.

    Parameters
    ----------
    frame : DataFrame
    columns : sequence of str
        Columns of numbers that the figure draws.
    figure : str
        What the message calls the figures: ``regret curves``, say.
    texts : sequence of str
        Columns of names that the figure needs too.

    Raises
    ------
    QueryError
    """
    needed = (*texts, *columns)
    lacking = [name for name in needed if name not in frame.columns]
    if lacking:
        raise QueryError(
            f"{figure} need a frame with the columns {', '.join(needed)}; this one lacks {', '.join(lacking)} "
            f"(it has {', '.join(map(str, frame.columns)) or 'none'})"
        )
    if frame.empty:
        raise QueryError(f"{figure} need at least one row, and the frame is empty; give one with a row for each point")
    try:
        frame.astype(dict.fromkeys(columns, np.float64))
    except (TypeError, ValueError) as error:
        raise QueryError(f"{figure} need numbers in the columns {', '.join(columns)}; {error}") from error


def check_strategies(frame: pd.DataFrame, columns: Sequence[str], figure: str) -> list[str]:
    """Check a frame that has a column ``strategy`` too, and return its strategies in the order in which they come.

    Raises
    ------
    QueryError
        As `check_frame`.
    """
    check_frame(frame, columns, figure, ["strategy"])
    return list(dict.fromkeys(frame["strategy"].astype(str)))


def numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column of a checked frame as an array, (N,)."""
    return frame[column].to_numpy(dtype=np.float64)
