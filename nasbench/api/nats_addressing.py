"""Which architecture of a table, and which of its tasks, a question to NATS-Bench's API means."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.api.nats_columns import CIFAR10
from tabular.errors import QueryError
from tabular.spaces.space import ENUMERABLE

if TYPE_CHECKING:
    from random import Random

    from numpy.typing import NDArray

    from nasbench.api.nats_columns import Column, TaskRecords
    from tabular.table import Table


class OutOfRangeError(QueryError, IndexError):
    """An index beyond the last architecture; an `IndexError` too, since that is what ends a loop over an API."""


class Addressing:
    """Finds rows of a table by index or string, and tasks by data set and hp.

    Parameters
    ----------
    table : Table
    records : dict of (str, str) to TaskRecords
        By data set and hp.
    rng : random.Random
        Draws the trainings.
    """

    def __init__(self, table: Table, records: dict[tuple[str, str], TaskRecords], rng: Random) -> None:
        self.table, self.records, self.rng = table, records, rng
        self.known: dict[tuple[Any, Any], TaskRecords] = dict(records)
        """Records by data set and hp, as callers wrote them so far."""
        self._searched: dict[tuple[Any, Any], TaskRecords] = {}
        self._size = table.space.size
        if self._size > ENUMERABLE:
            raise QueryError(
                f"{table.path}: its space has {self._size:,} architectures, too many to number in memory; use "
                "tabular.TableOracle"
            )

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> str:
        try:
            return self.meta_archs[index]
        except IndexError:
            raise OutOfRangeError(f"there is no architecture {index}; there are {self._size:,}, from 0") from None

    # Which architecture.

    @cached_property
    def meta_archs(self) -> list[str]:
        """The strings of all architectures, by index."""
        texts: list[str] = self.table.space.to_text(self.table.space.all())
        return texts

    @cached_property
    def archstr2index(self) -> dict[str, int]:
        """The index of each string."""
        return {text: index for index, text in enumerate(self.meta_archs)}

    @cached_property
    def row_array(self) -> NDArray[np.int64]:
        """The table's row for each index, -1 where there is none."""
        return self.table.rows(self.table.space.all())

    @cached_property
    def _rows(self) -> list[int]:
        rows: list[int] = self.row_array.tolist()
        return rows

    def query_index_by_arch(self, arch: Any) -> int:
        """Return the index of an architecture; -1 for one that is not in the space.

        Parameters
        ----------
        arch : int, str or object with a method ``tostr``
            An index is returned as it is. Any integer type will do, where the originals take `int` alone.

        Raises
        ------
        QueryError
            For an index out of range.
        """
        if isinstance(arch, str):
            return self.archstr2index.get(arch, -1)
        if isinstance(arch, (int, np.integer)):
            return self.checked_index(arch)
        return self.archstr2index.get(arch.tostr(), -1) if hasattr(arch, "tostr") else -1

    def checked_index(self, index: Any) -> int:
        """Return an index that is in range."""
        if isinstance(index, (int, np.integer)) and 0 <= index < self._size:
            return int(index)
        raise QueryError(f"an index is a whole number from 0 to {self._size - 1}, got {index!r}")

    def index_of(self, arch: Any) -> int:
        """Return the index of an architecture that must be in the space."""
        index = self.query_index_by_arch(arch)
        if index < 0:
            raise QueryError(f"{arch!r} is no architecture of {self.table.space.name!r}; one is {self.meta_archs[0]!r}")
        return index

    def row(self, arch: Any) -> int:
        """Return the table's row that answers for an architecture."""
        index = arch if type(arch) is int and 0 <= arch < self._size else self.index_of(arch)
        row = self._rows[index]
        if row < 0:
            raise QueryError(
                f"{self.table.path}: has no record of architecture {index}, {self.meta_archs[index]}; it has "
                f"{len(self.table):,} architectures"
            )
        return row

    # Which task.

    def find(self, dataset: str, hp: str | int) -> TaskRecords:
        """Return the records of a data set with an hp, which may be written ``1``, ``"1"`` or ``"01"``.

        Raises
        ------
        QueryError
            If there are none.
        """
        found = self.known.get((dataset, hp))
        if found is None:
            hps = {held: each for (name, held), each in self.records.items() if name == dataset}
            if not hps:
                datasets = ", ".join(dict.fromkeys(name for name, _ in self.records))
                raise QueryError(f"{self.table.path}: has no data set {dataset!r}; it has {datasets}")
            spelt = self.spelt_hp(hp)
            if spelt not in hps:
                raise QueryError(f"{self.table.path}: has {dataset!r} with hp {' and '.join(hps)}, not with {hp!r}")
            found = self.known[dataset, hp] = hps[spelt]
        return found

    def spelt_hp(self, hp: str | int) -> str:
        """Return an hp as the table's tasks spell it.

        Raises
        ------
        QueryError
            If no task has it.
        """
        hps = list(dict.fromkeys(held for _, held in self.records))
        for held in hps:
            if str(hp).isdecimal() and int(hp) == int(held):
                return held
        raise QueryError(
            f"{self.table.path}: has nothing with hp={hp!r}, the epochs of a training; it has {', '.join(hps)}"
        )

    def searched(self, dataset: str, hp: str | int) -> TaskRecords:
        """Return the records with a data set's validation results: of ``cifar10-valid``, if any, for ``cifar10``."""
        found = self._searched.get((dataset, hp))
        if found is None:
            half, whole = CIFAR10
            name = half if dataset == whole and any(each == half for each, _ in self.records) else dataset
            found = self._searched[dataset, hp] = self.find(name, hp)
        return found

    @staticmethod
    def checked_column(records: TaskRecords, setname: str) -> Column:
        """Return the averaged accuracies on a set, which must be there."""
        column = records.averages.column(setname)
        accuracies = [
            each.split for each in records.averages.others if f"{each.split.ours}_accuracy" in records.metrics
        ]
        if column is None or f"{column.split.ours}_accuracy" not in records.metrics:
            names = ", ".join(each.setname for each in accuracies) or "none"
            raise QueryError(f"{records.where}: has no accuracy on {setname!r}; besides train it has {names}")
        return column

    @staticmethod
    def refuse_means(records: TaskRecords) -> None:
        """Refuse a task that holds means only."""
        if records.means_only:
            raise QueryError(f"{records.where}: holds means over trainings, not how many there were")
