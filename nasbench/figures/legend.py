"""The legend of a figure: beside the data, never over it, and small or in columns when there are many strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench.figures.labels import BOTTOM, figure_size, font_size, make_taller, text_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

HANDLE, GAP, SPACING, LINE = 2.6, 0.5, 1.2, 1.5
"""In font sizes: length of a line in the legend, its distance from the name, that between columns, height of a row."""
SIZES = (0.95, 0.85, 0.75, 0.65, 0.6)
"""Of the font, the largest first, as shares of the figure's."""
SHARE = 0.42
"""Of the figure that is to be left for the data, if a smaller font can help."""
LEAST = 0.3
"""Of the figure that is left at least; a figure of one axes is made taller for it."""


class _Plan(NamedTuple):
    """A legend that could be: to the right of the data or below, and what it leaves for them, in points."""

    right: bool
    font: float
    columns: int
    width: float
    height: float
    left_width: float
    left_height: float

    @property
    def area(self) -> float:
        """Of what is left; nothing if that is too narrow to show anything."""
        return max(self.left_width, 0.0) * max(self.left_height, 0.0)


def add_legend(ax: Axes) -> float:
    """Add a legend of all that has a label, right of the axes or below, wherever more room is left for the data.

    A figure of one axes is made taller if it holds too many strategies.

    Returns
    -------
    float
        Height that the axes has for itself, in points.
    """
    import matplotlib as mpl

    handles, names = ax.get_legend_handles_labels()
    width, height = figure_size(ax)
    base = font_size(mpl.rcParams["font.size"])
    if not names:
        return height - BOTTOM * base
    plan = _choose(list(_plans(names, width, height, base)), width * height)
    if plan.area < LEAST * width * height:
        below = [each for each in _plans(names, width, 100 * height, base) if not each.right]
        flattest = min(below, key=lambda each: each.height)
        plan = flattest._replace(left_height=0.5 * width)
        make_taller(ax, BOTTOM * base + plan.height + plan.left_height - height)
    _place(ax, handles, names, plan)
    return plan.left_height


def _plans(names: Sequence[str], width: float, height: float, base: float) -> Iterator[_Plan]:
    # In font sizes. Small letters are up to a tenth wider in pixels than in print.
    lengths = [1.1 * text_width(name, 10) / 10 + HANDLE + GAP for name in names]
    left, bottom = 4.5 * base, BOTTOM * base
    for size in SIZES:
        font = size * base
        for columns in range(1, len(names) + 1):
            rows = -(-len(names) // columns)
            if (columns - 1) * rows >= len(names):
                continue  # the last column would be empty
            own = [max(lengths[start : start + rows]) for start in range(0, len(names), rows)]
            wide, high = (sum(own) + SPACING * (columns - 1)) * font, (rows * LINE + 0.6) * font
            if wide <= width - font:
                yield _Plan(False, font, columns, wide, high, width - left, height - bottom - high)
            if high <= height - bottom:
                yield _Plan(True, font, columns, wide, high, width - left - wide - font, height - bottom)


def _choose(plans: Sequence[_Plan], whole: float) -> _Plan:
    """Return the largest font that leaves enough for the data, or else what leaves most."""
    best: dict[float, _Plan] = {}
    for plan in plans:
        if plan.font not in best or plan.area > best[plan.font].area:
            best[plan.font] = plan
    enough = [plan for plan in best.values() if plan.area >= SHARE * whole]
    return enough[0] if enough else max(best.values(), key=lambda each: each.area)


def _place(ax: Axes, handles: Sequence[Artist], names: Sequence[str], plan: _Plan) -> None:
    from matplotlib.transforms import ScaledTranslation

    look: dict[str, Any] = {
        "fontsize": plan.font,
        "ncols": plan.columns,
        "handlelength": HANDLE,
        "handletextpad": GAP,
        "columnspacing": SPACING,
        "labelspacing": LINE - 1.1,
        "borderpad": 0,
        "borderaxespad": 0,
        "frameon": False,
    }
    figure = ax.figure
    if plan.right:
        beside = ax.transAxes + ScaledTranslation(plan.font / 72, 0, figure.dpi_scale_trans)
        ax.legend(handles, names, loc="upper left", bbox_to_anchor=(1, 1), bbox_transform=beside, **look)
    else:
        box = ax.xaxis.get_tightbbox()  # numbers and label below the axes
        drop = 0.0 if box is None else (ax.bbox.y0 - box.y0) / figure.dpi
        # Wider than the axes, it goes under the label and numbers of the y axis too.
        aside = max(0.0, plan.width - plan.left_width) / 2 / 72
        below = ax.transAxes + ScaledTranslation(-aside, -drop - 0.4 * plan.font / 72, figure.dpi_scale_trans)
        ax.legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below, **look)
