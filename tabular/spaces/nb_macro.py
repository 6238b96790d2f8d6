"""NAS-Bench-Macro (Su et al., CVPR 2021): which blocks a network is stacked of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.spaces.graph import IDENTITY, TRAITS, Traits, chain
from tabular.spaces.sequence import SequenceSpace

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from tabular.recipe import Recipe
    from tabular.spaces.graph import Graph

BLOCKS = ("identity", "mb3_k3", "mb6_k5")
"""The identity, and MobileNetV2's inverted residual blocks: 3 times as wide within and 3x3, 6 times and 5x5."""

STAGES = (2, 3, 3)
"""Layers of each stage; the first halves the resolution and doubles the width."""

LAYERS = sum(STAGES)


def _blocks(width: int, *, first: bool) -> tuple[Traits, ...]:
    """Return what the blocks do in layers of a width, relative to the stem's, the first one of a stage or a later one.

    An inverted residual block widens by a 1x1 convolution; a depthwise and another 1x1 convolution are a spatial layer.
    """
    before = width // 2 if first else width
    identity = Traits(before * width, pointwise=1) if first else TRAITS[IDENTITY]
    inverted = (Traits(wider * before * (before + width), pointwise=1, spatial=1) for wider in (3, 6))
    return (identity, *inverted)


_TRAITS = tuple(each for width in (2, 4, 8) for first in (True, False) for each in _blocks(width, first=first))
_FIRST_TRAIT = [
    len(BLOCKS) * (2 * stage + (layer > 0)) for stage, layers in enumerate(STAGES) for layer in range(layers)
]
"""Where the traits of each layer's blocks start."""


class NBMacro(SequenceSpace):
    """The 6,561 stacks of NAS-Bench-Macro: 8 layers, each an identity or one of two inverted residual blocks.

    An identity behind a stage's first layer does nothing, so it may stand anywhere there. That leaves 3,969 networks;
    the benchmark trained no more. At a stage's first layer the identity is a strided 1x1 convolution.

    Examples
    --------
    >>> space = NBMacro()
    >>> space.canonical_rows(space.from_text(["00102000"])).tolist()
    [[0, 0, 1, 2, 0, 0, 0, 0]]
    """

    def __init__(self) -> None:
        super().__init__("nb-macro", [len(BLOCKS)] * LAYERS)

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "nb-macro"}``."""
        return {"kind": "nb-macro"}

    def named_choices(self) -> dict[str, tuple[str, ...]]:
        """Return the blocks that each layer can be."""
        return {f"layer_{layer}": BLOCKS for layer in range(LAYERS)}

    def canonical_rows(self, architectures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Move the identities of each stage, its first layer apart, behind its other layers."""
        rows: NDArray[np.uint8] = architectures.copy()
        for end, layers in zip(np.cumsum(STAGES), STAGES, strict=True):
            rest = rows[:, end - layers + 1 : end]
            order = np.argsort(rest == 0, axis=1, kind="stable")
            rest[:] = np.take_along_axis(rest, order, axis=1)
        return rows

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the networks as graphs: one, a chain of their layers."""
        return (chain(_TRAITS, self.check(architectures) + np.array(_FIRST_TRAIT, dtype=np.uint8)),)

    def _row_to_text(self, row: list[int]) -> str:
        """Write the layers as the benchmark does, ``00120212``."""
        return "".join(map(str, row))

    def _row_from_text(self, text: str) -> list[int] | str:
        """Read ``00120212``."""
        digits = text.strip()
        if len(digits) != LAYERS or not set(digits) <= set("012"):
            return f"is not {LAYERS} digits out of 0 (identity), 1 (mb3_k3) and 2 (mb6_k5), like '00120212'"
        return [int(digit) for digit in digits]

    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> nn.Module:
        """Build the benchmark's network; of the recipe's width and depth only ``channels`` applies (theirs is 32)."""
        from tabular.networks.nb_macro_network import NBMacroNetwork

        return NBMacroNetwork(self.check(architecture).tolist(), recipe.channels, image_shape, classes)
