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
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.spaces import Space
    from tabular.journal import JournalHeader, Record

COST_UNITS = {"parameters": "count", "flops": "FLOP", "activation_bytes": "byte", "latency_seconds": "second"}


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
            if name in old.costs:
                self.costs[:rows, number] = old.costs[name]
        best = np.fmax.reduce(self._metrics[self._signal, :, :, -1], axis=None, initial=-np.inf)
        self._best = max(self._best, float(best))

    def add(self, record: Record) -> bool:
        """Take over one finished training; say whether it was missing. What is there already is kept."""
        column = self._column[record.seed]
        known = ~np.isnan(record.costs) & np.isnan(self.costs[record.row])
        self.costs[record.row, known] = record.costs[known]
        if self.status[record.row, column] != MISSING:
            return False
        self.status[record.row, column] = record.status
        self._metrics[:, record.row, column] = record.metrics
        self._best = float(np.fmax(self._best, record.metrics[self._signal, -1]))
        return True

    def missing(self, rows: Sequence[int], seeds: Sequence[int]) -> int:
        """Return how many trainings of some rows with some seeds are yet to be done."""
        columns = [self._column[seed] for seed in seeds]
        return int((self.status[np.ix_(rows, columns)] == MISSING).sum())

    def uncounted(self, rows: Sequence[int]) -> tuple[int, ...]:
        """Return those of some rows whose costs are not all known."""
        return tuple(row for row in rows if np.isnan(self.costs[row]).any())

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
