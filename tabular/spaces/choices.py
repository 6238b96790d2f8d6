"""Rows of choices: which are valid, and which number each has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError, SpaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

ENUMERABLE = 1 << 22
"""Spaces up to this many rows are enumerated in memory by operations that need all of them."""


class Choices:
    """All rows of ``L`` choices: a row is a ``(L,)`` uint8 vector, many are a ``(N, L)`` array.

    Parameters
    ----------
    name : str
        What errors call the space.
    cardinalities : sequence of int
        Number of choices at each of the ``L`` positions, each in 1..256.

    Raises
    ------
    SpaceError
        If a position has no choice or more than 256.
    """

    def __init__(self, name: str, cardinalities: Sequence[int]) -> None:
        if not cardinalities or not all(1 <= c <= 256 for c in cardinalities):
            raise SpaceError(f"space {name!r}: every position needs 1 to 256 choices, got {list(cardinalities)}")
        self.name = name
        self.cardinalities = np.asarray(cardinalities, dtype=np.int64)
        self.length = len(cardinalities)
        self.size = math.prod(cardinalities)
        """Number of rows, isomorphic ones counted each."""
        self._choices = [int(c) for c in cardinalities]
        self._smallest = min(self._choices)
        self._weights = _mixed_radix_weights(self._choices)
        self._pairs_fit_a_byte = self.length % 2 == 0 and len(set(self._choices)) == 1 and self._choices[0] <= 16

    def check(self, architectures: ArrayLike) -> NDArray[np.uint8]:
        """Return the rows as uint8, or say which one is not in the space.

        Parameters
        ----------
        architectures : (N, L) or (L,) integers

        Raises
        ------
        InvalidArchitectureError
            Naming the first row outside the space, the place in it, and what is allowed there.
        """
        if isinstance(architectures, np.ndarray) and architectures.dtype == np.uint8:
            rows = architectures
        else:
            rows = self._to_uint8(architectures)
        if rows.ndim not in {1, 2} or rows.shape[-1] != self.length:
            raise InvalidArchitectureError(
                f"space {self.name!r} has architectures of {self.length} choices: expected shape ({self.length},) or "
                f"(N, {self.length}), got {rows.shape}"
            )
        # One flat pass settles nearly every call; only rows that fail it, or mixed cardinalities, need the exact look.
        if rows.size and int(rows.max()) >= self._smallest:
            self._check_ranges(rows)
        return rows

    def _to_uint8(self, architectures: ArrayLike) -> NDArray[np.uint8]:
        try:
            rows = np.asarray(architectures)
        except ValueError as error:
            raise InvalidArchitectureError(f"not a rectangular array of choices: {error}") from None
        if rows.size == 0:
            return rows.astype(np.uint8)
        if rows.dtype.kind not in "iub" or (rows < 0).any() or (rows > 255).any():
            raise InvalidArchitectureError(
                f"choices are whole numbers from 0, one per position of space {self.name!r}; got {_shorten(rows)}"
            )
        return rows.astype(np.uint8)

    def _check_ranges(self, rows: NDArray[np.uint8]) -> None:
        bad = np.atleast_2d(rows) >= self.cardinalities
        if bad.any():
            row, place = (int(i) for i in np.argwhere(bad)[0])
            value = int(np.atleast_2d(rows)[row, place])
            where = f"row {row}, " if rows.ndim == 2 else ""
            raise InvalidArchitectureError(
                f"not an architecture of {self.name!r}: {where}position {place} has choice {value}, "
                f"allowed are 0 to {self._choices[place] - 1}"
            )

    def is_valid(self, architectures: ArrayLike) -> Any:
        """Say of each row whether it is in the space.

        Returns
        -------
        (N,) bool or bool
        """
        rows = np.asarray(architectures)
        if rows.shape[-1:] != (self.length,) or rows.dtype.kind not in "iub":
            return False if rows.ndim < 2 else np.zeros(len(rows), dtype=bool)
        valid = ((rows >= 0) & (rows < self.cardinalities)).all(axis=-1)
        return bool(valid) if rows.ndim == 1 else valid

    def index(self, architectures: NDArray[np.uint8]) -> Any:
        """Return the position of each row in the order of `enumerate`.

        Returns
        -------
        (N,) int64 or int

        Raises
        ------
        SpaceError
            If the space has more rows than an int64 counts.
        """
        return self.rank(architectures)

    def rank(self, architectures: NDArray[np.uint8]) -> Any:
        """Return each row read as a number in mixed radix, its first choice the most significant.

        The same as `index` unless a space numbers its rows in an order of its own; this is the faster of the two.

        Returns
        -------
        (N,) int64 or int
        """
        rows = self.check(architectures)
        self._need_indices()
        if rows.ndim == 1:
            return sum(map(int.__mul__, rows.tolist(), self._weights))
        if self.size < 1 << 24:  # float32 holds these exactly, and its matrix product is the fastest there is
            weights = np.asarray(self._weights, dtype=np.float32)
            ranks = np.empty(len(rows), dtype=np.int64)
            for start in range(0, len(rows), 1 << 15):  # a block at a time stays in the processor's cache
                block = rows[start : start + (1 << 15)]
                if self._pairs_fit_a_byte:
                    ranks[start : start + len(block)] = self._join_pairs(block).astype(np.float32) @ weights[1::2]
                else:
                    ranks[start : start + len(block)] = block.astype(np.float32) @ weights
            return ranks
        return rows.astype(np.int64) @ np.asarray(self._weights, dtype=np.int64)

    def _join_pairs(self, rows: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Return each pair of neighbouring choices ``a, b`` as one number ``a * choices + b``: half as much to sum.

        Two bytes are the 16-bit word ``a + 256 b``. Times ``256 choices + 1``, modulo 2^16, that is
        ``256 (a choices + b) + a``.
        """
        words: NDArray[np.uint16] = np.ascontiguousarray(rows).view("<u2")
        joined: NDArray[np.uint16] = (words * np.uint16(256 * self._choices[0] + 1)) >> np.uint16(8)
        return joined

    def from_index(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the rows at these positions of `enumerate`.

        Parameters
        ----------
        indices : (N,) or scalar int

        Raises
        ------
        SpaceError
            If an index is not in 0..size-1.
        """
        return self._unrank(self._check_indices(indices))

    def _check_indices(self, indices: ArrayLike) -> NDArray[np.int64]:
        self._need_indices()
        wanted = np.asarray(indices, dtype=np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= self.size):
            bad = int(wanted[(wanted < 0) | (wanted >= self.size)].flat[0])
            raise SpaceError(f"space {self.name!r} has indices 0 to {self.size - 1}, got {bad}")
        return wanted

    def _unrank(self, ranks: NDArray[np.int64]) -> NDArray[np.uint8]:
        weights = np.asarray(self._weights, dtype=np.int64)
        return (ranks[..., None] // weights % self.cardinalities).astype(np.uint8)

    def _need_indices(self) -> None:
        if self.size > np.iinfo(np.int64).max:
            raise SpaceError(
                f"space {self.name!r} has {self.size:.1e} architectures: too many to number; sample it instead"
            )

    def enumerate(self, chunk: int = 1 << 16) -> Iterator[NDArray[np.uint8]]:
        """Yield all rows in index order, ``chunk`` rows at a time."""
        for start in range(0, self.size, chunk):
            yield self.from_index(np.arange(start, min(start + chunk, self.size)))

    def all(self) -> NDArray[np.uint8]:
        """Return all rows in index order.

        Raises
        ------
        SpaceError
            If there are more than `ENUMERABLE`; use `enumerate` or `sample` there.
        """
        if self.size > ENUMERABLE:
            raise SpaceError(
                f"space {self.name!r} has {self.size:,} architectures, too many to hold at once; "
                "use enumerate() or sample()"
            )
        return self.from_index(np.arange(self.size))


def _mixed_radix_weights(choices: list[int]) -> list[int]:
    weights = [1] * len(choices)
    for i in range(len(choices) - 2, -1, -1):
        weights[i] = weights[i + 1] * choices[i + 1]
    return weights


def _shorten(rows: NDArray[Any]) -> str:
    text = np.array2string(rows, threshold=8, separator=", ").replace("\n", "")
    return text if len(text) < 80 else text[:77] + "..."
