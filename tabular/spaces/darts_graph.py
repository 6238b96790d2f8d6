"""The cells of the DARTS space as graphs.

The output of the cell before the last is the input of a graph. That of the last cell is node 1, a pointwise layer away,
as which that cell counts: no operation of the space is one, so that a path shows which of the two it comes from. The
output of a graph sums the nodes that the cell joins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tabular.spaces.darts_genotype import CONCAT, FIRST_NODE, NODES, OPERATIONS, PAIRS
from tabular.spaces.graph import IDENTITY, TRAITS, ZERO, Graph, Traits

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRAITS = (*(TRAITS[each] for each in OPERATIONS), TRAITS[ZERO], TRAITS[IDENTITY], Traits(pointwise=1))
_ABSENT, _JOINED, _LAST_CELL = range(len(OPERATIONS), len(_TRAITS))
_OUTPUT = FIRST_NODE + NODES
_CHOSEN = tuple((start, end) for end in CONCAT for start in range(end))
_EDGES = ((0, 1), *_CHOSEN, *((node, _OUTPUT) for node in CONCAT))


def cell_graph(cells: NDArray[np.uint8]) -> Graph:
    """Return cells as a graph.

    Parameters
    ----------
    cells : (N, 12) uint8
        For each node its pair of inputs, the operation on the lower of them and that on the higher.
    """
    labels = np.full((len(cells), len(_EDGES)), _JOINED, dtype=np.uint8)
    labels[:, 0] = _LAST_CELL
    chosen = cells.reshape(-1, NODES, 3) @ _DIGITS
    of_nodes = [of_node.take(chosen[:, place], axis=0) for place, of_node in enumerate(_LABELS)]
    np.concatenate(of_nodes, axis=1, out=labels[:, 1 : 1 + len(_CHOSEN)])
    return Graph(1 + _OUTPUT, _EDGES, _TRAITS, labels)


def _node_labels(node: int) -> NDArray[np.uint8]:
    """Return the labels of all edges into a node, (pairs * operations**2, node), for each of its choices."""
    pairs, operations = PAIRS[node - FIRST_NODE], np.arange(len(OPERATIONS))
    labels = np.full((len(pairs), len(operations), len(operations), node), _ABSENT, dtype=np.uint8)
    for pair, (low, high) in enumerate(pairs):
        labels[pair, :, :, low] = operations[:, None]
        labels[pair, :, :, high] = operations
    return labels.reshape(-1, node)


_DIGITS = np.array([len(OPERATIONS) ** 2, len(OPERATIONS), 1])
"""What a node's choices are multiplied by, to give a row of its labels."""

_LABELS = [_node_labels(node) for node in CONCAT]
