"""A page of a drawn architecture: its cells above or beside each other, with their titles and notes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nasbench.figures.cell_graph import lay_out_graph
from nasbench.figures.cell_rows import lay_out_rows, row_lengths
from nasbench.figures.cell_shapes import SMALL, Layout, Text, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nasbench.figures.cell_diagrams import Diagram


def page(diagrams: Sequence[Diagram], width: float, height: float) -> Layout:
    """Lay out diagrams, with their titles and notes, so that they need not be made much smaller to fit a page.

    Parameters
    ----------
    diagrams : sequence of Diagram
    width, height : float
        Of the page, in units of the text's size.
    """

    def shrunk(way: Layout) -> float:
        return min(1.0, width / way.width, height / way.height)

    panels = []
    for diagram in diagrams:
        rows = row_lengths(diagram)
        layout = max((lay_out_rows(diagram, each) for each in rows), key=shrunk) if rows else lay_out_graph(diagram)
        panels.append(_titled(layout, diagram.title))
    ways = [_beside(panels, columns) for columns in range(1, len(panels) + 1)]
    notes = list(dict.fromkeys(note for diagram in diagrams for note in diagram.notes))
    return _noted(max(ways, key=shrunk), notes)


def _beside(panels: Sequence[Layout], columns: int) -> Layout:
    """Return panels in rows of so many columns."""
    gap = 1.5
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    widths = [max(row[column].width for row in rows if column < len(row)) for column in range(columns)]
    whole = sum(widths) + gap * (columns - 1)
    placed, y = [], 0.0
    for row in rows:
        height = max(each.height for each in row)
        for column, each in enumerate(row):
            left = sum(widths[:column]) + gap * column
            placed.append(each.moved(left + (widths[column] - each.width) / 2, y))
        y += height + gap
    return _together(placed, whole, y - gap)


def _together(layouts: Sequence[Layout], width: float, height: float) -> Layout:
    return Layout(
        width,
        height,
        tuple(box for each in layouts for box in each.boxes),
        tuple(path for each in layouts for path in each.paths),
        tuple(text for each in layouts for text in each.texts),
    )


def _titled(layout: Layout, title: str) -> Layout:
    if not title:
        return layout
    width = max(layout.width, text_width(title) * 1.1)
    below = layout.moved((width - layout.width) / 2, 1.7)
    return replace(
        below,
        width=width,
        height=layout.height + 1.7,
        texts=(*below.texts, Text(title, width / 2, 0.6, bold=True)),
    )


def _noted(layout: Layout, notes: Sequence[str]) -> Layout:
    width = max([layout.width, *(text_width(note, SMALL) for note in notes)])
    layout = layout.moved((width - layout.width) / 2, 0)
    texts = [Text(note, width / 2, layout.height + 1.1 + number, SMALL) for number, note in enumerate(notes)]
    height = layout.height + (0.8 + len(notes) if notes else 0)
    return replace(layout, width=width, height=height, texts=(*layout.texts, *texts))
