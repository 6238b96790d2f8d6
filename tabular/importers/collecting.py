"""The arrays of a table, gathered from what an importer reads.

It reads one training after the other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError
from tabular.layout import DIVERGED, DONE, MISSING, TableData, TaskData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.measures import Task
    from tabular.spaces import Space
    from tabular.table import Table

FIRST_CAPACITY = 1024


class Collector:
    """The architectures and trainings that were read so far.

    Architectures are in the order in which they came.

    Parameters
    ----------
    space : Space
    represents : str
        ``row`` or ``class``, as in a table; with ``class`` two rows of one canonical key are one architecture.
    tasks : sequence of Task
        With all their epochs and seeds.
    source : str or Path
        What errors name.
    """

    def __init__(self, space: Space, represents: str, tasks: Sequence[Task], source: str | Path) -> None:
        self.space, self.represents, self.source = space, represents, source
        self._rows: list[NDArray[np.uint8]] = []
        self._row_of: dict[bytes, int] = {}
        self._tasks = {task.name: _TaskArrays(task) for task in tasks}

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, architecture: NDArray[np.uint8]) -> int:
        """Return the number of an architecture, (L,), which is added if it is new."""
        return int(self.rows(architecture[None])[0])

    def rows(self, architectures: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the numbers of architectures, (N, L) -> (N,).

        Those that are new are added.

        Raises
        ------
        InvalidArchitectureError
        """
        checked = self.space.check(architectures)
        identities = checked if self.represents == "row" else self.space.canonical_key(checked)
        numbers = np.empty(len(checked), dtype=np.int64)
        for index, identity in enumerate(identities):
            number = numbers[index] = self._row_of.setdefault(identity.tobytes(), len(self._rows))
            if number == len(self._rows):
                self._rows.append(checked[index].copy())
        return numbers

    def put(
        self,
        row: int,
        task: str,
        seed: int,
        values: Mapping[str, float | NDArray[Any]],
        epoch: int | None = None,
        where: str = "",
    ) -> None:
        """Note numbers of one training.

        Parameters
        ----------
        row : int
            As `row` returned it.
        task : str
        seed : int
        values : dict of str to float or (E,) array
            Of each metric: one number if ``epoch`` is given, else one for each epoch of the task. NaN is not noted.
        epoch : int, optional
        where : str
            The place in the source, for errors.

        Raises
        ------
        FileFormatError
            If a number is infinite, or none that its unit allows, or another one than was noted before.
        """
        arrays = self._tasks[task]
        index = arrays.task.seeds.index(seed)
        first = None if epoch is None else arrays.task.epochs.index(epoch)
        epochs = slice(None) if first is None else slice(first, first + 1)
        arrays.reach(row)
        for metric, value in values.items():
            new = np.asarray(value, dtype=np.float32)
            held = arrays.metrics[metric][row, index, epochs]
            problem = _problem(new, held, arrays.task.metrics[metric].unit)
            if problem:
                text = self.space.to_text(self._rows[row])
                raise FileFormatError(
                    f"{self.source}: {where and where + ': '}{metric} of {text} on {task}, seed {seed}, {problem}"
                )
            np.copyto(held, new, where=~np.isnan(new))

    def cost(self, row: int, task: str, name: str, value: float, unit: str) -> None:
        """Note what an architecture costs whatever the seed; NaN is not noted.

        Raises
        ------
        FileFormatError
            If another number was noted before.
        """
        arrays = self._tasks[task]
        arrays.reach(row)
        values = arrays.costs.setdefault(name, np.full(arrays.capacity, np.nan))
        arrays.units[name] = unit
        if not np.isnan(value) and not np.isnan(values[row]) and values[row] != value:
            text = self.space.to_text(self._rows[row])
            raise FileFormatError(f"{self.source}: {name} of {text} on {task} is {value:g}, and was {values[row]:g}")
        if not np.isnan(value):
            values[row] = value

    def finish(self, provenance: dict[str, Any]) -> TableData:
        """Return all that was noted, ready to be written.

        Raises
        ------
        FileFormatError
            If that is nothing.
        """
        if not self._rows:
            raise FileFormatError(f"{self.source}: holds no architecture of {self.space.name!r}")
        tasks = [arrays.data(len(self._rows)) for arrays in self._tasks.values()]
        return TableData(self.space, np.stack(self._rows), self.represents, tasks, provenance)


class _TaskArrays:
    """The numbers of one task; the arrays double when a row lies beyond them."""

    def __init__(self, task: Task) -> None:
        self.task, self.capacity = task, FIRST_CAPACITY
        shape = (self.capacity, len(task.seeds), len(task.epochs))
        self.metrics = {name: np.full(shape, np.nan, dtype=np.float32) for name in task.metrics}
        self.costs: dict[str, NDArray[np.float64]] = {}
        self.units: dict[str, str] = {}

    def reach(self, row: int) -> None:
        while row >= self.capacity:
            self.capacity *= 2
            for arrays in (self.metrics, self.costs):
                for name, values in arrays.items():
                    arrays[name] = np.concatenate([values, np.full_like(values, np.nan)])

    def data(self, rows: int) -> TaskData:
        metrics = {name: self._first(values, rows) for name, values in self.metrics.items()}
        costs = {name: self._first(values, rows) for name, values in self.costs.items()}
        measured = np.any([~np.isnan(values).all(axis=2) for values in metrics.values()], axis=0)
        status = np.where(measured, DONE, MISSING).astype(np.uint8)
        return TaskData(self.task, metrics, status, costs, self.units)

    @staticmethod
    def _first(values: NDArray[Any], rows: int) -> NDArray[Any]:
        missing = np.full((max(0, rows - len(values)), *values.shape[1:]), np.nan, dtype=values.dtype)
        return np.concatenate([values[:rows], missing]) if len(missing) else values[:rows]


def _problem(new: NDArray[np.float32], held: NDArray[np.float32], unit: str) -> str:
    """Say what is wrong with new numbers, if anything."""
    if new.ndim and new.shape != held.shape:
        return f"has {len(new)} epochs, expected {len(held)}"
    bad = np.isinf(new)
    if unit == "fraction":
        bad = bad | (new < 0) | (new > 1)
    elif unit == "second":
        bad = bad | (new < 0)
    if bad.any():
        expected = {"fraction": "a fraction in 0..1", "second": "a time in seconds"}.get(unit, "a finite number")
        return f"is {new[bad].flat[0]:g}, expected {expected}"
    differs = ~np.isnan(new) & ~np.isnan(held) & (new != held)
    if differs.any():
        first = int(np.flatnonzero(differs)[0])
        return f"is {np.broadcast_to(new, held.shape)[first]:g}, and was {held[first]:g} before"
    return ""


@dataclass(frozen=True)
class Completeness:
    """Of one task, how much of it is there.

    Parameters
    ----------
    task : str
    architectures, seeds, epochs : int
    means : bool
        The numbers are means over seeds, so that "training" below stands for a mean.
    done, diverged, missing : int
        Trainings; together architectures x seeds.
    metric_gaps : dict of str to int
        Of each metric with gaps, how many numbers are not there among those of trainings that are done.
    cost_gaps : dict of str to int
        Of each cost with gaps, how many architectures it is not known of.
    """

    task: str
    architectures: int
    seeds: int
    epochs: int
    means: bool
    done: int
    diverged: int
    missing: int
    metric_gaps: dict[str, int]
    cost_gaps: dict[str, int]


def completeness(table: Table) -> list[Completeness]:
    """Say of each task of a table what is on record and what is missing.

    Raises
    ------
    FileFormatError
        If the table is damaged.
    """
    return [_of_task(table, name) for name in table.tasks]


def _of_task(table: Table, name: str) -> Completeness:
    task, status = table.tasks[name], table.status(name)
    gaps = {column: int(np.isnan(table.metric(name, column)[status == DONE]).sum()) for column in task.metrics}
    cost_gaps = {column: int(np.isnan(table.cost(name, column)).sum()) for column in table.costs(name)}
    return Completeness(
        name,
        architectures=len(table),
        seeds=len(task.seeds),
        epochs=len(task.epochs),
        means=table.means_only(name),
        done=int((status == DONE).sum()),
        diverged=int((status == DIVERGED).sum()),
        missing=int((status == MISSING).sum()),
        metric_gaps={column: count for column, count in gaps.items() if count},
        cost_gaps={column: count for column, count in cost_gaps.items() if count},
    )


def parse_json(content: bytes, path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises
    ------
    FileFormatError
        If it is not JSON, or not one object, or names a field twice.
    """
    try:
        document = json.loads(content, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:  # JSON's and Unicode's errors are both ValueErrors
        raise FileFormatError(f"{path}: is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise FileFormatError(f"{path}: should hold one JSON object, it holds {type(document).__name__} instead")
    return document


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def read_file(path: Path) -> bytes:
    """Return what a file holds.

    Raises
    ------
    FileFormatError
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror}") from None


def numbers(value: Any, where: str) -> NDArray[np.float64]:
    """Return a number, or a list of them, as an array, (); or (E,); null becomes NaN.

    Parameters
    ----------
    value : object
        As JSON gave it.
    where : str
        The file and the field, for errors.

    Raises
    ------
    FileFormatError
    """
    items = value if isinstance(value, list) else [value]
    for item in items:
        if item is not None and (isinstance(item, bool) or not isinstance(item, (int, float))):
            raise FileFormatError(f"{where}: should be {'numbers' if value is items else 'a number'}, got {item!r}")
    found = np.array([np.nan if item is None else item for item in items], dtype=np.float64)
    return found if value is items else found[0]
