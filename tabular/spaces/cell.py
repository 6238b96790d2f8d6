"""Cell spaces, as in NAS-Bench-201.

A directed acyclic cell whose every edge carries one operation.
"""

from __future__ import annotations

import itertools
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError, SpaceError, UnknownNameError
from tabular.spaces.graph import IDENTITY, TRAITS, ZERO, Graph
from tabular.spaces.hashing import combine, text_hash
from tabular.spaces.space import Space, one_hot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.networks.cell import CellNetwork
    from tabular.recipe import Recipe

OPERATIONS = (
    ZERO,
    IDENTITY,
    "nor_conv_1x1",
    "nor_conv_3x3",
    "nor_conv_5x5",
    "sep_conv_3x3",
    "dil_conv_3x3",
    "avg_pool_3x3",
    "max_pool_3x3",
)
"""Names of the operations that can be trained, as NAS-Bench-201 and DARTS write them."""

WEIGHTLESS = (ZERO, IDENTITY, "avg_pool_3x3", "max_pool_3x3")
"""The operations that have nothing to learn."""

MOST_PATHS = 4096
"""Sequences of operations that the ``paths`` encoding counts, at most; longer ones are left out."""


class CellSpace(Space):
    """All cells of ``nodes`` nodes with one of ``operations`` on every edge.

    Node 0 is the input and the last node the output; every node sums what arrives on the edges from all earlier nodes.
    Edges are ordered by their end, then by their start: (0,1), (0,2), (1,2), (0,3), ... and a row gives the operation
    of each in that order.

    Parameters
    ----------
    name : str
    nodes : int
        At least 2, input and output counted.
    operations : sequence of str
        Names out of `OPERATIONS`, each once.

    Raises
    ------
    SpaceError, UnknownNameError
        If there are too few nodes or operations, or one that is not known.

    Examples
    --------
    >>> space = CellSpace("tiny", nodes=3, operations=("none", "skip_connect", "nor_conv_3x3"))
    >>> space.size, len(space.unique())
    (27, 9)
    """

    def __init__(self, name: str, nodes: int, operations: Sequence[str]) -> None:
        for operation in operations:
            if operation not in OPERATIONS:
                raise UnknownNameError("operation", operation, OPERATIONS)
        if not 2 <= nodes <= 16:
            raise SpaceError(f"space {name!r}: a cell has 2 to 16 nodes, input and output counted; got {nodes}")
        if not operations or len(set(operations)) != len(operations):
            raise SpaceError(f"space {name!r}: give each operation once, at least one; got {list(operations)}")
        self.nodes = nodes
        self.operations = tuple(operations)
        self.edges = tuple((start, end) for end in range(1, nodes) for start in range(end))
        super().__init__(name, [len(operations)] * len(self.edges))
        self._traits = tuple(TRAITS[operation] for operation in operations)
        self._operation_hashes = np.array([text_hash(o) for o in operations], dtype=np.uint64)
        self._is_zero = np.array([o == ZERO for o in operations])
        self._is_identity = np.array([o == IDENTITY for o in operations])
        self._has_weights = np.array([o not in WEIGHTLESS for o in operations])
        self._factors = np.where(self._is_identity, np.uint64(1), self._operation_hashes | np.uint64(1))

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "cell", "name", "nodes", "operations"}``."""
        return {"kind": "cell", "name": self.name, "nodes": self.nodes, "operations": list(self.operations)}

    def named_choices(self) -> dict[str, tuple[str, ...]]:
        """Return the operations of each edge, called ``edge_START_END``."""
        return {f"edge_{start}_{end}": self.operations for start, end in self.edges}

    # Which rows are the same network.

    def canonical_key(self, architectures: NDArray[np.uint8]) -> Any:
        """Return a key of the network a cell is.

        Equal for equal networks, whatever their drawing.

        Two things are hashed. Forwards, the function: a node is the multiset of terms that reach it, an identity passes
        its source's terms on, any other operation makes one term of its source; zero operations, and what only they
        feed, vanish. Backwards, the weights: each live operation that has some, with what it reads and where its result
        goes, so that two convolutions of one input are not taken for one whose result is used twice.

        A multiset is hashed as a sum modulo 2^64 of hashed members; two different hashes meet with probability about
        1e-19. The way weights are shared is compared by one pass in each direction, as in Weisfeiler-Lehman refinement:
        exact on the small cells that the tests compare with a slow reference.
        """
        return self._answer(architectures, self._keys)

    def _keys(self, rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
        choices = dict(zip(self.edges, rows.T, strict=True))
        arrives = self._hash_forwards(choices)
        leaves = self._hash_backwards(choices)
        weights = np.zeros_like(arrives[0])
        for (start, end), choice in choices.items():
            used = self._has_weights[choice] & (arrives[start] != 0) & (leaves[end] != 0)
            read = combine(arrives[start], self._operation_hashes[choice])
            weights += np.where(used, combine(read, leaves[end]), np.uint64(0))
        return combine(arrives[-1], weights)

    def _hash_forwards(self, choices: dict[tuple[int, int], NDArray[np.uint8]]) -> list[NDArray[np.uint64]]:
        """Return a hash of what each node computes, (N,) each.

        0 for a node that nothing reaches.
        """
        some = next(iter(choices.values()))
        arrives = [np.full(len(some), text_hash("input"), dtype=np.uint64)]
        for end in range(1, self.nodes):
            arrives.append(np.zeros(len(some), dtype=np.uint64))
            for start in range(end):
                choice, source = choices[start, end], arrives[start]
                term = np.where(self._is_identity[choice], source, combine(source, self._operation_hashes[choice]))
                arrives[end] += np.where(self._is_zero[choice] | (source == 0), np.uint64(0), term)
        return arrives

    def _hash_backwards(self, choices: dict[tuple[int, int], NDArray[np.uint8]]) -> list[NDArray[np.uint64]]:
        """Return a hash of what becomes of each node's value, (N,) each.

        0 for a node that is not used.

        An operation without weights may be split in two, one for each use, or joined, and the function stays the same:
        so its part is a factor, which distributes over the sum of the uses.
        """
        some = next(iter(choices.values()))
        leaves = [np.zeros(len(some), dtype=np.uint64) for _ in range(self.nodes)]
        leaves[-1][:] = text_hash("output")
        for (start, end), choice in reversed(choices.items()):
            use = np.where(
                self._has_weights[choice],
                combine(self._operation_hashes[choice], leaves[end]),
                self._factors[choice] * leaves[end],
            )
            leaves[start] += np.where(self._is_zero[choice] | (leaves[end] == 0), np.uint64(0), use)
        return leaves

    def live_edges(self, architectures: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell which edges carry something from the input to the output, (N, L) or (L,) bool."""
        return self._answer(architectures, lambda rows: self.graphs(rows)[0].live())

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the cells as graphs: one, with the space's own nodes and edges."""
        return (Graph(self.nodes, self.edges, self._traits, self.check(architectures)),)

    # Text.

    def to_text(self, architectures: NDArray[np.uint8]) -> Any:
        """Write rows as NAS-Bench-201 does.

        ``|op~0|+|op~0|op~1|+...``, one group a node, one entry an edge.
        """
        return self._write(architectures, self._row_to_text)

    def _row_to_text(self, row: list[int]) -> str:
        entries = [f"{self.operations[choice]}~{start}" for choice, (start, _) in zip(row, self.edges, strict=True)]
        ends = itertools.groupby(zip(self.edges, entries, strict=True), key=lambda edge_and_entry: edge_and_entry[0][1])
        return "+".join("|" + "|".join(entry for _, entry in group) + "|" for _, group in ends)

    def from_text(self, text: str | Sequence[str]) -> NDArray[np.uint8]:
        """Read rows that `to_text` wrote."""
        return self._read(text, self._row_from_text)

    def _row_from_text(self, text: str) -> list[int]:
        groups = text.strip().split("+")
        entries = [entry for group in groups for entry in group.strip("|").split("|")]
        if len(groups) != self.nodes - 1 or len(entries) != self.length:
            raise InvalidArchitectureError(
                f"not an architecture of {self.name!r}: {text!r} has {len(entries)} edges into {len(groups)} nodes, "
                f"expected {self.length} into {self.nodes - 1}, like {self._row_to_text([0] * self.length)!r}"
            )
        row = []
        for entry, (start, end) in zip(entries, self.edges, strict=True):
            match = re.fullmatch(r"([^~|]+)~(\d+)", entry)
            if match is None or int(match[2]) != start:
                raise InvalidArchitectureError(
                    f"not an architecture of {self.name!r}: {entry!r} in {text!r} should be 'operation~{start}', "
                    f"the edge from node {start} to node {end}"
                )
            if match[1] not in self.operations:
                unknown = UnknownNameError("operation", match[1], self.operations)
                raise InvalidArchitectureError(f"not an architecture of {self.name!r}: {text!r} has an {unknown}")
            row.append(self.operations.index(match[1]))
        return row

    # Features and networks.

    @property
    def encodings(self) -> tuple[str, ...]:
        """``one_hot`` and ``paths``."""
        return ("one_hot", "paths")

    def encode(self, architectures: NDArray[np.uint8], encoding: str = "one_hot") -> NDArray[np.float32]:
        """Turn rows into features.

        ``one_hot`` marks each edge's operation. ``paths`` counts, for every sequence of operations, the paths from
        input to output that read so: the path encoding of BANANAS (White et al. 2021) with two changes that make equal
        networks equal, namely counts instead of presence, and identities left out of a sequence.
        """
        if encoding == "one_hot":
            return self._answer(architectures, lambda rows: one_hot(rows, self.cardinalities))
        if encoding == "paths":
            return self._answer(architectures, self._count_paths)
        raise UnknownNameError("encoding", encoding, self.encodings)

    def path_names(self) -> list[str]:
        """Return the operation sequence that each column of the ``paths`` encoding counts."""
        return [" > ".join(sequence) or "(identity)" for sequence in self._path_sequences()]

    def _path_sequences(self) -> list[tuple[str, ...]]:
        """Return all sequences of operations a path can show, short ones first, cut at a length when too many."""
        alphabet = [o for o in self.operations if o not in {ZERO, IDENTITY}]
        sequences: list[tuple[str, ...]] = [()]
        for length in range(1, self.nodes):
            if len(sequences) + len(alphabet) ** length > MOST_PATHS:
                break
            sequences += itertools.product(alphabet, repeat=length)
        return sequences

    @cached_property
    def _paths(self) -> tuple[list[tuple[str, ...]], dict[str, NDArray[np.intp]]]:
        """The sequences, and for each operation those that it can extend and what they become, as rows of indices."""
        sequences = self._path_sequences()
        column = {sequence: index for index, sequence in enumerate(sequences)}
        extended = {}
        for operation in self.operations:
            pairs = [(index, column.get((*sequence, operation))) for index, sequence in enumerate(sequences)]
            known = [(before, after) for before, after in pairs if after is not None]
            if operation not in {ZERO, IDENTITY} and known:
                extended[operation] = np.array(known, dtype=np.intp).T
        return sequences, extended

    def _count_paths(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        sequences, extended = self._paths
        counts = [np.zeros((len(rows), len(sequences)), dtype=np.float32) for _ in range(self.nodes)]
        counts[0][:, sequences.index(())] = 1
        for edge, (start, end) in enumerate(self.edges):
            for choice, operation in enumerate(self.operations):
                chosen = np.flatnonzero(rows[:, edge] == choice)
                if operation == IDENTITY:
                    counts[end][chosen] += counts[start][chosen]
                elif operation in extended:
                    before, after = extended[operation]
                    counts[end][np.ix_(chosen, after)] += counts[start][np.ix_(chosen, before)]
        return counts[-1]

    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> CellNetwork:
        """Build stem, stages of this cell with reductions between, pooling and classifier, as NAS-Bench-201 does."""
        from tabular.networks.cell import CellNetwork

        row = self.check(architecture)
        edges = zip(self.edges, row.tolist(), self.live_edges(row).tolist(), strict=True)
        live = {edge: self.operations[choice] for edge, choice, is_live in edges if is_live}
        return CellNetwork(self.nodes, live, recipe, image_shape, classes)
