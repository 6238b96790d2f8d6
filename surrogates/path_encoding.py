"""The path encoding of BANANAS (White, Neiswanger and Savani, AAAI 2021, section 4)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from surrogates.inputs import Inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tabular.spaces.graph import Graph

MOST_PATHS = 512
"""Columns that a kind of cell has at most."""


def path_encoding(graph: Graph, most: int = MOST_PATHS) -> NDArray[np.float32]:
    """Say of each sequence of operations whether a path from input to output reads so.

    Identities are operations like others; an edge with the zero operation is none. Short sequences come first, and
    lengths that do not fit into ``most`` columns as a whole are truncated, as the paper does: random cells seldom have
    long paths. The first column is for the path of no edge, which is 0.

    Parameters
    ----------
    graph : Graph
        Of N architectures.
    most : int

    Returns
    -------
    (N, F) float32
        0 or 1.
    """
    passing = [label for label, traits in enumerate(graph.traits) if traits.passes]
    sequences: list[tuple[int, ...]] = [()]
    for length in range(1, graph.nodes):
        if len(sequences) + len(passing) ** length > most:
            break
        sequences += itertools.product(passing, repeat=length)
    column = {sequence: place for place, sequence in enumerate(sequences)}
    ends_with: dict[int, tuple[list[int], list[int]]] = {label: ([], []) for label in passing}
    for after, sequence in enumerate(sequences[1:], start=1):
        ends_with[sequence[-1]][0].append(column[sequence[:-1]])
        ends_with[sequence[-1]][1].append(after)
    reads = np.zeros((graph.nodes, len(sequences), len(graph.labels)), dtype=bool)
    reads[0, 0] = True
    for (start, end), labels in zip(graph.edges, graph.labels.T, strict=True):
        for label in passing:
            chosen = labels == label
            shorter, longer = ends_with[label]
            reads[end, longer] |= reads[start, shorter] & chosen
    columns: NDArray[np.float32] = reads[-1].T.astype(np.float32)
    return columns


class PathInputs(Inputs):
    """Architectures as their path encoding, one kind of cell after the other."""

    def _block(self, block: str) -> NDArray[np.float32]:  # noqa: ARG002 - there is one block only
        return np.hstack([path_encoding(graph) for graph in self.graphs])
