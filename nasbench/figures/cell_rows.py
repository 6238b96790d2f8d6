"""Chains of layers and lists of choices in rows, which are read like lines of text."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from nasbench.figures.cell_shapes import HEAD, LINE, SMALL, Layout, Path, PlacedBox, Text, box_size, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.figures.cell_diagrams import Diagram


def row_lengths(diagram: Diagram) -> list[Sequence[int]]:
    """Return into rows of how many boxes a chain or a list can be broken, few rows first."""
    if diagram.shape == "graph":
        return []
    count = len(diagram.boxes)
    if diagram.rows:
        return [(count,), diagram.rows]
    return [
        [columns] * (count // columns) + [count % columns] * (count % columns > 0) for columns in range(count, 0, -1)
    ]


def lay_out_rows(diagram: Diagram, lengths: Sequence[int]) -> Layout:
    """Return a chain or a list in rows of so many boxes; below each box stands what belongs there."""
    chain = diagram.shape == "chain"
    across, between = (1.7, 2.2) if chain else (0.6, 0.6)
    below = SMALL * LINE if any(box.below for box in diagram.boxes) else 0.0
    sizes = [(max(w, text_width(box.below, SMALL)), h) for box in diagram.boxes for w, h in [box_size(box)]]
    rows = [range(end - length, end) for end, length in zip(accumulate(lengths), lengths, strict=True)]
    whole = max(sum(sizes[place][0] + across for place in row) - across for row in rows)
    margin = 1.0 if chain and len(rows) > 1 else 0.0  # for the links that lead to the next row
    boxes, texts, y = [], [], 0.0
    for row in rows:
        height = max(sizes[place][1] for place in row)
        x = margin
        for place in row:
            box, (width, tall) = diagram.boxes[place], sizes[place]
            boxes.append(PlacedBox(box, x + width / 2, y + height / 2, box_size(box)[0], tall))
            if box.below:
                texts.append(Text(box.below, x + width / 2, y + (height + tall) / 2 + 0.6, SMALL))
            x += width + across
        y += height + below + between
    paths = [_row_path(boxes[a], boxes[b], whole + margin, below) for a, b in pairwise(range(len(boxes))) if chain]
    return Layout(whole + 2 * margin, y - between, tuple(boxes), tuple(paths), tuple(texts))


def _row_path(start: PlacedBox, end: PlacedBox, right: float, below: float) -> Path:
    """Return the link from one box of a chain to the next, which may be in the next row."""
    first = np.array([start.x + start.width / 2, start.y])
    last = np.array([end.x - end.width / 2 - HEAD, end.y])
    if end.x > start.x:
        return Path(_polyline([first, last]), "plain", faint=False, head=True)
    turn = (start.y + end.y + below) / 2
    left = last[0] - 0.3
    corners = [(right + 0.8, first[1]), (right + 0.8, turn), (left, turn), (left, last[1])]
    return Path(_polyline([first, *map(np.array, corners), last]), "plain", faint=False, head=True)


def _polyline(corners: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    pieces = [np.array([a + (b - a) / 3, b - (b - a) / 3, b]) for a, b in pairwise(corners)]
    return np.vstack([corners[0][None], *pieces])
