"""An ensemble of graph isomorphism networks (Xu et al. 2019) over the operations of an architecture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch.nn.functional import layer_norm, silu

from surrogates.models.arrays import check_shapes, read_arrays, write_arrays
from surrogates.models.regressor import Regressor
from surrogates.models.torch_training import MEMBERS, STEPS, array_shapes, estimate, linear, train
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from surrogates.inputs import Inputs
    from surrogates.models.regressor import Estimate
    from surrogates.models.torch_training import Arrays, View, Views, Weights
    from tabular.spaces.graph import Graph

FILE = "gin.safetensors"
WIDTH = 32
ROUNDS = ("first", "second")
TRAITS = 6
"""Numbers that describe an operation; see `operation_graphs`."""


class GIN(Regressor):
    """Networks that see the live operations of an architecture and which of them feeds which.

    In each round every operation sums what the ones before and the ones behind it hold (equation 4.1, with weights of
    their own for each direction instead of one epsilon); in the end all are summed for each graph. So a network can be
    asked about graphs of any size.

    Parameters
    ----------
    arrays : dict of str to array
        What `surrogates.models.torch_training.train` returned.
    """

    kind: ClassVar[str] = "gin"

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    @classmethod
    def fit(
        cls,
        inputs: Inputs,
        target: NDArray[np.float64],
        groups: NDArray[np.int64],
        *,
        seed: int = 0,
        members: int = MEMBERS,
        steps: int = STEPS,
        **unknown: Any,
    ) -> GIN:
        """Fit an ensemble, each member of which leaves one part of the groups out.

        Parameters
        ----------
        inputs, target, groups, seed
            See `Regressor.fit`.
        members : int
            A single one sees all rows.
        steps : int
            At least so many are taken in training, and more where there are many rows.

        Raises
        ------
        QueryError
            If the space has no graphs, or an option is unknown or out of range.
        """
        if unknown:
            raise QueryError(
                f"an ensemble of graph networks has the options members and steps, not {', '.join(unknown)}"
            )
        if not inputs.graphs:
            raise QueryError(
                f"space {inputs.space.name!r} does not say what its architectures are as graphs; choose a model that "
                "takes columns of features"
            )
        sizes = _sizes(len(inputs.graphs))
        return cls(train(_network, sizes, _view(inputs), target, groups, seed=seed, members=members, steps=steps))

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the members' mean; they doubt by how far they differ."""
        return estimate(_network, self.arrays, _view(inputs), len(inputs))

    def files(self) -> dict[str, bytes]:
        """Return ``gin.safetensors``."""
        return {FILE: write_arrays(self.arrays)}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> GIN:
        """Read the members."""
        arrays = read_arrays(files, FILE, array_shapes(_sizes(1), 1))
        members = max(arrays["answer.bias"].size, 1)
        graphs = max(arrays["readout.weight"].size // (members * 2 * WIDTH * WIDTH), 1)
        check_shapes(FILE, arrays, array_shapes(_sizes(graphs), members))
        return cls(arrays)


def _sizes(graphs: int) -> dict[str, tuple[int, int]]:
    rounds = dict.fromkeys(ROUNDS, (3 * WIDTH, WIDTH))
    return {"enter": (TRAITS, WIDTH), **rounds, "readout": (2 * graphs * WIDTH, WIDTH), "answer": (WIDTH, 1)}


def _view(inputs: Inputs) -> View:
    def view(rows: NDArray[np.int64]) -> Views:
        arrays = [array for graph in inputs.graphs for array in operation_graphs(graph, rows)]
        return tuple(torch.from_numpy(array.astype(np.float32)) for array in arrays)

    return view


def operation_graphs(
    graph: Graph, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Turn architectures round: what lies on edges becomes the nodes, what only passes on becomes the edges.

    Node 0 is the input, node 1 the output, and each edge has a node behind these, which is there if the edge is live
    and does anything. Identities join an operation to those that read it; so equal networks make equal graphs, save
    that a pooling without weights may be used twice or be there twice.

    Parameters
    ----------
    graph : Graph
    rows : (N,) int64
        The places of the architectures that are asked for.

    Returns
    -------
    feeds : (N, 2 + E, 2 + E) float64
        How often the first node feeds the second: log2 of one more, as the paths of identities can be many.
    traits : (N, 2 + E, T) float64
        Whether it is the input, or the output; log of one more than its weights; its layers of each kind.
    there : (N, 2 + E) bool
    """
    labels = graph.labels[rows]
    live = replace(graph, labels=labels).live()
    numbers = np.array([(0, 0, np.log1p(t.weights), t.pointwise, t.spatial, t.pools) for t in graph.traits])
    acts = live & np.any(numbers, axis=1)[labels]

    passed = np.zeros((len(rows), graph.nodes, graph.nodes))
    passed[:, np.arange(graph.nodes), np.arange(graph.nodes)] = 1
    for place, (start, end) in enumerate(graph.edges):
        passed[:, :, end] += passed[:, :, start] * (live & ~acts)[:, place, None]

    there = np.hstack([np.ones((len(rows), 2), dtype=bool), acts])
    starts, ends = np.array(graph.edges).T
    feeds = passed[:, np.hstack([0, graph.nodes - 1, ends])][:, :, np.hstack([0, graph.nodes - 1, starts])]
    feeds *= there[:, :, None] & there[:, None]
    feeds[:, 1] = feeds[:, :, 0] = 0  # nothing follows the output, nothing comes before the input

    traits = np.zeros((*there.shape, TRAITS))
    traits[:, 0, 0] = traits[:, 1, 1] = 1
    traits[:, 2:] = numbers[labels] * acts[:, :, None]
    return np.log2(1 + feeds), traits, there


def _network(weights: Weights, views: Views) -> Tensor:
    members = len(weights["answer.bias"])
    readouts = []
    for feeds, traits, there in zip(views[::3], views[1::3], views[2::3], strict=True):
        present = there[..., None]
        held = linear(weights, "enter", traits.expand(members, *traits.shape)) * present
        for layer in ROUNDS:
            before = torch.einsum("nab,mnah->mnbh", feeds, held)
            behind = torch.einsum("nab,mnbh->mnah", feeds, held)
            around = torch.cat([held, before, behind], dim=-1)
            held = (held + silu(layer_norm(linear(weights, layer, around), (WIDTH,)))) * present
        readouts += [held.sum(dim=2), held[:, :, 1]]
    return linear(weights, "answer", silu(linear(weights, "readout", torch.cat(readouts, dim=-1))))[..., 0]
