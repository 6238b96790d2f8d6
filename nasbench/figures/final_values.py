"""What the runs of each strategy ended with: boxes or violins, the best strategy at the top."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.figures.checking import check_frame, numbers
from nasbench.figures.labels import NOTHING, figure_size, font_size, label_axis, make_taller, noted
from nasbench.figures.style import marker
from tabular.errors import QueryError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

MOST_POINTS = 100
"""A strategy with more runs than this is drawn without its single runs."""

DIRECTIONS = ("less", "more")


@dataclass(frozen=True)
class _Row:
    """One strategy's known values, what is said beside its name, and its look."""

    name: str
    label: str
    known: NDArray[np.float64]
    look: dict[str, Any]
    height: float = 20.0
    """Of the row, in points."""


def final_boxes(
    ax: Axes, frame: pd.DataFrame, column: str = "regret", label: str = "final regret", *, better: str | None = None
) -> None:
    """Draw a box for each strategy: median, quartiles, and the farthest runs within 1.5 times their distance (Tukey).

    Strategies are sorted by their median, the best at the top. Single runs are faint points, if they are few, or else
    those beyond the whiskers are. An axis of positive values with ``less`` being better is logarithmic, with a
    linear piece down to zero if there are zeros.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        One row a run: ``strategy`` and the column. What is NaN is counted beside the name.
    column : str
        What is drawn, such as ``regret`` or ``report``.
    label : str
        Of the axis.
    better : str, optional
        ``less`` or ``more``; by default ``less`` for the column ``regret``, ``more`` for any other.

    Raises
    ------
    QueryError
        If the frame lacks a column or has no rows, or the direction is neither.
    """
    rows = _prepare(ax, frame, column, label, better)
    for place, row in enumerate(rows):
        if row.known.size:
            _box(ax, place, row)
            beyond = None if len(row.known) <= MOST_POINTS else _whiskers(row.known)
            _points(ax, place, row, beyond)


def final_violins(
    ax: Axes, frame: pd.DataFrame, column: str = "regret", label: str = "final regret", *, better: str | None = None
) -> None:
    """Draw a violin for each strategy: how its runs are distributed, with median and quartiles.

    Densities are Gaussian kernel estimates on the scale of the axis (so of logarithms, if it is logarithmic), cut at
    the smallest and largest run. All else is as for `final_boxes`.

    Parameters
    ----------
    ax, frame, column, label, better
        As for `final_boxes`.

    Raises
    ------
    QueryError
        If the frame lacks a column or has no rows, or the direction is neither.
    """
    rows = _prepare(ax, frame, column, label, better)
    for place, row in enumerate(rows):
        if row.known.size:
            _violin(ax, place, row)
            if len(row.known) <= MOST_POINTS:
                _points(ax, place, row)


def _prepare(ax: Axes, frame: pd.DataFrame, column: str, label: str, better: str | None) -> list[_Row]:
    """Sort strategies, name them along the y axis, and scale the x axis."""
    strategies = check_frame(frame, (column,), "final values")
    better = better or ("less" if column == "regret" else "more")
    if better not in DIRECTIONS:
        raise QueryError(f"of final values {' or '.join(DIRECTIONS)} is better, got {better!r}")
    by_name = frame["strategy"].astype(str)
    rows = []
    for name in strategies:
        values = numbers(frame[by_name == name], column)
        known = values[np.isfinite(values)]
        note = "" if len(known) == len(values) else f"{len(known)} of {len(values)} runs" if known.size else NOTHING
        if len(values) == 1 and known.size:
            note = "1 run"
        rows.append(_Row(name, noted(name, note), known, marker(name, strategies)))
    sign = 1 if better == "less" else -1

    def worth(row: _Row) -> tuple[bool, float, float]:
        if not row.known.size:
            return True, 0.0, 0.0
        return False, sign * float(np.median(row.known)), sign * float(row.known.mean())

    rows.sort(key=worth)
    height = _name_rows(ax, rows)
    _scale(ax, np.concatenate([row.known for row in rows]), logarithmic=better == "less")
    label_axis(ax.xaxis, label, 0.65 * figure_size(ax)[0])
    return [replace(row, height=height) for row in rows]


def _name_rows(ax: Axes, rows: list[_Row]) -> float:
    """Name rows along the y axis, and return how high one is, in points."""
    import matplotlib as mpl

    base = font_size(mpl.rcParams["ytick.labelsize"])
    room = figure_size(ax)[1] - 4 * base
    smallest = 0.7 * base
    if room / len(rows) < 1.25 * smallest:
        make_taller(ax, 1.25 * smallest * len(rows) - room)
        room = 1.25 * smallest * len(rows)
    ax.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=min(base, room / len(rows) / 1.25))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    return room / len(rows)


def _scale(ax: Axes, values: NDArray[np.float64], *, logarithmic: bool) -> None:
    from nasbench.figures.log_ticks import log_where_positive

    if not values.size:
        return
    low, high = float(values.min()), float(values.max())
    if logarithmic and low >= 0 and high > 0:
        log_where_positive(ax.xaxis, values)
    else:
        margin = 0.04 * ((high - low) or abs(high) or 1.0)
        ax.set_xlim(low - margin, high + margin)


def _whiskers(values: NDArray[np.float64]) -> tuple[float, float]:
    first, third = np.quantile(values, (0.25, 0.75))
    reach = 1.5 * (third - first)
    return float(values[values >= first - reach].min()), float(values[values <= third + reach].max())


def _box(ax: Axes, place: int, row: _Row) -> None:
    from matplotlib.patches import Rectangle

    if len(row.known) == 1:
        return  # a point says all
    first, median, third = np.quantile(row.known, (0.25, 0.5, 0.75))
    low, high = _whiskers(row.known)
    colour, thin = row.look["color"], _thin()
    edge: dict[str, Any] = {"color": colour, "linewidth": thin, "zorder": 3, "clip_on": False}
    ax.plot([low, first], [place, place], **edge)
    ax.plot([third, high], [place, place], **edge)
    for end in (low, high):
        ax.plot([end, end], [place - 0.15, place + 0.15], **edge)
    box = Rectangle((first, place - 0.3), third - first, 0.6, linewidth=thin, edgecolor=colour, zorder=2.5)
    box.set_facecolor((*_rgb(colour), 0.2))
    ax.add_patch(box)
    _median(ax, place, row, median)


def _median(ax: Axes, place: int, row: _Row, median: float) -> None:
    look: dict[str, Any] = {"color": "black", "linewidth": _thick(row, 0.08), "zorder": 5, "clip_on": False}
    ax.plot([median, median], [place - 0.3, place + 0.3], gid="median", **look)


def _thin() -> float:
    import matplotlib as mpl

    return float(0.7 * mpl.rcParams["lines.linewidth"])


def _thick(row: _Row, share: float) -> float:
    """Return the width of a line that suits the height of its row."""
    return min(max(share * row.height, 0.8), 2.5)


def _rgb(colour: object) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(str(colour))


def _points(ax: Axes, place: int, row: _Row, beyond: tuple[float, float] | None = None) -> None:
    """Draw single runs, all or those beyond two ends, moved up and down so that equal ones are seen."""
    import matplotlib as mpl

    values = row.known
    if beyond is not None:
        values = values[(values < beyond[0]) | (values > beyond[1])]
    alone = len(row.known) == 1
    moved = np.zeros(1) if alone else np.random.default_rng(0).uniform(-0.22, 0.22, len(values))
    area = (0.3 if alone else 0.1) * font_size(mpl.rcParams["font.size"]) ** 2
    look = {**row.look, "alpha": 1.0 if alone else 0.4}
    ax.scatter(values, place + moved, s=area, linewidths=0, zorder=4, clip_on=False, **look)


def _violin(ax: Axes, place: int, row: _Row) -> None:
    from scipy.stats import gaussian_kde

    values = row.known
    if len(values) == 1:
        return
    scale = ax.xaxis.get_transform()
    on_axis = np.asarray(scale.transform(values))
    colour = row.look["color"]
    if np.ptp(on_axis) > 1e-12 * max(1.0, float(np.abs(on_axis).max())):
        grid = np.linspace(on_axis.min(), on_axis.max(), 200)
        density = gaussian_kde(on_axis)(grid)
        half = 0.42 * density / density.max()
        at = scale.inverted().transform(grid)
        at, look = scale.inverted().transform(grid), {"facecolor": (*_rgb(colour), 0.2), "edgecolor": colour}
        ax.fill_between(at, place - half, place + half, linewidth=_thin(), zorder=2.5, **look)
    first, median, third = np.quantile(values, (0.25, 0.5, 0.75))
    ax.plot([first, third], [place, place], color="0.15", linewidth=_thick(row, 0.1), zorder=4.5, solid_capstyle="butt")
    _median(ax, place, row, median)
