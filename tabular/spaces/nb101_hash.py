"""The matrices of NAS-Bench-101's cells as numbers.

A 64-bit key tells equal cells.

A matrix over ``v`` vertices is a number of ``v (v - 1) / 2`` bits: its upper triangle read row by row, the edge (0, 1)
the most significant. The bits of one row are then a set of vertices in which vertex ``t`` is the bit ``v - 1 - t``.
`pruned_matrices` cuts off what dangles; the key takes matrices so pruned.

The key is equal exactly when the MD5 of the benchmark's files is (`nb101_md5`), at a fraction of its cost. Every vertex
is hashed twice: forwards with its label and the multiset of what it reads, then backwards with that hash and the
multiset of what reads it. The input's hash is the key. A multiset is hashed as the sum modulo 2^64 of its members'
hashes. One pass each way suffices here: it yields the paper's 423,624 classes, compared on all labelled graphs.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from tabular.spaces.hashing import mix, text_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""The operations of an interior vertex, in the order of the benchmark's labels 0, 1, 2."""

MOST_EDGES = 9
"""Edges that a cell may have once its dangling vertices are cut off (Ying et al. 2019, section 2.1)."""

_INPUT_HASH, _OUTPUT_HASH = text_hash("input"), text_hash("output")
_OPERATION_HASHES = [text_hash(operation) for operation in OPERATIONS]
_BLOCK = 1 << 12
_ALL = (1 << 64) - 1


# Matrices.


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


# The key.


def keys_of_many(matrices: NDArray[np.int32], operations: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the keys of many cells.

    Parameters
    ----------
    matrices : (N,) int32
        Pruned, as `pruned_matrices` gives them.
    operations : (N, vertices - 2) uint8

    Returns
    -------
    (N,) uint64
    """
    keys = np.empty(len(matrices), dtype=np.uint64)
    for start in range(0, len(matrices), _BLOCK):  # a block at a time stays in the processor's cache
        block = slice(start, start + _BLOCK)
        keys[block] = _keys_of_block(matrices[block], operations[block])
    return keys


def _keys_of_block(matrices: NDArray[np.int32], operations: NDArray[np.uint8]) -> NDArray[np.uint64]:
    vertices = operations.shape[1] + 2
    codes = matrices.astype(np.int64)
    # All ones where there is the edge, zero elsewhere.
    there = {edge: (-((codes >> bit) & 1)).view(np.uint64) for bit, edge in enumerate(reversed(edges(vertices)))}
    labels = np.array(_OPERATION_HASHES, dtype=np.uint64)[operations.T]
    hashes = [np.full(len(matrices), _INPUT_HASH, dtype=np.uint64)]
    for end in range(1, vertices):
        total = labels[end - 1].copy() if end < vertices - 1 else np.full(len(matrices), _OUTPUT_HASH, dtype=np.uint64)
        for start in range(end):
            total += hashes[start] & there[start, end]
        hashes.append(mix(total))
    for start in reversed(range(vertices - 1)):
        for end in range(start + 1, vertices):
            hashes[start] += hashes[end] & there[start, end]
        hashes[start] = mix(hashes[start])
    return hashes[0]


def key_of_one(matrix: int, operations: Sequence[int]) -> int:
    """Return the key of one cell, as `keys_of_many` does; plain numbers are far faster than arrays here."""
    last = len(operations) + 1
    bit = 1 << (last * (last + 1) // 2)
    hashes = [_INPUT_HASH, *[_OPERATION_HASHES[operation] for operation in operations], _OUTPUT_HASH]
    targets: list[list[int]] = []
    for start in range(last):
        # Bits come in the order of starts, so all edges into a start have been added when its own are.
        if start:
            hashes[start] = _mix_one(hashes[start])
        own, reached = hashes[start], []
        for end in range(start + 1, last + 1):
            bit >>= 1
            if matrix & bit:
                hashes[end] += own
                reached.append(end)
        targets.append(reached)
    hashes[last] = _mix_one(hashes[last])
    for start in range(last - 1, -1, -1):
        total = hashes[start]
        for end in targets[start]:
            total += hashes[end]
        hashes[start] = _mix_one(total)
    return hashes[0]


def _mix_one(value: int) -> int:
    """Scramble one number as `mix` does many; what is above 64 bits is dropped first."""
    value &= _ALL
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _ALL
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _ALL
    return value ^ (value >> 31)
