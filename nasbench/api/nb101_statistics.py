"""Records by hash, as NAS-Bench-101's API has them, without a million dictionaries made beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from nasbench.api.nb101_records import Nb101Records

Value = TypeVar("Value")


class HashIndex:
    """Which row has which hash; hashes are taken from an iterator, in the order of rows, only as far as is needed.

    Parameters
    ----------
    hashes : iterator of str
        Of all rows.
    count : int
        How many there are.
    """

    def __init__(self, hashes: Iterator[str], count: int) -> None:
        self.count = count
        self._coming = hashes
        self._rows: dict[str, int] = {}
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for row in range(self.count):
            while row >= len(self._taken):
                self._take()
            yield self._taken[row]

    def find(self, module_hash: object) -> int:
        """Return the row that has a hash, -1 if none has."""
        while module_hash not in self._rows and len(self._taken) < self.count:
            self._take()
        return self._rows.get(module_hash, -1) if isinstance(module_hash, str) else -1

    def _take(self) -> None:
        module_hash = next(self._coming)
        self._rows.setdefault(module_hash, len(self._taken))
        self._taken.append(module_hash)


class Statistics(Mapping[str, Value], Generic[Value]):
    """What is known of each cell, by hash; each value is made anew when it is asked for.

    Parameters
    ----------
    records : Nb101Records
    value : callable
        Makes the value of a row.
    missing : callable
        Makes the error for a hash that is not there.
    """

    def __init__(
        self, records: Nb101Records, value: Callable[[int], Value], missing: Callable[[object], KeyError]
    ) -> None:
        self._records, self._value, self._missing = records, value, missing

    def __getitem__(self, module_hash: str) -> Value:
        return self._value(self.row(module_hash))

    def __contains__(self, module_hash: object) -> bool:
        return self._records.index.find(module_hash) >= 0

    def __iter__(self) -> Iterator[str]:
        return iter(self._records.index)

    def __len__(self) -> int:
        return self._records.index.count

    def row(self, module_hash: str) -> int:
        """Return the row of the table that has a hash."""
        row = self._records.index.find(module_hash)
        if row < 0:
            raise self._missing(module_hash)
        return row
