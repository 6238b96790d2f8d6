"""A 64-bit key of NAS-Bench-101's cells that is equal exactly when the paper's MD5 hash is, at a fraction of its cost.

Every vertex is hashed twice. Forwards with its label and the multiset of what it reads, then backwards with that hash
and the multiset of what reads it; what the input has in the end is the key. A multiset is hashed as the sum modulo 2^64
of its members' hashes. The MD5 repeats both directions at once as often as there are vertices (Weisfeiler-Lehman
refinement). One pass each way suffices here: it yields the paper's 423,624 classes, compared on all labelled graphs.

Matrices come pruned, as `nb101_matrices.pruned_matrices` gives them: a vertex without edges adds nothing to any sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tabular.spaces.hashing import mix, text_hash
from tabular.spaces.nb101_matrices import edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""What an interior vertex may do, in the order of the benchmark's labels 0, 1, 2."""

_INPUT, _OUTPUT = text_hash("input"), text_hash("output")
_OPERATIONS = [text_hash(operation) for operation in OPERATIONS]
_BLOCK = 1 << 12
_ALL = (1 << 64) - 1


def keys_of_many(matrices: NDArray[np.int32], operations: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the keys of many cells.

    Parameters
    ----------
    matrices : (N,) int32
        Pruned.
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
    places, codes = edges(vertices), matrices.astype(np.int64)
    # All ones where there is the edge, zero elsewhere.
    there = {edge: (-((codes >> (len(places) - 1 - place)) & 1)).view(np.uint64) for place, edge in enumerate(places)}
    labels = np.array(_OPERATIONS, dtype=np.uint64)[operations.T]
    hashes = [np.full(len(matrices), _INPUT, dtype=np.uint64)]
    for end in range(1, vertices):
        total = labels[end - 1].copy() if end < vertices - 1 else np.full(len(matrices), _OUTPUT, dtype=np.uint64)
        for start in range(end):
            total += hashes[start] & there[start, end]
        hashes.append(mix(total))
    for start in reversed(range(vertices - 1)):
        for end in range(start + 1, vertices):
            hashes[start] += hashes[end] & there[start, end]
        hashes[start] = mix(hashes[start])
    return hashes[0]


def key_of_one(matrix: int, operations: Sequence[int]) -> int:
    """Return the key of one cell, the same as `keys_of_many` gives; plain numbers are far faster than arrays here."""
    last = len(operations) + 1
    bit = 1 << (last * (last + 1) // 2)
    hashes = [_INPUT, *[_OPERATIONS[operation] for operation in operations], _OUTPUT]
    targets: list[list[int]] = []
    for start in range(last):
        # Bits come in the order of starts, so all edges into a start have been added when its own are.
        if start:
            hashes[start] = _mix_one(hashes[start])
        mine, reached = hashes[start], []
        for end in range(start + 1, last + 1):
            bit >>= 1
            if matrix & bit:
                hashes[end] += mine
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
