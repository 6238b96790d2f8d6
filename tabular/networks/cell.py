"""The network around a cell.

Stem, stages of cells with reductions between them, pooling, classifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tabular.recipe import Recipe


def relu_conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return NAS-Bench-201's ``nor_conv``: ReLU, convolution, batch normalisation.

    Stride 1 keeps the size.
    """
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def depthwise_conv_bn(channels: int, dilation: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Return ReLU, depthwise and pointwise convolution and batch normalisation.

    Source: DARTS, Liu et al. 2019.
    """
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    "skip_connect": lambda _: nn.Identity(),
    "nor_conv_1x1": lambda channels: relu_conv_bn(channels, channels, 1),
    "nor_conv_3x3": lambda channels: relu_conv_bn(channels, channels, 3),
    "nor_conv_5x5": lambda channels: relu_conv_bn(channels, channels, 5),
    # DARTS applies its separable convolution twice, its dilated one once.
    "sep_conv_3x3": lambda channels: nn.Sequential(depthwise_conv_bn(channels, 1), depthwise_conv_bn(channels, 1)),
    "dil_conv_3x3": lambda channels: depthwise_conv_bn(channels, 2),
    "avg_pool_3x3": lambda _: nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
    "max_pool_3x3": lambda _: nn.MaxPool2d(3, stride=1, padding=1),
}
"""The function that builds each operation for a number of channels.

``none`` is missing: an edge that carries nothing has no module."""


class Cell(nn.Module):
    """One cell: every node sums what its edges bring it; the last node is the output.

    Parameters
    ----------
    nodes : int
    edges : dict of (int, int) to str
        The operation on each edge, (start, end), in an order in which all edges into a node come before those out of
        it. Edges that carry nothing from input to output are left out, so that equal networks cost the same.
    channels : int
    """

    def __init__(self, nodes: int, edges: Mapping[tuple[int, int], str], channels: int) -> None:
        super().__init__()
        self.edges = dict(edges)
        self.operations = nn.ModuleList(BUILDERS[operation](channels) for operation in edges.values())
        self.output = nodes - 1

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, C, H, W) to the same shape; zeros if no edge is live."""
        nodes = {0: images}
        for (start, end), operation in zip(self.edges, self.operations, strict=True):
            arrived = operation(nodes[start])
            nodes[end] = nodes[end] + arrived if end in nodes else arrived
        return nodes[self.output] if self.output in nodes else torch.zeros_like(images)


class Reduction(nn.Module):
    """NAS-Bench-201's residual block between stages.

    Halves the resolution and doubles the width.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            relu_conv_bn(channels, 2 * channels, 3, stride=2), relu_conv_bn(2 * channels, 2 * channels, 3)
        )
        # Rounding up makes the shortcut of an odd size as large as what the strided convolution gives.
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True), nn.Conv2d(channels, 2 * channels, 1, bias=False)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, C, H, W) to (N, 2C, ceil(H/2), ceil(W/2))."""
        return self.shortcut(images) + self.convolutions(images)  # type: ignore[no-any-return]


class CellNetwork(nn.Module):
    """The network that an architecture of a cell space stands for.

    Source: NAS-Bench-201, Dong and Yang 2020, figure 1.

    Parameters
    ----------
    nodes : int
    edges : dict of (int, int) to str
        As for `Cell`.
    recipe : Recipe
        Its ``channels``, ``stages`` and ``cells_per_stage``.
    image_shape : (channels, height, width)
    classes : int
    """

    def __init__(
        self,
        nodes: int,
        edges: Mapping[tuple[int, int], str],
        recipe: Recipe,
        image_shape: tuple[int, int, int],
        classes: int,
    ) -> None:
        super().__init__()
        width = recipe.channels
        self.stem = nn.Sequential(nn.Conv2d(image_shape[0], width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        blocks: list[nn.Module] = []
        for stage in range(recipe.stages):
            if stage > 0:
                blocks.append(Reduction(width))
                width *= 2
            blocks += [Cell(nodes, edges, width) for _ in range(recipe.cells_per_stage)]
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        features = self.last(self.blocks(self.stem(images)))
        return self.classifier(features.mean(dim=(2, 3)))  # type: ignore[no-any-return]
