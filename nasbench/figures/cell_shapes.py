"""Boxes, links and texts of a drawn architecture where they lie on a page, and how each kind looks.

The unit of length is the size of the text; y grows down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench.figures.cell_diagrams import Box

LOOKS: dict[str, tuple[str, tuple[float, ...]]] = {
    "conv": ("#0072B2", ()),
    "pointwise": ("#56B4E9", (5, 1.5)),
    "separable": ("#009E73", (5, 1.5, 1, 1.5)),
    "dilated": ("#E69F00", (3, 1.5)),
    "pool": ("#D55E00", (1, 1.2)),
    "skip": ("#888888", (7, 2)),
    "motif": ("#CC79A7", ()),
    "other": ("#999933", (3, 1, 1, 1, 1, 1)),
    "end": ("#808080", ()),
    "node": ("#808080", ()),
    "choice": ("#0072B2", ()),
    "plain": ("#808080", ()),
}
"""Colour and dashes (in line widths) of each kind of box and link: Okabe and Ito's palette, of middle brightness."""

FAINT = 0.35
"""Opacity of what plays no part."""

TINT = 0.18
"""Opacity of the colour within boxes."""

LINE, PAD_X, PAD_Y = 1.2, 0.5, 0.3
"""Height of a line of text, and the room around it in a box."""

HEAD = 0.6
"""Length of an arrowhead."""

ROOM = 0.55
"""Between what lies above each other in a layer."""

SMALL = 0.8
"""Size of what is written under boxes and of notes."""

_NARROW, _WIDE = "iljtfrI.,:;'|()[]! ", "mwMW@%\u00d7"


@dataclass(frozen=True)
class Text:
    """Words around a point."""

    words: str
    x: float
    y: float
    size: float = 1.0
    bold: bool = False


@dataclass(frozen=True)
class PlacedBox:
    """A box around a point."""

    box: Box
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Path:
    """A start point and cubic Bezier curves, (1 + 3 k, 2); with a head, its tip is ``HEAD`` beyond the last point."""

    points: NDArray[np.float64]
    kind: str
    faint: bool
    head: bool


@dataclass(frozen=True)
class Layout:
    """Boxes, paths and texts on a page of a width and a height."""

    width: float
    height: float
    boxes: tuple[PlacedBox, ...] = ()
    paths: tuple[Path, ...] = ()
    texts: tuple[Text, ...] = ()

    def moved(self, x: float, y: float) -> Layout:
        """Return the same further to the right and down; its width and height stay."""
        shift = np.array([x, y])
        return replace(
            self,
            boxes=tuple(replace(each, x=each.x + x, y=each.y + y) for each in self.boxes),
            paths=tuple(replace(each, points=each.points + shift) for each in self.paths),
            texts=tuple(replace(each, x=each.x + x, y=each.y + y) for each in self.texts),
        )


def text_width(words: str, size: float = 1.0) -> float:
    """Return about how wide words are in a sans-serif font, rather too much than too little."""
    widths = (0.36 if each in _NARROW else 0.92 if each in _WIDE else 0.63 for each in words)
    return size * sum(widths)


def box_size(box: Box) -> tuple[float, float]:
    """Return the width and the height of a box around its text."""
    width = max(map(text_width, box.lines)) + 2 * PAD_X
    height = LINE * len(box.lines) + 2 * PAD_Y + box.taller
    return max(width, height if box.kind == "node" else 0.0), height


def arrowhead(path: Path) -> NDArray[np.float64]:
    """Return the corners of an arrowhead, (3, 2), which begins where the path ends."""
    base = path.points[-1]
    before = next(point for point in path.points[::-1] if not np.allclose(point, base))
    along = (base - before) / np.hypot(*(base - before))
    across = np.array([-along[1], along[0]])
    corners: NDArray[np.float64] = np.array(
        [base + HEAD * along, base + 0.42 * HEAD * across, base - 0.42 * HEAD * across]
    )
    return corners


def radius(placed: PlacedBox) -> float:
    """Return the radius of a box's corners."""
    return placed.height / 2 if placed.box.kind == "node" else 0.4


def lines_of(placed: PlacedBox) -> list[tuple[str, float]]:
    """Return the lines of a box, each with the y of its middle."""
    lines = placed.box.lines
    top = placed.y - LINE * (len(lines) - 1) / 2
    return [(words, top + LINE * number) for number, words in enumerate(lines)]
