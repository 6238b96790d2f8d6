"""What the journal costs beside the training that it records."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from timing import Figure, measure_pair

from nasbench import get_space
from tabular.generation.journal import JournalHeader, JournalWriter, Record
from tabular.generation.plan import make_groups
from tabular.training import METRICS, Recipe, load_dataset, networks_together
from tabular.training.fused import train_group

if TYPE_CHECKING:
    from pathlib import Path

COSTS = ("parameters", "flops", "activation_bytes", "latency_seconds")


def figures(folder: Path) -> list[Figure]:
    """Measure writing the records of a group to the disk, and training that group with the default recipe."""
    space, recipe, dataset = get_space("nb201"), Recipe(), load_dataset("digits")
    networks = space.unique()
    (group, *_) = make_groups(networks, [len(networks)], len(networks), [0], networks_together(recipe))
    rows = networks[list(group.rows)]
    metrics = np.zeros((len(METRICS), recipe.epochs), dtype=np.float32)
    records = [Record(row, 0, 1, metrics, np.zeros(len(COSTS))) for row in group.rows]
    header = JournalHeader({}, {}, METRICS, tuple(range(1, recipe.epochs + 1)), COSTS)
    numbers = itertools.count()

    def journal() -> None:
        with JournalWriter(folder / f"{next(numbers)}.journal", header) as writer:
            for _ in range(10):
                writer.append(records)

    ours, other, ratio = measure_pair(journal, lambda: train_group(space, rows, recipe, dataset, 0), rounds=5)
    what = f"journal a group of {len(rows)} trainings, fsync included"
    return [Figure(what, ours / 10, "training the group", other, ratio / 10, "1%")]
