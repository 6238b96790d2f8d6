"""The trainings of a table under construction: from its last version and its journals to its next version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.invariants import DIVERGED, MISSING
from tabular.layout import TableData, TaskData
from tabular.measures import Task, standard_metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from tabular.generation.journal import JournalHeader, Record
    from tabular.spaces import Space

COST_UNITS = {"parameters": "count", "flops": "FLOP", "activation_bytes": "byte", "latency_seconds": "second"}


class Ledger:
    """Every training of a table, those still missing included.

    Parameters
    ----------
    space : Space
    networks : (N, L) uint8
        All of `tabular.generation.groups.listed_networks`.
    rows : (R,) int64
        Those of them that the table holds, ascending.
    seeds : sequence of int
    header : JournalHeader
        Which metrics, epochs and costs are recorded.
    """

    def __init__(
        self,
        space: Space,
        networks: NDArray[np.uint8],
        rows: NDArray[np.int64],
        seeds: Sequence[int],
        header: JournalHeader,
    ) -> None:
        self.space, self.seeds, self.header = space, tuple(seeds), header
        self.architectures = networks[rows]
        shape = (len(rows), len(self.seeds))
        self.status = np.full(shape, MISSING, dtype=np.uint8)
        self.costs = np.full((len(rows), len(header.costs)), np.nan)
        self._metrics = np.full((len(header.metrics), *shape, len(header.epochs)), np.nan, dtype=np.float32)
        self._place = {row: place for place, row in enumerate(rows.tolist())}
        self._column = {seed: number for number, seed in enumerate(self.seeds)}
        self._signal = header.metrics.index("validation_accuracy")
        self._exact = [i for i, name in enumerate(header.metrics) if standard_metric(name).unit != "second"]

    def add_table(self, data: TableData, rows: Sequence[int]) -> None:
        """Take over what a table holds and this one misses.

        Parameters
        ----------
        data : TableData
        rows : N int
            The place of each of its architectures among all networks.
        """
        old = data.tasks[0]
        places = np.array([self._place[row] for row in rows], dtype=np.int64)
        columns = [self._column[seed] for seed in old.task.seeds]
        there = np.ix_(places, np.array(columns, dtype=np.int64))
        free = self.status[there] == MISSING
        self.status[there] = np.where(free, old.status, self.status[there])
        for number, name in enumerate(self.header.metrics):
            held = self._metrics[number]
            held[there] = np.where(free[:, :, None], old.metrics[name], held[there])
        for number, name in enumerate(self.header.costs):
            if name in old.costs:
                held = self.costs[places, number]
                self.costs[places, number] = np.where(np.isnan(held), old.costs[name], held)

    def add(self, record: Record) -> bool:
        """Take over one finished training; say whether it was missing. What is there already is kept."""
        place, column = self._place[record.row], self._column[record.seed]
        known = ~np.isnan(record.costs) & np.isnan(self.costs[place])
        self.costs[place, known] = record.costs[known]
        if self.status[place, column] != MISSING:
            return False
        self.status[place, column] = record.status
        self._metrics[:, place, column] = record.metrics
        return True

    def agrees(self, record: Record) -> bool:
        """Say whether a training on record has the same numbers, seconds aside."""
        place, column = self._place[record.row], self._column[record.seed]
        held = self._metrics[self._exact, place, column]
        same = np.array_equal(held, record.metrics[self._exact], equal_nan=True)
        return same and self.status[place, column] == record.status

    def missing(self, rows: Iterable[int], seeds: Iterable[int]) -> int:
        """Return how many trainings of some rows with some seeds are yet to be done."""
        places, columns = [self._place[row] for row in rows], [self._column[seed] for seed in seeds]
        return int((self.status[places][:, columns] == MISSING).sum())

    def uncounted(self, rows: Iterable[int]) -> tuple[int, ...]:
        """Return those of some rows whose costs are not all known."""
        return tuple(row for row in rows if np.isnan(self.costs[self._place[row]]).any())

    @property
    def diverged(self) -> int:
        """How many trainings diverged."""
        return int((self.status == DIVERGED).sum())

    @property
    def best(self) -> tuple[NDArray[np.uint8], float] | None:
        """The architecture with the best final validation accuracy of a training so far, and that; None if none is."""
        finals = self._metrics[self._signal, :, :, -1]
        if np.isnan(finals).all():
            return None
        place = int(np.nanargmax(finals)) // finals.shape[1]
        return self.architectures[place], float(np.nanmax(finals))

    def note(self) -> str:
        """Return a short note of what is best so far."""
        best = self.best
        accuracy = "none yet" if best is None else f"{best[1]:.4f}"
        return f"best validation accuracy {accuracy}, {self.diverged} diverged"

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
