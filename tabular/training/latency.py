"""How long a network takes for one image, measured."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset

WARM_UP, ROUNDS = 3, 15


def cpu_latency(space: Space, architecture: NDArray[np.uint8], recipe: Recipe, dataset: Dataset) -> float:
    """Measure the forward pass of one image on one thread of this machine's processor.

    Parameters
    ----------
    space : Space
    architecture : (L,) uint8
    recipe : Recipe
    dataset : Dataset
        Only its image channels and number of classes matter.

    Returns
    -------
    float
        Seconds: the fastest of 15 passes after 3 that are not counted, in evaluation mode, channels last in memory.
        Slower ones tell of what else the machine did.

    Raises
    ------
    InvalidArchitectureError
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
