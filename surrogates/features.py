"""What a surrogate sees of an architecture: blocks of columns, in a fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.spaces import CellSpace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.spaces import Space

FLOW = "flow"
"""The block computed here; every other block is an encoding of the space."""


def feature_blocks(space: Space) -> tuple[str, ...]:
    """Return the blocks a surrogate of this space uses: its encodings, and for cells what flows through them."""
    return (*space.encodings, FLOW) if isinstance(space, CellSpace) else space.encodings


def features(space: Space, architectures: NDArray[np.uint8], blocks: Sequence[str]) -> NDArray[np.float32]:
    """Turn architectures into the columns that a model is fitted on.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    blocks : sequence of str
        ``flow`` or encodings of the space; their columns follow each other in this order.

    Returns
    -------
    (N, F) float32

    Raises
    ------
    InvalidArchitectureError, UnknownNameError
    """
    parts = [
        _flow(space, architectures)
        if block == FLOW and isinstance(space, CellSpace)
        else space.encode(architectures, block)
        for block in blocks
    ]
    return np.hstack(parts)


def _flow(space: CellSpace, architectures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe the paths from a cell's input to its output, as far as they carry anything.

    The columns are: the number of paths; the live edges leaving and entering each node; and for each operation the
    live edges it is on, its uses summed over all paths, and the fewest and most uses on one path (-1 without one).
    Worked out node by node, so that it costs the same however many paths there are.

    Returns
    -------
    (N, 1 + 2 nodes + 4 operations) float32
    """
    count, operations = len(architectures), len(space.operations)
    live = space.live_edges(architectures)
    paths = np.zeros((count, space.nodes))
    paths[:, 0] = 1
    degrees = np.zeros((count, 2, space.nodes))
    on_edges = np.zeros((count, operations))
    total, fewest, most = (np.full((space.nodes, count, operations), start) for start in (0.0, np.inf, -np.inf))
    fewest[0] = most[0] = 0
    for place, (start, end) in enumerate(space.edges):
        rows = np.flatnonzero(live[:, place])
        use = np.eye(operations)[architectures[rows, place]]
        on_edges[rows] += use
        degrees[rows, 0, start] += 1
        degrees[rows, 1, end] += 1
        paths[rows, end] += paths[rows, start]
        total[end, rows] += total[start, rows] + paths[rows, start, None] * use
        fewest[end, rows] = np.minimum(fewest[end, rows], fewest[start, rows] + use)
        most[end, rows] = np.maximum(most[end, rows], most[start, rows] + use)
    connected = paths[:, -1:] > 0
    columns = [
        paths[:, -1:],
        degrees.reshape(count, -1),
        on_edges,
        total[-1],
        np.where(connected, fewest[-1], -1),
        np.where(connected, most[-1], -1),
    ]
    return np.hstack(columns).astype(np.float32)
