"""The torch modules of the operations that cell spaces name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import pad

if TYPE_CHECKING:
    from collections.abc import Callable


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
