"""Networks that are stacks of layers.

Of NATS-Bench's sizes, NAS-Bench-Macro, TransNAS-Bench-101's macro space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from tabular.networks.cell import relu_conv_bn
from tabular.networks.nb101 import conv_bn_relu

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from tabular.recipe import Recipe

HEAD = 40
"""The last convolution of NAS-Bench-Macro has so many times the channels of the stem: the benchmark's 1280 and 32."""

SHAPES = {"mb3_k3": (3, 3), "mb6_k5": (6, 5)}
"""Expansion and kernel of each of NAS-Bench-Macro's blocks that is an inverted residual block."""


class ResidualBlock(nn.Module):
    """NAS-Bench-201's block.

    Two 3x3 convolutions, each after a ReLU, beside a shortcut.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int
    shortcut : nn.Module
        Maps the input to the shape of the output.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: nn.Module) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            relu_conv_bn(inputs, outputs, 3, stride=stride), relu_conv_bn(outputs, outputs, 3)
        )
        self.shortcut = shortcut

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, inputs, H, W) to (N, outputs, ceil(H/stride), ceil(W/stride))."""
        return self.shortcut(images) + self.convolutions(images)  # type: ignore[no-any-return]


class SizedCell(nn.Module):
    """The fixed cell, from one width to another.

    Five 3x3 convolutions and an identity past them.

    Parameters
    ----------
    inputs, outputs : int
        Channels. If they differ, the identity is a 1x1 convolution with batch normalisation.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        same = inputs == outputs
        self.skip = nn.Identity() if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), _norm(outputs))
        self.to_first, self.to_second = (relu_conv_bn(inputs, outputs, 3) for _ in range(2))
        self.first_to_second, self.first_to_last, self.second_to_last = (
            relu_conv_bn(outputs, outputs, 3) for _ in range(3)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        first = self.to_first(images)
        second = self.to_second(images) + self.first_to_second(first)
        return self.skip(images) + self.first_to_last(first) + self.second_to_last(second)  # type: ignore[no-any-return]


class NatsSizeNetwork(nn.Module):
    """Stem, cell, reduction, cell, reduction, cell, pooling and classifier.

    Source: NATS-Bench, Dong et al. 2021, figure 1.

    Parameters
    ----------
    widths : sequence of 5 int
        Channels of the five layers; the stem has those of the first.
    image_shape : (channels, height, width)
    classes : int
    """

    def __init__(self, widths: Sequence[int], image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        first, second, third, fourth, last = widths
        self.stem = nn.Sequential(nn.Conv2d(image_shape[0], first, 3, padding=1, bias=False), _norm(first))
        self.blocks = nn.Sequential(
            SizedCell(first, first),
            _reduction(first, second),
            SizedCell(second, third),
            _reduction(third, fourth),
            SizedCell(fourth, last),
        )
        self.last = nn.Sequential(_norm(last), nn.ReLU())
        self.classifier = nn.Linear(last, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        features = self.last(self.blocks(self.stem(images)))
        return self.classifier(features.mean(dim=(2, 3)))  # type: ignore[no-any-return]


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels)


def _reduction(inputs: int, outputs: int) -> ResidualBlock:
    """Halve the resolution as NAS-Bench-201 does, from any width to any other."""
    pooled = nn.AvgPool2d(2, stride=2, ceil_mode=True)  # rounding up, as the strided convolution does
    return ResidualBlock(inputs, outputs, 2, nn.Sequential(pooled, nn.Conv2d(inputs, outputs, 1, bias=False)))


class InvertedResidual(nn.Module):
    """MobileNetV2's block (Sandler et al. 2018).

    Widen, convolve each channel for itself, narrow.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int
        Where it is 1 and the width stays, the input is added to the output.
    expansion : int
        The block is so many times as wide within.
    kernel : int
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, kernel: int) -> None:
        super().__init__()
        hidden = expansion * inputs
        self.adds_input = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, kernel, stride, padding=kernel // 2, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, inputs, H, W) to (N, outputs, ceil(H/stride), ceil(W/stride))."""
        features: torch.Tensor = self.layers(images)
        return images + features if self.adds_input else features


class NBMacroNetwork(nn.Module):
    """Stem, three stages of layers, a wide 1x1 convolution, pooling and classifier.

    Source: Su et al. 2021.

    Parameters
    ----------
    stages : sequence of sequences of str
        The blocks of each stage: ``identity``, or one of `SHAPES`.
    channels : int
        Of the stem; the first layer of each stage doubles them.
    image_shape : (channels, height, width)
    classes : int
    """

    def __init__(
        self, stages: Sequence[Sequence[str]], channels: int, image_shape: tuple[int, int, int], classes: int
    ) -> None:
        super().__init__()
        width = channels
        blocks: list[nn.Module] = [conv_bn_relu(image_shape[0], width, 3)]
        for first, *others in stages:
            blocks.append(_layer(first, width, 2 * width, 2))
            width *= 2
            blocks += [_layer(block, width, width, 1) for block in others]
        blocks.append(conv_bn_relu(width, HEAD * channels, 1))
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(HEAD * channels, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        return self.classifier(self.blocks(images).mean(dim=(2, 3)))  # type: ignore[no-any-return]


def _layer(block: str, inputs: int, outputs: int, stride: int) -> nn.Module:
    if block in SHAPES:
        return InvertedResidual(inputs, outputs, stride, *SHAPES[block])
    if stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class TransNasMacroNetwork(nn.Module):
    """Stem of two convolutions, modules of residual blocks, pooling and classifier.

    Source: Duan et al. 2021.

    The benchmark's stem also shrinks its images from 256 to 64 pixels. Here images reach the first module as large as
    the recipe's ``image_size`` says.

    Parameters
    ----------
    modules : sequence of (int, int)
        Of each module the factor by which it widens what it gets, and its stride.
    recipe : Recipe
        Its ``channels``, of the stem (64 in the benchmark), and ``cells_per_stage``, the blocks of each module (2).
    image_shape : (channels, height, width)
    classes : int
    """

    def __init__(
        self, modules: Sequence[tuple[int, int]], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> None:
        super().__init__()
        width, half = recipe.channels, max(1, recipe.channels // 2)
        self.stem = nn.Sequential(
            nn.Conv2d(image_shape[0], half, 3, padding=1, bias=False),
            nn.BatchNorm2d(half),
            relu_conv_bn(half, width, 3),
        )
        blocks: list[nn.Module] = []
        for growth, stride in modules:
            outputs = growth * width
            blocks.append(_block(width, outputs, stride))
            blocks += [_block(outputs, outputs, 1) for _ in range(recipe.cells_per_stage - 1)]
            width = outputs
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        features = self.blocks(self.stem(images))
        return self.classifier(features.mean(dim=(2, 3)))  # type: ignore[no-any-return]


def _block(inputs: int, outputs: int, stride: int) -> ResidualBlock:
    if stride == 1 and inputs == outputs:
        return ResidualBlock(inputs, outputs, stride, nn.Identity())
    resize = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    return ResidualBlock(inputs, outputs, stride, resize)
