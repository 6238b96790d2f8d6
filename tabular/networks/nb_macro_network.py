"""The network of NAS-Bench-Macro: a stack of MobileNetV2 blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from tabular.spaces.nb_macro import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

HEAD = 40
"""The last convolution has so many times the channels of the stem: the benchmark's 1280 and 32."""

SHAPES = {1: (3, 3), 2: (6, 5)}
"""Expansion and kernel of each choice that is an inverted residual block."""


class InvertedResidual(nn.Module):
    """MobileNetV2's block (Sandler et al. 2018): widen, convolve each channel for itself, narrow.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int
        Where it is 1 and the width stays, the input is added to the output.
    expansion : int
        How many times as wide the block is within.
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
    """Stem, three stages of layers, a wide 1x1 convolution, pooling and classifier (Su et al. 2021).

    Parameters
    ----------
    layers : sequence of 8 int
        Each a place in `tabular.spaces.nb_macro.BLOCKS`.
    channels : int
        Of the stem; the first layer of each stage doubles them.
    image_shape : (channels, height, width)
    classes : int
    """

    def __init__(self, layers: Sequence[int], channels: int, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        width, choices = channels, iter(layers)
        blocks = [_conv_bn_relu(image_shape[0], width, 3)]
        for depth in STAGES:
            blocks.append(_layer(next(choices), width, 2 * width, 2))
            width *= 2
            blocks += [_layer(next(choices), width, width, 1) for _ in range(depth - 1)]
        blocks.append(_conv_bn_relu(width, HEAD * channels, 1))
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(HEAD * channels, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        return self.classifier(self.blocks(images).mean(dim=(2, 3)))  # type: ignore[no-any-return]


def _conv_bn_relu(inputs: int, outputs: int, kernel: int) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def _layer(choice: int, inputs: int, outputs: int, stride: int) -> nn.Module:
    if choice in SHAPES:
        return InvertedResidual(inputs, outputs, stride, *SHAPES[choice])
    if stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
