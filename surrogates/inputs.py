"""What models see of some architectures: columns of features, or the graphs themselves."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from surrogates.graph_features import graph_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from surrogates.models.regressor import Estimate, Regressor
    from tabular.spaces import Space
    from tabular.spaces.graph import Graph

GRAPH = "graph"
"""The block of `surrogates.graph_features`; every other block is an encoding of the space."""


def feature_blocks(space: Space) -> tuple[str, ...]:
    """Return the names of all blocks of features that a space has."""
    return (GRAPH, *space.encodings) if space.graphs(some_row(space)) else space.encodings


def some_row(space: Space) -> NDArray[np.uint8]:
    """Return an architecture of a space, (1, L) uint8, always the same."""
    return space.sample(np.random.default_rng(0), 1)


class Inputs:
    """Some architectures as models see them; each view is made when it is first asked for.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    blocks : sequence of str
        ``graph`` or encodings of the space; the columns of features follow each other in this order.
    """

    def __init__(self, space: Space, architectures: NDArray[np.uint8], blocks: Sequence[str] = (GRAPH,)) -> None:
        self.space = space
        self.architectures = architectures
        self.blocks = tuple(blocks)
        self._estimates: dict[Regressor, Estimate] = {}

    def __len__(self) -> int:
        return len(self.architectures)

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """Columns for models that take any, (N, F) float32.

        Raises
        ------
        InvalidArchitectureError, UnknownNameError
        """
        return np.hstack([self._block(block) for block in self.blocks])

    def _block(self, block: str) -> NDArray[np.float32]:
        if block == GRAPH:
            return np.hstack([graph_features(graph) for graph in self.graphs])
        return self.space.encode(self.architectures, block)

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """What the architectures compute, one graph for each kind of cell."""
        return self.space.graphs(self.architectures)

    def estimate(self, regressor: Regressor) -> Estimate:
        """Return what a regressor says of them; curves are read off the same estimates at every epoch."""
        if regressor not in self._estimates:
            self._estimates[regressor] = regressor.predict(self)
        return self._estimates[regressor]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Inputs:
        """Return the inputs of some of the architectures; features that were made are kept."""
        some = Inputs(self.space, self.architectures[rows], self.blocks)
        if "features" in self.__dict__:
            some.__dict__["features"] = self.features[rows]
        return some
