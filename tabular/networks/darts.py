"""The network around the two cells of the DARTS space: stem, normal and reduction cells, pooling, classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tabular.networks.cell import DARTS_BUILDERS, FactorizedReduce, relu_conv_bn
from tabular.spaces.darts import CONCAT, FIRST_NODE, genotype_choices

if TYPE_CHECKING:
    from tabular.recipe import Recipe

STEM_WIDTH = 3
"""The stem is so many times as wide as a node of the first cells."""


class DartsCell(nn.Module):
    """One cell: nodes that each sum two operations; the output joins their channels.

    Parameters
    ----------
    nodes : list of 4 pairs of (operation, input)
    widths : (int, int)
        Channels of the outputs of the cell before the last one and of the last one.
    channels : int
        Of each node.
    reduction : bool
        Operations on the inputs halve the resolution.
    follows_reduction : bool
        The first input is twice as large as the second.
    """

    def __init__(
        self,
        nodes: list[tuple[tuple[str, int], tuple[str, int]]],
        widths: tuple[int, int],
        channels: int,
        *,
        reduction: bool,
        follows_reduction: bool,
    ) -> None:
        super().__init__()
        first = FactorizedReduce if follows_reduction else _same_size
        self.first, self.second = first(widths[0], channels), _same_size(widths[1], channels)
        self.starts = [start for node in nodes for _, start in node]
        self.operations = nn.ModuleList(
            DARTS_BUILDERS[operation](channels, 2 if reduction and start < FIRST_NODE else 1)
            for node in nodes
            for operation, start in node
        )

    def forward(self, before: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Map the outputs of the two cells before, (N, C, H, W) each, to (N, 4 channels, H', W')."""
        nodes = [self.first(before), self.second(last)]
        for place in range(0, len(self.starts), 2):
            one, other = (self.operations[edge](nodes[self.starts[edge]]) for edge in (place, place + 1))
            nodes.append(one + other)
        return torch.cat(nodes[FIRST_NODE:], dim=1)


def _same_size(inputs: int, outputs: int) -> nn.Module:
    return relu_conv_bn(inputs, outputs, 1)


class DartsNetwork(nn.Module):
    """The evaluation network of DARTS (Liu, Simonyan and Yang 2019), without auxiliary classifier and drop path.

    The recipe's ``stages`` are runs of ``cells_per_stage`` normal cells with one reduction cell between; each reduction
    doubles the width. With three stages the reductions are at a third and two thirds of the depth, as DARTS and
    NAS-Bench-301 have them: their 20 layers of 36 channels are ``channels=36, stages=3, cells_per_stage=6``, their 8
    layers of 32 channels ``channels=32, stages=3, cells_per_stage=2``. One stage alone has no reduction cell.

    Parameters
    ----------
    genotype : Genotype
    recipe : Recipe
        Its ``channels``, ``stages`` and ``cells_per_stage``.
    image_shape : (channels, height, width)
    classes : int
    """

    def __init__(self, genotype: Any, recipe: Recipe, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        nodes, joined = genotype_choices(genotype), len(CONCAT)
        normal, reduce = nodes[:joined], nodes[joined:]
        width = recipe.channels
        stem = STEM_WIDTH * width
        self.stem = nn.Sequential(nn.Conv2d(image_shape[0], stem, 3, padding=1, bias=False), nn.BatchNorm2d(stem))
        self.cells = nn.ModuleList()
        widths, follows_reduction = (stem, stem), False
        for reduction in ([False] * recipe.cells_per_stage + [True]) * (recipe.stages - 1) + [
            False
        ] * recipe.cells_per_stage:
            width *= 2 if reduction else 1
            cell = DartsCell(
                reduce if reduction else normal,
                widths,
                width,
                reduction=reduction,
                follows_reduction=follows_reduction,
            )
            self.cells.append(cell)
            widths, follows_reduction = (widths[1], joined * width), reduction
        self.classifier = nn.Linear(widths[1], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        before = last = self.stem(images)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return self.classifier(last.mean(dim=(2, 3)))  # type: ignore[no-any-return]
