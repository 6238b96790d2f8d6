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
    from nasbench.training.trainer import train, use_one_thread

__all__ = [
    "COSTS",
    "METRICS",
    "Dataset",
    "Recipe",
    "Training",
    "TrainingOracle",
    "complexity",
    "load_dataset",
    "provenance",
    "train",
    "use_one_thread",
]

_IN_TRAINER = ("train", "use_one_thread")


def __getattr__(name: str) -> Any:
    if name in _IN_TRAINER:
        return getattr(import_module("nasbench.training.trainer"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
