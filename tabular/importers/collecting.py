"""Gathers what an importer reads, one training after the other, into the arrays of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError
from tabular.invariants import DONE, MISSING
from tabular.layout import TableData, TaskData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.measures import Task
    from tabular.spaces import Space

FIRST_CAPACITY = 1024


class Collector:
    """What was read so far: architectures in the order in which they came, and the numbers of their trainings.

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
        """Return the numbers of architectures, (N, L) -> (N,); those that are new are added.

        Raises
        ------
        InvalidArchitectureError
        """
        checked = self.space.check(architectures)
        identities = checked if self.represents == "row" else self.space.canonical_key(checked)
        numbers = np.empty(len(checked), dtype=np.int64)
        for place, identity in enumerate(identities):
            number = numbers[place] = self._row_of.setdefault(identity.tobytes(), len(self._rows))
            if number == len(self._rows):
                self._rows.append(checked[place].copy())
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
        place = arrays.task.seeds.index(seed)
        first = None if epoch is None else arrays.task.epochs.index(epoch)
        epochs = slice(None) if first is None else slice(first, first + 1)
        arrays.reach(row)
        for metric, value in values.items():
            new = np.asarray(value, dtype=np.float32)
            held = arrays.metrics[metric][row, place, epochs]
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
