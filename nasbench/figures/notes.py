"""Small print of figures: what is drawn, and what was left out."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREY = "0.35"
SIZE = 0.83
"""Of the text of notes, as a share of the font's."""


def write_note(ax: Axes, *notes: str) -> None:
    """Write notes above the axes, each in lines of its own; nothing if all are empty.

    Parameters
    ----------
    ax : matplotlib Axes
    notes : str
    """
    import matplotlib as mpl

    size = SIZE * float(mpl.rcParams["font.size"])
    width = 72 * ax.figure.get_figure(root=True).get_figwidth()
    letters = max(20, int(0.85 * width / (0.55 * size)))  # the axes are a little narrower than the figure
    lines = [line for note in notes for line in textwrap.wrap(note, letters)]
    if lines:
        ax.set_title("\n".join(lines), loc="left", fontsize=size, color=GREY, parse_math=False)
