"""NAS-Bench-101's space (Ying et al., ICML 2019).

Cells with an operation on every vertex, at most 9 edges.
"""

from __future__ import annotations

import itertools
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError, SpaceError, UnknownNameError
from tabular.spaces.graph import IDENTITY, TRAITS, ZERO, Graph
from tabular.spaces.nb101_hash import (
    MOST_EDGES,
    OPERATIONS,
    edges,
    key_of_one,
    keys_of_many,
    pruned_matrices,
)
from tabular.spaces.nb101_md5 import module_hashes
from tabular.spaces.space import ConstrainedSpace, one_hot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from tabular.networks.nb101 import NB101Network
    from tabular.recipe import Recipe

INPUT, OUTPUT = "input", "output"
"""The labels of the first and the last vertex."""

SIZES = {3: 15, 4: 423, 5: 22_680, 6: 2_198_502, 7: 373_754_169}
"""The number of rows for each number of vertices."""

_TRAITS = tuple(TRAITS[name] for name in (ZERO, IDENTITY, "nor_conv_3x3", "nor_conv_1x1", "max_pool_3x3"))
"""The traits of an edge that is not there and of one that is, then those of each operation."""

_BITS = bytes(48 + byte if byte < 2 else ord("x") for byte in range(256))
"""The digit of each choice of an edge; what is no choice becomes a letter that is no digit."""


class NB101(ConstrainedSpace):
    """The cells of NAS-Bench-101 with up to ``vertices`` vertices.

    Input and output are counted.

    A row is the upper triangle of the adjacency matrix, row by row, each 0 or 1: (0,1), (0,2), ..., (1,2), ...; then
    the number in `OPERATIONS` of what each interior vertex does. Vertices that are not on a path from input to output
    dangle, and do not count: what is left must connect the two by at most 9 edges. So smaller cells are rows, too. Two
    rows are the same network when the benchmark's MD5 hash of what is left is the same.

    Parameters
    ----------
    vertices : int
        3 to 7; the benchmark has 7.

    Raises
    ------
    SpaceError

    Examples
    --------
    >>> space = NB101(vertices=5)
    >>> space.size, len(space.unique())
    (22680, 2532)
    """

    def __init__(self, vertices: int = 7) -> None:
        if vertices not in SIZES:
            raise SpaceError(f"space 'nb101': a cell has 3 to 7 vertices, input and output counted; got {vertices}")
        self.vertices = vertices
        self.operations = OPERATIONS
        self.edges = edges(vertices)
        name = "nb101" if vertices == 7 else f"nb101-v{vertices}"
        choices = [2] * len(self.edges) + [len(OPERATIONS)] * (vertices - 2)
        super().__init__(name, choices, head=len(self.edges), size=SIZES[vertices])
        # As a graph has its operations on edges, each choice is one: vertex v leads from node 2v - 1 to node 2v.
        drawn = [(2 * start, 2 * end - 1) for start, end in self.edges]
        drawn += [(2 * vertex - 1, 2 * vertex) for vertex in range(1, vertices - 1)]
        self._graph_order = sorted(range(self.length), key=lambda position: drawn[position])
        self._graph_edges = tuple(sorted(drawn))

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "nb101", "vertices"}``."""
        return {"kind": "nb101", "vertices": self.vertices}

    def named_choices(self) -> dict[str, tuple[str | int, ...]]:
        """Return 0 and 1 for each edge, called ``edge_START_END``, and the operations of each ``vertex_NUMBER``."""
        named: dict[str, tuple[str | int, ...]] = {f"edge_{start}_{end}": (0, 1) for start, end in self.edges}
        return named | {f"vertex_{vertex}": OPERATIONS for vertex in range(1, self.vertices - 1)}

    # What is left when dangling vertices are cut off.

    def _pruned_matrices(self, rows: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Return the pruned matrix, as a number, of each row.

        -1 for one that is not admitted.
        """
        packed = np.packbits(rows[:, : len(self.edges)], axis=1)
        matrices = np.zeros(len(rows), dtype=np.int32)
        for column in packed.T:
            matrices = matrices << 8 | column
        pruned: NDArray[np.int32] = pruned_matrices(self.vertices)[matrices >> (-len(self.edges) % 8)]
        return pruned

    def admits(self, architectures: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell in which rows, (N, L), input and output are connected, by at most 9 edges."""
        return self._pruned_matrices(architectures) >= 0

    def why_not(self, row: list[int]) -> str:
        """Return the reason for which a row is not admitted."""
        there = [edge for edge, bit in zip(self.edges, row, strict=False) if bit]
        fed, used = {0}, {self.vertices - 1}
        for start, end in there:
            fed |= {end} & ({end} if start in fed else set())
        for start, end in reversed(there):
            used |= {start} if end in used else set()
        if 0 not in used:
            return "no path leads from the input to the output"
        left = sum({start, end} <= fed & used for start, end in there)
        return f"{left} edges are left when dangling vertices are cut off, at most {MOST_EDGES} are allowed"

    def prune(self, architectures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return rows whose dangling vertices have no edge, and the first operation.

        Of all rows that draw a cell on the same vertices, this is the first in index order.
        """
        head = len(self.edges)
        return self._answer(architectures, lambda rows: self._rows(self._pruned_matrices(rows), rows[:, head:]))

    def _rows(self, matrices: NDArray[np.int32], operations: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the rows of pruned matrices.

        What dangling vertices would do is overwritten.
        """
        head = len(self.edges)
        rows = np.empty((len(matrices), self.length), dtype=np.uint8)
        kept = np.zeros((len(matrices), self.vertices), dtype=np.uint8)
        for edge, (start, _) in enumerate(self.edges):
            rows[:, edge] = (matrices >> (head - 1 - edge)) & 1
            kept[:, start] |= rows[:, edge]  # a vertex that is left has an edge that leaves it
        rows[:, head:] = operations * kept[:, 1:-1]
        return rows

    def to_cell(self, architecture: NDArray[np.uint8]) -> tuple[NDArray[np.int64], list[str]]:
        """Return the cell that a row stands for, dangling vertices cut off, as the benchmark's own API takes it.

        Parameters
        ----------
        architecture : (L,) uint8

        Returns
        -------
        matrix : (n, n) int64
            Upper triangular.
        operations : list of n str
            The first is ``input``, the last ``output``.
        """
        return _write_cell(self.vertices, self.prune(architecture).tolist())

    def from_cell(self, matrix: ArrayLike, operations: Sequence[str]) -> NDArray[np.uint8]:
        """Return the row of a cell.

        One of fewer vertices gets dangling ones before its output.

        Parameters
        ----------
        matrix : (n, n) of 0 and 1
            Upper triangular; it may have dangling vertices.
        operations : n str
            What each vertex does; the first and the last, input and output, are not read.

        Returns
        -------
        (L,) uint8

        Raises
        ------
        InvalidArchitectureError
        """
        return np.array(self._admitted(lambda: _read_cell(self.vertices, matrix, operations)), dtype=np.uint8)

    def _admitted(self, read: Callable[[], list[int]], text: str = "") -> list[int]:
        """Return the row that is read if the space admits it.

        Else raise an error that names the space and says why.
        """
        try:
            row = read()
            if self.is_valid(row):
                return row
            reason = self.why_not(row)
        except InvalidArchitectureError as error:
            reason = str(error)
        raise InvalidArchitectureError(f"not an architecture of {self.name!r}: {text}{reason}")

    # Which rows are the same network.

    def canonical_key(self, architectures: NDArray[np.uint8]) -> Any:
        """Return a key that is equal for two rows exactly when `module_hash` is; see `tabular.spaces.nb101_hash`."""
        head = len(self.edges)
        if getattr(architectures, "dtype", None) == np.uint8 and architectures.ndim == 1:
            row = architectures.tobytes()  # plain numbers: ten times faster than array operations on one row
            try:
                matrix = pruned_matrices(self.vertices).item(int(row[:head].translate(_BITS), 2))
                if matrix >= 0 and len(row) == self.length:
                    return np.uint64(key_of_one(matrix, row[head:]))
            except (ValueError, IndexError):
                pass  # a choice out of range: `check` says which
        return self._answer(architectures, lambda rows: keys_of_many(self._pruned_matrices(rows), rows[:, head:]))

    def module_hash(self, architectures: NDArray[np.uint8]) -> Any:
        """Return the MD5 by which the benchmark's files name a cell.

        A ``str`` for one row, a list for many.
        """
        rows = self.check(architectures)
        batch = np.atleast_2d(rows)
        _, first, which = np.unique(self.canonical_key(batch), return_index=True, return_inverse=True)
        cells = batch[first]
        hashes = module_hashes(self._pruned_matrices(cells), cells[:, len(self.edges) :])
        texts: list[str] = hashes[which].astype(str).tolist()
        return texts if rows.ndim == 2 else texts[0]

    def unique(self) -> NDArray[np.uint8]:
        """Return the first row, in index order, of each class of equal networks.

        423,624 for 7 vertices.

        The first row of a class has no edge that dangles, so only such rows are looked at.
        """
        matrices = np.unique(pruned_matrices(self.vertices))[1:]
        choices = np.array(list(itertools.product(range(len(OPERATIONS)), repeat=self.vertices - 2)), dtype=np.uint8)
        # A dangling vertex has an operation, too: the first.
        kept = self._rows(matrices, np.ones((len(matrices), self.vertices - 2), dtype=np.uint8))[:, len(self.edges) :]
        which, chosen = np.nonzero(~((kept == 0).astype(np.float32) @ choices.T.astype(np.float32)).astype(bool))
        keys = keys_of_many(matrices[which], choices[chosen])
        first = np.sort(np.unique(keys, return_index=True)[1])
        return self._rows(matrices[which[first]], choices[chosen[first]])

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the cells as graphs.

        One, in which each interior vertex is an edge between two nodes of its own.

        The widths of vertices, and the 1x1 convolutions by which they read the input, are left out.
        """
        labels = self.check(architectures).copy()
        labels[:, len(self.edges) :] += 2
        return (Graph(2 * (self.vertices - 1), self._graph_edges, _TRAITS, labels[:, self._graph_order]),)

    # Text.

    def to_text(self, architectures: NDArray[np.uint8]) -> Any:
        """Write what each vertex does and, in brackets, what it reads.

        ``conv3x3-bn-relu(0)|...|output(0+1)``.
        """
        return self._write(architectures, lambda row: _write_row(self.vertices, row))

    def from_text(self, text: str | Sequence[str]) -> NDArray[np.uint8]:
        """Read rows that `to_text` wrote."""
        return self._read(text, self._row_from_text)

    def _row_from_text(self, text: str) -> list[int]:
        return self._admitted(lambda: _read_row(self.vertices, text), f"{text!r}: ")

    # Features and networks.

    @property
    def encodings(self) -> tuple[str, ...]:
        """``one_hot`` and ``paths``."""
        return ("one_hot", "paths")

    def encode(self, architectures: NDArray[np.uint8], encoding: str = "one_hot") -> NDArray[np.float32]:
        """Turn rows into features.

        ``one_hot`` marks each choice. ``paths`` counts, for every sequence of operations, the paths from input to
        output that read so: the path encoding of BANANAS (White et al. 2021), with counts instead of presence. It is
        the same for rows of the same network.
        """
        if encoding == "one_hot":
            return self._answer(architectures, lambda rows: one_hot(rows, self.cardinalities))
        if encoding == "paths":
            return self._answer(architectures, lambda rows: _count_paths(self.vertices, rows))
        raise UnknownNameError("encoding", encoding, self.encodings)

    def path_names(self) -> list[str]:
        """Return the operation sequence that each column of the ``paths`` encoding counts."""
        return [" > ".join(sequence) or "(identity)" for sequence in _path_sequences(self.vertices)]

    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> NB101Network:
        """Build stem, stages of this cell with max pooling between, pooling and classifier, as NAS-Bench-101 does.

        Where branches that meet at the output cannot be equally wide, those of the first vertices are a channel wider:
        drawings of one cell may then differ in size, as in the benchmark.

        Raises
        ------
        RecipeError
            If a recipe has fewer channels than branches meet at the output.
        """
        from tabular.networks.nb101 import NB101Network

        return NB101Network(*self.to_cell(architecture), recipe, image_shape, classes)


# Rows in other forms: text, and the matrix with operations that the benchmark's API takes. Errors say what is wrong;
# the space that calls puts its name before.


def _write_row(vertices: int, row: list[int]) -> str:
    """Write a row like ``conv3x3-bn-relu(0)|maxpool3x3(0+1)|output(2)``.

    Vertices 1, 2 and 3, the output, of 4.
    """
    pairs = edges(vertices)
    reads: list[list[str]] = [[] for _ in range(vertices)]
    for (start, end), there in zip(pairs, row, strict=False):
        if there:
            reads[end].append(str(start))
    labels = [*(OPERATIONS[choice] for choice in row[len(pairs) :]), OUTPUT]
    return "|".join(f"{label}({'+'.join(read)})" for label, read in zip(labels, reads[1:], strict=True))


def _read_row(vertices: int, text: str) -> list[int]:
    """Read a row that `_write_row` wrote; whether the space admits it is not looked at."""
    pairs, last = edges(vertices), vertices - 1
    parts = text.strip().split("|")
    if len(parts) != last:
        like = _write_row(vertices, [1] * len(pairs) + [0] * (vertices - 2))
        raise InvalidArchitectureError(f"it has {len(parts)} vertices behind the input, expected {last}, like {like!r}")
    row = [0] * (len(pairs) + vertices - 2)
    for end, part in enumerate(parts, start=1):
        match = re.fullmatch(r"([^()]*)\((\d+(?:\+\d+)*)?\)", part)
        starts = [int(start) for start in match[2].split("+")] if match and match[2] else []
        if match is None or max(starts, default=0) >= end:
            raise InvalidArchitectureError(
                f"{part!r} should be like 'maxpool3x3({'+'.join(map(str, range(end)))})', what vertex {end} does and "
                f"which of the vertices 0 to {end - 1} it reads"
            )
        known = OPERATIONS if end < last else (OUTPUT,)
        if match[1] not in known:
            raise InvalidArchitectureError(f"vertex {end} has an {UnknownNameError('operation', match[1], known)}")
        if end < last:
            row[len(pairs) + end - 1] = OPERATIONS.index(match[1])
        for start in starts:
            row[pairs.index((start, end))] = 1
    return row


def _write_cell(vertices: int, row: list[int]) -> tuple[NDArray[np.int64], list[str]]:
    """Return matrix, (n, n), and n operations of a pruned row, without the vertices that have no edge."""
    pairs = edges(vertices)
    matrix = np.zeros((vertices, vertices), dtype=np.int64)
    matrix[tuple(np.transpose(pairs))] = row[: len(pairs)]
    labels = [INPUT, *(OPERATIONS[choice] for choice in row[len(pairs) :]), OUTPUT]
    kept = np.flatnonzero(matrix.any(axis=0) | matrix.any(axis=1))
    return matrix[np.ix_(kept, kept)], [labels[vertex] for vertex in kept]


def _read_cell(vertices: int, matrix: ArrayLike, operations: Sequence[str]) -> list[int]:
    """Return the row of a cell of up to ``vertices`` vertices.

    Whether the space admits it is not looked at.
    """
    try:
        given = np.asarray(matrix)
    except ValueError:
        raise InvalidArchitectureError("the rows of its matrix differ in length") from None
    if given.ndim != 2 or len(set(given.shape)) != 1 or not 2 <= len(given) <= vertices:
        raise InvalidArchitectureError(f"a matrix is square, over 2 to {vertices} vertices; got shape {given.shape}")
    if not np.isin(given, (0, 1)).all() or np.tril(given).any():
        raise InvalidArchitectureError("a matrix is of 0 and 1, and 0 on and below its diagonal")
    if len(operations) != len(given):
        raise InvalidArchitectureError(
            f"{len(given)} vertices need as many operations, input and output counted; got {len(operations)}"
        )
    pairs = edges(vertices)
    row = [0] * (len(pairs) + vertices - 2)
    for vertex, operation in enumerate(operations[1:-1]):
        if operation not in OPERATIONS:
            raise InvalidArchitectureError(f"it has an {UnknownNameError('operation', operation, OPERATIONS)}")
        row[len(pairs) + vertex] = OPERATIONS.index(operation)
    # What is missing are vertices that dangle before the output.
    numbers = [*range(len(given) - 1), vertices - 1]
    for start, end in np.argwhere(given).tolist():
        row[pairs.index((numbers[start], numbers[end]))] = 1
    return row


# The path encoding (BANANAS, White et al. 2021).


@cache
def _path_sequences(vertices: int) -> list[tuple[str, ...]]:
    """Return all sequences of operations that a path can show, short ones first."""
    lengths = range(vertices - 1)
    return [sequence for length in lengths for sequence in itertools.product(OPERATIONS, repeat=length)]


def _count_paths(vertices: int, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Count the paths from input to output that show each of `_path_sequences`, (N, S), in rows, (N, L)."""
    pairs = edges(vertices)
    column = {sequence: number for number, sequence in enumerate(_path_sequences(vertices))}
    shorter = [sequence for sequence in column if len(sequence) < vertices - 2]
    # A vertex appends its operation to every sequence that reaches it: column i goes to column longer[operation, i].
    after = [tuple((*sequence, operation) for sequence in shorter) for operation in OPERATIONS]
    longer = np.array([[column[sequence] for sequence in sequences] for sequences in after])
    counts = np.zeros((vertices, len(rows), len(column)), dtype=np.float32)
    counts[0, :, 0] = 1
    arrived: NDArray[np.float32] = counts[0]
    for end in range(1, vertices):
        arrived = np.zeros_like(arrived)
        for start in range(end):
            there = np.flatnonzero(rows[:, pairs.index((start, end))])
            arrived[there] += counts[start, there]
        if end < vertices - 1:
            targets = longer[rows[:, len(pairs) + end - 1]]
            np.put_along_axis(counts[end], targets, arrived[:, : len(shorter)], axis=1)
    return arrived
