"""Ensembles of small torch networks: perceptrons and graph networks.

The members of an ensemble are trained side by side as one. All numbers that are drawn come from NumPy, so that torch's
own generators are left as they are. A layer of all members is one array ``NAME.weight``, (members, inputs, outputs),
and one ``NAME.bias``, (members, 1, outputs).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import huber_loss, layer_norm, silu

from surrogates.models.regressor import (
    Estimate,
    Regressor,
    check_shapes,
    column_scale,
    deal_parts,
    read_arrays,
    write_arrays,
)
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from surrogates.features import Inputs
    from tabular.spaces.graph import Graph


Arrays: TypeAlias = "dict[str, NDArray[Any]]"
Weights: TypeAlias = "dict[str, Tensor]"
Views: TypeAlias = "tuple[Tensor, ...]"
View: TypeAlias = "Callable[[NDArray[np.int64]], Views]"
"""A function that gives the inputs of a network for the rows of some numbers."""
Network: TypeAlias = "Callable[[Weights, Views], Tensor]"
"""Works out what each member says of each row, (members, rows)."""
Sizes: TypeAlias = "Mapping[str, tuple[int, int]]"
"""Inputs and outputs of each layer."""

MEMBERS = 5
STEPS = 1000
BATCH = 64
PASSES = 20
"""The least number of times that each row is seen; for many rows more steps are taken."""
BLOCK = 2048
"""Rows that are predicted at a time."""
RATE = 0.01
DECAY = 0.5
"""The decay of the weights of `torch.optim.AdamW`: the less is known, the plainer the function."""
WARM_UP = 0.1
"""The part of the steps in which the rate rises; it then falls as a cosine."""


def linear(weights: Weights, layer: str, values: Tensor) -> Tensor:
    """Apply a layer, (members, ..., inputs) to (members, ..., outputs)."""
    said = torch.baddbmm(weights[f"{layer}.bias"], values.flatten(1, -2), weights[f"{layer}.weight"])
    return said.reshape(*values.shape[:-1], said.shape[-1])


def array_shapes(sizes: Sizes, members: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays that `train` returns."""
    shapes: dict[str, tuple[int, ...]] = {"offset": (), "spread": ()}
    for layer, (inputs, outputs) in sizes.items():
        shapes[f"{layer}.weight"] = (members, inputs, outputs)
        shapes[f"{layer}.bias"] = (members, 1, outputs)
    return shapes


def train(
    network: Network,
    sizes: Sizes,
    view: View,
    target: NDArray[np.float64],
    groups: NDArray[np.int64],
    *,
    seed: int,
    members: int,
    steps: int,
) -> Arrays:
    """Train the members of a network by AdamW (Loshchilov and Hutter 2019) on a robust loss (Huber 1964).

    Members differ in their first weights and in the rows that they see: the groups are dealt into as many parts as
    there are members, and each leaves one out; one that would see nothing sees them all.

    Parameters
    ----------
    network, sizes, view
        What is trained, and on what.
    target : (N,) float64
    groups : (N,) int64
    seed, members : int
    steps : int
        At least so many are taken, and each row is seen `PASSES` times or more.

    Returns
    -------
    dict of str to array
        The layers in float32, and ``offset`` and ``spread`` in float64, which bring what the network says to the scale
        of the target.

    Raises
    ------
    QueryError
        If there are no members or no steps.
    """
    if members < 1 or steps < 1:
        raise QueryError(f"an ensemble needs at least 1 member and 1 step, got {members} and {steps}")
    rng = np.random.default_rng(seed)
    seen = deal_parts(groups, members, rng) != np.arange(members)[:, None]
    seen[~seen.any(axis=1)] = True
    weights = _first_weights(sizes, members, rng)
    offset, spread = target.mean(), target.std() or 1.0
    wanted = torch.from_numpy(((target - offset) / spread).astype(np.float32))
    counted = torch.from_numpy(seen.astype(np.float32))

    batches = -(-len(target) // BATCH)
    steps = max(steps, PASSES * batches)
    with _one_thread(), torch.enable_grad():
        optimiser = torch.optim.AdamW(weights.values(), lr=RATE, weight_decay=DECAY, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, RATE, total_steps=steps, pct_start=WARM_UP, cycle_momentum=False
        )
        for step in range(steps):
            if step % batches == 0:
                order = np.array_split(rng.permutation(len(target)), batches)
            rows = order[step % batches]
            said = network(weights, view(rows))
            losses = huber_loss(said, wanted[rows].expand_as(said), reduction="none")
            optimiser.zero_grad()
            (losses * counted[:, rows]).sum().div(len(rows)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    layers = {name: values.detach().numpy() for name, values in weights.items()}
    return {**layers, "offset": np.array(offset), "spread": np.array(spread)}


def _first_weights(sizes: Sizes, members: int, rng: np.random.Generator) -> Weights:
    """Draw weights for layers before rectifiers (He et al. 2015, equation 10); biases are 0."""
    weights = {}
    for layer, (inputs, outputs) in sizes.items():
        drawn = rng.standard_normal((members, inputs, outputs)) * np.sqrt(2 / inputs)
        for name, values in (("weight", drawn), ("bias", np.zeros((members, 1, outputs)))):
            weights[f"{layer}.{name}"] = torch.from_numpy(values.astype(np.float32)).requires_grad_()
    return weights


def estimate(network: Network, arrays: Arrays, view: View, rows: int) -> Estimate:
    """Estimate by the mean of members that were trained; they doubt by how far they differ.

    Parameters
    ----------
    network : callable
    arrays : dict of str to array
        What `train` returned, and maybe others.
    view : callable
    rows : int
        How many there are.
    """
    weights = {name: torch.from_numpy(values.astype(np.float32)) for name, values in arrays.items()}
    blocks = np.split(np.arange(rows), range(BLOCK, rows, BLOCK))
    with _one_thread(), torch.no_grad():
        said = np.hstack([network(weights, view(block)).numpy() for block in blocks]).astype(np.float64)
    return Estimate(
        arrays["offset"] + arrays["spread"] * said.mean(axis=0),
        arrays["spread"] * said.std(axis=0),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute in one thread: how work is divided among several changes the last bits of sums."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


MLP_FILE = "mlp.safetensors"
MLP_WIDTH = 64
HIDDEN = ("first", "second", "third")

FARTHEST = 3
"""The bound of features in standard deviations: a rare one outweighs no other, and none is trusted far."""


class MLPEnsemble(Regressor):
    """Perceptrons of three hidden layers on standardised features.

    They are deep ensembles (Lakshminarayanan et al. 2017).

    Parameters
    ----------
    arrays : dict of str to array
        What `train` returned, and ``centre`` and ``factor``, (F,) float64, of the
        features.
    """

    kind: ClassVar[str] = "mlp"

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
    ) -> MLPEnsemble:
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
            If an option is unknown or out of range.
        """
        if unknown:
            raise QueryError(f"an ensemble of perceptrons has the options members and steps, not {', '.join(unknown)}")
        centre, factor = column_scale(inputs.features)
        arrays = train(
            _mlp_network,
            _mlp_sizes(len(centre)),
            _mlp_view(inputs, centre, factor),
            target,
            groups,
            seed=seed,
            members=members,
            steps=steps,
        )
        return cls({**arrays, "centre": centre, "factor": factor})

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the members' mean; they doubt by how far they differ."""
        view = _mlp_view(inputs, self.arrays["centre"], self.arrays["factor"])
        return estimate(_mlp_network, self.arrays, view, len(inputs))

    def files(self) -> dict[str, bytes]:
        """Return ``mlp.safetensors``."""
        return {MLP_FILE: write_arrays(self.arrays)}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> MLPEnsemble:
        """Read the members."""
        arrays = read_arrays(files, MLP_FILE, _mlp_shapes(0, 1))
        check_shapes(MLP_FILE, arrays, _mlp_shapes(arrays["centre"].size, arrays["answer.bias"].size))
        return cls(arrays)


def _mlp_sizes(features: int) -> dict[str, tuple[int, int]]:
    hidden = {layer: (MLP_WIDTH if index else features, MLP_WIDTH) for index, layer in enumerate(HIDDEN)}
    return {**hidden, "answer": (MLP_WIDTH, 1)}


def _mlp_shapes(features: int, members: int) -> dict[str, tuple[int, ...]]:
    return {**array_shapes(_mlp_sizes(features), max(members, 1)), "centre": (features,), "factor": (features,)}


def _mlp_view(inputs: Inputs, centre: NDArray[np.float64], factor: NDArray[np.float64]) -> View:
    columns = np.clip((inputs.features - centre) * factor, -FARTHEST, FARTHEST).astype(np.float32)
    return lambda rows: (torch.from_numpy(columns[rows]),)


def _mlp_network(weights: Weights, views: Views) -> Tensor:
    (columns,) = views
    values = columns.expand(len(weights["answer.bias"]), *columns.shape)
    for layer in HIDDEN:
        values = silu(linear(weights, layer, values))
    return linear(weights, "answer", values)[..., 0]


GIN_FILE = "gin.safetensors"
GIN_WIDTH = 32
GIN_ROUNDS = ("first", "second")
TRAITS = 6
"""Numbers that describe an operation; see `operation_graphs`."""


class GIN(Regressor):
    """Graph networks over the live operations of an architecture.

    In each round every operation sums what the ones before and the ones behind it hold (equation 4.1, with weights of
    their own for each direction instead of one epsilon); in the end all are summed for each graph. So a network can be
    asked about graphs of any size.

    Parameters
    ----------
    arrays : dict of str to array
        What `train` returned.
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
        """Fit an ensemble; see `MLPEnsemble.fit`.

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
        sizes = _gin_sizes(len(inputs.graphs))
        return cls(
            train(_gin_network, sizes, _gin_view(inputs), target, groups, seed=seed, members=members, steps=steps)
        )

    def predict(self, inputs: Inputs) -> Estimate:
        """Estimate by the members' mean; they doubt by how far they differ."""
        return estimate(_gin_network, self.arrays, _gin_view(inputs), len(inputs))

    def files(self) -> dict[str, bytes]:
        """Return ``gin.safetensors``."""
        return {GIN_FILE: write_arrays(self.arrays)}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> GIN:
        """Read the members."""
        arrays = read_arrays(files, GIN_FILE, array_shapes(_gin_sizes(1), 1))
        members = max(arrays["answer.bias"].size, 1)
        graphs = max(arrays["readout.weight"].size // (members * 2 * GIN_WIDTH * GIN_WIDTH), 1)
        check_shapes(GIN_FILE, arrays, array_shapes(_gin_sizes(graphs), members))
        return cls(arrays)


def _gin_sizes(graphs: int) -> dict[str, tuple[int, int]]:
    rounds = dict.fromkeys(GIN_ROUNDS, (3 * GIN_WIDTH, GIN_WIDTH))
    return {
        "enter": (TRAITS, GIN_WIDTH),
        **rounds,
        "readout": (2 * graphs * GIN_WIDTH, GIN_WIDTH),
        "answer": (GIN_WIDTH, 1),
    }


def _gin_view(inputs: Inputs) -> View:
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
        The numbers of the architectures that are turned round.

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
    for index, (start, end) in enumerate(graph.edges):
        passed[:, :, end] += passed[:, :, start] * (live & ~acts)[:, index, None]

    there = np.hstack([np.ones((len(rows), 2), dtype=bool), acts])
    starts, ends = np.array(graph.edges).T
    feeds = passed[:, np.hstack([0, graph.nodes - 1, ends])][:, :, np.hstack([0, graph.nodes - 1, starts])]
    feeds *= there[:, :, None] & there[:, None]
    feeds[:, 1] = feeds[:, :, 0] = 0  # nothing follows the output, nothing comes before the input

    traits = np.zeros((*there.shape, TRAITS))
    traits[:, 0, 0] = traits[:, 1, 1] = 1
    traits[:, 2:] = numbers[labels] * acts[:, :, None]
    return np.log2(1 + feeds), traits, there


def _gin_network(weights: Weights, views: Views) -> Tensor:
    members = len(weights["answer.bias"])
    readouts = []
    for feeds, traits, there in zip(views[::3], views[1::3], views[2::3], strict=True):
        present = there[..., None]
        held = linear(weights, "enter", traits.expand(members, *traits.shape)) * present
        for layer in GIN_ROUNDS:
            before = torch.einsum("nab,mnah->mnbh", feeds, held)
            behind = torch.einsum("nab,mnbh->mnah", feeds, held)
            around = torch.cat([held, before, behind], dim=-1)
            held = (held + silu(layer_norm(linear(weights, layer, around), (GIN_WIDTH,)))) * present
        readouts += [held.sum(dim=2), held[:, :, 1]]
    return linear(weights, "answer", silu(linear(weights, "readout", torch.cat(readouts, dim=-1))))[..., 0]
