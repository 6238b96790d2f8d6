"""Pareto fronts of single runs, and surfaces that shares of the runs attained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nasbench.figures.axes import check_frame, check_strategies, numbers
from nasbench.figures.style import NOTHING, add_legend, label_axis, line_style, marker, noted
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

DIRECTIONS = ("less", "more")


def fronts(
    ax: Axes,
    frame: pd.DataFrame,
    surfaces: pd.DataFrame,
    x_label: str,
    y_label: str,
    space_front: pd.DataFrame | None = None,
    *,
    better: tuple[str, str] = ("less", "more"),
) -> None:
    """Draw what runs found as points, and the median attainment surface of each strategy with a band around it.

    A surface bounds what a share of the runs reached or exceeded (Fonseca and Fleming 1996). It goes in steps: what
    lies between two points of a front was not reached. The line is the surface whose level is nearest to a half, the
    band lies between the lowest level and the highest.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        One row for each point of a run's front: ``strategy``, ``run``, ``x``, ``y``. A strategy that found nothing has
        one row with NaN.
    surfaces : DataFrame
        One row for each point of a surface: ``strategy``, ``level`` (share of the runs), ``x``, ``y``. May be empty.
    x_label, y_label : str
    space_front : DataFrame, optional
        The front of the space: ``x``, ``y``.
    better : (str, str)
        Whether ``less`` or ``more`` is better, of x and of y.

    Raises
    ------
    QueryError
        If a frame lacks a column, that of the runs has no rows, or a direction is neither.
    """
    strategies = check_strategies(frame, ("run", "x", "y"), "Pareto fronts")
    if len(surfaces):
        check_strategies(surfaces, ("level", "x", "y"), "attainment surfaces")
    if space_front is not None:
        check_frame(space_front, ("x", "y"), "fronts of a space")
    if not set(better) <= set(DIRECTIONS):
        raise QueryError(f"of x and of y {' or '.join(DIRECTIONS)} is better, got {', '.join(better)}")
    known = _limits(ax, [frame, surfaces, *([] if space_front is None else [space_front])])
    by_name = frame["strategy"].astype(str)
    for name in strategies:
        points = frame[by_name == name].dropna(subset=["x", "y"]).drop_duplicates(["x", "y"])
        opacity = 0.35 if len(strategies) <= 8 else 0.15
        # Thousands of points as an image keep the file small; all else stays lines.
        dots: dict[str, Any] = {"s": 7, "alpha": opacity, "linewidths": 0, "zorder": 2, "rasterized": len(frame) > 3000}
        ax.scatter(numbers(points, "x"), numbers(points, "y"), **dots, **marker(name, strategies))
        own = surfaces[surfaces["strategy"].astype(str) == name] if len(surfaces) else surfaces
        _surfaces(ax, own, name, strategies, better, noted(name, "" if len(points) else NOTHING))
    if space_front is not None:
        x, y = _steps(ax, numbers(space_front, "x"), numbers(space_front, "y"), better)
        ax.plot(x, y, color="0.35", linewidth=0.8, label="front of the space", zorder=1.5)
    if not known:
        ax.set(xticks=[], yticks=[])
    label_axis(ax.xaxis, x_label, 0.8 * ax.figure.bbox.width / ax.figure.dpi * 72)
    label_axis(ax.yaxis, y_label, add_legend(ax))


def _limits(ax: Axes, frames: Sequence[pd.DataFrame]) -> bool:
    """Set the limits of both axes, and return whether there is anything to draw.

    X is logarithmic if it spans much.
    """
    from nasbench.figures.axes import plain_log_ticks

    axes: tuple[tuple[Literal["x", "y"], Any], ...] = (("x", ax.set_xlim), ("y", ax.set_ylim))
    for name, set_limits in axes:
        values = np.concatenate([numbers(each, name) for each in frames if len(each)])
        values = values[np.isfinite(values)]
        if not values.size:
            return False
        low, high = float(values.min()), float(values.max())
        if name == "x" and low > 0 and high / low > 20:
            ax.set_xscale("log")
            plain_log_ticks(ax.xaxis)
            margin = (high / low) ** 0.04
            set_limits(low / margin, high * margin)
        else:
            margin = 0.04 * ((high - low) or abs(high) or 1.0)
            set_limits(low - margin, high + margin)
            ax.ticklabel_format(axis=name, scilimits=(-3, 4), useMathText=True)
    return True


def _surfaces(
    ax: Axes, own: pd.DataFrame, name: str, strategies: list[str], better: tuple[str, str], label: str
) -> None:
    look = line_style(name, strategies)
    levels = sorted(own["level"].dropna().unique()) if len(own) else []
    steps = {
        level: _steps(ax, numbers(own[own["level"] == level], "x"), numbers(own[own["level"] == level], "y"), better)
        for level in levels
    }
    if not steps:
        # In the legend all the same: there is no surface, with too few runs that found anything.
        ax.plot([], [], label=label, **look)
        return
    middle = min(levels, key=lambda level: (abs(level - 0.5), level))
    ax.plot(*steps[middle], label=label, zorder=3, **look)
    if len(levels) > 1:
        edges = np.unique(np.concatenate([steps[levels[0]][0], steps[levels[-1]][0]]))
        edges = np.unique(np.concatenate([edges, ax.get_xlim()]))
        low, high = (_reached(ax, own[own["level"] == level], edges, better) for level in (levels[-1], levels[0]))
        opacity = min(0.2, 1.0 / len(strategies))
        where: Literal["pre", "post"] = "post" if better[0] == "less" else "pre"
        ax.fill_between(edges, low, high, step=where, color=look["color"], alpha=opacity, linewidth=0, zorder=1.8)


def _steps(
    ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64], better: tuple[str, str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of what points reach, from the worst y of the axes to its worst x."""
    order = np.argsort(x)
    if better[0] == "more":
        order = order[::-1]
    x, y = x[order], y[order]
    kept = np.isfinite(x) & np.isfinite(y)
    x, y = x[kept], y[kept]
    if not x.size:
        return x, y
    worst_x = max(ax.get_xlim()) if better[0] == "less" else min(ax.get_xlim())
    worst_y = max(ax.get_ylim()) if better[1] == "less" else min(ax.get_ylim())
    best = np.minimum.accumulate(y) if better[1] == "less" else np.maximum.accumulate(y)
    corners_x = np.concatenate([np.repeat(x, 2), [worst_x]])
    corners_y = np.concatenate([[worst_y], np.repeat(best, 2)])
    return corners_x, corners_y


def _reached(
    ax: Axes, surface: pd.DataFrame, edges: NDArray[np.float64], better: tuple[str, str]
) -> NDArray[np.float64]:
    """Return the best y that a surface has at each x, the worst of the axes where it has none."""
    x, y = numbers(surface, "x"), numbers(surface, "y")
    worst = max(ax.get_ylim()) if better[1] == "less" else min(ax.get_ylim())
    there = x[None, :] <= edges[:, None] if better[0] == "less" else x[None, :] >= edges[:, None]
    reached = np.where(there, y[None, :], worst)
    best = np.minimum if better[1] == "less" else np.maximum
    return np.asarray(best.reduce(reached, axis=1, initial=worst))
