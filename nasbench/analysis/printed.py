"""Printed tables: cells of plain text, written as LaTeX or as Markdown."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Column:
    """A column of text or of numbers, perhaps under the heading of a group.

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
    """A cell: its text, the spread after a plus-minus sign, and the face of the text."""

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
        """Return `nasbench.analysis.printed.write_table` of it."""
        return _latex_table(self, caption, label, two_columns=two_columns)

    def to_markdown(self) -> str:
        """Return `nasbench.analysis.printed.write_table` of it."""
        return _markdown_table(self)


_LATEX_SIGNS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",  # \textquotedbl is not in every font encoding, and babel makes a bare " a command
    # After the \\ of the row before, these would be taken for its options.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "–": "--",
    "—": "---",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
}

_MATHS = {
    "±": r"\pm",
    "×": r"\times",
    "·": r"\cdot",
    "−": "-",
    "≤": r"\leq",
    "≥": r"\geq",
    "≠": r"\neq",
    "≈": r"\approx",
    "→": r"\rightarrow",
    "←": r"\leftarrow",
    "∞": r"\infty",
    "°": r"^{\circ}",
    "µ": r"\mu",
}

_GREEK = {
    "αβγδεζηθικλμ": "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu",
    "νξπρστυφχψωϵ": "nu xi pi rho sigma tau upsilon varphi chi psi omega epsilon",
    "ΓΔΘΛΞΠΣΥΦΨΩ": "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega",
}


for _letters, _names in _GREEK.items():
    _MATHS.update({letter: f"\\{name}" for letter, name in zip(_letters, _names.split(), strict=True)})


_LATEX_SIGNS.update({sign: rf"\ensuremath{{{command}}}" for sign, command in _MATHS.items()})


_ACCENTS = dict(
    zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327", "`'^~=u.\"rHvc", strict=True)
)

_LIGATURES = re.compile(r"(?<=[-,'`?!<>])(?=[-,'`<>])")
"""Between these LaTeX would join two signs to another one: -- to a dash."""


def latex_text(text: str) -> str:
    r"""Return text as LaTeX that prints it, in plain ASCII, for any font encoding and any engine.

    White space of any kind is one space. Letters of Latin script with an accent, Greek letters and common signs are
    printed as they are; what LaTeX's own fonts lack is printed as its code point, such as ``[U+4E2D]``.

    Examples
    --------
    >>> print(latex_text("my_strategy&co(50%)"))
    my\_strategy\&co(50\%)
    """
    whole = unicodedata.normalize("NFC", " ".join(text.split()))
    return "{}".join("".join(map(_letter, part)) for part in _LIGATURES.split(whole))


def _letter(letter: str) -> str:
    if letter in _LATEX_SIGNS:
        return _LATEX_SIGNS[letter]
    if " " <= letter <= "~":
        return letter
    base, accent, *more = [*unicodedata.normalize("NFD", letter), "", ""]
    if base.isascii() and base.isalpha() and accent in _ACCENTS and not any(more):
        return rf"\{_ACCENTS[accent]}{{{base}}}"
    return f"{{[}}U+{ord(letter):04X}{{]}}"


def _latex_table(
    table: PrintedTable, caption: str | None = None, label: str | None = None, *, two_columns: bool = False
) -> str:
    r"""Return a ``table`` environment.

    Parameters
    ----------
    table : PrintedTable
    caption : str, optional
        In LaTeX, as it is; by default the table's own.
    label : str, optional
        For ``\ref``; by default ``tab:`` and the table's name.
    two_columns : bool
        Let it span both columns of a page (``table*``).

    Raises
    ------
    QueryError
        If the label has signs that LaTeX cannot refer to, or the braces of the caption do not match.
    """
    label = f"tab:{table.name}" if label is None else label
    if not re.fullmatch(r"[A-Za-z0-9:._/+ -]+", label):
        raise QueryError(f"a label is made of letters, digits and :._/+-, got {label!r}; write it as tab:results")
    if caption is not None and not _balanced(caption):
        raise QueryError(f"the braces of the caption {caption!r} do not match; it is taken as LaTeX, as it is")
    environment = "table*" if two_columns else "table"
    shape = "".join("l" if column.text else "r@{}l" if column.spread else "r" for column in table.columns)
    cells = [[_row(table.columns, row) for row in part] for part in table.parts]
    widths = [max(map(len, column)) for column in zip(*(row for part in cells for row in part), strict=True)]
    lines = [
        r"% Needs \usepackage{booktabs} in the preamble.",
        rf"\begin{{{environment}}}[t]",
        r"  \centering",
        rf"  \caption{{{latex_text(table.caption) if caption is None else caption}}}",
        rf"  \label{{{label}}}",
        r"  \smallskip\small",
        *([r"  \setlength{\tabcolsep}{4pt}"] if len(shape.replace("@{}", "")) > 7 else []),
        rf"  \begin{{tabular}}{{@{{}}{shape}@{{}}}}",
        r"    \toprule",
        *(f"    {line}" for line in _heads(table.columns)),
        *(f"    {line}" for part in cells for line in (r"\midrule", *(_line(row, widths) for row in part))),
        r"    \bottomrule",
        r"  \end{tabular}",
        *([r"  \par\smallskip"] if table.notes else []),
        *([r"  {\footnotesize\raggedright"] if table.notes else []),
        *(rf"    {latex_text(note)}\par" for note in table.notes),
        *(["  }"] if table.notes else []),
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


def _balanced(text: str) -> bool:
    depth = 0
    for sign in re.findall(r"[{}]", re.sub(r"\\.", "", text, flags=re.DOTALL)):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _heads(columns: Sequence[Column]) -> list[str]:
    titles = []
    for column in columns:
        title = latex_text(column.title)
        titles.append(rf"\multicolumn{{2}}{{c}}{{{title}}}" if column.spread else title)
    heads = [" & ".join(titles) + r" \\"]
    if not any(column.group for column in columns):
        return heads
    spans: list[tuple[str, int, int]] = []  # a group, and the first and last place of its columns
    place = 1
    for column in columns:
        width = 2 if column.spread else 1
        if spans and column.group and spans[-1][0] == column.group:
            spans[-1] = (column.group, spans[-1][1], place + width - 1)
        else:
            spans.append((column.group, place, place + width - 1))
        place += width
    groups = [rf"\multicolumn{{{b - a + 1}}}{{c}}{{{latex_text(group)}}}" if group else "" for group, a, b in spans]
    rules = "".join(rf"\cmidrule(lr){{{a}-{b}}}" for group, a, b in spans if group)
    return [" & ".join(groups) + r" \\", rules, *heads]


def _row(columns: Sequence[Column], row: Sequence[Cell]) -> list[str]:
    cells = []
    for column, cell in zip(columns, row, strict=True):
        text = latex_text(cell.text)
        if cell.text and (cell.bold or cell.italic):
            text = rf"\{'textbf' if cell.bold else 'textit'}{{{text}}}"
        cells.append(text)
        if column.spread:
            cells.append(rf"~$\pm$~{latex_text(cell.spread)}" if cell.spread else "")
    return cells


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return " & ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + r" \\"


_MARKDOWN_SIGNS = re.compile(
    r"[\\`*\[\]|~$]"
    r"|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])"  # within a word an underscore is one
    r"|&(?=#?[0-9A-Za-z]+;)"
    r"|<(?=[A-Za-z/!?])"
    r"|^[#+=>-]"
    r"|^\d{1,9}[.)](?=\s|$)"  # begins a numbered list
)


def markdown_text(text: str) -> str:
    r"""Return text that GitHub shows as it is, on one line, in a cell of a table or in a paragraph.

    Examples
    --------
    >>> print(markdown_text("a|b *c*"))
    a\|b \*c\*
    """
    line = "".join("\ufffd" if unicodedata.category(each) == "Cc" else each for each in " ".join(text.split()))
    return _MARKDOWN_SIGNS.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", line)


def _markdown_table(table: PrintedTable) -> str:
    """Return the caption, the table and its notes.

    The columns line up in the source too.
    """
    heads = [markdown_text(f"{each.group}: {each.title}" if each.group else each.title) for each in table.columns]
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
    notes = ["", *(f"- {markdown_text(note)}" for note in table.notes)] if table.notes else []
    return "\n".join([markdown_text(table.caption), "", *lines, *notes]) + "\n"


def _cell(column: Column, cell: Cell) -> str:
    text = markdown_text(cell.text)
    if cell.text and (cell.bold or cell.italic):
        mark = "**" if cell.bold else "*"
        text = f"{mark}{text}{mark}"
    return f"{text} ± {cell.spread}" if column.spread and cell.spread else text
