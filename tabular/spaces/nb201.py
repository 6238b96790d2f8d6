"""NAS-Bench-201's topology space (Dong and Yang, ICLR 2020): its strings, its index order, its unique cells."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.spaces.cell import CellSpace
from tabular.spaces.graph import IDENTITY, ZERO
from tabular.spaces.hashing import text_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

NB201_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_SHUFFLE_SEED = 88
"""The benchmark's authors numbered their 15,625 cells by Python's shuffle under this seed."""


class NB201(CellSpace):
    """The 15,625 cells of NAS-Bench-201: 4 nodes, 5 operations, numbered as in the published files.

    Two rows are the same network here when the benchmark's own "unique string" is the same: 6,466 classes, and 12,751
    when zero operations are kept. Those counts are what the literature refers to, but the string is not exact. It keeps
    apart some equal networks, such as ``x + 0`` and ``x``, and it joins two convolutions of one input with one
    convolution used twice, which 430 of its classes hold side by side. Taken as networks (`CellSpace.canonical_key`),
    the cells are 5,260.
    """

    def __init__(self) -> None:
        super().__init__("nb201", nodes=4, operations=NB201_OPERATIONS)

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "nb201"}``."""
        return {"kind": "nb201"}

    def canonical_key(self, architectures: NDArray[np.uint8], *, prune_zeros: bool = True) -> Any:
        """Return a key of NAS-Bench-201's unique string; with ``prune_zeros=False`` zero operations are kept in it."""
        rows = self.check(architectures)
        if rows.ndim == 1:
            return np.uint64(text_hash(self.unique_text(rows.tolist(), prune_zeros=prune_zeros)))
        return _keys_by_rank(prune_zeros)[self.rank(rows)]

    @staticmethod
    def unique_text(row: Sequence[int], *, prune_zeros: bool = True) -> str:
        """Return the string by which NAS-Bench-201 tells whether two cells are the same network.

        Parameters
        ----------
        row : 6 ints
        prune_zeros : bool
            Write what a zero operation cuts off as ``#``.
        """
        nodes = ["0"]
        for end in (1, 2, 3):
            first = end * (end - 1) // 2
            terms = [_term(nodes[start], row[first + start], prune_zeros) for start in range(end)]
            nodes.append("+".join(sorted(terms)))
        return nodes[-1]

    def index(self, architectures: NDArray[np.uint8]) -> Any:
        """Return the official index of each row: the ``index`` of NATS-Bench's topology search space."""
        ranks = self.rank(architectures)
        return _official_order()[1][ranks] if isinstance(ranks, np.ndarray) else int(_official_order()[1][ranks])

    def from_index(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the rows at these official indices."""
        return self._unrank(_official_order()[0][self._check_indices(indices)])


def _term(source: str, choice: int, prune_zeros: bool) -> str:
    operation = NB201_OPERATIONS[choice]
    if prune_zeros and (operation == ZERO or source == "#"):
        return "#"
    return source if operation == IDENTITY else f"({source})@{operation}"


@cache
def _keys_by_rank(prune_zeros: bool) -> NDArray[np.uint64]:
    """Return the key of every cell, in the order of counting; growing cells node by node shares the work."""
    cells: list[list[str]] = [["0"]]
    choices = range(len(NB201_OPERATIONS))
    for end in (1, 2, 3):
        grown = []
        for nodes in cells:
            terms = [[_term(source, choice, prune_zeros) for choice in choices] for source in nodes]
            arrivals: list[list[str]] = [[]]
            for start in range(end):
                arrivals = [[*those, term] for those in arrivals for term in terms[start]]
            grown += [[*nodes, "+".join(sorted(those))] for those in arrivals]
        cells = grown
    hashes = {text: text_hash(text) for text in {nodes[-1] for nodes in cells}}
    return np.array([hashes[nodes[-1]] for nodes in cells], dtype=np.uint64)


@cache
def _official_order() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rank of each official index, and the official index of each rank."""
    ranks = list(range(len(NB201_OPERATIONS) ** 6))
    random.Random(_SHUFFLE_SEED).shuffle(ranks)  # noqa: S311 - the published order, not a secret
    order = np.array(ranks, dtype=np.int64)
    return order, np.argsort(order)
