"""Any benchmark published as CSV, read by a mapping that its user declares in TOML.

The mapping says what the space is, which column holds the architecture, and what every other column of interest means::

    space = "nb201"                      # a name, or a table as in a space's own file: kind, name, nodes, operations
    rows = 15625                         # optional: how many rows there must be

    [architecture]
    column = "arch"
    written = "text"                     # "text", "index" in the space, or "row": choices such as 3 0 1

    [provenance]                         # licence, citation, source, ...: kept as it is
    licence = "MIT"

    [tasks.cifar10-12]
    metrics = [
        { column = "valid12", metric = "validation_accuracy", epoch = 12, scale = 0.01 },
        { column = "energy", metric = "energy", epoch = 12, unit = "joule", split = "none", direction = "minimize" },
    ]
    costs = [{ column = "params_M", name = "parameters", unit = "count", scale = 1e6 }]

A metric may name the ``seed`` of its trainings; without seeds the numbers are means. Empty cells stay missing.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasbench.errors import FileFormatError, InvalidArchitectureError, SpaceError, UnknownNameError
from nasbench.oracle import Task
from nasbench.replacing import check_writable
from tabular.importers.mapping import Mapping, read_mapping
from tabular.invariants import DONE, MEANS, MISSING
from tabular.layout import TableData, TaskData, write_table
from tabular.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nasbench.spaces import Space
    from tabular.importers.mapping import MetricColumn, TaskMapping

FIRST_ROW = 2
"""Rows are numbered as a spreadsheet shows them: the header is row 1."""

EMPTY = {"", "na", "nan", "null", "none"}
"""How files write that a number is not there, in any case of letters."""


def import_csv(source: str | Path, mapping_path: str | Path, out: str | Path) -> Table:
    """Turn a CSV file into a table.

    Parameters
    ----------
    source : str or Path
        The CSV file, its first line naming the columns.
    mapping_path : str or Path
        The TOML file that says what they mean.
    out : str or Path
        The table to write.

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
    check_writable(out)
    mapping = read_mapping(mapping_path)
    names, lines = _read_csv(Path(source))
    for column in mapping.columns():
        if column not in names:
            raise UnknownNameError(f"column of {source} (named in {mapping_path})", column, names)
    if mapping.rows is not None and len(lines) != mapping.rows:
        raise FileFormatError(f"{source}: has {len(lines):,} rows, {mapping_path} says {mapping.rows:,}; is it whole?")
    cells = {name: [line[place] for line in lines] for place, name in enumerate(names)}
    architectures = _architectures(cells[mapping.column], mapping, source)
    kept = _without_repeats(architectures, cells, mapping, source)
    tasks = [_task(task, cells, kept, source) for task in mapping.tasks]
    data = TableData(mapping.space, architectures[kept], mapping.represents, tasks, mapping.provenance)
    write_table(out, data)
    return Table.open(out)


def _read_csv(source: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except OSError as error:
        raise FileFormatError(f"{source}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{source}: is not a CSV file in UTF-8: {error}") from None
    if len(lines) < FIRST_ROW:
        raise FileFormatError(f"{source}: has no rows below a line of column names")
    names = [name.strip() for name in lines[0]]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise FileFormatError(f"{source}: has more than one column {min(repeated)!r}")
    for row, line in enumerate(lines[1:], FIRST_ROW):
        if len(line) != len(names):
            raise FileFormatError(f"{source}: row {row} has {len(line)} cells, the header names {len(names)} columns")
    return names, lines[1:]


def _architectures(texts: list[str], mapping: Mapping, source: str | Path) -> NDArray[np.uint8]:
    def architecture(row: int, text: str) -> NDArray[np.uint8]:
        try:
            return _READERS[mapping.written](mapping.space, text)
        except (InvalidArchitectureError, SpaceError, ValueError) as error:
            raise FileFormatError(
                f"{source}: row {row}, column {mapping.column!r}: {text!r} is not an architecture written as "
                f"{mapping.written}: {error}"
            ) from None

    return np.stack([architecture(row, text) for row, text in enumerate(texts, FIRST_ROW)])


_READERS: dict[str, Callable[[Space, str], NDArray[np.uint8]]] = {
    "text": lambda space, text: space.from_text(text),
    "index": lambda space, text: space.from_index(int(text)),
    "row": lambda space, text: space.check([int(choice) for choice in text.strip("[]() ").replace(",", " ").split()]),
}


def _without_repeats(
    architectures: NDArray[np.uint8], cells: dict[str, list[str]], mapping: Mapping, source: str | Path
) -> NDArray[np.int64]:
    """Return the rows to keep: of an architecture that is there twice with the same values, the first."""
    identities = architectures
    if mapping.represents == "class":
        identities = mapping.space.canonical_key(architectures)
    first: dict[bytes, int] = {}
    for row, identity in enumerate(identities):
        before = first.setdefault(identity.tobytes(), row)
        for column in mapping.value_columns() if before != row else ():
            if cells[column][row] != cells[column][before]:
                raise FileFormatError(
                    f"{source}: rows {before + FIRST_ROW} and {row + FIRST_ROW} are the same architecture with "
                    f"different {column!r}: {cells[column][before]!r} and {cells[column][row]!r}"
                )
    return np.fromiter(first.values(), dtype=np.int64)


def _task(mapping: TaskMapping, cells: dict[str, list[str]], kept: NDArray[np.int64], source: str | Path) -> TaskData:
    epochs = sorted({column.epoch for column in mapping.metrics})
    named = sorted({column.seed for column in mapping.metrics if column.seed is not None})
    seeds = tuple(named) or MEANS
    shape = (len(kept), len(seeds), len(epochs))
    meanings = {column.meaning.name: column.meaning for column in mapping.metrics}
    metrics = {name: np.full(shape, np.nan, dtype=np.float32) for name in meanings}
    for column in mapping.metrics:
        values = _numbers(cells[column.column], column.column, source) * column.scale
        _check_fractions(values, column, cells, source)
        seed = seeds.index(MEANS[0] if column.seed is None else column.seed)
        metrics[column.meaning.name][:, seed, epochs.index(column.epoch)] = values[kept]
    measured = np.any([~np.isnan(values).all(axis=2) for values in metrics.values()], axis=0)
    status = np.where(measured, DONE, MISSING).astype(np.uint8)
    costs = {
        cost.name: (_numbers(cells[cost.column], cost.column, source) * cost.scale)[kept] for cost in mapping.costs
    }
    task = Task(mapping.name, tuple(epochs), meanings, seeds, mapping.provenance)
    return TaskData(task, metrics, status, costs, {cost.name: cost.unit for cost in mapping.costs})


def _numbers(texts: list[str], column: str, source: str | Path) -> NDArray[np.float64]:
    def number(row: int, text: str) -> float:
        try:
            return float(text) if text.strip().lower() not in EMPTY else np.nan
        except ValueError:
            raise FileFormatError(f"{source}: row {row}, column {column!r}: {text!r} is not a number") from None

    return np.array([number(row, text) for row, text in enumerate(texts, FIRST_ROW)])


def _check_fractions(
    values: NDArray[np.float64], column: MetricColumn, cells: dict[str, list[str]], source: str | Path
) -> None:
    outside = np.flatnonzero((values < 0) | (values > 1))
    if column.meaning.unit == "fraction" and len(outside):
        row = int(outside[0])
        hint = "; did you forget scale = 0.01?" if column.scale == 1 and 1 < values[row] <= 100 else ""
        raise FileFormatError(
            f"{source}: row {row + FIRST_ROW}, column {column.column!r}: {cells[column.column][row]} x scale "
            f"{column.scale:g} is not a fraction in 0..1, as {column.meaning.name} must be{hint}"
        )
