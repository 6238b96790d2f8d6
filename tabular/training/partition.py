"""Dividing a tensor of all networks among groups of them, and joining what the groups make of it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence


class Partition:
    """Groups that K networks are divided into.

    Both ways only copy, each number once or twice: left to itself, autograd would make a gradient of all K networks for
    each group and add them up, which for small groups costs more than their convolutions.

    Parameters
    ----------
    groups : sequence of sequence of int
        Each of 0..K-1 once, ascending within a group.
    device : torch.device
    """

    def __init__(self, groups: Sequence[Sequence[int]], device: torch.device) -> None:
        networks = list(chain.from_iterable(groups))
        self._groups = [_places(group, device) for group in groups]
        # Where each network is when the groups lie behind each other; None if each is at its place.
        inverse = sorted(range(len(networks)), key=networks.__getitem__)
        self._inverse = None if inverse == sorted(inverse) else torch.tensor(inverse, device=device)

    def divide(self, node: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the blocks (P, k, C) of each group's k networks out of those of all, (P, K, C)."""
        if len(self._groups) == 1:
            return (node,)
        return _Divide.apply(self, node)  # type: ignore[no-any-return, no-untyped-call]

    def join(self, blocks: Sequence[torch.Tensor]) -> torch.Tensor:
        """Undo `divide`."""
        if len(self._groups) == 1:
            return blocks[0]
        return _Join.apply(self, *blocks)  # type: ignore[no-any-return, no-untyped-call]

    def _copies(self, node: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(
            node[:, places].contiguous() if isinstance(places, slice) else node.index_select(1, places)
            for places in self._groups
        )

    def _joined(self, blocks: Sequence[torch.Tensor]) -> torch.Tensor:
        joined = torch.cat(tuple(blocks), dim=1)
        return joined if self._inverse is None else joined.index_select(1, self._inverse)


class _Divide(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, partition: Partition, node: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.partition = partition
        return partition._copies(node)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, ctx.partition._joined(gradients)


class _Join(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, partition: Partition, *blocks: torch.Tensor) -> torch.Tensor:
        ctx.partition = partition
        return partition._joined(blocks)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return None, *ctx.partition._copies(gradient)


def _places(group: Sequence[int], device: torch.device) -> slice | torch.Tensor:
    """Return the places of a group: neighbours as a slice, which moves faster."""
    if group[-1] - group[0] == len(group) - 1:
        return slice(group[0], group[-1] + 1)
    return torch.tensor(group, device=device)
