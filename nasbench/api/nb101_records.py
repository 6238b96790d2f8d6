"""The records of a table of NAS-Bench-101's space, found by cell in a microsecond or two."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench.api.nb101_statistics import HashIndex
from tabular.errors import FileFormatError, QueryError, UnknownNameError
from tabular.importers.nasbench101 import HALFWAY
from tabular.layout import DIVERGED
from tabular.measures import SECONDS
from tabular.spaces.nb101 import INPUT, NB101, OUTPUT
from tabular.spaces.nb101_hash import OPERATIONS, edges
from tabular.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

METRICS = (SECONDS, "train_accuracy", "validation_accuracy", "test_accuracy")
"""What the API tells of a training, in this order."""

PARAMETERS = "parameters"

HASHED_AT_ONCE = 1 << 14


class Numbers(NamedTuple):
    """The numbers of all trainings of one length, at their end or halfway.

    Parameters
    ----------
    values : list of (N, S) float32 or None
        For each of `METRICS`; None where the table has no such numbers.
    recorded : (N, S) bool or None
        Which trainings there are; None if that is all.
    """

    values: list[NDArray[np.float32] | None]
    recorded: NDArray[np.bool_] | None

    def at(self, row: int, repeat: int) -> list[float]:
        """Return the numbers of one training, NaN where there is none."""
        return [float("nan") if each is None else each.item(row, repeat) for each in self.values]


class _Shape:
    """Which choices of a row make the cell that is left when only some vertices are kept."""

    def __init__(self, vertices: int, kept: int) -> None:
        places = {edge: place for place, edge in enumerate(edges(vertices))}
        left = [vertex for vertex in range(vertices) if kept >> vertex & 1]
        self.size = len(left)
        self._bits = itemgetter(*(places.get((start, end), -1) for start in left for end in left))
        self._operations = [len(places) + vertex - 1 for vertex in left[1:-1]]

    def cell(self, choices: bytes) -> tuple[NDArray[np.int8], list[str]]:
        """Return matrix and labels, from the bytes of a row."""
        bits = bytearray(self._bits(choices + b"\0"))  # where there can be no edge, the byte at -1
        labels = [INPUT, *[OPERATIONS[choices[place]] for place in self._operations], OUTPUT]
        return np.frombuffer(bits, dtype=np.int8).reshape(self.size, self.size), labels


class Nb101Records:
    """A table of NAS-Bench-101's space, its numbers read when they are first asked for.

    Parameters
    ----------
    source : str, Path or Table
    task : str, optional
        Needed if the table has more than one.

    Raises
    ------
    FileFormatError, QueryError, UnknownNameError
    """

    def __init__(self, source: str | Path | Table, task: str | None = None) -> None:
        if not isinstance(source, Table) and Path(source).suffix == ".tfrecord":
            out = Path(source).with_suffix(".h5")
            raise FileFormatError(
                f"{source}: is NAS-Bench-101's own file; make a table of it, once, with "
                f"'nasbench import nasbench101 {source} --out {out}', and open that"
            )
        self.table = source if isinstance(source, Table) else Table.open(source)
        if not isinstance(self.table.space, NB101):
            raise QueryError(
                f"{self.table.path}: is a table of {self.table.space.name!r}; this API answers for NAS-Bench-101's "
                "space"
            )
        self.space: NB101 = self.table.space
        if task is None and len(self.table.tasks) > 1:
            raise QueryError(f"{self.table.path}: has the tasks {', '.join(self.table.tasks)}; name one by task=")
        if task is not None and task not in self.table.tasks:
            raise UnknownNameError("task", task, self.table.tasks)
        self.task = self.table.tasks[task if task is not None else next(iter(self.table.tasks))]
        self._numbers: dict[tuple[int, bool], Numbers] = {}
        self._shapes: dict[int, _Shape] = {}

    # Finding rows.

    def find(self, key: int) -> int:
        """Return the row of the table that has a canonical key, -1 if none has."""
        keys, rows = self._sorted_keys
        place = bisect_left(keys, key)
        return rows[place] if place < len(keys) and keys[place] == key else -1

    @cached_property
    def _sorted_keys(self) -> tuple[array[int], array[int]]:
        """The keys, ascending, and the row of each: plain arrays, which hand out plain numbers at once."""
        held = self.table.canonical_keys
        order = np.argsort(held, kind="stable")
        keys, rows = array("Q"), array("q")
        keys.frombytes(held[order].tobytes())
        rows.frombytes(order.astype(np.int64).tobytes())
        return keys, rows

    # What a row says.

    def cell(self, row: int) -> tuple[NDArray[np.int8], list[str]]:
        """Return the matrix of a row, pruned, and the labels of its vertices."""
        kept = self._kept[row]
        shape = self._shapes.get(kept) or self._shapes.setdefault(kept, _Shape(self.space.vertices, kept))
        return shape.cell(self.table.architectures[row].tobytes())

    @cached_property
    def _kept(self) -> bytes:
        """Of each row the set of vertices that do not dangle: a vertex ``v`` is the bit ``1 << v``."""
        pruned = self.space.prune(self.table.architectures)
        kept = np.full(len(pruned), 1 << (self.space.vertices - 1), dtype=np.uint8)
        for place, (start, _) in enumerate(self.space.edges):
            kept |= pruned[:, place] << np.uint8(start)
        return kept.tobytes()

    @cached_property
    def parameters(self) -> NDArray[Any] | None:
        """The trainable parameters of each row, (N,); None if the table does not tell."""
        known = PARAMETERS in self.table.costs(self.task.name)
        return self.table.cost(self.task.name, PARAMETERS) if known else None

    def parameters_of(self, row: int) -> float:
        """Return a row's trainable parameters, an int where they are known, else NaN."""
        count = float("nan") if self.parameters is None else self.parameters.item(row)
        return int(count) if count == count else count  # noqa: PLR0124 - NaN alone is unequal to itself

    def numbers(self, epochs: int, halfway: bool) -> Numbers:
        """Return the numbers of all trainings of one length that the table has, at their end or halfway."""
        if (epochs, halfway) not in self._numbers:
            self._numbers[epochs, halfway] = self._read_numbers(epochs, halfway)
        return self._numbers[epochs, halfway]

    def _read_numbers(self, epochs: int, halfway: bool) -> Numbers:
        recorded = self._recorded(epochs)
        whole = None if recorded.all() else recorded
        if not halfway:
            return Numbers([self._values(name, epochs) for name in METRICS], whole)
        if any(HALFWAY + name in self.task.metrics for name in METRICS):
            return Numbers([self._values(HALFWAY + name, epochs) for name in METRICS], whole)
        if self.task.restarts or epochs // 2 not in self.task.epochs:
            return Numbers([None] * len(METRICS), whole)
        return Numbers([self._values(name, epochs // 2) for name in METRICS], whole)

    def _recorded(self, epochs: int) -> NDArray[np.bool_]:
        """Say which trainings of this length are on record, (N, S)."""
        recorded: NDArray[np.bool_] = self.table.status(self.task.name) == DIVERGED
        for name in METRICS:
            values = self._values(name, epochs)
            if values is not None:
                recorded |= ~np.isnan(values)
                if recorded.all():
                    break
        return recorded

    def _values(self, name: str, epochs: int) -> NDArray[np.float32] | None:
        if name not in self.task.metrics:
            return None
        return self.table.metric(self.task.name, name)[:, :, self.task.epochs.index(epochs)]

    def repeats(self, row: int, epochs: int) -> list[int]:
        """Return which trainings of this length a row has."""
        recorded = self.numbers(epochs, halfway=False).recorded
        return list(range(len(self.task.seeds))) if recorded is None else np.flatnonzero(recorded[row]).tolist()

    @cached_property
    def index(self) -> HashIndex:
        """The rows by hash."""
        return HashIndex(self._hashes(), len(self.table))

    def _hashes(self) -> Iterator[str]:
        architectures = self.table.architectures
        for start in range(0, len(architectures), HASHED_AT_ONCE):  # many at once cost far less than one by one
            yield from self.space.module_hash(architectures[start : start + HASHED_AT_ONCE])
