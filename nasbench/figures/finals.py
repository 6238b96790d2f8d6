"""Final values of strategies as boxes or violins, and mean ranks as a diagram."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.figures.axes import check_strategies, numbers
from nasbench.figures.style import NOTHING, figure_size, font_size, label_axis, make_taller, marker, noted
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
    strategies = check_strategies(frame, (column,), "final values")
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
    from nasbench.figures.axes import log_where_positive

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


BAR = 0.45
"""Distance between bars, in lines of text."""

ABOVE = 3.6
"""Room above the axis for its numbers, the ruler and its label, in font sizes; 14 points more are for distances."""

BASE = 8.0
"""The size of text, in points, that goes with widths of lines and sizes of markers here."""


def critical_difference(ax: Axes, ranks: pd.DataFrame, distance: float) -> None:
    """Draw average ranks on a line, the best to the right, and join those that do not differ by bars.

    As in figure 1 of Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets (JMLR 7, 2006): two
    strategies differ if their average ranks do so by at least the critical difference, whose length is the ruler's.

    Parameters
    ----------
    ax : matplotlib Axes
    ranks : DataFrame
        One row a strategy: ``strategy`` and ``rank``, 1 being best. Those whose rank is NaN are listed below.
    distance : float
        The critical difference.

    Raises
    ------
    QueryError
        If the frame lacks a column, fewer than two strategies have a rank, or the distance is not positive.
    """
    strategies = check_strategies(ranks, ("rank",), "critical-difference diagrams")
    if len(strategies) < len(ranks):
        twice = ranks["strategy"][ranks["strategy"].duplicated()].iloc[0]
        raise QueryError(f"critical-difference diagrams need one row a strategy, got several of {twice!r}")
    ranked = ranks[np.isfinite(numbers(ranks, "rank"))].sort_values("rank", kind="stable")
    if len(ranked) < 2:
        raise QueryError(
            f"critical-difference diagrams need at least two strategies with a rank, got {len(ranked)}; compare more"
        )
    if not (np.isfinite(distance) and distance > 0):
        raise QueryError(f"a critical difference is a positive number, got {distance:g}")
    values, names = numbers(ranked, "rank"), ranked["strategy"].astype(str).tolist()
    last = max(len(strategies), int(np.ceil(values[-1])))  # ranks go from 1 to the number of strategies
    bars = _stacked(groups(values, distance), values, 0.08 * (last - 1))
    first_line = 1.1 + BAR * max((level + 1 for _, _, level in bars), default=0)
    lines = first_line + (len(names) + 1) // 2
    unranked = [name for name in strategies if name not in names]
    depth = lines + (1.0 if unranked else 0.0)

    font = _axis(ax, last, distance, depth)
    unit = font / BASE
    for place, (name, rank) in enumerate(zip(names, values, strict=True)):
        best = place < (len(names) + 1) // 2  # the better half is named on the right, from the top down
        line = first_line + (place if best else len(names) - 1 - place)
        ax.plot([rank, rank], [0, -line], color="0.25", linewidth=0.7 * unit, zorder=2, clip_on=False)
        ax.plot(
            rank,
            0,
            **marker(name, strategies),
            markersize=4.5 * unit,
            zorder=4,
            clip_on=False,
            linestyle="none",
        )
        ax.annotate(
            noted(name, ""),
            (rank, -line),
            xytext=((2.5 if best else -2.5) * unit, 0),
            textcoords="offset points",
            ha="left" if best else "right",
            va="center",
            fontsize=font,
            gid="name",
        )
    for start, stop, level in bars:
        height = -0.55 - BAR * level
        reach = 0.012 * (last - 1)
        ax.plot(
            [values[start] - reach, values[stop] + reach],
            [height, height],
            color="black",
            linewidth=2.4 * unit,
            solid_capstyle="butt",
            zorder=3,
            clip_on=False,
            gid="group",
        )
    if unranked:
        text = ", ".join(noted(name, NOTHING) for name in unranked)
        ax.text((last + 1) / 2, -lines - 0.3, f"without a rank: {text}", ha="center", va="center", fontsize=font)


def groups(ranks: NDArray[np.float64], distance: float) -> list[tuple[int, int]]:
    """Return the largest groups of ranks that do not differ, as first and last place of each.

    Parameters
    ----------
    ranks : (K,) float64
        Ascending.
    distance : float
        Ranks that lie as far apart as this, or farther, differ.
    """
    found: list[tuple[int, int]] = []
    for start in range(len(ranks)):
        stop = int(np.searchsorted(ranks, ranks[start] + distance, side="left")) - 1
        if stop > start and (not found or stop > found[-1][1]):
            found.append((start, stop))
    return found


def _stacked(found: list[tuple[int, int]], ranks: NDArray[np.float64], gap: float) -> list[tuple[int, int, int]]:
    """Return groups with the level at which each is drawn: the first where no other is near."""
    ends: list[float] = []  # of each level
    placed = []
    for start, stop in found:
        level = next((i for i, end in enumerate(ends) if end + gap < ranks[start]), len(ends))
        ends[level : level + 1] = [float(ranks[stop])]
        placed.append((start, stop, level))
    return placed


def _axis(ax: Axes, last: int, distance: float, depth: float) -> float:
    """Make the x axis that of ranks, at height 0, with the ruler above, and a unit of height a line of text.

    Returns the size of names that as many lines leave room for.
    """
    import matplotlib as mpl
    from matplotlib.ticker import MaxNLocator

    base = font_size(mpl.rcParams["font.size"])
    font, line, height = _lines(ax, base, depth)
    above = (ABOVE * base + 14) / line
    ax.grid(visible=False)
    for side in ("left", "right", "bottom"):
        ax.spines[side].set_visible(False)
    ax.yaxis.set_visible(False)
    ax.set_ylim(above - max(height / line, above + depth), above)
    ax.set_xlim(last, min(1.0, last - distance))
    ax.spines["top"].set_visible(True)
    ax.spines["top"].set_position(("data", 0))
    ax.spines["top"].set_bounds(1, last)
    ax.xaxis.set_ticks_position("top")
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    apart = max(0.8, 0.1 * (last - 1))
    ax.set_xticks(sorted({1, last, *(tick for tick in ax.get_xticks() if 1 + apart < tick < last - apart)}))
    ax.set_xlabel("average rank (the best to the right)")
    ax.xaxis.set_label_coords((last + 1) / 2, -depth, transform=ax.transData)
    ruler_height = above - 1.8 * base / line
    ruler: dict[str, Any] = {"color": "black", "linewidth": base / BASE, "clip_on": False}
    ax.plot([last, last - distance], [ruler_height, ruler_height], gid="ruler", **ruler)
    for end in (last, last - distance):
        ax.plot([end, end], [ruler_height - 0.25 * base / line, ruler_height + 0.25 * base / line], **ruler)
    ax.annotate(
        f"CD = {distance:.2f}",
        (last, ruler_height),
        xytext=(0, 3),
        textcoords="offset points",
        ha="left",
        va="bottom",
    )
    return font


def _lines(ax: Axes, base: float, depth: float) -> tuple[float, float, float]:
    """Return the size of names, the distance between lines, and the height of the axes, in points.

    A figure of one axes is made taller if names would be too small to read.
    """
    above = ABOVE * base + 14
    height = figure_size(ax)[1] - 2.5 * base  # without the label
    smallest = 0.7 * base
    if (height - above) / depth < 1.15 * smallest:
        make_taller(ax, 1.15 * smallest * depth + above - height)
        height = 1.15 * smallest * depth + above
    line = min((height - above) / depth, 2.4 * base)
    return min(base, line / 1.15), line, height
