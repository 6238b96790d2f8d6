"""The vertex labels of Weisfeiler-Lehman refinement (Shervashidze et al., JMLR 2011, Algorithm 1) of many graphs.

The operations on the edges of `tabular.spaces.graph.Graph` become vertices, labelled by the operation; the input and
the output are vertices too. One vertex feeds another as often as identities lead from it there. What carries nothing
from the input to the output is left out, and so are identities: equal networks get the same labels however they are
drawn, save that an operation without weights, such as a pooling, may stand once or, for each use, once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tabular.spaces.hashing import combine, mix, text_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tabular.spaces import Space
    from tabular.spaces.graph import Graph


def subtree_labels(space: Space, architectures: NDArray[np.uint8], rounds: int) -> NDArray[np.uint64]:
    """Return the labels of all vertices before any round of refinement and after each.

    In a round, a vertex's label becomes a hash of itself, of the multiset of what feeds it and of that of what it
    feeds; a multiset is hashed as a sum modulo 2^64. Labels of different rounds differ, as do those of different kinds
    of cell.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    rounds : int

    Returns
    -------
    (N, 1 + rounds, V) uint64
        0 where a network lacks a vertex.
    """
    cells = [_refined(graph, cell, rounds) for cell, graph in enumerate(space.graphs(architectures))]
    return np.concatenate(cells, axis=2)


def _refined(graph: Graph, cell: int, rounds: int) -> NDArray[np.uint64]:
    feeds, labels = _operations(graph, cell)
    fed = feeds.swapaxes(1, 2)
    there = labels != 0
    found = [labels]
    for _ in range(rounds):
        hashed = mix(labels)
        around = combine(_total(fed, hashed), _total(feeds, hashed))
        labels = np.where(there, combine(labels, around), np.uint64(0))
        found.append(labels)
    return np.stack(found, axis=1)


def _total(counts: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the sum of each vertex's neighbours' hashes modulo 2^64, (N, V), for counts (N, V, V) of neighbours."""
    total: NDArray[np.uint64] = (counts * hashes[:, None]).sum(axis=2, dtype=np.uint64)
    return total


def _operations(graph: Graph, cell: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return how often each vertex feeds each, (N, V, V), and the vertices' labels, (N, V): input, output, edges."""
    live = graph.live()
    acts = live & np.array([any(each[:-1]) for each in graph.traits])[graph.labels]
    passes = (live & ~acts).astype(np.uint64)

    reached = np.zeros((graph.nodes, graph.nodes, len(live)), dtype=np.uint64)
    reached[np.arange(graph.nodes), np.arange(graph.nodes)] = 1
    for place, (start, end) in enumerate(graph.edges):
        reached[:, end] += reached[:, start] * passes[:, place]

    starts, ends = np.array(graph.edges).T
    sources, targets = np.hstack([0, graph.nodes - 1, ends]), np.hstack([0, graph.nodes - 1, starts])
    feeds = reached[np.ix_(sources, targets)].transpose(2, 0, 1)
    feeds[:, 1] = feeds[:, :, 0] = 0  # nothing follows the output, nothing comes before the input

    names = np.array([text_hash(f"{cell} {place}") for place in range(len(graph.traits))], dtype=np.uint64)
    labels = np.zeros((len(live), 2 + len(graph.edges)), dtype=np.uint64)
    labels[:, 0], labels[:, 1] = text_hash(f"{cell} input"), text_hash(f"{cell} output")
    labels[:, 2:] = np.where(acts, names[graph.labels], np.uint64(0))
    feeds = feeds * ((labels != 0)[:, :, None] & (labels != 0)[:, None])
    return feeds, labels
