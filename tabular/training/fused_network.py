"""Networks of different cells as one network, the channels of all side by side."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch.nn.functional import conv2d

from tabular.networks.cell import Reduction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tabular.networks.cell import Cell, CellNetwork

ALIKE = (nn.Identity, nn.ReLU, nn.AvgPool2d, nn.MaxPool2d)
"""Modules without weights that treat each channel by itself: one does for all."""


class FusedEdge(nn.Module):
    """One edge of K cells, computed together.

    The networks that share an operation are one grouped layer.

    Parameters
    ----------
    operations : K pairs of (name, module)
        The operation of each network; None where nothing flows.
    device : torch.device
    """

    def __init__(self, operations: Sequence[tuple[str, nn.Module] | None], device: torch.device) -> None:
        super().__init__()
        networks: dict[str | None, list[int]] = {}
        modules: dict[str | None, list[nn.Module]] = {}
        for network, operation in enumerate(operations):
            name, module = operation or (None, Zero())
            networks.setdefault(name, []).append(network)
            modules.setdefault(name, []).append(module)
        self.partition = Partition(list(networks.values()), device)
        self.operations = nn.ModuleList(fuse(alike) for alike in modules.values())

    def forward(self, node: torch.Tensor, pixels: torch.Size) -> torch.Tensor:
        """Map (P, K, C) to the same shape, P being the pixels of images (N, H, W)."""
        results = []
        for block, operation in zip(self.partition.divide(node), self.operations, strict=True):
            images = block.view(*pixels, -1).permute(0, 3, 1, 2)
            results.append(operation(images).permute(0, 2, 3, 1).reshape(block.shape))
        return self.partition.join(results)


class Zero(nn.Module):
    """Gives zeros, whatever comes."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return zeros of the same shape."""
        return torch.zeros_like(images)


class FusedCell(nn.Module):
    """The cells at one depth of K networks.

    A node is held as (P, K, C), P being the pixels of all images: dividing networks then moves whole blocks, and all
    the rest runs over K*C neighbouring numbers, which fill vector registers however few channels a network has.

    Parameters
    ----------
    cells : K cells
        Of the same nodes; their weights are copied.
    device : torch.device
    """

    def __init__(self, cells: Sequence[Cell], device: torch.device) -> None:
        super().__init__()
        self.networks, self.output = len(cells), cells[0].output
        named = [
            {
                edge: (name, operation)
                for (edge, name), operation in zip(cell.edges.items(), cell.operations, strict=True)
            }
            for cell in cells
        ]
        # In the order of their ends: all that a node sums is there before an edge leaves it.
        self.edges = sorted({edge for cell in cells for edge in cell.edges}, key=lambda edge: (edge[1], edge[0]))
        self.operations = nn.ModuleList(
            FusedEdge([operations.get(edge) for operations in named], device) for edge in self.edges
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, K*C, H, W) to the same shape.

        Zeros for a network whose cell carries nothing.
        """
        pixels = images.permute(0, 2, 3, 1)  # channels last, as they lie in memory
        nodes = {0: pixels.reshape(-1, self.networks, pixels.shape[3] // self.networks)}
        for (start, end), operation in zip(self.edges, self.operations, strict=True):
            arrived = operation(nodes[start], pixels.shape[:3])
            nodes[end] = nodes[end] + arrived if end in nodes else arrived
        if self.output not in nodes:
            return torch.zeros_like(images)
        return nodes[self.output].view(pixels.shape).permute(0, 3, 1, 2)


class FusedReduction(nn.Module):
    """The reductions at one depth of K networks."""

    def __init__(self, reductions: Sequence[Reduction]) -> None:
        super().__init__()
        self.convolutions = fuse([reduction.convolutions for reduction in reductions])
        self.shortcut = fuse([reduction.shortcut for reduction in reductions])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, K*C, H, W) to (N, K*2C, ceil(H/2), ceil(W/2))."""
        return self.shortcut(images) + self.convolutions(images)  # type: ignore[no-any-return]


class FusedNetwork(nn.Module):
    """K networks of different cells, each with weights of its own.

    Parameters
    ----------
    networks : K networks
        Built with one recipe; their weights are copied.
    device : torch.device
    """

    def __init__(self, networks: Sequence[CellNetwork], device: torch.device) -> None:
        super().__init__()

        def fuse_blocks(blocks: Sequence[nn.Module]) -> nn.Module:
            if isinstance(blocks[0], Reduction):
                return FusedReduction(cast("Sequence[Reduction]", blocks))
            return FusedCell(cast("Sequence[Cell]", blocks), device)

        self.networks = len(networks)
        self.stem = fuse([network.stem for network in networks])
        self.image_channels = cast("nn.Conv2d", networks[0].stem[0]).in_channels
        columns = zip(*(network.blocks for network in networks), strict=True)
        self.blocks = nn.Sequential(*(fuse_blocks(column) for column in columns))
        self.last = fuse([network.last for network in networks])
        self.classifier = FusedLinear([network.classifier for network in networks])
        self.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images to logits (K, N, classes).

        The images are (N, K*C, H, W), one of each network's beside each other, or (N, C, H, W) for all networks to see.
        """
        pixels = self.last(self.blocks(self._stem(images))).permute(0, 2, 3, 1)
        # Over pixels behind each other: a gradient from a mean over (H, W) would lie badly in memory.
        features = pixels.flatten(1, 2).mean(dim=1)
        by_network = features.view(len(images), self.networks, -1).transpose(0, 1)
        return self.classifier(by_network)  # type: ignore[no-any-return]

    def _stem(self, images: torch.Tensor) -> torch.Tensor:
        if images.shape[1] != self.image_channels:
            return self.stem(images)  # type: ignore[no-any-return]
        convolution, norm = cast("tuple[nn.Conv2d, nn.Module]", tuple(cast("nn.Sequential", self.stem)))
        # What all see need not be copied: K groups of one input are one group with K times the output.
        seen: torch.Tensor = norm(conv2d(images, convolution.weight, padding=convolution.padding))
        return seen.contiguous(memory_format=torch.channels_last)


def fuse(modules: Sequence[nn.Module]) -> nn.Module:
    """Return one module that does to K blocks of channels what K modules do to one block each.

    Its weights are copies of theirs, network after network in the first dimension.

    Parameters
    ----------
    modules : K modules of the same form
        Made of what `tabular.networks.cell` uses: convolutions, batch norms, poolings, activations, and
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
    if isinstance(first, (*ALIKE, Zero)):
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
    """K linear layers, each with weights of its own."""

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
        self._groups = [_members(group, device) for group in groups]
        # The position of each network when the groups lie behind each other; None if that is its number.
        inverse = sorted(range(len(networks)), key=networks.__getitem__)
        self._inverse = None if inverse == sorted(inverse) else torch.tensor(inverse, device=device)

    def divide(self, node: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the blocks (P, k, C) of each group's k networks out of those of all.

        The shape is (P, K, C).
        """
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
            node[:, members].contiguous() if isinstance(members, slice) else node.index_select(1, members)
            for members in self._groups
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


def _members(group: Sequence[int], device: torch.device) -> slice | torch.Tensor:
    """Return the networks of a group: neighbours as a slice, which moves faster."""
    if group[-1] - group[0] == len(group) - 1:
        return slice(group[0], group[-1] + 1)
    return torch.tensor(group, device=device)
