"""The network of TransNAS-Bench-101's macro space: modules of residual blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from tabular.networks.operations import relu_conv_bn
from tabular.networks.residual import ResidualBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from tabular.recipe import Recipe


class TransNasMacroNetwork(nn.Module):
    """Stem of two convolutions, modules of residual blocks, pooling and classifier (Duan et al. 2021).

    The benchmark's stem also shrinks its images from 256 to 64 pixels. Here images reach the first module as large as
    the recipe's ``image_size`` says.

    Parameters
    ----------
    modules : sequence of int
        1 keeps the size, 2 doubles the width, 3 halves the resolution, 4 does both.
    recipe : Recipe
        Its ``channels``, of the stem (64 in the benchmark), and ``cells_per_stage``, the blocks of each module (2).
    image_shape : (channels, height, width)
    classes : int
    """

    def __init__(self, modules: Sequence[int], recipe: Recipe, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        width, half = recipe.channels, max(1, recipe.channels // 2)
        self.stem = nn.Sequential(
            nn.Conv2d(image_shape[0], half, 3, padding=1, bias=False),
            nn.BatchNorm2d(half),
            relu_conv_bn(half, width, 3),
        )
        blocks: list[nn.Module] = []
        for module in modules:
            outputs, stride = (2 * width if module in {2, 4} else width), (2 if module in {3, 4} else 1)
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
