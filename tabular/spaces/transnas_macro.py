"""TransNAS-Bench-101's macro space (Duan et al., CVPR 2021): where a network shrinks and widens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.spaces.constrained import ConstrainedSpace
from tabular.spaces.graph import IDENTITY, TRAITS, Traits, chain
from tabular.spaces.sequence import SequenceSpace

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from tabular.recipe import Recipe
    from tabular.spaces.graph import Graph

MODULES = ("none", "plain", "double_channels", "halve_resolution", "both")
"""What a position of a row can be; the benchmark's digits are their places here."""

FEWEST, MOST = 4, 6
HALVINGS, DOUBLINGS = (1, 4), (1, 3)
"""How often at least and at most a network halves its resolution and doubles its width."""


def _module(module: int, doublings: int) -> Traits:
    """Return what a module does behind so many doublings: four 3x3 convolutions, its weights relative to the stem's.

    The way past the first two is a 1x1 convolution unless the module keeps the size.
    """
    before = 1 << doublings
    width = before << (module in {2, 4})
    return Traits(9 * (before + 3 * width) * width + before * width * (module > 1), spatial=4)


_TRAITS = tuple(
    _module(module, doublings) if module else TRAITS[IDENTITY]
    for doublings in range(DOUBLINGS[1] + 1)
    for module in range(len(MODULES))
)


class TransNasMacro(SequenceSpace, ConstrainedSpace):
    """The 3,256 networks of TransNAS-Bench-101's macro space: 4 to 6 modules of residual blocks.

    A network halves its resolution 1 to 4 times and doubles its width 1 to 3 times. Positions that a short network does
    not use are ``none``, at the end. No two rows are the same network.

    Examples
    --------
    >>> TransNasMacro().from_text("64-1234-basic").tolist()
    [1, 2, 3, 4, 0, 0]
    """

    def __init__(self) -> None:
        super().__init__("transnas-macro", [len(MODULES)] * MOST, head=MOST, size=3256)

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "transnas-macro"}``."""
        return {"kind": "transnas-macro"}

    def named_choices(self) -> dict[str, tuple[str, ...]]:
        """Return what each position can be."""
        return {f"module_{place}": MODULES for place in range(MOST)}

    def admits(self, architectures: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Say of each row, (N, L), whether its modules have no gap and change size as often as they may."""
        used = architectures > 0
        halvings, doublings = _size_changes(architectures)
        valid: NDArray[np.bool_] = (
            used[:, :FEWEST].all(axis=1)
            & (used[:, :-1] >= used[:, 1:]).all(axis=1)
            & (HALVINGS[0] <= halvings)
            & (halvings <= HALVINGS[1])
            & (DOUBLINGS[0] <= doublings)
            & (doublings <= DOUBLINGS[1])
        )
        return valid

    def why_not(self, row: list[int]) -> str:
        """Say in words what is wrong with a row that is not admitted."""
        modules = sum(choice > 0 for choice in row)
        if modules < FEWEST or 0 in row[:modules]:
            return f"{row} should be {FEWEST} to {MOST} modules, with none (0) behind them only"
        halvings, doublings = (int(times[0]) for times in _size_changes(np.array([row], dtype=np.uint8)))
        return (
            f"{row} halves the resolution {halvings} and doubles the channels {doublings} times; allowed are "
            f"{HALVINGS[0]} to {HALVINGS[1]} and {DOUBLINGS[0]} to {DOUBLINGS[1]}"
        )

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the networks as graphs: one, a chain of their modules."""
        rows = self.check(architectures)
        doubles = (rows == 2) | (rows == 4)
        before = np.cumsum(doubles, axis=1, dtype=np.uint8) - doubles
        return (chain(_TRAITS, len(MODULES) * before + rows),)

    def _row_to_text(self, row: list[int]) -> str:
        """Write the modules as the benchmark does, ``64-1234-basic``."""
        return f"64-{''.join(str(choice) for choice in row if choice)}-basic"

    def _row_from_text(self, text: str) -> list[int] | str:
        """Read ``64-1234-basic``."""
        match = re.fullmatch(rf"64-([1-4]{{{FEWEST},{MOST}}})-basic", text.strip())
        if match is None:
            return f"is not '64-', {FEWEST} to {MOST} digits out of 1 to 4 and '-basic', like '64-1234-basic'"
        row = [int(digit) for digit in match[1].ljust(MOST, "0")]
        return row if self.admits(np.array([row], dtype=np.uint8))[0] else f"is outside: {self.why_not(row)}"

    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> nn.Module:
        """Build the benchmark's network, see `tabular.networks.transnas_macro_network`."""
        from tabular.networks.transnas_macro_network import TransNasMacroNetwork

        return TransNasMacroNetwork([c for c in self.check(architecture).tolist() if c], recipe, image_shape, classes)


def _size_changes(rows: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how often each row, (N, L), halves its resolution and how often it doubles its width."""
    return (rows >= 3).sum(axis=1), ((rows == 2) | (rows == 4)).sum(axis=1)
