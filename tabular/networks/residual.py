"""The residual block of NAS-Bench-201 and TransNAS-Bench-101, whose shortcut is up to the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from tabular.networks.operations import relu_conv_bn

if TYPE_CHECKING:
    import torch


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each after a ReLU, beside a shortcut.

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
