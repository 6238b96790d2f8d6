"""A map of a space: how good all its architectures are, over what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.figures.columns import check_columns
from nasbench.figures.legend import add_legend
from nasbench.figures.notes import write_note
from nasbench.figures.style import marker
from tabular.errors import QueryError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_POINTS = 2000
"""More architectures than this are counted in hexagons: points would cover each other."""

DECADES = 30.0
"""From this ratio of the largest to the smallest cost on, the axis is logarithmic."""


def space_map(
    ax: Axes,
    frame: pd.DataFrame,
    found: pd.DataFrame | None = None,
    *,
    x_label: str = "",
    y_label: str = "",
    y_from: float | None = None,
) -> None:
    """Draw all architectures, the front of the cheapest and best, and those that runs found.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        Columns x, y and front; rows without x or y are counted in a note.
    found : DataFrame, optional
        Columns strategy, x, y; drawn as markers in the strategies' colours.
    x_label, y_label : str
        By default what the frame's ``attrs`` say.
    y_from : float, optional
        Where the y axis begins; architectures below are counted in a note.

    Raises
    ------
    QueryError
        If no architecture has both x and y, or none lies above ``y_from``.
    """
    import matplotlib as mpl

    check_columns(frame, ("x", "y", "front"), "a map")
    font, line = float(mpl.rcParams["font.size"]), 0.7 * float(mpl.rcParams["lines.linewidth"])
    known = frame[np.isfinite(frame.x) & np.isfinite(frame.y)]
    above = known if y_from is None else known[known.y >= y_from]
    if above.empty:
        where = "" if y_from is None or known.empty else f" from {y_from:g} on"
        raise QueryError(f"a map needs architectures with both values{where}; none of {len(frame):,} has them")
    logarithmic = known.x.min() > 0 and known.x.max() > DECADES * known.x.min()
    if logarithmic:
        ax.set_xscale("log")
    notes = []
    if len(above) > MOST_POINTS:
        drawn = ax.hexbin(
            above.x.to_numpy(), above.y.to_numpy(), gridsize=45, mincnt=1, bins="log", cmap="Greys", linewidths=0.1,
            xscale="log" if logarithmic else "linear",
        )  # fmt: skip
        drawn.set_clim(vmin=0.3)  # a single architecture is light grey, not white
        most = int(np.max(np.asarray(drawn.get_array())))
        notes.append(f"darkest hexagon: {most:,} architectures")
    else:
        ax.scatter(
            above.x, above.y, s=0.12 * font**2, color="0.5", alpha=0.4, linewidths=0, zorder=2, label="architectures"
        )
    front = above[above.front].sort_values("x")
    look: dict[str, Any] = {"color": "black", "linewidth": line, "marker": "."}
    ax.plot(front.x, front.y, drawstyle="steps-post", label="front of the table", zorder=3, **look)
    unknown, below = len(frame) - len(known), len(known) - len(above)
    notes.append(f"{unknown:,} of {len(frame):,} architectures not measured" if unknown else "")
    notes.append(f"{below:,} of {len(known):,} architectures below {y_from:g}, not shown" if below else "")
    if found is not None:
        notes.append(_draw_found(ax, found, y_from))
    if y_from is not None:
        ax.set_ylim(bottom=y_from)
    ax.set_xlabel(x_label or str(frame.attrs.get("x_label", "x")))
    ax.set_ylabel(y_label or str(frame.attrs.get("y_label", "y")))
    write_note(ax, *notes)
    add_legend(ax)


def _draw_found(ax: Axes, found: pd.DataFrame, y_from: float | None) -> str:
    import matplotlib as mpl

    font = float(mpl.rcParams["font.size"])
    names = list(dict.fromkeys(found.strategy))
    shown = found[np.isfinite(found.x) & np.isfinite(found.y)]
    if y_from is not None:
        shown = shown[shown.y >= y_from]
    for place, name in enumerate(names):
        its = shown[shown.strategy == name]
        size = (0.9 - 0.6 * place / max(1, len(names) - 1)) * font**2  # later ones cover earlier ones
        look: dict[str, Any] = {"s": size, "edgecolors": "white", "linewidths": 0.6, **marker(name, names)}
        ax.scatter(its.x, its.y, zorder=4, label=name, **look)
    return f"{len(found) - len(shown):,} of {len(found):,} found are not on the map" if len(shown) < len(found) else ""
