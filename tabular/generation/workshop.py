"""What training one group of a table takes, wherever it is done."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import numpy as np

from tabular.generation.journal import JournalHeader, JournalWriter, Record
from tabular.invariants import DIVERGED, DONE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.generation.groups import Group
    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset


class Job(NamedTuple):
    """A group of trainings that is to be done, and those of its rows whose costs are yet to be measured."""

    group: Group
    uncounted: tuple[int, ...]


@dataclass(frozen=True)
class Workshop:
    """All a worker needs to know.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    recipe : Recipe
    dataset : Dataset
    device : str
    folder : Path
        Where journals go.
    header : JournalHeader
    """

    space: Space
    architectures: NDArray[np.uint8]
    recipe: Recipe
    dataset: Dataset
    device: str
    folder: Path
    header: JournalHeader

    def journal(self) -> JournalWriter:
        """Begin a journal that no other worker writes."""
        return JournalWriter(self.folder / f"{os.getpid()}-{uuid4().hex[:12]}.journal", self.header)

    def train(self, job: Job) -> list[Record]:
        """Do the trainings of one group."""
        from tabular.training.costs import network_costs
        from tabular.training.fused import train_group

        rows, seed = job.group
        architectures = self.architectures[list(rows)]
        trainings = train_group(self.space, architectures, self.recipe, self.dataset, seed, self.device)
        records = []
        for row, architecture, training in zip(rows, architectures, trainings, strict=True):
            metrics = np.stack([training.metrics[name] for name in self.header.metrics])
            costs = np.full(len(self.header.costs), math.nan)
            if row in job.uncounted:
                known = network_costs(self.space, architecture, self.recipe, self.dataset)
                costs = np.array([known[name] for name in self.header.costs], dtype=np.float64)
            records.append(Record(row, seed, DIVERGED if training.diverged else DONE, metrics, costs))
        return records
