"""The drawing of an architecture as SVG text, to embed in a page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from nasbench.figures.cell_diagrams import diagrams
from nasbench.figures.cell_page import page
from nasbench.figures.cell_shapes import FAINT, LOOKS, TINT, arrowhead, lines_of, radius

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.figures.cell_diagrams import Diagram
    from nasbench.figures.cell_shapes import Path, PlacedBox, Text
    from tabular.spaces import Space

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
