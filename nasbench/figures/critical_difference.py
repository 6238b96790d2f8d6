"""The critical-difference diagram of Demsar (2006): average ranks, and which of them do not differ significantly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.figures.checking import check_frame, numbers
from nasbench.figures.labels import NOTHING, figure_size, font_size, make_taller, noted
from nasbench.figures.style import marker
from tabular.errors import QueryError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

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
    strategies = check_frame(ranks, ("rank",), "critical-difference diagrams")
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
