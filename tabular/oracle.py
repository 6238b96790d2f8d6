"""A table as an oracle.

It answers one architecture in about a microsecond, a million in a few passes over memory.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import QueryError
from tabular.layout import MISSING
from tabular.measures import (
    BaseOracle,
    Measure,
    Metric,
    Reference,
    checked_draws,
    mean_of_known,
    metric_of,
    reference_over,
    resolve_measure,
    std_of_known,
)
from tabular.spaces.space import ENUMERABLE
from tabular.table import Table

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.measures import Task
    from tabular.spaces import Space

_UINT8 = np.dtype(np.uint8)
BLOCK = 1 << 17
"""Rows answered at a time in a batch, so that what lies between question and answer stays in the processor's cache."""


class _Trainings(NamedTuple):
    """The trainings of one measure, ``values (N, S)``, those on record first.

    ``recorded (N,)`` says how many are.
    """

    values: NDArray[np.float64]
    recorded: NDArray[np.uint64]


class TableOracle(BaseOracle):
    """An oracle that answers from the records of a table.

    The costs of its architectures are metrics of no split. An architecture that the table knows but never trained
    answers NaN; one that it does not know is refused, as a NaN might pass unnoticed. The mean is over the trainings
    that have a number; those that diverged earlier have none. A draw picks training number ``draw % n`` of the ``n`` on
    record for the architecture.

    Parameters
    ----------
    table : Table, str or Path
    name : str, optional
        What results and figures call it; by default the file's name without its suffix.
    """

    def __init__(self, table: Table | str | Path, name: str | None = None) -> None:
        self.table = table if isinstance(table, Table) else Table.open(table)
        self.name = name or self.table.path.stem
        self.space: Space = self.table.space
        self.tasks: dict[str, Task] = {name: self._with_costs(task) for name, task in self.table.tasks.items()}
        self._by_class = self.table.represents == "class"
        # Known rows by their bytes. A row of a class table is added the first time that it is asked for.
        self._row_by_bytes: dict[bytes, int] = {}
        if not self._by_class:
            self._row_by_bytes = {
                architecture.tobytes(): row for row, architecture in enumerate(self.table.architectures)
            }
        self._row_by_rank: NDArray[np.int64] | None = None
        self._is_complete = False
        # Answers by question, as the caller wrote it, so that a repeated question costs one look-up.
        self._values: dict[tuple[Hashable, int | None], NDArray[np.float64]] = {}
        self._values_by_rank: dict[tuple[Hashable, int | None], NDArray[np.float64]] = {}
        self._trainings: dict[Hashable, _Trainings] = {}

    @property
    def digest(self) -> str:
        """SHA-256 of all that the table holds."""
        return self.table.digest

    def _with_costs(self, task: Task) -> Task:
        costs = {name: Metric(name, unit, "none", "minimize") for name, unit in self.table.costs(task.name).items()}
        return replace(task, metrics={**costs, **task.metrics})

    @cached_property
    def _row_by_key(self) -> dict[int, int]:
        return {key: row for row, key in enumerate(self.table.canonical_keys.tolist())}

    def __reduce__(self) -> tuple[type[TableOracle], tuple[Table, str]]:
        return (TableOracle, (self.table, self.name))

    def __repr__(self) -> str:
        return f"<TableOracle {self.name!r} on {self.table!r}>"

    def query(
        self,
        architectures: NDArray[np.uint8],
        measure: Measure | str | None = None,
        *,
        seed: int | None = None,
        draw: NDArray[np.uint64] | int | None = None,
    ) -> Any:
        """Answer one measure of one or many architectures.

        See `tabular.measures.Oracle.query`.

        Raises
        ------
        InvalidArchitectureError
        UnknownNameError
            For a task or metric that the table lacks.
        QueryError
            For an architecture, epoch or seed that the table lacks.
        """
        # One row of uint8 is a look-up. Bytes of another type could be mistaken.
        if type(architectures) is np.ndarray and architectures.ndim == 1 and architectures.dtype == _UINT8:
            row = self._row_by_bytes.get(architectures.tobytes())
            if row is None:
                row = self._find_row(architectures)
            if draw is None:
                values = self._values.get((measure, seed))
                return (self._values_of(measure, seed) if values is None else values).item(row)
            trainings = self._trainings_of(measure)
            number = checked_draws(draw, 1, seed).item()
            return trainings.values.item(row, number % trainings.recorded.item(row))
        return super().query(architectures, measure, seed=seed, draw=draw)

    def _drawn(self, batch: NDArray[np.uint8], measure: Measure, draws: NDArray[np.uint64]) -> NDArray[np.float64]:
        trainings = self._trainings_of(measure)
        rows = self._find_rows(batch)
        drawn: NDArray[np.float64] = trainings.values[rows, draws % trainings.recorded[rows]]
        return drawn

    def _spreads(self, batch: NDArray[np.uint8], measure: Measure) -> NDArray[np.float64]:
        """Return the standard deviation over the trainings on record.

        A cost is the same for all of them: 0.
        """
        values = self._recorded(measure)[self._find_rows(batch)]
        return values[:, 0] * 0 if self._is_cost(measure) else std_of_known(values)

    def reference(self, measure: Measure | str | None = None) -> Reference | None:
        """Return the best value on record, and a random architecture's.

        The draw is uniform over all rows of the space, so a class weighs as many as it has rows, unless the space is
        too large to be enumerated: then over the rows on record. What is not on record is left out.
        """
        resolved = resolve_measure(measure, self.tasks)
        values = self._values_of(measure, None)
        if self.space.size <= ENUMERABLE:
            rows = self._rows_by_rank()
            values = values[rows[rows >= 0]]
        return reference_over(values, metric_of(self, resolved))

    # Finding the row that answers.

    def _find_row(self, architecture: NDArray[np.uint8]) -> int:
        architecture = self.space.check(architecture)
        row = self._row_by_key.get(int(self.space.canonical_key(architecture))) if self._by_class else None
        if row is None:
            raise self._absent(architecture)
        self._row_by_bytes[architecture.tobytes()] = row
        return row

    def _find_rows(self, architectures: NDArray[np.uint8]) -> NDArray[np.int64]:
        small = self.space.size <= ENUMERABLE
        rows: NDArray[np.int64] = (
            self._rows_by_rank()[self.space.rank(architectures)] if small else self.table.rows(architectures)
        )
        absent = np.flatnonzero(rows < 0)
        if len(absent):
            raise self._absent(architectures[absent[0]])
        return rows

    def _rows_by_rank(self) -> NDArray[np.int64]:
        """Return the row that answers for every architecture, by rank; -1 for none."""
        if self._row_by_rank is None:
            everything = self.space.all()
            rows = np.empty(self.space.size, dtype=np.int64)
            rows[self.space.rank(everything)] = self.table.rows(everything)
            self._row_by_rank, self._is_complete = rows, bool((rows >= 0).all())
        return self._row_by_rank

    def _absent(self, architecture: NDArray[np.uint8]) -> QueryError:
        return QueryError(
            f"{self.table.path}: has no record of the architecture {self.space.to_text(architecture)}; a table "
            "generated in part can be finished with 'nasbench generate', a surrogate fitted on it knows the whole space"
        )

    # Values of a measure.

    def _means(self, batch: NDArray[np.uint8], measure: Measure) -> NDArray[np.float64]:
        return self._gather(batch, measure, None)

    def _of_seed(self, batch: NDArray[np.uint8], measure: Measure, seed: int) -> NDArray[np.float64]:
        return self._gather(batch, measure, seed)

    def _gather(self, batch: NDArray[np.uint8], measure: Measure, seed: int | None) -> NDArray[np.float64]:
        if self.space.size > ENUMERABLE:
            return self._values_of(measure, seed)[self._find_rows(batch)]
        question = (measure, seed)
        by_rank = self._values_by_rank.get(question)
        if by_rank is None:
            by_rank = self._values_by_rank[question] = self._values_of(measure, seed)[self._rows_by_rank()]
        if not self._is_complete:
            self._find_rows(batch)
        answers = np.empty(len(batch))
        for start in range(0, len(batch), BLOCK):
            ranks = self.space.rank(batch[start : start + BLOCK])
            # Ranks are in range by construction; with that said, numpy writes the answers straight to their place.
            by_rank.take(ranks, out=answers[start : start + BLOCK], mode="clip")
        return answers

    def _values_of(self, measure: Measure | str | None, seed: int | None) -> NDArray[np.float64]:
        """Return the answers of all rows, (N,).

        They are those of one seed, or the mean over the trainings that have a number.
        """
        question = (measure, seed)
        if question not in self._values:
            resolved = resolve_measure(measure, self.tasks)
            values = self._recorded(resolved)
            if seed is not None:
                number = 0 if self._is_cost(resolved) else self._seed_number(resolved.task, seed)
                self._values[question] = np.ascontiguousarray(values[:, number])
            else:
                self._values[question] = mean_of_known(values)
        return self._values[question]

    def _trainings_of(self, measure: Measure | str | None) -> _Trainings:
        if measure not in self._trainings:
            resolved = resolve_measure(measure, self.tasks)
            missing = self.table.status(resolved.task) == MISSING
            order = np.argsort(missing, axis=1, kind="stable")
            recorded = np.maximum((~missing).sum(axis=1), 1).astype(np.uint64)  # none on record: the one taken is NaN
            values = np.broadcast_to(self._recorded(resolved), missing.shape)
            self._trainings[measure] = _Trainings(np.take_along_axis(values, order, axis=1), recorded)
        return self._trainings[measure]

    def _recorded(self, measure: Measure) -> NDArray[np.float64]:
        """Return the values of a measure, (N, S); of a cost (N, 1)."""
        if self._is_cost(measure):
            return self.table.cost(measure.task, measure.metric).astype(np.float64)[:, None]
        epoch = self.tasks[measure.task].epochs.index(measure.epochs)
        return self.table.metric(measure.task, measure.metric)[:, :, epoch].astype(np.float64)

    def _is_cost(self, measure: Measure) -> bool:
        return measure.metric not in self.table.tasks[measure.task].metrics

    def _seed_number(self, task: str, seed: int) -> int:
        seeds = self.tasks[task].seeds
        if seed in seeds:
            return seeds.index(seed)
        held = "means over seeds only" if self.table.means_only(task) else "the seeds " + ", ".join(map(str, seeds))
        raise QueryError(f"task {task!r} has no training with seed {seed}; {self.table.path} holds {held}")
