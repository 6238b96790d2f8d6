"""The trainings of a table under construction: from its last version and its journals to its next version."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.errors import PlanMismatchError
from nasbench.oracle import Task, standard_metric
from tabular.invariants import DIVERGED, MISSING
from tabular.layout import TableData, TaskData

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nasbench.spaces import Space
    from tabular.journal import JournalHeader, Record

COST_UNITS = {"parameters": "count", "flops": "FLOP", "activation_bytes": "byte"}


class Ledger:
    """Every training of a table, those still missing included.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
        The first ``N`` of ``space.unique()``.
    seeds : sequence of int
    header : JournalHeader
        Which metrics, epochs and costs are recorded.
    """

    def __init__(
        self, space: Space, architectures: NDArray[np.uint8], seeds: Sequence[int], header: JournalHeader
    ) -> None:
        self.space, self.architectures, self.seeds, self.header = space, architectures, tuple(seeds), header
        shape = (len(architectures), len(self.seeds))
        self.status = np.full(shape, MISSING, dtype=np.uint8)
        self.costs = np.full((len(architectures), len(header.costs)), np.nan)
        self._metrics = np.full((len(header.metrics), *shape, len(header.epochs)), np.nan, dtype=np.float32)
        self._column = {seed: number for number, seed in enumerate(self.seeds)}
        self._best = -math.inf
        self._signal = header.metrics.index("validation_accuracy")

    def add_table(self, data: TableData) -> None:
        """Take over what an earlier version of the table holds.

        Raises
        ------
        PlanMismatchError
            If its architectures are not the first of this one's.
        """
        old = data.tasks[0]
        rows = len(data.architectures)
        if not np.array_equal(data.architectures, self.architectures[:rows]):
            raise PlanMismatchError("the table holds other architectures than the first that the space lists now")
        columns = [self._column[seed] for seed in old.task.seeds]
        self.status[:rows, columns] = old.status
        for number, name in enumerate(self.header.metrics):
            self._metrics[number, :rows, columns] = np.moveaxis(old.metrics[name], 1, 0)
        for number, name in enumerate(self.header.costs):
            self.costs[:rows, number] = old.costs[name]
        best = np.fmax.reduce(self._metrics[self._signal, :, :, -1], axis=None, initial=-np.inf)
        self._best = max(self._best, float(best))

    def add(self, record: Record) -> None:
        """Take over one finished training; the same one again changes nothing."""
        column = self._column[record.seed]
        self.status[record.row, column] = record.status
        self._metrics[:, record.row, column] = record.metrics
        known = ~np.isnan(record.costs)
        self.costs[record.row, known] = record.costs[known]
        self._best = float(np.fmax(self._best, record.metrics[self._signal, -1]))

    def missing(self, rows: int, seeds: Iterable[int]) -> list[tuple[int, int]]:
        """Return (row, seed) of what is yet to be trained of the first ``rows``, seed after seed."""
        return [
            (int(row), seed)
            for seed in seeds
            for row in np.flatnonzero(self.status[:rows, self._column[seed]] == MISSING)
        ]

    @property
    def diverged(self) -> int:
        """How many trainings diverged."""
        return int((self.status == DIVERGED).sum())

    def note(self) -> str:
        """Return a short note of what is best so far."""
        best = "none yet" if self._best == -math.inf else f"{self._best:.4f}"
        return f"best validation accuracy {best}, {self.diverged} diverged"

    def to_table(self, task: str, task_provenance: dict[str, Any], provenance: dict[str, Any]) -> TableData:
        """Return the table as far as it is trained."""
        names, epochs = self.header.metrics, self.header.epochs
        meaning = Task(task, epochs, {name: standard_metric(name) for name in names}, self.seeds, task_provenance)
        data = TaskData(
            meaning,
            dict(zip(names, self._metrics, strict=True)),
            self.status,
            dict(zip(self.header.costs, self.costs.T, strict=True)),
            {name: COST_UNITS[name] for name in self.header.costs},
        )
        return TableData(self.space, self.architectures, "class", [data], provenance)
