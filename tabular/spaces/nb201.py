"""The cell spaces of NAS-Bench-201 and TransNAS-Bench-101.

Sources: Dong and Yang, ICLR 2020; Duan et al., CVPR 2021.
"""

from __future__ import annotations

import random
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError
from tabular.spaces.cell import CellSpace
from tabular.spaces.graph import IDENTITY, ZERO
from tabular.spaces.hashing import text_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

NB201_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""NAS-Bench-201's operations, in its own order."""

_SHUFFLE_SEED = 88
"""The seed of Python's shuffle by which NAS-Bench-201's authors numbered their 15,625 cells."""

TRANSNAS_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""TransNAS-Bench-101's operations, each at the index that is its digit in the benchmark."""

_STRIDED_SKIP = "nor_conv_5x5"
"""An operation that stands for an identity that has to change the size: any with weights that the space lacks."""


class NB201(CellSpace):
    """The 15,625 cells of NAS-Bench-201.

    4 nodes, 5 operations, numbered as in the published files.

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
        """Return a key of NAS-Bench-201's unique string.

        With ``prune_zeros=False`` zero operations are kept in it.
        """
        rows = self.check(architectures)
        if rows.ndim == 1:
            return np.uint64(text_hash(self.unique_text(rows.tolist(), prune_zeros=prune_zeros)))
        return _keys_by_rank(prune_zeros)[self.rank(rows)]

    @staticmethod
    def unique_text(row: Sequence[int], *, prune_zeros: bool = True) -> str:
        """Return the string that is the same for two cells, of 6 choices, which NAS-Bench-201 takes for one network.

        With ``prune_zeros`` what a zero operation cuts off is written as ``#``.
        """
        nodes = ["0"]
        for end in (1, 2, 3):
            first = end * (end - 1) // 2
            terms = [_term(nodes[start], row[first + start], prune_zeros) for start in range(end)]
            nodes.append("+".join(sorted(terms)))
        return nodes[-1]

    def index(self, architectures: NDArray[np.uint8]) -> Any:
        """Return the official index of each row.

        The ``index`` of NATS-Bench's topology search space.
        """
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
    """Return the key of every cell, in the order of counting.

    Growing cells node by node shares the work.
    """
    cells: list[list[str]] = [["0"]]
    choices = range(len(NB201_OPERATIONS))
    for end in (1, 2, 3):
        grown = []
        for nodes in cells:
            terms = [[_term(source, choice, prune_zeros) for choice in choices] for source in nodes]
            arrivals: list[list[str]] = [[]]
            for start in range(end):
                arrivals = [[*arrived, term] for arrived in arrivals for term in terms[start]]
            grown += [[*nodes, "+".join(sorted(arrived))] for arrived in arrivals]
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


class TransNasMicro(CellSpace):
    """The 4,096 cells of TransNAS-Bench-101: 4 nodes, 4 operations.

    The benchmark has no reductions between its cells. Some cells shrink and widen what they get instead, and in those
    an identity on an edge from the input is a convolution, with weights. Two rows are the same network here when the
    benchmark's networks are: 1,376 classes. Taken as cells that keep the size (`CellSpace.canonical_key`), they would
    be 1,011. The network that is trained here has NAS-Bench-201's reductions between such cells, as in every cell
    space; it takes the recipe's ``channels``, ``stages`` and ``cells_per_stage``.

    Examples
    --------
    >>> TransNasMicro().from_text("64-41414-1_02_333").tolist()
    [1, 0, 2, 3, 3, 3]
    """

    def __init__(self) -> None:
        super().__init__("transnas-micro", nodes=4, operations=TRANSNAS_OPERATIONS)
        self._shrinking = CellSpace("shrinking", self.nodes, (*TRANSNAS_OPERATIONS, _STRIDED_SKIP))
        self._from_input = np.array([start == 0 for start, _ in self.edges])

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "transnas-micro"}``."""
        return {"kind": "transnas-micro"}

    def canonical_key(self, architectures: NDArray[np.uint8]) -> Any:
        """Return a key that is equal exactly when the benchmark's networks are.

        See the class.
        """
        rows = self.check(architectures)
        # Cells that are equal where the size changes are equal where it does not.
        skips = self._from_input & (rows == TRANSNAS_OPERATIONS.index(IDENTITY))
        return self._shrinking.canonical_key(np.where(skips, np.uint8(len(TRANSNAS_OPERATIONS)), rows))

    def _row_to_text(self, row: list[int]) -> str:
        digits = "".join(map(str, row))
        return f"64-41414-{digits[0]}_{digits[1:3]}_{digits[3:]}"

    def _row_from_text(self, text: str) -> list[int]:
        match = re.fullmatch(r"64-41414-([0-3])_([0-3]{2})_([0-3]{3})", text.strip())
        if match is None:
            raise InvalidArchitectureError(
                f"not an architecture of {self.name!r}: {text!r} is not '64-41414-' and digits out of 0 to 3, one "
                "group a node, like '64-41414-1_02_333'"
            )
        return [int(digit) for digit in "".join(match.groups())]
