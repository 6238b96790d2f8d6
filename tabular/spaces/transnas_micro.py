"""TransNAS-Bench-101's cell space (Duan et al., CVPR 2021)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError
from tabular.spaces.cell import CellSpace
from tabular.spaces.graph import IDENTITY

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRANSNAS_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""The benchmark's digits are their places here."""

_STRIDED_SKIP = "nor_conv_5x5"
"""Any operation with weights that the space lacks: it stands for an identity that has to change the size."""


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
        """Return a key that is equal exactly when the benchmark's networks are; see the class."""
        rows = self.check(architectures)
        # Cells that are equal where the size changes are equal where it does not.
        skips = self._from_input & (rows == TRANSNAS_OPERATIONS.index(IDENTITY))
        return self._shrinking.canonical_key(np.where(skips, np.uint8(len(TRANSNAS_OPERATIONS)), rows))

    def _row_to_text(self, row: list[int]) -> str:
        digits = "".join(map(str, row))
        return f"64-41414-{digits[0]}_{digits[1:3]}_{digits[3:]}"

    def _row_from_text(self, text: str) -> NDArray[np.uint8]:
        match = re.fullmatch(r"64-41414-([0-3])_([0-3]{2})_([0-3]{3})", text.strip())
        if match is None:
            raise InvalidArchitectureError(
                f"not an architecture of {self.name!r}: {text!r} is not '64-41414-' and digits out of 0 to 3, one "
                "group a node, like '64-41414-1_02_333'"
            )
        return np.array([int(digit) for digit in "".join(match.groups())], dtype=np.uint8)
