"""Cells of cells (Liu et al., ICLR 2018; Schrodi et al., NeurIPS 2023).

Motifs on the edges of a cell.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError, SpaceError, UnknownNameError
from tabular.spaces.cell import CellSpace
from tabular.spaces.graph import IDENTITY, ZERO
from tabular.spaces.space import Space, one_hot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.networks.cell import CellNetwork
    from tabular.recipe import Recipe
    from tabular.spaces.graph import Graph

MOST_NODES = 16
"""The most nodes of the cell in which all motifs are written out."""

MOST_PATHS = 400
"""The most columns of the ``paths`` encoding; longer sequences of operations are left out."""


class HierarchicalSpace(Space):
    """All cells of ``nodes`` nodes whose edges carry motifs.

    Every edge carries nothing, an identity or one of ``motifs`` motifs.

    A motif is itself a cell, of ``motif_nodes`` nodes with one of ``operations`` on every edge, and each edge that
    carries it has weights of its own. A row gives the choice on each edge of the cell (0 none, 1 identity, then the
    motifs), then the operations of the first motif, of the second, and so on, edges in the order of `CellSpace`.

    Writing the motifs out gives a cell without motifs, in `flat`. What that cell is decides which rows are the same
    network, and it is what is trained.

    Parameters
    ----------
    name : str
    nodes, motifs, motif_nodes : int
        At least 2, 1 and 2. The cell with all motifs written out has ``motif_nodes - 2`` more nodes for every edge,
        and must not have more than 16.
    operations : sequence of str
        Names out of `tabular.spaces.OPERATIONS`, each once.

    Raises
    ------
    SpaceError, UnknownNameError
        If there are too few or too many nodes, too few motifs or operations, or an operation that is not known.

    Examples
    --------
    >>> space = HierarchicalSpace("tiny", 3, motifs=1, motif_nodes=3, operations=("none", "nor_conv_3x3"))
    >>> space.to_text(space.from_index(-1 + space.size))
    'm1/m1,m1; m1 = nor_conv_3x3/nor_conv_3x3,nor_conv_3x3'
    >>> space.flat.nodes
    6
    """

    def __init__(self, name: str, nodes: int, motifs: int, motif_nodes: int, operations: Sequence[str]) -> None:
        if nodes < 2 or motifs < 1 or motif_nodes < 2:
            raise SpaceError(
                f"space {name!r}: it needs nodes from 2, motifs from 1 and motif_nodes from 2; got {nodes}, {motifs} "
                f"and {motif_nodes}"
            )
        flat_nodes = nodes + (motif_nodes - 2) * nodes * (nodes - 1) // 2
        if flat_nodes > MOST_NODES:
            raise SpaceError(
                f"space {name!r}: with motifs of {motif_nodes} nodes on all edges a cell of {nodes} nodes has "
                f"{flat_nodes}, more than {MOST_NODES}; take fewer nodes or motif_nodes"
            )
        motif = CellSpace(name, motif_nodes, operations)
        self.nodes, self.motifs, self.motif_nodes = nodes, motifs, motif_nodes
        self.operations = motif.operations
        self.motif_edges = motif.edges
        self.edges = tuple((start, end) for end in range(1, nodes) for start in range(end))
        self.choices = (ZERO, IDENTITY, *(f"m{number}" for number in range(1, motifs + 1)))
        """The names of what an edge of the cell can carry."""
        super().__init__(
            name,
            [len(self.choices)] * len(self.edges) + [len(operations)] * (motifs * motif.length),
        )
        own = [operation for operation in operations if operation not in {ZERO, IDENTITY}]
        self.flat: CellSpace = _FlatCells(name, flat_nodes, (ZERO, IDENTITY, *own))
        """The space of the cells with all motifs written out."""
        self._flat_choices = np.array(
            [self.flat.operations.index(operation) for operation in operations], dtype=np.uint8
        )
        self._flat_edges = self._find_flat_edges()

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "hierarchical", "name", "nodes", "motifs", "motif_nodes", "operations"}``."""
        return {
            "kind": "hierarchical",
            "name": self.name,
            "nodes": self.nodes,
            "motifs": self.motifs,
            "motif_nodes": self.motif_nodes,
            "operations": list(self.operations),
        }

    def named_choices(self) -> dict[str, tuple[str, ...]]:
        """Return what each edge of the cell and of its motifs can carry."""
        names = {f"edge_{start}_{end}": self.choices for start, end in self.edges}
        for motif in self.choices[2:]:
            names |= {f"{motif}_edge_{start}_{end}": self.operations for start, end in self.motif_edges}
        return names

    # Motifs written out.

    def _find_flat_edges(self) -> NDArray[np.int64]:
        """Return the flat edge, (edges, motif edges), on which each edge of a motif on each edge of the cell lies.

        The nodes within a motif come before the node that its edge enters, and behind all earlier nodes.
        """
        inner = self.motif_nodes - 2
        flat_node = [node + inner * node * (node + 1) // 2 for node in range(self.nodes)]
        number = {edge: index for index, edge in enumerate(self.flat.edges)}
        rows = []
        for start, end in self.edges:
            first = flat_node[end] - inner * (end - start)
            within = [flat_node[start], *range(first, first + inner), flat_node[end]]
            rows.append([number[within[a], within[b]] for a, b in self.motif_edges])
        return np.array(rows)

    def flatten(self, architectures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Write the motifs of rows out.

        Parameters
        ----------
        architectures : (N, L) or (L,) uint8

        Returns
        -------
        (N, F) or (F,) uint8
            Rows of `flat`.
        """
        return self._answer(architectures, self._flatten)

    def _flatten(self, rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
        edges = rows[:, : len(self.edges)]
        # What each choice of an edge means for each edge of a motif: nothing, an identity straight through, a motif.
        meaning = np.zeros((len(rows), len(self.choices), len(self.motif_edges)), dtype=np.uint8)
        meaning[:, 1, self.motif_edges.index((0, self.motif_nodes - 1))] = self.flat.operations.index(IDENTITY)
        motifs = self._flat_choices[rows[:, len(self.edges) :]]
        meaning[:, 2:] = motifs.reshape(len(rows), self.motifs, len(self.motif_edges))
        flat = np.zeros((len(rows), self.flat.length), dtype=np.uint8)
        flat[:, self._flat_edges] = meaning[np.arange(len(rows))[:, None], edges]
        return flat

    def canonical_key(self, architectures: NDArray[np.uint8]) -> Any:
        """Return the key of the cell with all motifs written out, see `CellSpace.canonical_key`."""
        return self.flat.canonical_key(self.flatten(architectures))

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the cells with all motifs written out as graphs: one."""
        return self.flat.graphs(self.flatten(architectures))

    # Text.

    def to_text(self, architectures: NDArray[np.uint8]) -> Any:
        """Write rows as ``m1/none,m2/...; m1 = ...; m2 = ...``.

        The cell, then its motifs.

        Nodes are divided by ``/``, the edges that enter one by commas, from node 0 on.
        """
        return self._write(architectures, self._row_to_text)

    def _cells(self) -> list[tuple[str, tuple[str, ...], int]]:
        """Return of each cell what precedes it in a text, the choices of its edges and its number of nodes."""
        motifs = [(f"{motif} = ", self.operations, self.motif_nodes) for motif in self.choices[2:]]
        return [("", self.choices, self.nodes), *motifs]

    def _row_to_text(self, row: list[int]) -> str:
        choices, cells = iter(row), []
        for title, names, nodes in self._cells():
            groups = [",".join(names[next(choices)] for _ in range(end)) for end in range(1, nodes)]
            cells.append(title + "/".join(groups))
        return "; ".join(cells)

    def from_text(self, text: str | Sequence[str]) -> NDArray[np.uint8]:
        """Read rows that `to_text` wrote.

        Raises
        ------
        InvalidArchitectureError
            Naming the text and the part of it that cannot be read.
        """
        return self._read(text, self._row_from_text)

    def _row_from_text(self, text: str) -> list[int]:
        parts = [part.strip() for part in text.split(";")]
        cells, row = self._cells(), []
        wrong = f"not an architecture of {self.name!r}: {text!r}"
        if len(parts) != len(cells):
            raise InvalidArchitectureError(
                f"{wrong} has {len(parts)} parts, expected the cell and {self.motifs} motifs, like "
                f"{self._row_to_text([0] * self.length)!r}"
            )
        for part, (title, names, nodes) in zip(parts, cells, strict=True):
            groups = [group.split(",") for group in part.removeprefix(title).split("/")]
            if not part.startswith(title) or [len(group) for group in groups] != list(range(1, nodes)):
                like = title + "/".join(",".join([names[0]] * end) for end in range(1, nodes))
                raise InvalidArchitectureError(f"{wrong}: {part!r} should be like {like!r}")
            for word in map(str.strip, itertools.chain(*groups)):
                if word not in names:
                    raise InvalidArchitectureError(f"{wrong} has an {UnknownNameError('operation', word, names)}")
                row.append(names.index(word))
        return row

    # Features and networks.

    @property
    def encodings(self) -> tuple[str, ...]:
        """``one_hot`` and ``paths``."""
        return ("one_hot", "paths")

    def encode(self, architectures: NDArray[np.uint8], encoding: str = "one_hot") -> NDArray[np.float32]:
        """Turn rows into features.

        ``one_hot`` marks each choice. ``paths`` counts the paths through the cell with all motifs written out, as
        `CellSpace.encode` does, by their sequence of operations; all sequences up to the length that makes at most 400.
        """
        if encoding == "one_hot":
            return self._answer(architectures, lambda rows: one_hot(rows, self.cardinalities))
        if encoding == "paths":
            return self.flat.encode(self.flatten(architectures), encoding)
        raise UnknownNameError("encoding", encoding, self.encodings)

    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> CellNetwork:
        """Build NAS-Bench-201's network of the cell with all motifs written out, see `CellSpace.network`.

        The recipe's ``channels``, ``stages`` and ``cells_per_stage`` apply.
        """
        return self.flat.network(self.flatten(architecture), recipe, image_shape, classes)


class _FlatCells(CellSpace):
    """Cells so large that the sequences which paths can show must be cut earlier."""

    def _path_sequences(self) -> list[tuple[str, ...]]:
        sequences = super()._path_sequences()
        longest = len(sequences[MOST_PATHS]) - 1 if len(sequences) > MOST_PATHS else self.nodes
        return [sequence for sequence in sequences if len(sequence) <= longest]
