"""Real training.

Data sets, recipes, networks, the trainer and the oracle around it.

Importing this package does not load torch; what trains does so on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabular.lazy import hand_on
from tabular.recipe import Recipe
from tabular.training.costs import COSTS, complexity
from tabular.training.dataset import Dataset
from tabular.training.loading import load_dataset
from tabular.training.oracle import TrainingOracle
from tabular.training.result import METRICS, Training, provenance

if TYPE_CHECKING:
    from tabular.training.fused import networks_together, train_together
    from tabular.training.trainer import train

__all__ = [
    "COSTS",
    "METRICS",
    "Dataset",
    "Recipe",
    "Training",
    "TrainingOracle",
    "complexity",
    "load_dataset",
    "networks_together",
    "provenance",
    "train",
    "train_together",
]


__getattr__ = hand_on(
    __name__,
    {
        "networks_together": "tabular.training.fused",
        "train_together": "tabular.training.fused",
        "train": "tabular.training.trainer",
    },
)
