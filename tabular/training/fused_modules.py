"""Many modules of one form as one: their channels side by side, computed by one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIKE = (nn.Identity, nn.ReLU, nn.AvgPool2d, nn.MaxPool2d)
"""Modules without weights that treat each channel for itself: one does for all."""


def fuse(modules: Sequence[nn.Module]) -> nn.Module:
    """Return one module that does to K blocks of channels what K modules do to one block each.

    Its weights are copies of theirs, network after network in the first dimension.

    Parameters
    ----------
    modules : K modules of the same form
        Made of what `tabular.networks.operations` uses: convolutions, batch norms, poolings, activations, and
        sequences of them.

    Returns
    -------
    nn.Module
        Maps (N, K*C, H, W) to (N, K*C', H', W').

    Raises
    ------
    TypeError
        If a module is of a kind that has no fused form.
    """
    first = modules[0]
    if isinstance(first, ALIKE):
        return first
    if isinstance(first, nn.Sequential):
        columns = zip(*cast("Sequence[nn.Sequential]", modules), strict=True)
        return nn.Sequential(*(fuse(column) for column in columns))
    if isinstance(first, nn.Conv2d):
        return _fuse_convolutions(cast("Sequence[nn.Conv2d]", modules))
    if isinstance(first, nn.BatchNorm2d):
        # Statistics are kept by channel, so those of one network never meet those of another.
        norm = nn.BatchNorm2d(len(modules) * first.num_features)
        _join_weights(norm, modules)
        return norm
    raise TypeError(f"there is no fused form of {type(first).__name__}")


class FusedLinear(nn.Module):
    """K linear layers, each with weights of its own.

    Parameters
    ----------
    layers : K nn.Linear of the same form
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (K, N, C) to (K, N, classes)."""
        return torch.baddbmm(self.bias[:, None], features, self.weight.transpose(1, 2))


def _fuse_convolutions(convolutions: Sequence[nn.Conv2d]) -> nn.Conv2d:
    first, count = convolutions[0], len(convolutions)
    fused = nn.Conv2d(
        count * first.in_channels,
        count * first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        first.dilation,  # type: ignore[arg-type]
        groups=count * first.groups,
        bias=first.bias is not None,
        device="meta",  # its initial values would be drawn from the global generator, for nothing
    )
    _join_weights(fused, convolutions)
    return fused


def _join_weights(fused: nn.Module, modules: Sequence[nn.Module]) -> None:
    for name, _ in modules[0].named_parameters():
        joined = torch.cat([module.get_parameter(name).detach() for module in modules])
        setattr(fused, name, nn.Parameter(joined))
