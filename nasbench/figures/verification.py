"""Promises of an oracle against measurements of fresh trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.figures.axes import check_frame
from nasbench.figures.style import COLOURS, GREY, write_note
from tabular.errors import QueryError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

DIRECTIONS = 8
REACHES = (1.1, 1.9, 2.7, 3.5)
"""How far a number may be from its point, in letters."""


def promised_against_measured(ax: Axes, frame: pd.DataFrame, label: str = "") -> None:
    """Draw each architecture's measurement over its promise, with the diagonal on which both are the same.

    Bars are one standard deviation of single trainings to either side, where it is known. Architectures are numbered
    from 1 in the order of the frame.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        Columns architecture, promised, promised_std, measured, measured_std.
    label : str
        What is promised: ``test accuracy``, say.

    Raises
    ------
    QueryError
        If no architecture has both values.
    """
    import matplotlib as mpl

    check_frame(frame, ("promised", "promised_std", "measured", "measured_std"), "verifications", ["architecture"])
    font, line = (float(mpl.rcParams[name]) for name in ("font.size", "lines.linewidth"))
    points = frame[["promised", "measured"]].to_numpy(dtype=np.float64)
    known = np.isfinite(points).all(axis=1)
    if not known.any():
        raise QueryError(f"nothing to draw: none of {len(frame)} architectures has both a promise and a measurement")
    deviations = frame[["promised_std", "measured_std"]].to_numpy(dtype=np.float64)
    points, spread = points[known], np.nan_to_num(deviations[known])
    low, high = (points - spread).min(), (points + spread).max()
    margin = 0.08 * (float(high - low) or 0.01)
    limits = float(low) - margin, float(high) + margin
    ax.axline((limits[0], limits[0]), slope=1, color=GREY, linestyle="--", linewidth=0.6 * line, zorder=1)
    (x, y), (x_error, y_error) = points.T, spread.T
    ax.errorbar(
        x,
        y,
        xerr=x_error,
        yerr=y_error,
        fmt="none",
        ecolor=COLOURS[0],
        elinewidth=0.6 * line,
        capsize=0.3 * font,
        zorder=2,
    )
    ax.scatter(x, y, s=0.25 * font**2, color=COLOURS[1], zorder=3)
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.locator_params(nbins=5)
    _number(ax, points, spread, np.flatnonzero(known) + 1)
    ax.set_xlabel(f"promised {label}".rstrip())
    ax.set_ylabel(f"measured {label}".rstrip())
    absent = len(frame) - int(known.sum())
    write_note(ax, f"{absent} of {len(frame)} not drawn: not measured, or nothing was promised" if absent else "")


def _number(ax: Axes, points: NDArray[np.float64], spread: NDArray[np.float64], numbers: NDArray[np.int64]) -> None:
    """Write each number near its point, where the fewest points, bars and numbers are."""
    import matplotlib as mpl

    size = 0.85 * float(mpl.rcParams["font.size"])
    dpi = ax.figure.get_figure(root=True).dpi
    to_letters = 72 / dpi / size
    centres = ax.transData.transform(points) * to_letters
    ends = ax.transData.transform(points + spread) * to_letters - centres
    angles = 2 * np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
    steps = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    taken: list[NDArray[np.float64]] = []
    for centre, number in zip(centres, numbers, strict=True):
        options = [(reach, reach * step) for reach in REACHES for step in steps]
        cost = [reach + 4 * _crowded(centre + shift, centres, ends, taken) for reach, shift in options]
        reach, shift = options[int(np.argmin(cost))]
        taken.append(centre + shift)
        line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
        place = points[list(numbers).index(number)]
        ax.annotate(str(number), tuple(place), tuple(size * shift), textcoords="offset points", ha="center",
                    va="center", fontsize=size, zorder=4, arrowprops=line if reach > REACHES[0] else None)  # fmt: skip


def _crowded(
    place: NDArray[np.float64],
    centres: NDArray[np.float64],
    ends: NDArray[np.float64],
    taken: list[NDArray[np.float64]],
) -> float:
    """Return how many points, bars and numbers a number at a place would touch."""
    away = np.abs(place - centres)
    points = (away < 0.8).all(axis=1).sum()
    level = (away[:, 1] < 0.6) & (away[:, 0] < ends[:, 0] + 0.5)
    upright = (away[:, 0] < 0.6) & (away[:, 1] < ends[:, 1] + 0.5)
    numbers = sum(bool((np.abs(place - other) < 1.1).all()) for other in taken)
    return float(points + 0.5 * (level.sum() + upright.sum()) + 2 * numbers)
