"""Names and labels in figures: what they say beside a name, and how they fit the room there is."""

from __future__ import annotations

import textwrap
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

NOTHING = "nothing valid"
"""Said of a strategy that never found a valid architecture."""

BOTTOM = 3.6
"""Height of the numbers and label below an axes, in font sizes."""

LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "$": r"\textdollar{}",  # with a backslash alone, matplotlib would take it for its own and drop that
    **{each: "\\" + each for each in "&%#_{}"},
}
_for_latex: ContextVar[bool] = ContextVar("_for_latex", default=False)


@contextmanager
def text_for_latex() -> Iterator[None]:
    """Draw for LaTeX, which reads the text of PGF files as its own: what is special there is written as a command."""
    before = _for_latex.set(True)
    try:
        yield
    finally:
        _for_latex.reset(before)


def plain(text: str) -> str:
    """Return text that is shown as it is, dollar signs and all, by matplotlib or by LaTeX."""
    if _for_latex.get():
        return "".join(LATEX.get(each, each) for each in text)
    return text.replace("$", r"\$")


def noted(name: str, note: str) -> str:
    """Return the name of a strategy as a figure shows it, with a note in parentheses if there is one."""
    return plain(f"{name} ({note})" if note else name)


def font_size(setting: str | float) -> float:
    """Return a size of matplotlib's, such as ``small``, in points."""
    from matplotlib.font_manager import FontProperties

    return float(FontProperties(size=setting).get_size_in_points())


def text_width(text: str, points: float) -> float:
    """Return how wide text is, in points, in the font of the moment."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    width, _, _ = TextToPath().get_text_width_height_descent(text, FontProperties(size=points), ismath=False)
    return float(width)


def figure_size(ax: Axes) -> tuple[float, float]:
    """Return width and height of the part of a figure that an axes has for itself and its labels, in points."""
    figure = ax.figure
    width, height = figure.bbox.width / figure.dpi * 72, figure.bbox.height / figure.dpi * 72
    place = ax.get_subplotspec()
    if place is None:
        return width, height
    grid = place.get_gridspec()
    return width * len(place.colspan) / grid.ncols, height * len(place.rowspan) / grid.nrows


def make_taller(ax: Axes, points: float) -> None:
    """Make a figure taller; one with several axes stays as it is."""
    from matplotlib.figure import Figure

    figure = ax.figure
    if len(figure.axes) == 1 and isinstance(figure, Figure) and points > 0:
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + points / 72)


def label_axis(axis: Axis, text: str, room: float) -> None:
    """Label an axis, in as many lines as it takes for the label to be no longer than the room, in points."""
    import matplotlib as mpl

    size = font_size(mpl.rcParams["axes.labelsize"])
    fitting = max(8, int(len(text) * room / max(text_width(text, size), 1e-9)))
    lines = _wrapped(text, fitting)
    for narrower in range(fitting - 1, 7, -1):  # lines of about the same length
        if len(_wrapped(text, narrower)) > len(lines):
            break
        lines = _wrapped(text, narrower)
    axis.set_label_text(plain("\n".join(lines)))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
