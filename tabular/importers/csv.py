"""Any benchmark published as CSV, read by a mapping that its user declares in TOML: see `tabular.importers.mapping`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import FileFormatError
from tabular.importers.cells import ROWS_AT_ONCE, Rows, check_columns
from tabular.importers.mapped import import_mapped
from tabular.progress import silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tabular.progress import Progress
    from tabular.table import Table

FIRST_ROW = 2
"""Rows are numbered as a spreadsheet shows them: the header is row 1."""

_NO_ROWS = "{}: has no rows below a line of column names"


def import_csv(source: str | Path, mapping_path: str | Path, out: str | Path, progress: Progress = silent) -> Table:
    """Turn a CSV file into a table.

    Parameters
    ----------
    source : str or Path
        The CSV file, its first line naming the columns.
    mapping_path : str or Path
        The TOML file that says what they mean: see `tabular.importers.mapping`.
    out : str or Path
        The table to write.
    progress : callable
        Told how many rows are read.

    Returns
    -------
    Table
        Opened.

    Raises
    ------
    FileFormatError
        If the file or the mapping cannot be used; the message names the column, the row and the value.
    UnknownNameError
        If a column, field or operation is not there; the message offers the nearest.
    OutputError
    """
    return import_mapped(read_csv, Path(source), mapping_path, out, progress)


def read_csv(
    source: Path, wanted: list[str] | None, mapping: str | Path = "", progress: Progress = silent
) -> Iterator[Rows]:
    """Read the wanted columns of a CSV file, or all, some rows at a time.

    Raises
    ------
    FileFormatError, UnknownNameError
        Naming the row, or the column that the file lacks.
    """
    done = 0
    try:
        with source.open("rb") as raw:
            total = sum(piece.count(b"\n") for piece in iter(lambda: raw.read(1 << 20), b"")) - 1
        with source.open(encoding="utf-8-sig", newline="") as file:
            lines = ((row, line) for row, line in enumerate(csv.reader(file), FIRST_ROW - 1) if line)
            names = [name.strip() for name in next(lines, (0, []))[1]]
            if not names:
                raise FileFormatError(_NO_ROWS.format(source))
            check_columns(names, wanted or names, source, mapping)
            for rows in _in_batches(lines, names, wanted or names, source):
                yield rows
                done += len(rows)
                progress(done, max(done, total), "")
    except OSError as error:
        raise FileFormatError(f"{source}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{source}: is not a CSV file in UTF-8: {error}") from None
    if not done:
        raise FileFormatError(_NO_ROWS.format(source))


def _in_batches(
    lines: Iterator[tuple[int, list[str]]], names: list[str], wanted: list[str], source: Path
) -> Iterator[Rows]:
    places = [names.index(column) for column in wanted]
    numbers, held = list[int](), list[list[str]]()

    def batch() -> Rows:
        columns = zip(*held, strict=True)
        cells = {column: list(cells) for column, cells in zip(wanted, columns, strict=True)}
        return Rows(source, np.array(numbers, dtype=np.int64), dict(cells))

    for number, line in lines:
        if len(line) != len(names):
            raise FileFormatError(
                f"{source}: row {number} has {len(line)} cells, the header names {len(names)} columns"
            )
        numbers.append(number)
        held.append([line[place] for place in places])
        if len(held) == ROWS_AT_ONCE:
            yield batch()
            numbers, held = [], []
    if held:
        yield batch()
