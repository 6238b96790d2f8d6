"""From rows of a file and a mapping to a table, whatever the format of the file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tabular.errors import FileFormatError, InvalidArchitectureError, SpaceError
from tabular.files import check_writable
from tabular.importers.collecting import Collector
from tabular.importers.mapped_task import MappedTask
from tabular.importers.mapping import read_mapping
from tabular.importers.written import JOINED_BY, READERS
from tabular.layout import write_table
from tabular.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.importers.cells import Rows
    from tabular.importers.mapping import Mapping, TaskMapping
    from tabular.layout import TableData
    from tabular.progress import Progress


class RowReader(Protocol):
    """Reads the wanted columns of a file, some rows at a time, and tells how far it is."""

    def __call__(self, source: Path, wanted: list[str], mapping: str | Path, progress: Progress) -> Iterator[Rows]:
        """Read the file; errors name the mapping in which a column is wanted that the file lacks."""
        ...


def import_mapped(
    read_rows: RowReader, source: Path, mapping_path: str | Path, out: str | Path, progress: Progress
) -> Table:
    """Turn a file into a table by a mapping; see `tabular.importers.csv.import_csv`."""
    check_writable(out)
    mapping = read_mapping(mapping_path)
    gathered = _Gathered(mapping, source)
    for rows in read_rows(source, mapping.columns(), mapping_path, progress):
        gathered.add(rows)
    if mapping.rows is not None and gathered.rows != mapping.rows:
        raise FileFormatError(
            f"{source}: has {gathered.rows:,} rows, {mapping_path} says {mapping.rows:,}; is it whole?"
        )
    write_table(out, gathered.finish())
    return Table.open(out)


class _Gathered:
    """What was read so far."""

    def __init__(self, mapping: Mapping, source: Path) -> None:
        self.rows = 0
        self._mapping = mapping
        self._architectures = Collector(mapping.space, mapping.represents, [], source)
        self._number_of_text: dict[str, int] = {}
        self._tasks = [MappedTask(task, source) for task in mapping.tasks]

    def add(self, rows: Rows) -> None:
        """Take over some rows; those of no task are left out."""
        self.rows += len(rows)
        belongs = np.stack([_chosen(task.mapping, rows) for task in self._tasks])
        used = np.logical_or.reduce(belongs)
        rows, belongs = rows.where(used), belongs[:, used]
        numbers = self._number(rows)
        for place, task in enumerate(self._tasks):
            task.add(rows.where(belongs[place]), numbers[belongs[place]])

    def _number(self, rows: Rows) -> NDArray[np.int64]:
        """Return the number of each row's architecture, (N,)."""
        parts = [rows.texts(column) for column in self._mapping.architecture]
        texts = parts[0] if len(parts) == 1 else list(map(JOINED_BY.join, zip(*parts, strict=True)))
        new: dict[str, NDArray[np.uint8]] = {}
        for place, text in enumerate(texts):
            if text not in self._number_of_text and text not in new:
                new[text] = self._read(text, rows, place)
        if new:
            numbers = self._architectures.rows(np.stack(list(new.values()))).tolist()
            self._number_of_text.update(zip(new, numbers, strict=True))
        return np.array([self._number_of_text[text] for text in texts], dtype=np.int64)

    def _read(self, text: str, rows: Rows, place: int) -> NDArray[np.uint8]:
        mapping = self._mapping
        try:
            return READERS[mapping.written](mapping.space, text)
        except (InvalidArchitectureError, SpaceError, ValueError, OverflowError) as error:
            named = "column " + " and ".join(map(repr, mapping.architecture))
            raise FileFormatError(
                f"{rows.source}: row {rows.numbers[place]}, {named}: {text!r} is not an architecture written as "
                f"{mapping.written}: {error}"
            ) from None

    def finish(self) -> TableData:
        """Return all that was read."""
        for task in self._tasks:
            task.check_filled()
        data = self._architectures.finish(self._mapping.provenance)
        return replace(data, tasks=[task.finish(len(data.architectures)) for task in self._tasks])


def _chosen(task: TaskMapping, rows: Rows) -> NDArray[np.bool_]:
    """Say which rows belong to a task, (N,)."""
    chosen = np.ones(len(rows), dtype=bool)
    for column, wanted in task.where.items():
        chosen &= np.array([text == wanted for text in rows.texts(column)], dtype=bool)
    return chosen
