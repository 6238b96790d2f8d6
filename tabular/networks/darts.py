"""The network around the two cells of the DARTS space.

Stem, normal and reduction cells, pooling, classifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import pad

from tabular.networks.cell import depthwise_conv_bn, relu_conv_bn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tabular.recipe import Recipe

    Nodes = Sequence[tuple[tuple[str, int], tuple[str, int]]]
    """A cell: for each node the two pairs of operation and input that it sums."""

INPUTS = 2
"""Nodes 0 and 1 of a cell are the outputs of the two cells before; the nodes that are summed follow."""

STEM_WIDTH = 3
"""The stem is so many times as wide as a node of the first cells."""


class FactorizedReduce(nn.Module):
    """Half the resolution without losing a pixel.

    Two pointwise convolutions, one of them shifted (DARTS).

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, inputs, H, W) to (N, outputs, ceil(H/2), ceil(W/2))."""
        images = torch.relu(images)
        shifted = pad(images[:, :, 1:, 1:], (0, 1, 0, 1))  # changes odd sizes only, which would come out one smaller
        return self.norm(torch.cat([self.even(images), self.odd(shifted)], dim=1))  # type: ignore[no-any-return]


def separable_conv(channels: int, kernel: int, stride: int) -> nn.Sequential:
    """Return DARTS's separable convolution.

    Twice depthwise and pointwise, the stride in the first.
    """
    return nn.Sequential(
        depthwise_conv_bn(channels, 1, kernel, stride),
        depthwise_conv_bn(channels, 1, kernel),
    )


DARTS_BUILDERS: dict[str, Callable[[int, int], nn.Module]] = {
    "max_pool_3x3": lambda _, stride: nn.MaxPool2d(3, stride, padding=1),
    "avg_pool_3x3": lambda _, stride: nn.AvgPool2d(3, stride, padding=1, count_include_pad=False),
    "skip_connect": lambda channels, stride: nn.Identity() if stride == 1 else FactorizedReduce(channels, channels),
    "sep_conv_3x3": lambda channels, stride: separable_conv(channels, 3, stride),
    "sep_conv_5x5": lambda channels, stride: separable_conv(channels, 5, stride),
    "dil_conv_3x3": lambda channels, stride: depthwise_conv_bn(channels, 2, 3, stride),
    "dil_conv_5x5": lambda channels, stride: depthwise_conv_bn(channels, 2, 5, stride),
}
"""The function that builds each operation of the DARTS space for a number of channels and a stride."""


class DartsCell(nn.Module):
    """One cell: nodes that each sum two operations; the output joins their channels.

    Parameters
    ----------
    nodes : sequence of pairs of (operation, input)
    widths : (int, int)
        Channels of the outputs of the cell before the last one and of the last one.
    channels : int
        Of each node.
    reduction : bool
        Operations on the inputs halve the resolution.
    follows_reduction : bool
        The first input is twice as large as the second.
    """

    def __init__(
        self,
        nodes: Nodes,
        widths: tuple[int, int],
        channels: int,
        *,
        reduction: bool,
        follows_reduction: bool,
    ) -> None:
        super().__init__()
        first = FactorizedReduce if follows_reduction else _same_size
        self.first, self.second = first(widths[0], channels), _same_size(widths[1], channels)
        self.starts = [start for node in nodes for _, start in node]
        self.operations = nn.ModuleList(
            DARTS_BUILDERS[operation](channels, 2 if reduction and start < INPUTS else 1)
            for node in nodes
            for operation, start in node
        )

    def forward(self, before: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Map the outputs of the two cells before, (N, C, H, W) each, to (N, nodes * channels, H', W')."""
        nodes = [self.first(before), self.second(last)]
        for edge in range(0, len(self.starts), 2):
            one, other = (self.operations[e](nodes[self.starts[e]]) for e in (edge, edge + 1))
            nodes.append(one + other)
        return torch.cat(nodes[INPUTS:], dim=1)


def _same_size(inputs: int, outputs: int) -> nn.Module:
    return relu_conv_bn(inputs, outputs, 1)


class DartsNetwork(nn.Module):
    """The evaluation network of DARTS (Liu, Simonyan and Yang 2019).

    Without auxiliary classifier and drop path.

    The recipe's ``stages`` are runs of ``cells_per_stage`` normal cells with one reduction cell between; each reduction
    doubles the width. With three stages the reductions are at a third and two thirds of the depth, as DARTS and
    NAS-Bench-301 have them: their 20 layers of 36 channels are ``channels=36, stages=3, cells_per_stage=6``, their 8
    layers of 32 channels ``channels=32, stages=3, cells_per_stage=2``. One stage alone has no reduction cell.

    Parameters
    ----------
    normal, reduction : sequence of pairs of (operation, input)
        The nodes of the two cells, the same number of each.
    recipe : Recipe
        Its ``channels``, ``stages`` and ``cells_per_stage``.
    image_shape : (channels, height, width)
    classes : int
    """

    def __init__(
        self, normal: Nodes, reduction: Nodes, recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> None:
        super().__init__()
        width = recipe.channels
        stem = STEM_WIDTH * width
        self.stem = nn.Sequential(nn.Conv2d(image_shape[0], stem, 3, padding=1, bias=False), nn.BatchNorm2d(stem))
        self.cells = nn.ModuleList()
        widths, follows_reduction = (stem, stem), False
        stage = [False] * recipe.cells_per_stage
        for reduces in [*stage, True] * (recipe.stages - 1) + stage:
            nodes = reduction if reduces else normal
            width *= 2 if reduces else 1
            cell = DartsCell(nodes, widths, width, reduction=reduces, follows_reduction=follows_reduction)
            self.cells.append(cell)
            widths, follows_reduction = (widths[1], len(nodes) * width), reduces
        self.classifier = nn.Linear(widths[1], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        before = last = self.stem(images)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return self.classifier(last.mean(dim=(2, 3)))  # type: ignore[no-any-return]
