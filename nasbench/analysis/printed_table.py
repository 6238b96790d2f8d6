"""A table as it is to be printed: cells of plain text, which LaTeX and Markdown are written from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.analysis import latex, markdown

if TYPE_CHECKING:
    from collections.abc import Iterable

NONE = "–"
"""What a cell says where there is no number."""


@dataclass(frozen=True)
class Column:
    """A column: text to the left, or numbers to the right; under a group's heading, if it has one.

    Parameters
    ----------
    title : str
    group : str
    text : bool
        Whether it holds text.
    spread : bool
        Whether cells can have a spread beside their number.
    """

    title: str
    group: str = ""
    text: bool = False
    spread: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell: what it says, the spread after a plus-minus sign, and how the former is set."""

    text: str = ""
    spread: str = ""
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True)
class PrintedTable:
    """Cells in rows, in parts that a rule is drawn between.

    Parameters
    ----------
    name : str
        Made of letters, digits and hyphens, for labels.
    caption : str
    columns : tuple of Column
    parts : tuple of tuple of rows
        A row has a cell for each column.
    notes : tuple of str
        Sentences to stand below.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    parts: tuple[tuple[tuple[Cell, ...], ...], ...]
    notes: tuple[str, ...] = ()

    def to_latex(self, caption: str | None = None, label: str | None = None, *, two_columns: bool = False) -> str:
        """Return `nasbench.analysis.latex.write_table` of it."""
        return latex.write_table(self, caption, label, two_columns=two_columns)

    def to_markdown(self) -> str:
        """Return `nasbench.analysis.markdown.write_table` of it."""
        return markdown.write_table(self)


def decimals_for(spreads: Iterable[float], values: Iterable[float] = ()) -> int:
    """Return how many decimals show two digits of a typical spread: the median of those above 0.

    Without any spread, as many as tell the values' range in three digits; 2 where there is nothing to go by.
    """
    known = sorted(each for each in spreads if each > 0 and math.isfinite(each))
    if known:
        return _within(1 - math.floor(math.log10(known[(len(known) - 1) // 2])))
    finite = [each for each in values if math.isfinite(each)]
    width = max(finite, default=0.0) - min(finite, default=0.0)
    return _within(2 - math.floor(math.log10(width))) if width > 0 else 2


def _within(decimals: int) -> int:
    return min(max(decimals, 0), 12)


def fixed(value: float, decimals: int) -> str:
    """Write a number with so many decimals; a true minus sign, and a dash for what is no number."""
    if not math.isfinite(value):
        return NONE
    return f"{round(value, decimals) + 0.0:,.{decimals}f}".replace("-", "−")  # adding zero turns -0.0 into 0.0
