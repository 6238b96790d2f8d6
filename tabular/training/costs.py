"""The costs of a network whatever its seed.

Counted, and measured where only a clock can tell.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset

COSTS = ("parameters", "flops", "activation_bytes")
"""The costs that `complexity` counts."""

WARM_UP, ROUNDS = 3, 15
"""The passes that `cpu_latency` leaves out, and those of which it takes the fastest."""


def network_costs(space: Space, architecture: NDArray[np.uint8], recipe: Recipe, dataset: Dataset) -> dict[str, float]:
    """Return what `complexity` counts, and the ``latency_seconds`` of `cpu_latency`."""
    counted = complexity(space, architecture, recipe, dataset)
    return {**counted, "latency_seconds": cpu_latency(space, architecture, recipe, dataset)}


def complexity(space: Space, architecture: NDArray[np.uint8], recipe: Recipe, dataset: Dataset) -> dict[str, int]:
    """Count the parameters, floating-point operations and activation memory of a network.

    Of the data set only the image channels and the number of classes matter.

    Returns
    -------
    dict
        ``parameters``: trainable numbers. ``flops``: multiply-adds x 2 of convolutions and matrix products in one
        image's forward pass. ``activation_bytes``: what autograd keeps of each further image in a batch for the
        backward pass.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    shape = (dataset.image_shape[0], recipe.image_size, recipe.image_size)
    # Tensors on the meta device have shapes but no values: nothing is computed, nothing random is drawn.
    with torch.device("meta"):
        network = space.network(architecture, recipe, shape, dataset.classes)
        counter = FlopCounterMode(display=False)
        with counter, torch.inference_mode():
            network.eval()(torch.empty(1, *shape))
        network.train()
        # What a batch of three keeps beyond a batch of two is one image's share, free of what is kept once a batch.
        kept = [_kept_bytes(network, torch.empty(images, *shape)) for images in (2, 3)]
    return {
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "flops": int(counter.get_total_flops()),
        "activation_bytes": kept[1] - kept[0],
    }


def _kept_bytes(network: nn.Module, batch: torch.Tensor) -> int:
    """Return the bytes autograd holds on to after a forward pass, each storage counted once."""
    from torch.autograd.graph import saved_tensors_hooks

    storages: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage._cdata] = storage  # its identity; held, so that none is reused
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(batch)
    del output
    return sum(storage.nbytes() for storage in storages.values())


def cpu_latency(space: Space, architecture: NDArray[np.uint8], recipe: Recipe, dataset: Dataset) -> float:
    """Measure the forward pass of one image on one thread of this machine's processor.

    Returns
    -------
    float
        Seconds: the fastest of 15 passes after 3 that are not counted, in evaluation mode, channels last in memory.
        Slower ones tell of what else the machine did.
    """
    import torch

    from tabular.training.trainer import build_network, deterministic

    device = torch.device("cpu")
    network = build_network(space, architecture, recipe, dataset, seed=0).eval()
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.zeros(1, dataset.image_shape[0], recipe.image_size, recipe.image_size, device=device)
    image = image.contiguous(memory_format=torch.channels_last)
    seconds = []
    with deterministic(device), torch.inference_mode():
        for _ in range(WARM_UP + ROUNDS):
            started = time.perf_counter()
            network(image)
            seconds.append(time.perf_counter() - started)
    return min(seconds[WARM_UP:])
