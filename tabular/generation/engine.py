"""Engines, which train the groups of a table.

Their workers share a context.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import uuid4

import numpy as np

from tabular.errors import UnknownNameError
from tabular.generation.journal import JournalHeader, JournalWriter, Record
from tabular.layout import DIVERGED, DONE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.generation.plan import Group
    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset

ENGINES = {
    "local": "tabular.generation.local:LocalEngine",
    "ray": "tabular.generation.ray:RayEngine",
    "slurm": "tabular.generation.slurm:SlurmEngine",
}
"""The engines that have a name, each a line here and a class in a file of its own.

The class says by ``jobs_option`` which of its options is the number of groups that train at once.
"""


def engine_class(name: str) -> type[Any]:
    """Import the class of an engine.

    Raises
    ------
    UnknownNameError
    """
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)
    module, _, class_name = ENGINES[name].partition(":")
    found: type[Any] = getattr(import_module(module), class_name)
    return found


class Engine(Protocol):
    """Trains groups somewhere and journals them.

    Whatever an engine does, a table has the same numbers: it only decides where and when a group is trained. One that
    takes all jobs before the first has ended says so by an attribute ``takes_all``, which is True; it knows no budget.
    """

    def train(self, context: WorkerContext, jobs: Iterable[Job]) -> Generator[list[Record], None, None]:
        """Yield the trainings of each group that has ended.

        They are in a journal in ``context.folder`` by then.

        Parameters
        ----------
        context : WorkerContext
        jobs : iterable of Job
            The next one is taken when somebody is free for it. It may end at any moment, when the time is up.

        Raises
        ------
        NasbenchError
            If a group cannot be trained. What was finished is in the journals.
        """
        ...


class Job(NamedTuple):
    """A group of trainings to do.

    ``uncounted`` are those of its rows whose costs are yet to be measured.
    """

    group: Group
    uncounted: tuple[int, ...]


@dataclass(frozen=True)
class WorkerContext:
    """All that a worker needs to train groups.

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
