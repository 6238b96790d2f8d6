"""The MD5 by which NAS-Bench-101's files name a cell.

For one cell and, several times faster, for many.

The hash is Weisfeiler-Lehman refinement in text: every vertex starts with the digest of its out-degree, in-degree and
label, and takes, as many times as there are vertices, the digest of the sorted digests of what it reads, those of what
reads it, and its own; the digest of the sorted list is the cell's (Ying et al. 2019, section 2.1; ``graph_util`` of the
benchmark's own code). Many cells are hashed by an MD5 (Rivest 1992, RFC 1321) of many messages of one length at once.
"""

from __future__ import annotations

import math
from hashlib import md5
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.spaces.nb101_hash import edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

_INPUT, _OUTPUT = -1, -2
"""The benchmark's labels of the first and the last vertex."""

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
    pairs = edges(vertices)
    adjacency = np.zeros((len(matrices), vertices, vertices), dtype=bool)
    for edge, (start, end) in enumerate(pairs):
        adjacency[:, start, end] = (matrices >> (len(pairs) - 1 - edge)) & 1
    labels = np.empty((len(matrices), vertices), dtype=np.int64)
    labels[:, 0], labels[:, 1:-1], labels[:, -1] = _INPUT, operations, _OUTPUT
    kept = (adjacency | adjacency.swapaxes(1, 2)).any(axis=1)
    hashes = np.empty(len(matrices), dtype="S32")
    if len(matrices) <= _FEW:
        for cell, (matrix, label) in enumerate(zip(adjacency, labels, strict=True)):
            left = np.flatnonzero(kept[cell])
            hashes[cell] = module_hash(matrix[np.ix_(left, left)], label[left].tolist())
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
    """The neighbours of every vertex on one side.

    Those of vertex ``v`` are ``members[first[v] :][: degrees[v]]``.
    """

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
    codes, which = np.unique((out_degrees * 16 + in_degrees) * 16 + labels - _OUTPUT, return_inverse=True)
    texts = [str((code >> 8, code >> 4 & 15, (code & 15) + _OUTPUT)) for code in codes.tolist()]
    known = b"".join(md5(text.encode(), usedforsecurity=False).digest() for text in texts)
    return np.frombuffer(known, dtype=np.uint8).reshape(-1, 16)[which]


class _Batch(NamedTuple):
    """Vertices whose messages fill equally many blocks.

    They stand in groups of equal in-degree and out-degree.
    """

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


# MD5 of many messages of one length at once.

_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_SINES = [np.uint32(int(abs(math.sin(step + 1)) * 2**32)) for step in range(64)]
_TURNS = [(7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21)]
_WORDS = [(1, 0), (5, 1), (3, 5), (7, 0)]
"""Step i of a round reads the word (factor i + offset) mod 16 of the block."""

_MESSAGES_AT_ONCE = 1 << 14
_HEX = np.frombuffer(bytes(range(256)).hex().encode(), dtype=np.uint16)


def padded(length: int, messages: int) -> NDArray[np.uint8]:
    """Return room for messages of ``length`` bytes with MD5's padding behind them, (messages, a multiple of 64)."""
    room = np.zeros((messages, (length + 8) // 64 * 64 + 64), dtype=np.uint8)
    room[:, length] = 0x80
    room[:, -8:] = np.frombuffer((8 * length).to_bytes(8, "little"), dtype=np.uint8)
    return room


def digests(messages: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the MD5 of each message.

    Parameters
    ----------
    messages : (N, B) uint8
        Padded; they may differ in length if the padding makes them equally long.

    Returns
    -------
    (N, 16) uint8
    """
    found = np.empty((len(messages), 16), dtype=np.uint8)
    for start in range(0, len(messages), _MESSAGES_AT_ONCE):  # the intermediate arrays stay in the processor's cache
        words = messages[start : start + _MESSAGES_AT_ONCE].view("<u4").astype(np.uint32, copy=False)
        found[start : start + _MESSAGES_AT_ONCE] = _digests_of_words(np.ascontiguousarray(words.T))
    return found


def hexadecimal(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return bytes, (N, B), as ASCII digits, (N, 2 B) uint8."""
    digits: NDArray[np.uint8] = _HEX[values].view(np.uint8)
    return digits


def _digests_of_words(words: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the digests, (N, 16), of messages of 32-bit words, (W, N)."""
    state = [np.full(words.shape[1], start, dtype=np.uint32) for start in _START]
    mixed, turned = np.empty_like(state[0]), np.empty_like(state[0])
    for block in range(0, len(words), 16):
        a, b, c, d = (part.copy() for part in state)
        for step in range(64):
            kind = step // 16
            if kind == 0:
                np.bitwise_xor(c, d, out=mixed)
                mixed &= b
                mixed ^= d
            elif kind == 1:
                np.bitwise_xor(b, c, out=mixed)
                mixed &= d
                mixed ^= c
            elif kind == 2:
                np.bitwise_xor(b, c, out=mixed)
                mixed ^= d
            else:
                np.invert(d, out=mixed)
                mixed |= b
                mixed ^= c
            factor, offset = _WORDS[kind]
            a += mixed
            a += _SINES[step]
            a += words[block + (factor * step + offset) % 16]
            turn = _TURNS[kind][step % 4]
            np.left_shift(a, np.uint32(turn), out=turned)
            a >>= np.uint32(32 - turn)
            a |= turned
            a += b
            a, b, c, d = d, a, b, c
        for word, change in enumerate((a, b, c, d)):
            state[word] += change
    return np.stack(state, axis=1).astype("<u4", copy=False).view(np.uint8)
