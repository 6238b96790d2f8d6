"""The proposals of a search and their results."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tabular.spaces import Space


LISTED = 20_000
"""The most rows of a space whose keys are all looked up in advance, once for all runs of a process."""


class History:
    """Architectures that were proposed, and the values of those whose results are in."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._key_of_rank = _keys_by_rank(space) if space.size <= LISTED else None
        self._asked: set[int] = set()
        self._to_note: list[NDArray[np.uint8]] = []
        self._rows: list[NDArray[np.uint8]] = []
        self._values: list[float] = []

    def __len__(self) -> int:
        """Return the number of results."""
        return len(self._values)

    def ask(self, architecture: NDArray[np.uint8]) -> None:
        """Note that an architecture, (L,) uint8, was proposed."""
        self._to_note.append(architecture)

    def tell(self, architecture: NDArray[np.uint8], value: float) -> None:
        """Note the value of an architecture, -inf if its training diverged."""
        self._rows.append(architecture)
        self._values.append(value)

    @property
    def architectures(self) -> NDArray[np.uint8]:
        """The architectures of the results, (N, L) uint8, in order."""
        return np.array(self._rows, dtype=np.uint8).reshape(-1, self.space.length)

    @property
    def values(self) -> NDArray[np.float64]:
        """The values of the results, (N,) float64.

        A divergence is as bad as the worst that did not diverge.
        """
        values = np.array(self._values, dtype=np.float64)
        known = np.isfinite(values)
        values[~known] = values[known].min() if known.any() else 0.0
        return values

    def best(self, n: int) -> NDArray[np.uint8]:
        """Return the ``n`` architectures of the best results, the best first.

        The shape is (at most n, L) uint8, each row once.
        """
        chosen: dict[bytes, NDArray[np.uint8]] = {}
        for index in np.argsort(-np.array(self._values), kind="stable").tolist():
            chosen.setdefault(self._rows[index].tobytes(), self._rows[index])
            if len(chosen) == n:
                break
        return np.array(list(chosen.values()), dtype=np.uint8).reshape(-1, self.space.length)

    def new(self, architectures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return those of (N, L) uint8 whose network was not proposed yet.

        One of each network, in their order.
        """
        # Keys of many rows cost as much as of one: those of proposals wait until there are candidates.
        noted = len(self._to_note)
        keys = self.keys(np.concatenate([*(row[None] for row in self._to_note), architectures])).tolist()
        self._asked.update(keys[:noted])
        self._to_note.clear()
        keys = keys[noted:]
        seen = set(self._asked)
        keep = []
        for index, key in enumerate(keys):
            if key not in seen:
                seen.add(key)
                keep.append(index)
        return architectures[keep]

    def keys(self, architectures: NDArray[np.uint8]) -> NDArray[np.uint64]:
        """Return the canonical key of each architecture, (N,)."""
        if self._key_of_rank is None:
            keys: NDArray[np.uint64] = self.space.canonical_key(architectures)
            return keys
        looked_up: NDArray[np.uint64] = self._key_of_rank[self.space.rank(architectures)]
        return looked_up


@lru_cache(maxsize=4)
def _keys_by_rank(space: Space) -> NDArray[np.uint64]:
    rows = space.all()
    keys = np.empty(len(rows), dtype=np.uint64)
    keys[space.rank(rows)] = space.canonical_key(rows)
    return keys
