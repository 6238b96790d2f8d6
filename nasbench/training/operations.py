"""The torch modules of the operations that cell spaces name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable


def relu_conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution, batch normalisation: NAS-Bench-201's ``nor_conv``, size kept at stride 1."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def depthwise_conv_bn(channels: int, dilation: int) -> nn.Sequential:
    """ReLU, depthwise 3x3 and pointwise convolution, batch normalisation (DARTS, Liu et al. 2019)."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=channels, bias=False),
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
"""What builds each operation for a number of channels. ``none`` is missing: an edge that carries nothing has no module.
"""
