"""A table opened for reading, lazy and checked.

The tables that come with the package are here too.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError, SpaceError, UnknownNameError
from tabular.layout import (
    FORMAT,
    MEANS,
    REPRESENTS,
    RESERVED,
    VERSION,
    TableData,
    TaskData,
    content_digest,
    find_problems,
    row_bytes,
)
from tabular.measures import Metric, Task
from tabular.spaces import declared_space
from tabular.storage import damage_named, find_damage, open_hdf5, read_array, read_json, read_text

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray
    from typing_extensions import Self

    from tabular.spaces import Space

FOLDER = Path(__file__).parent / "data"


def shipped_tables() -> dict[str, Path]:
    """Return the name and the file of each table that comes with the package."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.h5"))}


def located(path: str | Path) -> Path:
    """Return the file that a path or the name of a shipped table means.

    A file of that name comes first.
    """
    path = Path(path)
    return path if path.exists() else shipped_tables().get(str(path), path)


class Table:
    """The numbers of a table file.

    Each data set is read and its checksum compared when it is first asked for. The file stays open, so that what is
    read later belongs to what was read before even if the file is replaced meanwhile. Use it as a context manager, or
    `close` it, to let go of the file earlier than the garbage collector. A pickled table carries its path and is opened
    again.

    Parameters
    ----------
    path : str or Path
        A file, or the name of a table that comes with the package: see `tabular.shipped_tables`.

    Raises
    ------
    FileFormatError
        If the file is missing, cut short, foreign, of a newer version or damaged.

    Examples
    --------
    >>> table = Table.open("digits.h5")  # doctest: +SKIP
    >>> table.metric("digits", "test_accuracy").shape  # doctest: +SKIP
    (261, 3, 12)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = located(path)
        self._file: h5py.File = open_hdf5(self.path, FORMAT, VERSION)
        self._arrays: dict[str, NDArray[Any]] = {}
        try:
            with damage_named(self.path):
                self._read_head()
        except FileFormatError:
            self.close()
            raise

    @classmethod
    def open(cls, path: str | Path) -> Table:
        """Open a table file, or a table that comes with the package."""
        return cls(path)

    def _read_head(self) -> None:
        file = self._file
        self.digest = read_text(file, "digest")
        if content_digest(file) != self.digest:
            raise FileFormatError(f"{self.path}: its digest does not match, the file is damaged; get a fresh copy")
        try:
            self.space: Space = declared_space(read_json(file, "space"), where=str(self.path))
        except (SpaceError, UnknownNameError) as error:
            raise FileFormatError(f"{self.path}: its space is not one this program knows: {error}") from None
        self.represents = read_text(file, "represents")
        if self.represents not in REPRESENTS:
            raise FileFormatError(f"{self.path}: represents is {self.represents!r}, expected {' or '.join(REPRESENTS)}")
        self.provenance: dict[str, Any] = read_json(file, "provenance")
        self.tasks: dict[str, Task] = {name: self._read_task(name) for name in file["tasks"]}
        if not self.tasks:
            raise FileFormatError(f"{self.path}: holds no task")

    def _read_task(self, name: str) -> Task:
        group = self._file["tasks"][name]
        metrics = {
            item_name: Metric(item_name, *(read_text(item, key) for key in ("unit", "split", "direction")))
            for item_name, item in group["metrics"].items()
            if item_name not in RESERVED
        }
        epochs, seeds = (self._array(f"tasks/{name}/{item_name}").tolist() for item_name in ("epoch", "seed"))
        return Task(name, tuple(epochs), metrics, tuple(seeds), read_json(group, "provenance"))

    def _array(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            if not self._file:
                raise FileFormatError(f"{self.path}: was closed before {name} was read; open it again")
            values = read_array(self._file, name)
            values.flags.writeable = False
            self._arrays[name] = values
        return self._arrays[name]

    def __repr__(self) -> str:
        return f"<Table {str(self.path)!r}: {len(self):,} architectures of {self.space.name}, {', '.join(self.tasks)}>"

    def __len__(self) -> int:
        return len(self.architectures)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Table], tuple[Path]]:
        return (Table, (self.path,))

    def close(self) -> None:
        """Let go of the file; what was read stays, anything else can no longer be read."""
        self._file.close()

    @property
    def architectures(self) -> NDArray[np.uint8]:
        """The architectures on record, ``(N, L)`` uint8."""
        return self._array("architectures")

    @property
    def canonical_keys(self) -> NDArray[np.uint64]:
        """The canonical key of each architecture on record, ``(N,)`` uint64."""
        return self._array("canonical_keys")

    def metric(self, task: str, name: str) -> NDArray[np.float32]:
        """Return all values of a metric, read-only; NaN where nothing was measured.

        Returns
        -------
        (N, S, E) float32

        Raises
        ------
        UnknownNameError, FileFormatError
        """
        known = self._task(task).metrics
        if name not in known:
            raise UnknownNameError("metric", name, known, of=f"task {task!r}")
        return self._array(f"tasks/{task}/metrics/{name}")

    def costs(self, task: str) -> dict[str, str]:
        """Return the names of a task's costs per architecture, each with its unit."""
        self._task(task)
        with damage_named(self.path):
            group = self._file["tasks"][task]["costs"]
            return {name: read_text(item, "unit") for name, item in group.items() if name not in RESERVED}

    def cost(self, task: str, name: str) -> NDArray[Any]:
        """Return a cost of every architecture, ``(N,)``, read-only.

        Raises
        ------
        UnknownNameError, FileFormatError
        """
        known = self.costs(task)
        if name not in known:
            raise UnknownNameError("cost", name, known, of=f"task {task!r}")
        return self._array(f"tasks/{task}/costs/{name}")

    def status(self, task: str) -> NDArray[np.uint8]:
        """Return what became of each training: 0 missing, 1 done, 2 diverged.

        Returns
        -------
        (N, S) uint8
        """
        self._task(task)
        return self._array(f"tasks/{task}/status")

    def means_only(self, task: str) -> bool:
        """Say whether the task's numbers are means over trainings, not single trainings."""
        return self._task(task).seeds == MEANS

    def _task(self, name: str) -> Task:
        if name not in self.tasks:
            raise UnknownNameError("task", name, self.tasks)
        return self.tasks[name]

    def identity(self, architectures: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what is equal for two rows that one record of the table answers for.

        Returns
        -------
        (N,) uint64 canonical keys if the table's rows stand for classes, else (N,) bytes
        """
        rows = np.atleast_2d(self.space.check(architectures))
        if self.represents == "class":
            keys: NDArray[Any] = self.space.canonical_key(rows)
            return keys
        return row_bytes(rows)

    def rows(self, architectures: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the row of the table for each architecture, -1 where there is none.

        Parameters
        ----------
        architectures : (N, L) uint8

        Returns
        -------
        (N,) int64
        """
        wanted = self.identity(architectures)
        held, order = self._sorted_identities
        index = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
        return np.where(held[index] == wanted, order[index], -1)

    @cached_property
    def _sorted_identities(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The identities of the rows of the table, ascending, and the row of each."""
        held = self.canonical_keys if self.represents == "class" else row_bytes(self.architectures)
        order = np.argsort(held)
        return held[order], order

    def load(self) -> TableData:
        """Return everything the table holds, in memory.

        Raises
        ------
        FileFormatError
            Naming the first data set that is damaged.
        """
        tasks = [
            TaskData(
                task,
                {metric: self.metric(name, metric) for metric in task.metrics},
                self.status(name),
                {cost: self.cost(name, cost) for cost in self.costs(name)},
                self.costs(name),
            )
            for name, task in self.tasks.items()
        ]
        return TableData(self.space, self.architectures, self.represents, tasks, self.provenance)

    def check(self) -> list[str]:
        """Return one line for each checksum or invariant that does not hold.

        Returns
        -------
        list of str
            Empty if the table is sound.
        """
        with damage_named(self.path):
            damage = find_damage(self._file)
        if damage:
            return damage
        try:
            data = self.load()
        except FileFormatError as error:
            return [str(error)]
        problems = find_problems(data)
        if not problems and not np.array_equal(self.space.canonical_key(data.architectures), self.canonical_keys):
            problems.append("canonical_keys: are not those that the space computes for these architectures")
        return [f"{self.path}: {problem}" for problem in problems]
