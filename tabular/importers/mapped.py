"""Any benchmark published as CSV or Parquet, read by a mapping.

Its user declares the mapping (`tabular.importers.mapping`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tabular.errors import FileFormatError, InvalidArchitectureError, SpaceError
from tabular.files import check_writable
from tabular.frames import arrow
from tabular.importers.collecting import Collector
from tabular.importers.columns import Rows, first_conflict, read_csv, read_parquet
from tabular.importers.mapping import JOINED_BY, READERS, read_mapping
from tabular.layout import DONE, MEANS, MISSING, STATUS_WORDS, TaskData, write_table
from tabular.measures import Task
from tabular.table import Table
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from tabular.importers.mapping import Mapping, MetricColumn, TaskMapping
    from tabular.layout import TableData
    from tabular.work import Progress

    IndexOf = Callable[[MetricColumn], NDArray[np.int64] | int]


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


def import_parquet(source: str | Path, mapping_path: str | Path, out: str | Path, progress: Progress = silent) -> Table:
    """Turn a Parquet file into a table.

    What `tabular.importers.mapped.import_csv` does, with rows counted from 1.

    Raises
    ------
    NasbenchError
        If pyarrow is not installed.
    FileFormatError, UnknownNameError, OutputError
    """
    arrow()
    return import_mapped(read_parquet, Path(source), mapping_path, out, progress)


class RowReader(Protocol):
    """A function that reads the wanted columns of a file, some rows at a time."""

    def __call__(self, source: Path, wanted: list[str], mapping: str | Path, progress: Progress) -> Iterator[Rows]:
        """Read the file.

        Errors name the mapping in which a column is wanted that the file lacks.
        """
        ...


def import_mapped(
    read_rows: RowReader, source: Path, mapping_path: str | Path, out: str | Path, progress: Progress
) -> Table:
    """Turn a file into a table by a mapping.

    See `tabular.importers.mapped.import_csv`.
    """
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
    """The rows that were read so far."""

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
        for index, task in enumerate(self._tasks):
            task.add(rows.where(belongs[index]), numbers[belongs[index]])

    def _number(self, rows: Rows) -> NDArray[np.int64]:
        """Return the number of each row's architecture, (N,)."""
        parts = [rows.texts(column) for column in self._mapping.architecture]
        texts = parts[0] if len(parts) == 1 else list(map(JOINED_BY.join, zip(*parts, strict=True)))
        new: dict[str, NDArray[np.uint8]] = {}
        for index, text in enumerate(texts):
            if text not in self._number_of_text and text not in new:
                new[text] = self._read(text, rows, index)
        if new:
            numbers = self._architectures.rows(np.stack(list(new.values()))).tolist()
            self._number_of_text.update(zip(new, numbers, strict=True))
        return np.array([self._number_of_text[text] for text in texts], dtype=np.int64)

    def _read(self, text: str, rows: Rows, index: int) -> NDArray[np.uint8]:
        mapping = self._mapping
        try:
            return READERS[mapping.written](mapping.space, text)
        except (InvalidArchitectureError, SpaceError, ValueError, OverflowError) as error:
            named = "column " + " and ".join(map(repr, mapping.architecture))
            raise FileFormatError(
                f"{rows.source}: row {rows.numbers[index]}, {named}: {text!r} is not an architecture written as "
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


class MappedTask:
    """The rows of one task.

    Of each it knows architecture, seed, epoch, status, metrics and costs.

    Parameters
    ----------
    mapping : TaskMapping
    source : Path
        What errors name.
    """

    def __init__(self, mapping: TaskMapping, source: Path) -> None:
        self.mapping, self._source = mapping, source
        self._pieces: dict[object, list[NDArray[Any]]] = {}

    def add(self, rows: Rows, architectures: NDArray[np.int64]) -> None:
        """Take over rows of this task.

        Parameters
        ----------
        rows : Rows
        architectures : (N,) int64
            The number of each row's architecture.

        Raises
        ------
        FileFormatError
            Naming the cell that is not what the mapping says.
        """
        mapping = self.mapping
        self._note("row", rows.numbers)
        self._note("architecture", architectures)
        if mapping.seed_column:
            self._note("seed", rows.whole_numbers(mapping.seed_column, MEANS[0]))
        if mapping.epoch_column:
            self._note("epoch", rows.whole_numbers(mapping.epoch_column, 0))
        if mapping.status_column:
            self._note("status", rows.status(mapping.status_column))
        for metric in mapping.metrics:
            meaning = metric.meaning
            values = rows.values(metric.column, metric.scale, meaning.name, meaning.unit)
            self._note(metric, values.astype(np.float32))
        for cost in mapping.costs:
            self._note(cost, rows.values(cost.column, cost.scale, cost.name, cost.unit))

    def _note(self, what: object, values: NDArray[Any]) -> None:
        self._pieces.setdefault(what, []).append(values)

    def _all(self, what: object) -> NDArray[Any]:
        """Return all that was noted, and let go of the pieces."""
        return np.concatenate(self._pieces.pop(what))

    def check_filled(self) -> None:
        """Make sure that there are rows of this task.

        Raises
        ------
        FileFormatError
        """
        if not sum(map(len, self._pieces.get("row", []))):
            wanted = " and ".join(f"{column} = {value!r}" for column, value in self.mapping.where.items())
            raise FileFormatError(
                f"{self._source}: has no row of the task {self.mapping.name}{wanted and ', that is, with ' + wanted}"
            )

    def finish(self, architectures: int) -> TaskData:
        """Return the arrays of the task for so many architectures.

        Raises
        ------
        FileFormatError
            If two rows say different things of one training or architecture; the message names both.
        """
        mapping = self.mapping
        number: NDArray[np.int64] = self._all("architecture")
        self._rows: NDArray[np.int64] = self._all("row")
        seeds, seed_index = self._seeds()
        epochs, epoch_index = self._epochs()
        shape = (architectures, len(seeds), len(epochs))
        meanings = {column.meaning.name: column.meaning for column in mapping.metrics}
        metrics = {name: np.full(shape, np.nan, dtype=np.float32) for name in meanings}
        for column in mapping.metrics:
            positions = (number * len(seeds) + seed_index(column)) * len(epochs) + epoch_index(column)
            self._fill(
                metrics[column.meaning.name], positions, self._all(column), column.column, _number_in_file(column.scale)
            )
        if mapping.status_column:
            status = np.full(shape[:2], MISSING, dtype=np.uint8)
            positions = number * len(seeds) + seed_index(mapping.metrics[0])
            self._fill(status, positions, self._all("status"), mapping.status_column, STATUS_WORDS.__getitem__)
        else:
            measured = np.any([~np.isnan(values).all(axis=2) for values in metrics.values()], axis=0)
            status = np.where(measured, DONE, MISSING).astype(np.uint8)
        costs = {cost.name: np.full(architectures, np.nan) for cost in mapping.costs}
        for cost in mapping.costs:
            self._fill(costs[cost.name], number, self._all(cost), cost.column, _number_in_file(cost.scale))
        task = Task(mapping.name, epochs, meanings, seeds, mapping.provenance)
        return TaskData(task, metrics, status, costs, {cost.name: cost.unit for cost in mapping.costs})

    def _seeds(self) -> tuple[tuple[int, ...], IndexOf]:
        """Return the seeds, and what gives the index of a column's seeds among them."""
        if not self.mapping.seed_column:
            named = {column.seed for column in self.mapping.metrics if column.seed is not None}
            seeds = tuple(sorted(named)) or MEANS
            return seeds, lambda column: seeds.index(MEANS[0] if column.seed is None else column.seed)
        values, first, inverse = np.unique(self._all("seed"), return_index=True, return_inverse=True)
        order = np.argsort(first)  # as the file first names them, so that a table that was exported keeps its order
        seeds = tuple(values[order].tolist())
        if MEANS[0] in seeds and seeds != MEANS:
            raise FileFormatError(
                f"{self._source}: column {self.mapping.seed_column!r} has {MEANS[0]}, which stands for means, beside "
                f"the seed {max(seeds)}; means go to a task of their own"
            )
        indices = np.argsort(order)[inverse]
        return seeds, lambda _: indices

    def _epochs(self) -> tuple[tuple[int, ...], IndexOf]:
        """Return the epochs, ascending, and the index of a column's epochs among them."""
        if not self.mapping.epoch_column:
            epochs = tuple(sorted({column.epoch for column in self.mapping.metrics if column.epoch is not None}))
            index_of: dict[int | None, int] = {epoch: index for index, epoch in enumerate(epochs)}
            return epochs, lambda column: index_of[column.epoch]
        values, indices = np.unique(self._all("epoch"), return_inverse=True)
        return tuple(values.tolist()), lambda _: indices

    def _fill(
        self,
        array: NDArray[Any],
        positions: NDArray[np.int64],
        values: NDArray[Any],
        column: str,
        show: Callable[[Any], str],
    ) -> None:
        """Put values, (N,), where they belong in an array; what is not known is left out."""
        known = np.flatnonzero(~np.isnan(values))
        positions, values = positions[known], values[known]
        conflict = first_conflict(positions, values)
        if conflict:
            one, other = self._rows[known[list(conflict)]]
            first, second = (show(values[index]) for index in conflict)
            long = array.ndim > 1 and (self.mapping.seed_column or self.mapping.epoch_column)
            raise FileFormatError(
                f"{self._source}: rows {one} and {other} are the same {'training' if long else 'architecture'} "
                f"with different {column!r}: {first} and {second}"
            )
        array.reshape(-1)[positions] = values


def _number_in_file(scale: float) -> Callable[[Any], str]:
    """Return what writes a value as the file does, before it was scaled."""
    return lambda value: f"{value / scale:.7g}"
