"""The matrices of NAS-Bench-101's cells as numbers, and what is left of each when its dangling vertices are cut off.

A matrix over ``v`` vertices is a number of ``v (v - 1) / 2`` bits: its upper triangle read row by row, the edge (0, 1)
the most significant. The bits of one row are then a set of vertices in which vertex ``t`` is the bit ``v - 1 - t``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_EDGES = 9
"""Edges that a cell may have once its dangling vertices are cut off (Ying et al. 2019, section 2.1)."""


@cache
def edges(vertices: int) -> tuple[tuple[int, int], ...]:
    """Return the edges (start, end) in the order of a matrix' bits, the most significant first."""
    return tuple((start, end) for start in range(vertices) for end in range(start + 1, vertices))


@cache
def pruned_matrices(vertices: int) -> NDArray[np.int32]:
    """Return, for every matrix, the one of its edges that lie on a path from input to output; -1 where it is no cell.

    A matrix is no cell when there is no such path, or more than `MOST_EDGES` edges are left.

    Returns
    -------
    (2 ** (v (v - 1) / 2),) int32
    """
    matrices = np.arange(1 << len(edges(vertices)), dtype=np.int32)
    last = vertices - 1
    shifts = [(last - start) * (last - start - 1) // 2 for start in range(last)]
    targets = [((matrices >> shift) & ((1 << (last - s)) - 1)).astype(np.uint8) for s, shift in enumerate(shifts)]
    fed = np.full(len(matrices), 1 << last, dtype=np.uint8)
    for start in range(last):
        fed |= targets[start] * _has(fed, last - start)
    used = np.ones(len(matrices), dtype=np.uint8)
    for start in reversed(range(last)):
        used |= ((targets[start] & used) != 0).astype(np.uint8) << np.uint8(last - start)
    kept = fed & used
    size_of_set = np.array([members.bit_count() for members in range(1 << vertices)], dtype=np.uint8)
    pruned = np.zeros_like(matrices)
    count = np.zeros(len(matrices), dtype=np.uint8)
    for start, shift in enumerate(shifts):
        live = targets[start] & kept
        live *= _has(kept, last - start)
        count += size_of_set[live]
        pruned |= live.astype(np.int32) << shift
    pruned[(count == 0) | (count > MOST_EDGES)] = -1
    pruned.flags.writeable = False
    return pruned


def _has(members: NDArray[np.uint8], bit: int) -> NDArray[np.uint8]:
    """Return 1 where a set has this bit, else 0."""
    has: NDArray[np.uint8] = (members >> np.uint8(bit)) & np.uint8(1)
    return has
