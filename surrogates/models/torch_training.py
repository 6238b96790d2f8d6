"""Small torch networks, the members of an ensemble, that are trained side by side as one.

All numbers that are drawn come from NumPy, so that torch's own generators are left as they are. A layer of all members
is one array ``NAME.weight``, (members, inputs, outputs), and one ``NAME.bias``, (members, 1, outputs).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from surrogates.models.parts import deal_parts
from surrogates.models.regressor import Estimate
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

Arrays: TypeAlias = "dict[str, NDArray[Any]]"
Weights: TypeAlias = "dict[str, Tensor]"
Views: TypeAlias = "tuple[Tensor, ...]"
View: TypeAlias = "Callable[[NDArray[np.int64]], Views]"
"""What a network sees of the rows at some places."""
Network: TypeAlias = "Callable[[Weights, Views], Tensor]"
"""Works out what each member says of each row, (members, rows)."""
Sizes: TypeAlias = "Mapping[str, tuple[int, int]]"
"""Inputs and outputs of each layer."""

MEMBERS = 5
STEPS = 1000
BATCH = 64
PASSES = 20
"""Where there are many rows, more steps are taken, until each was seen so often."""
BLOCK = 2048
"""Rows that are predicted at a time."""
RATE = 0.01
DECAY = 0.5
"""Of the weights, as `torch.optim.AdamW` understands it: the less is known, the plainer the function."""
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
