"""Graphs of what architectures compute, the same kind of thing for every space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Traits(NamedTuple):
    """The effect of an operation on its input, in numbers common to all spaces.

    Parameters
    ----------
    weights : float
        Weights per input channel and output channel: 9 for a 3x3 convolution; a depthwise one adds next to nothing.
        A whole number, or one of a few binary places: then sums are exact, in any order.
    pointwise, spatial, pools : int
        The number of its layers of 1x1 convolutions, of convolutions that see neighbours, of pooling. A depthwise and a
        pointwise convolution in a row are one spatial layer.
    passes : bool
        False for the zero operation, which lets nothing through.
    """

    weights: float = 0
    pointwise: int = 0
    spatial: int = 0
    pools: int = 0
    passes: bool = True


ZERO = "none"
IDENTITY = "skip_connect"

TRAITS = {
    ZERO: Traits(passes=False),
    IDENTITY: Traits(),
    "nor_conv_1x1": Traits(1, pointwise=1),
    "nor_conv_3x3": Traits(9, spatial=1),
    "nor_conv_5x5": Traits(25, spatial=1),
    "sep_conv_3x3": Traits(2, spatial=2),
    "sep_conv_5x5": Traits(2, spatial=2),
    "dil_conv_3x3": Traits(1, spatial=1),
    "dil_conv_5x5": Traits(1, spatial=1),
    "avg_pool_3x3": Traits(pools=1),
    "max_pool_3x3": Traits(pools=1),
}
"""The traits of the operations of cells."""


@dataclass(frozen=True)
class Graph:
    """N architectures as directed acyclic graphs over the same nodes and edges.

    Every edge carries an operation.

    Parameters
    ----------
    nodes : int
        Node 0 is the input, the last one the output; a node sums what its edges bring it.
    edges : tuple of (int, int)
        Start and end, ordered so that an edge comes after all that enter its start.
    traits : tuple of Traits
        Those of the operations.
    labels : (N, E) uint8
        The operation on each edge of each architecture, an index of ``traits``.
    """

    nodes: int
    edges: tuple[tuple[int, int], ...]
    traits: tuple[Traits, ...]
    labels: NDArray[np.uint8]

    def live(self) -> NDArray[np.bool_]:
        """Tell which edges, (N, E), carry something from the input to the output."""
        carries = np.array([traits.passes for traits in self.traits])[self.labels.T]
        # A node sees an array over the graphs; of a single one a plain boolean, which is ten times faster.
        single = len(self.labels) == 1
        edges: list[Any] = carries[:, 0].tolist() if single else list(carries)
        never, always = (False, True) if single else (np.zeros_like(edges[0]), np.ones_like(edges[0]))
        fed, used = [always] + [never] * (self.nodes - 1), [never] * (self.nodes - 1) + [always]
        for edge, (start, end) in enumerate(self.edges):
            edges[edge] = edges[edge] & fed[start]
            fed[end] = fed[end] | edges[edge]
        for edge, (start, end) in zip(range(len(edges))[::-1], self.edges[::-1], strict=True):
            edges[edge] = edges[edge] & used[end]
            used[start] = used[start] | edges[edge]
        live: NDArray[np.bool_] = np.array(edges).reshape(carries.shape).T
        return live


def chain(traits: tuple[Traits, ...], labels: NDArray[np.uint8]) -> Graph:
    """Return stacks of layers, each an edge to the next node.

    Parameters
    ----------
    traits : tuple of Traits
        Those of the layers.
    labels : (N, L) uint8
        Each layer of each architecture, an index of ``traits``.
    """
    layers = labels.shape[1]
    return Graph(layers + 1, tuple((layer, layer + 1) for layer in range(layers)), traits, labels)
