"""The network around a cell: stem, stages of cells with reductions between them, pooling, classifier."""

from __future__ import annotations

from torch import nn
from torch.nn.functional import pad
from typing import TYPE_CHECKING
import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from numpy.typing import NDArray
    from tabular.recipe import Recipe
    from tabular.spaces import CellSpace
    import numpy as np

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


def relu_conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution, batch normalisation: NAS-Bench-201's ``nor_conv``, size kept at stride 1."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def depthwise_conv_bn(channels: int, dilation: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """ReLU, depthwise and pointwise convolution, batch normalisation (DARTS, Liu et al. 2019)."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


class FactorizedReduce(nn.Module):
    """Half the resolution without losing a pixel: two pointwise convolutions, one of them shifted (DARTS).

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
    """DARTS's separable convolution: twice depthwise and pointwise, the stride in the first."""
    return nn.Sequential(
        depthwise_conv_bn(channels, 1, kernel, stride),
        depthwise_conv_bn(channels, 1, kernel),
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


"""What builds each operation for a number of channels. ``none`` is missing: an edge that carries nothing has no module.
"""


DARTS_BUILDERS: dict[str, Callable[[int, int], nn.Module]] = {
    "max_pool_3x3": lambda _, stride: nn.MaxPool2d(3, stride, padding=1),
    "avg_pool_3x3": lambda _, stride: nn.AvgPool2d(3, stride, padding=1, count_include_pad=False),
    "skip_connect": lambda channels, stride: nn.Identity() if stride == 1 else FactorizedReduce(channels, channels),
    "sep_conv_3x3": lambda channels, stride: separable_conv(channels, 3, stride),
    "sep_conv_5x5": lambda channels, stride: separable_conv(channels, 5, stride),
    "dil_conv_3x3": lambda channels, stride: depthwise_conv_bn(channels, 2, 3, stride),
    "dil_conv_5x5": lambda channels, stride: depthwise_conv_bn(channels, 2, 5, stride),
}


"""What builds each operation of the DARTS space for a number of channels and a stride."""
