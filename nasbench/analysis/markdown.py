"""Text and tables as GitHub's Markdown that shows names as they are."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasbench.analysis.printed_table import Cell, Column, PrintedTable

_SPECIAL = re.compile(
    r"[\\`*\[\]|~$]"
    r"|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])"  # within a word an underscore is one
    r"|&(?=#?[0-9A-Za-z]+;)"
    r"|<(?=[A-Za-z/!?])"
    r"|^[#+=>-]"
    r"|^\d{1,9}[.)](?=\s|$)"  # begins a numbered list
)


def escape(text: str) -> str:
    r"""Return text that GitHub shows as it is, on one line, in a cell of a table or in a paragraph.

    Examples
    --------
    >>> print(escape("a|b *c*"))
    a\|b \*c\*
    """
    line = "".join("\ufffd" if unicodedata.category(each) == "Cc" else each for each in " ".join(text.split()))
    return _SPECIAL.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", line)


def write_table(table: PrintedTable) -> str:
    """Return the caption, the table and its notes; the columns line up in the source too."""
    heads = [escape(f"{each.group}: {each.title}" if each.group else each.title) for each in table.columns]
    rows = [
        [_cell(column, cell) for column, cell in zip(table.columns, row, strict=True)]
        for part in table.parts
        for row in part
    ]
    widths = [max(3, *map(len, column)) for column in zip(heads, *rows, strict=True)]
    rule = [
        "-" * width if column.text else f"{'-' * (width - 1)}:"
        for width, column in zip(widths, table.columns, strict=True)
    ]
    lines = []
    for row in (heads, rule, *rows):
        cells = (
            cell.ljust(width) if column.text else cell.rjust(width)
            for cell, width, column in zip(row, widths, table.columns, strict=True)
        )
        lines.append(f"| {' | '.join(cells)} |")
    notes = ["", *(f"- {escape(note)}" for note in table.notes)] if table.notes else []
    return "\n".join([escape(table.caption), "", *lines, *notes]) + "\n"


def _cell(column: Column, cell: Cell) -> str:
    text = escape(cell.text)
    if cell.text and (cell.bold or cell.italic):
        mark = "**" if cell.bold else "*"
        text = f"{mark}{text}{mark}"
    return f"{text} ± {cell.spread}" if column.spread and cell.spread else text
