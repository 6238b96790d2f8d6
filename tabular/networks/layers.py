"""The network of NATS-Bench's size space: one topology, a width for each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from tabular.networks.operations import relu_conv_bn
from tabular.networks.residual import ResidualBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


class SizedCell(nn.Module):
    """The fixed cell, from one width to another: five 3x3 convolutions and an identity past them.

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
    """Stem, cell, reduction, cell, reduction, cell, pooling and classifier (NATS-Bench, Dong et al. 2021, figure 1).

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
