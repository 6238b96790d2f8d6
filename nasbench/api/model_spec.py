"""A cell as NAS-Bench-101's API takes it: a matrix and a label for each vertex.

Vertices that dangle are cut off.
"""

from __future__ import annotations

from functools import cache, cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError
from tabular.spaces.nb101_md5 import module_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

LOOKED_UP = 8
"""Matrices up to this many vertices are read a row at a time, by looking it up among all rows there can be."""

LARGEST = 64
"""Vertices that a matrix may have; far more than any space has, so that a mistake is named and not waited for."""


class ModelSpec:
    """A cell given by its matrix and the labels of its vertices.

    Vertices that lie on no path from the first to the last are cut off, with their edges and labels. What is given is
    copied; the matrices returned are read-only.

    Parameters
    ----------
    matrix : (V, V) array or nested list
        0 and 1 (or False and True); a 1 at (s, t) is an edge from s to t. Nothing on the diagonal or below.
    ops : sequence of V labels
        Those of the first and last vertex stand for input and output.
    data_format : str
        Kept as it is.

    Attributes
    ----------
    valid_spec : bool
        Whether the last vertex can be reached from the first.
    ops : list or None
        The labels that are left; None if the cell is not valid.
    original_ops : list
    data_format : str

    Raises
    ------
    InvalidArchitectureError
        (A ValueError.) If the matrix is not square, not 0-1, not upper triangular, or has another number of vertices
        than there are labels.
    """

    def __init__(self, matrix: ArrayLike, ops: Sequence[Any], data_format: str = "channels_last") -> None:
        rows: Any = matrix.tolist() if isinstance(matrix, np.ndarray) else matrix
        try:
            known = _sets_of(len(rows))
            targets = [known[tuple(row)] for row in rows]
        except (TypeError, KeyError):
            targets = _read(matrix)
        last = len(targets) - 1
        if len(ops) != last + 1:
            raise InvalidArchitectureError(
                f"length of ops must match matrix dimensions: {len(ops)} ops for a matrix of {last + 1} vertices"
            )
        # A set of vertices is a number in which vertex t is the bit `last - t`, so the edges of a row, which lead to
        # later vertices only, are less than the row's own bit.
        fed = bit = 1 << last
        for start, reached in enumerate(targets):
            if reached >= bit:
                raise InvalidArchitectureError(
                    f"matrix must be upper triangular: row {start} has an edge to vertex {_first(reached, last)}"
                )
            if fed & bit:
                fed |= reached
            bit >>= 1
        used = bit = 1
        for reached in reversed(targets):
            if reached & used:
                used |= bit
            bit <<= 1
        kept = fed & used
        self.data_format = data_format
        self.original_ops: list[Any] = getattr(ops, "tolist", lambda: list(ops))()
        self.valid_spec = bool(last and kept & 1)
        self.ops: list[Any] | None = None
        self._given = targets
        self._dtype = matrix.dtype if isinstance(matrix, np.ndarray) else np.dtype(np.int64)
        self._targets = targets if kept == (2 << last) - 1 else _without_others(targets, kept)
        if self.valid_spec:
            self.ops = [op for vertex, op in enumerate(self.original_ops) if kept >> (last - vertex) & 1]

    def __repr__(self) -> str:
        if not self.valid_spec:
            return f"<ModelSpec {_text(self._given)}, {self.original_ops}: not connected>"
        return f"<ModelSpec {_text(self._targets)}, {self.ops}>"

    @cached_property
    def original_matrix(self) -> NDArray[Any]:
        """The matrix that was given, (V, V)."""
        return _matrix(self._given, self._dtype)

    @cached_property
    def matrix(self) -> NDArray[Any] | None:
        """What is left of the matrix; None if the cell is not valid."""
        return _matrix(self._targets, self._dtype) if self.valid_spec else None

    @property
    def code(self) -> int:
        """The matrix that is left as one number, its upper triangle read row by row.

        0 if the cell is not valid.
        """
        code, width = 0, len(self._targets) - 1
        for reached in self._targets:
            code = code << width | reached
            width -= 1
        return code

    def hash_spec(self, canonical_ops: Sequence[Any]) -> str:
        """Return the MD5 by which NAS-Bench-101 names this cell and all that are drawn otherwise but are the same.

        Parameters
        ----------
        canonical_ops : sequence of labels
            The operations in the order of the space, as in ``NASBench.config["available_ops"]``.

        Returns
        -------
        str
            32 hexadecimal digits.

        Raises
        ------
        InvalidArchitectureError
            (A ValueError.) If the cell is not valid, or has an operation that is not among these.
        """
        if self.ops is None:
            raise InvalidArchitectureError("invalid spec, provided graph is disconnected; it has no hash")
        places = {op: place for place, op in enumerate(canonical_ops)}
        for op in self.ops[1:-1]:
            if op not in places:
                raise InvalidArchitectureError(f"unsupported op {op} (canonical ops = {list(canonical_ops)})")
        return module_hash(_matrix(self._targets, self._dtype), [-1, *(places[op] for op in self.ops[1:-1]), -2])


@cache
def _sets_of(size: int) -> dict[tuple[int, ...], int]:
    """Return the set of vertices that each row of a 0-1 matrix names, by the row.

    Other sizes are not looked up.
    """
    if not 0 < size <= LOOKED_UP:
        raise KeyError(size)
    return {row: number for number, row in enumerate(product((0, 1), repeat=size))}


def _read(matrix: ArrayLike) -> list[int]:
    """Read a matrix entry by entry, or say what is wrong with it."""
    try:
        entries = np.array(matrix)
    except ValueError:
        raise InvalidArchitectureError("matrix must be square: its rows differ in length") from None
    if entries.ndim != 2 or entries.shape[0] != entries.shape[1]:
        raise InvalidArchitectureError(f"matrix must be square, got shape {entries.shape}")
    if len(entries) > LARGEST:
        raise InvalidArchitectureError(f"matrix has {len(entries)} vertices, at most {LARGEST} can be read")
    for place, entry in np.ndenumerate(entries):
        if entry not in {0, 1}:
            where = f"row {place[0]} column {place[1]}"
            raise InvalidArchitectureError(f"matrix must hold 0 and 1 only, {where} is {entry}")
    return [int("".join("1" if entry else "0" for entry in row), 2) for row in entries.tolist()]


def _without_others(targets: list[int], kept: int) -> list[int]:
    """Return the rows of the vertices in a set, over these vertices only."""
    last = len(targets) - 1
    if last < LOOKED_UP:
        vertices, among = _sets_among(last, kept)
        return [among[targets[vertex]] for vertex in vertices]
    return [_among(targets[last - bit], kept) for bit in range(last, -1, -1) if kept >> bit & 1]


@cache
def _sets_among(last: int, kept: int) -> tuple[list[int], list[int]]:
    """Return which vertices a set has, and for every set what it is among these vertices only."""
    vertices = [last - bit for bit in range(last, -1, -1) if kept >> bit & 1]
    return vertices, [_among(reached, kept) for reached in range(2 << last)]


def _among(reached: int, kept: int) -> int:
    """Return a set of vertices with all others left out, those that are kept moved together."""
    among, place = 0, 0
    for bit in range(kept.bit_length()):
        if kept >> bit & 1:
            among |= (reached >> bit & 1) << place
            place += 1
    return among


def _matrix(targets: list[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    size = len(targets)
    matrix = np.array([[reached >> bit & 1 for bit in range(size - 1, -1, -1)] for reached in targets], dtype=dtype)
    matrix.flags.writeable = False
    return matrix


def _text(targets: Iterable[int]) -> str:
    rows = list(targets)
    return " ".join(f"{row:0{len(rows)}b}" for row in rows)


def _first(reached: int, last: int) -> int:
    return last - reached.bit_length() + 1
