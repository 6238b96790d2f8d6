"""The network around a cell of NAS-Bench-101.

Stem, stages of cells with max pooling between, pooling, classifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from tabular.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.recipe import Recipe


def conv_bn_relu(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Return convolution, batch normalisation and ReLU, which keep the size."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    "conv3x3-bn-relu": lambda channels: conv_bn_relu(channels, channels, 3),
    "conv1x1-bn-relu": lambda channels: conv_bn_relu(channels, channels, 1),
    "maxpool3x3": lambda _: nn.MaxPool2d(3, stride=1, padding=1),
}
"""The function that builds each operation for a number of channels."""


def vertex_channels(matrix: NDArray[np.int64], inputs: int, outputs: int) -> list[int]:
    """Return the channels that each vertex of a cell puts out (NAS-Bench-101's ``compute_vertex_channels``).

    The vertices that the output reads share its channels, the first of them taking one more where they do not divide;
    every other vertex is as wide as the widest that reads it. The input's share is added, not joined.

    Parameters
    ----------
    matrix : (n, n) of 0 and 1
        Pruned.
    inputs, outputs : int

    Raises
    ------
    RecipeError
        If a vertex would have no channel.
    """
    last = len(matrix) - 1
    joined = [vertex for vertex in range(1, last) if matrix[vertex, last]]
    if outputs < len(joined):
        raise RecipeError(
            f"recipe: channels {outputs} are too few for a cell whose output joins {len(joined)} vertices; "
            f"take channels {len(joined)} or more"
        )
    widths = [inputs, *[0] * (last - 1), outputs]
    for number, vertex in enumerate(joined):
        widths[vertex] = outputs // len(joined) + (number < outputs % len(joined))
    for vertex in reversed(range(1, last)):
        if not matrix[vertex, last]:
            widths[vertex] = max(widths[end] for end in range(vertex + 1, last) if matrix[vertex, end])
    return widths


class NB101Cell(nn.Module):
    """One cell: every vertex sums what it reads and does one operation.

    The output joins what it reads.

    What comes from the input is projected by a 1x1 convolution; of what comes from a wider vertex the first channels
    are taken. An edge from input to output adds to what is joined.

    Parameters
    ----------
    matrix : (n, n) of 0 and 1
        Pruned.
    operations : n str
        The first and the last, input and output, are not read.
    inputs, outputs : int
        Channels.
    """

    def __init__(self, matrix: NDArray[np.int64], operations: Sequence[str], inputs: int, outputs: int) -> None:
        super().__init__()
        self.widths = vertex_channels(matrix, inputs, outputs)
        self.last = len(matrix) - 1
        self.reads = [[start for start in range(1, end) if matrix[start, end]] for end in range(self.last + 1)]
        self.projections = nn.ModuleDict(
            {str(end): conv_bn_relu(inputs, self.widths[end], 1) for end in range(1, self.last + 1) if matrix[0, end]}
        )
        self.operations = nn.ModuleDict(
            {str(vertex): BUILDERS[operations[vertex]](self.widths[vertex]) for vertex in range(1, self.last)}
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        values = [images]
        for vertex in range(1, self.last):
            arrived = [values[start][:, : self.widths[vertex]] for start in self.reads[vertex]]
            values.append(self.operations[str(vertex)](self._sum(images, arrived, vertex)))
        joined = [values[start] for start in self.reads[self.last]]
        return self._sum(images, [torch.cat(joined, dim=1)] if joined else [], self.last)

    def _sum(self, images: torch.Tensor, arrived: list[torch.Tensor], vertex: int) -> torch.Tensor:
        """Add up what arrives at a vertex, and the projection of the input if it reads that."""
        if str(vertex) in self.projections:
            arrived = [*arrived, self.projections[str(vertex)](images)]
        total = arrived[0]
        for values in arrived[1:]:
            total = total + values
        return total


class NB101Network(nn.Module):
    """The network that a cell stands for (NAS-Bench-101, Ying et al. 2019, figure 1).

    Initial weights and the momentum of batch normalisation are PyTorch's own.

    Parameters
    ----------
    matrix : (n, n) of 0 and 1
        Pruned.
    operations : n str
    recipe : Recipe
        Its ``channels``, ``stages`` and ``cells_per_stage``; the benchmark has 128, 3 and 3.
    image_shape : (channels, height, width)
    classes : int

    Raises
    ------
    RecipeError
        If there are fewer channels than vertices that the output joins.
    """

    def __init__(
        self,
        matrix: NDArray[np.int64],
        operations: Sequence[str],
        recipe: Recipe,
        image_shape: tuple[int, int, int],
        classes: int,
    ) -> None:
        super().__init__()
        width = recipe.channels
        self.stem = conv_bn_relu(image_shape[0], width, 3)
        blocks: list[nn.Module] = []
        for stage in range(recipe.stages):
            if stage > 0:
                blocks.append(nn.MaxPool2d(2, stride=2, ceil_mode=True))
            for cell in range(recipe.cells_per_stage):
                doubled = stage > 0 and cell == 0
                blocks.append(NB101Cell(matrix, operations, width, width * (1 + doubled)))
                width *= 1 + doubled
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to logits (N, classes)."""
        features = self.blocks(self.stem(images))
        return self.classifier(features.mean(dim=(2, 3)))  # type: ignore[no-any-return]
