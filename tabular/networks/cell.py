"""The network around a cell: stem, stages of cells with reductions between them, pooling, classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from tabular.networks.operations import BUILDERS, relu_conv_bn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tabular.recipe import Recipe
    from tabular.spaces import CellSpace


class Cell(nn.Module):
    """One cell: every node sums what its live edges bring it; the last node is the output.

    Only edges that carry something from input to output get a module, so that equal networks cost the same.

    Parameters
    ----------
    space : CellSpace
    architecture : (L,) uint8
    channels : int
    """

    def __init__(self, space: CellSpace, architecture: NDArray[np.uint8], channels: int) -> None:
        super().__init__()
        live = space.live_edges(architecture)
        places = [place for place in range(space.length) if live[place]]
        self.edges = [space.edges[place] for place in places]
        self.operations = nn.ModuleList(BUILDERS[space.operations[architecture[place]]](channels) for place in places)
        self.output = space.nodes - 1

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, C, H, W) to the same shape; zeros if no edge is live."""
        nodes = {0: images}
        for (start, end), operation in zip(self.edges, self.operations, strict=True):
            arrived = operation(nodes[start])
            nodes[end] = nodes[end] + arrived if end in nodes else arrived
        return nodes[self.output] if self.output in nodes else torch.zeros_like(images)


class Reduction(nn.Module):
    """NAS-Bench-201's residual block between stages: halves the resolution and doubles the width."""

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
    """The network that an architecture of a cell space stands for (NAS-Bench-201, Dong and Yang 2020, figure 1).

    Parameters
    ----------
    space : CellSpace
    architecture : (L,) uint8
    recipe : Recipe
        Its ``channels``, ``stages`` and ``cells_per_stage``.
    image_shape : (channels, height, width)
    classes : int
    """

    def __init__(
        self,
        space: CellSpace,
        architecture: NDArray[np.uint8],
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
            blocks += [Cell(space, architecture, width) for _ in range(recipe.cells_per_stage)]
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        features = self.last(self.blocks(self.stem(images)))
        return self.classifier(features.mean(dim=(2, 3)))  # type: ignore[no-any-return]
