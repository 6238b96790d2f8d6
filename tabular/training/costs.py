"""What a network costs whatever its seed: counted, and measured where only a clock can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabular.training.complexity import complexity
from tabular.training.latency import cpu_latency

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset


def network_costs(space: Space, architecture: NDArray[np.uint8], recipe: Recipe, dataset: Dataset) -> dict[str, float]:
    """Return what `complexity` counts, and the ``latency_seconds`` of `cpu_latency`.

    Parameters
    ----------
    space : Space
    architecture : (L,) uint8
    recipe : Recipe
    dataset : Dataset
    """
    counted = complexity(space, architecture, recipe, dataset)
    return {**counted, "latency_seconds": cpu_latency(space, architecture, recipe, dataset)}
