"""What a network costs whatever its seed: counted, and measured where only a clock can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench.training.complexity import complexity
from nasbench.training.latency import cpu_latency

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.spaces import Space
    from nasbench.training.dataset import Dataset
    from nasbench.training.recipe import Recipe


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
