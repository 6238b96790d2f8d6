"""A 64-bit key of NAS-Bench-101's cells that is equal exactly when the paper's MD5 hash is, at a fraction of its cost.

Every vertex is hashed twice. Forwards with its label and the multiset of what it reads, then backwards with that hash
and the multiset of what reads it; what the input has in the end is the key. A multiset is hashed as the sum modulo 2^64
of its members' hashes. The MD5 repeats both directions at once as often as there are vertices (Weisfeiler-Lehman
refinement). One pass each way suffices here: it yields the paper's 423,624 classes, compared on all labelled graphs.

Matrices come pruned, as `nb101_matrices.pruned_matrices` gives them: a vertex without edges adds nothing to any sum.
"""

from __future__ import annotations

from functools import cache
from hashlib import md5
from tabular.spaces.hashing import mix
from tabular.spaces.hashing import text_hash
from tabular.spaces.md5 import digests
from tabular.spaces.md5 import hexadecimal
from tabular.spaces.md5 import padded
from typing import Any
from typing import NamedTuple
from typing import TYPE_CHECKING
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence
    from numpy.typing import ArrayLike
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


_INPUT_of_nb101_md5, _OUTPUT_of_nb101_md5 = -1, -2


_CELLS_AT_ONCE = 1 << 12


_FEW = 256


"""Up to this many cells are hashed one by one; vectors pay from there on."""


def module_hash(matrix: ArrayLike, labels: Sequence[int]) -> str:
    """Return the MD5 of one cell: the plain reference that `module_hashes` equals.

    Parameters
    ----------
    matrix : (n, n) integers
        Pruned, upper triangular.
    labels : n ints
        -1 for the input, -2 for the output, else the number of the operation.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    rows = np.asarray(matrix).astype(bool).tolist()
    vertices = range(len(rows))
    targets = [[end for end in vertices if rows[start][end]] for start in vertices]
    sources = [[start for start in vertices if rows[start][end]] for end in vertices]
    hashes = [_hex(str((len(targets[v]), len(sources[v]), labels[v]))) for v in vertices]
    for _ in vertices:
        hashes = [
            _hex(
                "|".join(["".join(sorted(hashes[w] for w in near)) for near in (sources[v], targets[v])] + [hashes[v]])
            )
            for v in vertices
        ]
    return _hex(str(sorted(hashes)))


def _hex(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def module_hashes(matrices: NDArray[np.int32], operations: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return the MD5 of many cells.

    Parameters
    ----------
    matrices : (N,) int32
        Pruned, as `tabular.spaces.nb101_hash.pruned_matrices` gives them.
    operations : (N, vertices - 2) uint8

    Returns
    -------
    (N,) S32
    """
    vertices = operations.shape[1] + 2
    places = edges(vertices)
    adjacency = np.zeros((len(matrices), vertices, vertices), dtype=bool)
    for place, (start, end) in enumerate(places):
        adjacency[:, start, end] = (matrices >> (len(places) - 1 - place)) & 1
    labels = np.empty((len(matrices), vertices), dtype=np.int64)
    labels[:, 0], labels[:, 1:-1], labels[:, -1] = _INPUT_of_nb101_md5, operations, _OUTPUT_of_nb101_md5
    kept = (adjacency | adjacency.swapaxes(1, 2)).any(axis=1)
    hashes = np.empty(len(matrices), dtype="S32")
    if len(matrices) <= _FEW:
        for place, (matrix, mine, label) in enumerate(zip(adjacency, kept, labels, strict=True)):
            hashes[place] = module_hash(matrix[np.ix_(mine, mine)], label[mine].tolist())
        return hashes
    sizes = kept.sum(axis=1)
    for size in np.unique(sizes).tolist():
        alike = np.flatnonzero(sizes == size)
        for cells in np.split(alike, range(_CELLS_AT_ONCE, len(alike), _CELLS_AT_ONCE)):
            hashes[cells] = _hashes_of_size(size, adjacency[cells], kept[cells], labels[cells])
    return hashes


def _hashes_of_size(
    size: int, adjacency: NDArray[np.bool_], kept: NDArray[np.bool_], labels: NDArray[np.int64]
) -> NDArray[np.bytes_]:
    """Return the hashes, (C,), of cells that all keep ``size`` of their vertices."""
    cells = len(kept)
    number = np.cumsum(kept, dtype=np.int32).reshape(kept.shape) - 1  # of a vertex among all that are kept
    targets, sources = _neighbours(adjacency, kept, number), _neighbours(adjacency.swapaxes(1, 2), kept, number)
    state = _first_digests(targets.degrees, sources.degrees, labels[kept])
    batches = list(_batches(sources, targets))
    for _ in range(size):
        digits = hexadecimal(state)
        order = state.view(">u8")[:, 0].astype(np.uint64)  # the first half of a digest sorts as the whole
        state = np.empty_like(state)
        for batch in batches:
            state[batch.vertices] = batch.next_digests(digits, order)
    length = 36 * size  # "['...', '...']"
    message = padded(length, cells)
    message[:, :length] = np.frombuffer(str(["-" * 32] * size).encode(), dtype=np.uint8)
    order = state.view(">u8")[:, 0].astype(np.uint64).reshape(cells, size)
    ranked = np.take_along_axis(state.reshape(cells, size, 16), order.argsort(axis=1)[:, :, None], axis=1)
    message[:, :length].reshape(cells, size, 36)[:, :, 2:34] = hexadecimal(ranked.reshape(-1, 16)).reshape(
        cells, size, 32
    )
    return np.ascontiguousarray(hexadecimal(digests(message))).view("S32")[:, 0]


class _Neighbours(NamedTuple):
    """The neighbours of every vertex on one side: those of vertex ``v`` are ``members[first[v] :][: degrees[v]]``."""

    members: NDArray[np.int32]
    degrees: NDArray[np.int64]
    first: NDArray[np.int64]

    def of(self, vertices: NDArray[np.int64], degree: int) -> NDArray[np.int32]:
        """Return the neighbours, (M, degree), of vertices that have this many."""
        near: NDArray[np.int32] = self.members[self.first[vertices][:, None] + np.arange(degree)]
        return near


def _neighbours(adjacency: NDArray[Any], kept: NDArray[np.bool_], number: NDArray[np.int32]) -> _Neighbours:
    cells, _, others = np.nonzero(adjacency)
    degrees = adjacency.sum(axis=2)[kept]
    return _Neighbours(number[cells, others], degrees, np.cumsum(degrees) - degrees)


def _first_digests(
    out_degrees: NDArray[np.int64], in_degrees: NDArray[np.int64], labels: NDArray[np.int64]
) -> NDArray[np.uint8]:
    codes, which = np.unique((out_degrees * 16 + in_degrees) * 16 + labels - _OUTPUT_of_nb101_md5, return_inverse=True)
    texts = [str((code >> 8, code >> 4 & 15, (code & 15) + _OUTPUT_of_nb101_md5)) for code in codes.tolist()]
    known = b"".join(md5(text.encode(), usedforsecurity=False).digest() for text in texts)
    return np.frombuffer(known, dtype=np.uint8).reshape(-1, 16)[which]


class _Batch(NamedTuple):
    """Vertices whose messages fill equally many blocks, in groups of equal in-degree and out-degree."""

    vertices: NDArray[np.int64]
    messages: NDArray[np.uint8]
    """(M, B), all but the digests filled in for good."""
    groups: list[tuple[slice, NDArray[np.int32], NDArray[np.int32]]]
    """Where a group is among the vertices, and what it reads and what reads it, each (rows, degree)."""

    def next_digests(self, digits: NDArray[np.uint8], order: NDArray[np.uint64]) -> NDArray[np.uint8]:
        own = digits.take(self.vertices, axis=0)
        for rows, sources, targets in self.groups:
            text, at = self.messages[rows], 0
            for near in (sources, targets):
                width = 32 * near.shape[1]
                text[:, at : at + width] = digits.take(_sorted(near, order), axis=0).reshape(len(near), width)
                at += width + 1
            text[:, at : at + 32] = own[rows]
        return digests(self.messages)


def _sorted(near: NDArray[np.int32], order: NDArray[np.uint64]) -> NDArray[np.int32]:
    if near.shape[1] < 2:
        return near
    return np.take_along_axis(near, order[near].argsort(axis=1), axis=1)


def _batches(sources: _Neighbours, targets: _Neighbours) -> Iterator[_Batch]:
    degrees = sources.degrees + targets.degrees
    blocks = (32 * degrees + 34 + 8) // 64
    for count in np.unique(blocks).tolist():
        vertices = np.flatnonzero(blocks == count)
        kinds = sources.degrees[vertices] * 16 + targets.degrees[vertices]
        vertices = vertices[np.argsort(kinds, kind="stable")]
        messages, groups, at = [], [], 0
        for kind, members in zip(*np.unique(kinds, return_counts=True), strict=True):
            rows = slice(at, at + int(members))
            at = rows.stop
            reads, read_by = int(kind) >> 4, int(kind) & 15
            text = padded(32 * (reads + read_by) + 34, int(members))
            text[:, 32 * reads] = text[:, 32 * (reads + read_by) + 1] = ord("|")
            messages.append(text)
            groups.append((rows, sources.of(vertices[rows], reads), targets.of(vertices[rows], read_by)))
        yield _Batch(vertices, np.concatenate(messages), groups)
