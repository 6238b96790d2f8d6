"""Real training: data sets, recipes, networks, the trainer and the oracle around it.

Importing this package does not load torch; what trains does so on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nasbench.training.complexity import COSTS, complexity
from nasbench.training.dataset import Dataset
from nasbench.training.loaders import load_dataset
from nasbench.training.oracle import TrainingOracle
from nasbench.training.provenance import provenance
from nasbench.training.recipe import Recipe
from nasbench.training.result import METRICS, Training

if TYPE_CHECKING:
    from nasbench.training.fused import networks_together, train_together
    from nasbench.training.trainer import train

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


def __getattr__(name: str) -> Any:
    if name == "train":
        return import_module("nasbench.training.trainer").train
    if name in {"networks_together", "train_together"}:
        return getattr(import_module("nasbench.training.fused"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
