"""NATS-Bench's size space (Dong, Liu, Musial and Gabrys, TPAMI 2021): the widths of one network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.spaces.graph import Traits, chain
from tabular.spaces.sequence import SequenceSpace

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from tabular.recipe import Recipe
    from tabular.spaces.graph import Graph

WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)
LAYERS = 5


def _layer(before: int, width: int, *, reduction: bool) -> Traits:
    """Return what a cell or a reduction between two widths does: its weights relative to those of the widest network.

    Its layers are those on its longest path. Either way past them is a 1x1 convolution where it cannot be an identity.
    """
    resized = before * width * (reduction or before != width)
    convolutions = before + width if reduction else 2 * before + 3 * width
    return Traits((9 * convolutions * width + resized) / WIDTHS[-1] ** 2, spatial=2 if reduction else 3)


_TRAITS = tuple(
    _layer(before, width, reduction=reduction) for reduction in (False, True) for before in WIDTHS for width in WIDTHS
)


class NatsSize(SequenceSpace):
    """The 32,768 networks of NATS-Bench's size space: 5 layers of 8 to 64 channels, numbered as in its files.

    The layers are a cell, a reduction, a cell, a reduction and a cell; all cells have the topology that was the best of
    NAS-Bench-201 on CIFAR-100: ``|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|
    nor_conv_3x3~2|``. The official index counts the widths with the last layer fastest, which is the order of rows.

    Examples
    --------
    >>> NatsSize().to_text(NatsSize().from_index(32767))
    '64:64:64:64:64'
    """

    def __init__(self) -> None:
        super().__init__("nats-size", [len(WIDTHS)] * LAYERS)

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "nats-size"}``."""
        return {"kind": "nats-size"}

    def named_choices(self) -> dict[str, tuple[int, ...]]:
        """Return the widths that each layer can have."""
        return {f"width_{layer}": WIDTHS for layer in range(LAYERS)}

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the networks as graphs: one, a chain of their layers."""
        widths = self.check(architectures)
        before = np.hstack([widths[:, :1], widths[:, :-1]])  # the stem is as wide as the first layer
        reductions = np.arange(LAYERS, dtype=np.uint8) % 2
        return (chain(_TRAITS, (reductions * len(WIDTHS) + before) * len(WIDTHS) + widths),)

    def _row_to_text(self, row: list[int]) -> str:
        """Write the widths as NATS-Bench does, ``8:16:32:8:64``."""
        return ":".join(str(WIDTHS[choice]) for choice in row)

    def _row_from_text(self, text: str) -> list[int] | str:
        """Read ``8:16:32:8:64``."""
        words = [str(width) for width in WIDTHS]
        found = text.strip().split(":")
        if len(found) != LAYERS:
            return f"has {len(found)} widths, expected {LAYERS}, like '8:16:32:8:64'"
        wrong = [word for word in found if word not in words]
        return f"has the width {wrong[0]!r}, allowed are {', '.join(words)}" if wrong else [*map(words.index, found)]

    def network(
        self,
        architecture: NDArray[np.uint8],
        recipe: Recipe,  # noqa: ARG002 - what every space is given
        image_shape: tuple[int, int, int],
        classes: int,
    ) -> nn.Module:
        """Build NATS-Bench's network; a row fixes all of it, whatever the recipe's width and depth."""
        from tabular.networks.layers import NatsSizeNetwork

        return NatsSizeNetwork([WIDTHS[choice] for choice in self.check(architecture)], image_shape, classes)
