"""Drawings of an architecture's network or cell, in axes or as SVG text."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.figures.cell_diagram import diagrams
from nasbench.figures.cell_layout import FAINT, LOOKS, TINT, arrowhead, lines_of, page, radius

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nasbench.figures.cell_diagram import Diagram
    from nasbench.figures.cell_layout import Path, PlacedBox, Text
    from tabular.spaces import Space

__all__ = ["cell_size", "cell_svg", "draw_cell"]


def draw_cell(ax: Axes, space: Space, row: NDArray[np.uint8]) -> None:
    """Draw an architecture: its cell or cells with an operation on every edge, or its chain of layers.

    Zero operations are left out; what carries nothing from the input to the output is faint. A space that does not say
    how its choices are connected gets them as a list of boxes. Text is as large as the style says or, where the axes
    are too small for that, as large as fits; it grows and shrinks with the axes.

    Parameters
    ----------
    ax : matplotlib Axes
    space : Space
    row : (L,) uint8

    Raises
    ------
    QueryError
        If more than one row is given.
    InvalidArchitectureError
    """
    import matplotlib as mpl

    drawn = diagrams(space, row)
    ax.axis("off")
    width, height = _points(ax)
    font = float(mpl.rcParams["font.size"])
    layout = page(drawn, width / font, height / font)
    em = min(width / layout.width, height / layout.height, font)
    # The page may be larger than the drawing: then the drawing is in its middle, with text of the style's size.
    spare_x, spare_y = (width / em - layout.width) / 2, (height / em - layout.height) / 2
    ax.set(xlim=(-spare_x, layout.width + spare_x), ylim=(layout.height + spare_y, -spare_y))
    ax.set_aspect("equal", adjustable="box")
    line = 0.75 * float(mpl.rcParams["lines.linewidth"])
    for path in layout.paths:
        _draw_path(ax, path, line)
    for box in layout.boxes:
        _draw_box(ax, box, line)
    for text in layout.texts:
        _write(ax, text.words, text.x, text.y, text.size, weight="bold" if text.bold else "normal")


def cell_size(space: Space, row: NDArray[np.uint8], width: float, font: float = 8.0) -> tuple[float, float]:
    """Return the size of a figure, in inches, that is as high as the drawing of an architecture needs.

    Parameters
    ----------
    space : Space
    row : (L,) uint8
    width : float
        In inches.
    font : float
        Size of the text, in points, if that fits the width.

    Raises
    ------
    QueryError, InvalidArchitectureError
    """
    inner = width - 0.15
    layout = page(diagrams(space, row), 72 * inner / font, math.inf)
    return width, min(font / 72, inner / layout.width) * layout.height + 0.15


def _points(ax: Axes) -> tuple[float, float]:
    """Return the size of axes in points, as it will be once the figure has been laid out."""
    figure = ax.figure.get_figure(root=True)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    extent = ax.get_window_extent()
    return float(extent.width * 72 / figure.dpi), float(extent.height * 72 / figure.dpi)


def _draw_path(ax: Axes, path: Path, line: float) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path as Outline

    colour, dashes = LOOKS[path.kind]
    opacity = FAINT if path.faint else 1.0
    codes = [Outline.MOVETO, *[Outline.CURVE4] * (len(path.points) - 1)]
    outline = Outline(path.points, codes)
    look: dict[str, Any] = {"edgecolor": colour, "alpha": opacity, "linewidth": line, "clip_on": False}
    ax.add_patch(PathPatch(outline, facecolor="none", linestyle=(0, dashes) if dashes else "-", zorder=1, **look))
    if path.head:
        ax.add_patch(
            Polygon(arrowhead(path), closed=True, color=colour, alpha=opacity, linewidth=0, zorder=2, clip_on=False)
        )


def _draw_box(ax: Axes, placed: PlacedBox, line: float) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import FancyBboxPatch

    colour, dashes = LOOKS[placed.box.kind]
    strength = FAINT if placed.box.faint else 1.0
    white = np.ones(3)
    fill = white + TINT * strength * (np.array(to_rgb(colour)) - white)  # opaque: links pass behind
    edge = white + strength * (np.array(to_rgb(colour)) - white)
    corner = (placed.x - placed.width / 2, placed.y - placed.height / 2)
    style = f"round,pad=0,rounding_size={radius(placed):g}"
    ax.add_patch(
        FancyBboxPatch(
            corner,
            placed.width,
            placed.height,
            boxstyle=style,
            facecolor=tuple(fill),
            edgecolor=tuple(edge),
            linewidth=line,
            linestyle=(0, dashes) if dashes else "-",
            zorder=3,
            clip_on=False,
        )
    )
    for words, y in lines_of(placed):
        _write(ax, words, placed.x, y, 1.0, color=str(0.0 if strength == 1 else 0.55))


def _write(ax: Axes, words: str, x: float, y: float, size: float, **look: Any) -> None:
    """Write words whose size belongs to the drawing: they keep to their box whatever the axes become."""
    from matplotlib.text import Text as Artist

    class Scaled(Artist):
        def draw(self, renderer: Any) -> None:
            (_, low), (_, high) = ax.transData.transform([(0, 0), (0, 1)])
            self.set_fontsize(size * abs(high - low) * 72 / ax.figure.dpi)
            super().draw(renderer)

    text = Scaled(x, y, words, ha="center", va="center_baseline", zorder=4, parse_math=False, **look)
    text.set_in_layout(False)
    ax.add_artist(text)
    text.set_clip_on(False)


SVG_PAGE = 50.0, 40.0
"""Width and height, in units of the text's size, that an SVG should not exceed."""

PIXELS = 15
"""What the text's size is in an SVG that is shown as large as it is meant to be."""


def cell_svg(space: Space, row: NDArray[np.uint8]) -> str:
    """Return an architecture's drawing as an SVG element to embed in a page.

    It is as wide as its place lets it be, has no background, writes in the page's own colour, and carries no ids: many
    can stand in one page, light or dark. Its title and description say for screen readers what is drawn.

    Parameters
    ----------
    space : Space
    row : (L,) uint8

    Raises
    ------
    QueryError
        If more than one row is given.
    InvalidArchitectureError
    """
    drawn = diagrams(space, row)
    layout = page(drawn, *SVG_PAGE)
    text = str(space.to_text(np.asarray(row)))
    title = f"Architecture of {space.name}: {text}"
    size = PIXELS * layout.width + 4, PIXELS * layout.height + 4
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="100%" viewBox="-2 -2 {size[0]:.1f} {size[1]:.1f}" '
        f'style="max-width:{size[0]:.0f}px;height:auto" font-family="system-ui, sans-serif" text-anchor="middle" '
        f'fill="currentColor" aria-label="{escape(title)}">'
    )
    parts = [
        root,
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(describe(drawn))}</desc>",
        *(_svg_path(path) for path in layout.paths),
        *(_svg_box(box) for box in layout.boxes),
        *(_svg_text(each) for each in layout.texts),
        "</svg>",
    ]
    return "\n".join(parts)


def describe(drawn: Sequence[Diagram]) -> str:
    """Return diagrams in words: what leads from where to where."""
    sentences = []
    for diagram in drawn:
        text = "; ".join(_steps(diagram)) or "no link"
        sentences.append(f"{diagram.title}: {text}" if diagram.title else text)
        sentences += diagram.notes
    return ". ".join(sentences) + "."


def _steps(diagram: Diagram) -> list[str]:
    names = [" ".join(box.lines) for box in diagram.boxes]
    if diagram.shape != "graph":
        return [f"{name} ({box.below})" if box.below else name for name, box in zip(names, diagram.boxes, strict=True)]
    on_edges = {link.end: link.start for link in diagram.links if not link.head}
    steps = []
    for link in diagram.links:
        if link.head:
            start, by = on_edges.get(link.start, link.start), ""
            if link.start in on_edges:
                by = f" by {names[link.start]}"
            steps.append(f"{names[start]} to {names[link.end]}{by}{' (faint)' if link.faint else ''}")
    return steps


def _svg_path(path: Path) -> str:
    colour, dashes = LOOKS[path.kind]
    points = [f"{PIXELS * x:.1f},{PIXELS * y:.1f}" for x, y in path.points]
    dashed = _svg_dashes(dashes)
    faint = f' opacity="{FAINT}"' if path.faint else ""
    shaft = f'<path d="M{points[0]} C{" ".join(points[1:])}" fill="none" stroke="{colour}" stroke-width="1.6"{dashed}/>'
    if path.head:
        corners = " ".join(f"{PIXELS * x:.1f},{PIXELS * y:.1f}" for x, y in arrowhead(path))
        shaft += f'<polygon points="{corners}" fill="{colour}"/>'
    return f"<g{faint}>{shaft}</g>"


def _svg_dashes(dashes: tuple[float, ...]) -> str:
    return f' stroke-dasharray="{" ".join(f"{1.6 * each:g}" for each in dashes)}"' if dashes else ""


def _svg_box(placed: PlacedBox) -> str:
    colour, dashes = LOOKS[placed.box.kind]
    x, y = PIXELS * (placed.x - placed.width / 2), PIXELS * (placed.y - placed.height / 2)
    faint = f' opacity="{FAINT}"' if placed.box.faint else ""
    rectangle = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{PIXELS * placed.width:.1f}" height="{PIXELS * placed.height:.1f}" '
        f'rx="{PIXELS * radius(placed):.1f}" fill="{colour}" fill-opacity="{TINT}" stroke="{colour}" '
        f'stroke-width="1.4"{_svg_dashes(dashes)}/>'
    )
    words = "".join(_svg_words(words, placed.x, y, PIXELS) for words, y in lines_of(placed))
    return f"<g{faint}>{rectangle}{words}</g>"


def _svg_text(text: Text) -> str:
    return _svg_words(text.words, text.x, text.y, PIXELS * text.size, ' font-weight="bold"' if text.bold else "")


def _svg_words(words: str, x: float, y: float, size: float, more: str = "") -> str:
    baseline = PIXELS * y + 0.35 * size
    return f'<text x="{PIXELS * x:.1f}" y="{baseline:.1f}" font-size="{0.95 * size:.1f}"{more}>{escape(words)}</text>'
