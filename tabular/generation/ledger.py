"""The ledger of a table's trainings.

It is filled from tables and journals that belong together.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import PlanMismatchError
from tabular.generation.journal import Journal, JournalHeader, Record, read_journal
from tabular.generation.plan import PORTIONS, check_same_plan, completed, differences, drawn_rows, listed_networks
from tabular.layout import DIVERGED, MISSING, TableData, TaskData, write_table
from tabular.measures import Task, standard_metric
from tabular.spaces.registry import declared_space
from tabular.storage import array_digest
from tabular.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.spaces import Space

COST_UNITS = {"parameters": "count", "flops": "FLOP", "activation_bytes": "byte", "latency_seconds": "second"}

MADE_HERE = {"source": "trained by nasbench; each task's provenance names recipe, data set, versions and hardware"}


class Ledger:
    """Every training of a table, those still missing included.

    Of a training that is added twice, the first counts.

    Parameters
    ----------
    space : Space
    networks : (N, L) uint8
        All of `tabular.generation.plan.listed_networks`.
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
        self._index = {row: index for index, row in enumerate(rows.tolist())}
        self._column = {seed: column for column, seed in enumerate(self.seeds)}
        self._signal = header.metrics.index("validation_accuracy")
        self._exact = [i for i, name in enumerate(header.metrics) if standard_metric(name).unit != "second"]

    def add(self, record: Record) -> bool:
        """Add one finished training, and its costs if they are news.

        Say whether it was missing.
        """
        index, column = self._index[record.row], self._column[record.seed]
        new = ~np.isnan(record.costs) & np.isnan(self.costs[index])
        self.costs[index, new] = record.costs[new]
        if self.status[index, column] != MISSING:
            return False
        self.status[index, column] = record.status
        self._metrics[:, index, column] = record.metrics
        return True

    def add_journal(self, journal: Journal) -> tuple[int, int]:
        """Add the trainings of a journal.

        Returns
        -------
        repeated, different : int
            Trainings that were there before, and those of them with other numbers, seconds aside.
        """
        repeated = [record for record in self._arranged(journal) if not self.add(record)]
        return len(repeated), sum(not self._agrees(record) for record in repeated)

    def add_table(self, data: TableData, rows: Sequence[int]) -> tuple[int, int]:
        """Add the trainings of a table.

        Parameters
        ----------
        data : TableData
        rows : N int
            The index of each of its architectures among all networks.

        Returns
        -------
        repeated, different : int
            As for `add_journal`.
        """
        (task,) = data.tasks
        indices = np.array([self._index[row] for row in rows], dtype=np.int64)
        columns = np.array([self._column[seed] for seed in task.task.seeds], dtype=np.int64)
        there = np.ix_(indices, columns)
        missing, same = self.status[there] == MISSING, self.status[there] == task.status
        self.status[there] = np.where(missing, task.status, self.status[there])
        for number, name in enumerate(self.header.metrics):
            held, new = self._metrics[number][there], task.metrics.get(name, np.float32(np.nan))
            if number in self._exact:
                same &= ((held == new) | (np.isnan(held) & np.isnan(new))).all(axis=2)
            self._metrics[number][there] = np.where(missing[:, :, None], new, held)
        for number, name in enumerate(self.header.costs):
            if name in task.costs:
                known = self.costs[indices, number]
                self.costs[indices, number] = np.where(np.isnan(known), task.costs[name], known)
        repeated = ~missing & (task.status != MISSING)
        return int(repeated.sum()), int((repeated & ~same).sum())

    def _arranged(self, journal: Journal) -> Iterator[Record]:
        """Yield a journal's records with the metrics and costs of this ledger.

        NaN for what they do not tell of.
        """
        if journal.header is None or (journal.header.metrics, journal.header.costs) == (
            self.header.metrics,
            self.header.costs,
        ):
            yield from journal.records
            return
        metrics = [self.header.metrics.index(name) for name in journal.header.metrics]
        costs = [self.header.costs.index(name) for name in journal.header.costs]
        for record in journal.records:
            yield record._replace(
                metrics=_spread(record.metrics, metrics, len(self.header.metrics)),
                costs=_spread(record.costs, costs, len(self.header.costs)),
            )

    def _agrees(self, record: Record) -> bool:
        """Say whether a training on record has the same numbers, seconds aside."""
        index, column = self._index[record.row], self._column[record.seed]
        held = self._metrics[self._exact, index, column]
        same = np.array_equal(held, record.metrics[self._exact], equal_nan=True)
        return same and self.status[index, column] == record.status

    def missing(self, rows: Iterable[int], seeds: Iterable[int]) -> int:
        """Return how many trainings of some rows with some seeds are yet to be done."""
        indices, columns = [self._index[row] for row in rows], [self._column[seed] for seed in seeds]
        return int((self.status[indices][:, columns] == MISSING).sum())

    def uncounted(self, rows: Iterable[int]) -> tuple[int, ...]:
        """Return those of some rows whose costs are not all known."""
        return tuple(row for row in rows if np.isnan(self.costs[self._index[row]]).any())

    @property
    def diverged(self) -> int:
        """How many trainings diverged."""
        return int((self.status == DIVERGED).sum())

    @property
    def best(self) -> tuple[NDArray[np.uint8], float] | None:
        """The best architecture so far, and its accuracy; None if there is none.

        That is the best final validation accuracy of a single training.
        """
        finals = self._metrics[self._signal, :, :, -1]
        if np.isnan(finals).all():
            return None
        index = int(np.nanargmax(finals)) // finals.shape[1]
        return self.architectures[index], float(np.nanmax(finals))

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


def _spread(values: NDArray[Any], indices: list[int], length: int) -> NDArray[Any]:
    spread = np.full((length, *values.shape[1:]), np.nan, dtype=values.dtype)
    spread[indices] = values
    return spread


@dataclass(frozen=True)
class Joined:
    """The trainings of tables and journals, each once.

    Parameters
    ----------
    ledger : Ledger
    repeated : int
        Trainings that were left out, as an earlier file holds them too.
    different : int
        Those of them with other numbers than the ones that count, seconds aside.
    """

    ledger: Ledger
    repeated: int
    different: int


@dataclass
class Sources:
    """Tables and journals that hold trainings of one plan.

    Of a training that several hold, the first counts.
    """

    files: dict[Path, TableData | Journal] = field(default_factory=dict)

    @classmethod
    def read(cls, tables: Iterable[Path], journals: Iterable[Path]) -> Sources:
        """Read files.

        Raises
        ------
        FileFormatError, OutputError
        """
        return cls({**{path: read_table(path) for path in tables}, **{path: read_journal(path) for path in journals}})

    @property
    def tables(self) -> dict[Path, TableData]:
        """The tables alone."""
        return {path: file for path, file in self.files.items() if isinstance(file, TableData)}

    @property
    def journals(self) -> dict[Path, Journal]:
        """The journals alone."""
        return {path: file for path, file in self.files.items() if isinstance(file, Journal)}

    def warn(self, consequence: str) -> None:
        """Warn of what of the journals could not be read, and of what comes of that."""
        for journal in self.journals.values():
            for problem in journal.problems:
                warnings.warn(f"{problem}; {consequence}", stacklevel=3)

    def plans(self) -> dict[Path, dict[str, Any] | None]:
        """Return the plan of each file that has one.

        None for a table that was not generated.
        """
        found: dict[Path, dict[str, Any] | None] = {}
        for path, file in self.files.items():
            if isinstance(file, TableData):
                found[path] = plan_of(file)
            elif file.header is not None:
                found[path] = file.header.plan
        return found

    def portions(self) -> set[int]:
        """Return how many architectures were asked for so far.

        See `tabular.generation.plan.make_groups`.
        """
        return {number for plan in self.plans().values() if plan for number in plan.get(PORTIONS, ())}

    def check(self, plan: Mapping[str, Any], table: Path) -> None:
        """Refuse files of another plan.

        Raises
        ------
        PlanMismatchError
        """
        for path, found in self.plans().items():
            check_same_plan(found, plan, path, table)

    def join(
        self,
        space: Space,
        networks: NDArray[np.uint8],
        rows: Iterable[int],
        seeds: Iterable[int],
        header: JournalHeader,
    ) -> Joined:
        """Return the trainings on record, with room for those that are asked for.

        Parameters
        ----------
        space : Space
        networks : (N, L) uint8
            `tabular.generation.plan.listed_networks`.
        rows, seeds : int
            What is asked for; what is on record has room besides.
        header : JournalHeader

        Raises
        ------
        PlanMismatchError
            If a table holds an architecture that is not among the networks.
        """
        rows_of = {path: rows_in(networks, data, path) for path, data in self.tables.items()}
        records = [record for journal in self.journals.values() for record in journal.records]
        all_rows = {*rows, *(record.row for record in records), *(row for those in rows_of.values() for row in those)}
        held = (seed for data in self.tables.values() for seed in data.tasks[0].task.seeds)
        all_seeds = sorted({*seeds, *held, *(record.seed for record in records)})
        ledger = Ledger(space, networks, np.array(sorted(all_rows), dtype=np.int64), all_seeds, header)
        repeated = different = 0
        for path, file in self.files.items():
            if isinstance(file, TableData):
                again, other = ledger.add_table(file, rows_of[path])
            else:
                again, other = ledger.add_journal(file)
            repeated, different = repeated + again, different + other
        return Joined(ledger, repeated, different)

    def join_all(self) -> Joined | None:
        """Return the trainings on record; None if no file has a plan.

        There is room for all that any of the files was to hold.

        Raises
        ------
        PlanMismatchError
            If they were not made with one plan; the message names the first difference.
        SpaceError
        """
        plan = self._common_plan()
        if plan is None:
            return None
        where = next(iter(self.files))
        space = declared_space(plan["space"], where=str(where))
        networks = listed_networks(space)
        if array_digest(networks) != plan["networks_sha256"]:
            raise PlanMismatchError(
                f"{where}: numbers the networks of {space.name} in another way than this version of nasbench; use the "
                "version that it was made with"
            )
        headers = [header for file in self.files.values() if (header := _header_of(file)) is not None]
        header = replace(
            headers[0],
            plan=plan,
            metrics=tuple(dict.fromkeys(name for header in headers for name in header.metrics)),
            costs=tuple(dict.fromkeys(name for header in headers for name in header.costs)),
        )
        rows = drawn_rows(len(networks), max(plan[PORTIONS], default=0)).tolist()
        return self.join(space, networks, rows, (), header)

    def _common_plan(self) -> dict[str, Any] | None:
        """Return the plan of all files, with all portions that were ever asked for.

        None if none tells of one.
        """
        plans: dict[Path, dict[str, Any]] = {}
        for path, found in self.plans().items():
            if found is None:
                raise PlanMismatchError(
                    f"{path}: is a table that was not generated here; nothing can be merged with it"
                )
            plans[path] = completed(found)
            where, wanted = next(iter(plans.items()))
            for name, own, other in differences(plans[path], wanted):
                if name != PORTIONS:
                    raise PlanMismatchError(
                        f"{path}: was made with {name} = {own!r}, {where} with {other!r}; what does not share a plan "
                        "stays in tables of its own"
                    )
        if not plans:
            return None
        return {**next(iter(plans.values())), PORTIONS: sorted(self.portions())}

    def origins(self) -> list[dict[str, Any]]:
        """Return where the trainings were made, each place once, the oldest first."""
        found: list[dict[str, Any]] = []
        for data in self.tables.values():
            latest = dict(data.tasks[0].task.provenance)
            found += latest.pop("earlier", [])
            latest.pop("plan", None)
            found.append(latest)
        found += [journal.header.provenance for journal in self.journals.values() if journal.header]
        return [origin for i, origin in enumerate(found) if origin not in found[:i]]

    def write(self, path: Path, ledger: Ledger, task: str) -> None:
        """Write the table that a ledger describes, of which these files are the origin.

        Raises
        ------
        OutputError
        """
        origin = ledger.header.provenance
        earlier = [other for other in self.origins() if other != origin]
        provenance = {**origin, "plan": ledger.header.plan, "earlier": earlier}
        whole = next((data.provenance for data in self.tables.values()), MADE_HERE)
        write_table(path, ledger.to_table(task, provenance, whole))


def read_table(path: Path) -> TableData:
    """Read a whole table.

    Raises
    ------
    FileFormatError
    """
    with Table.open(path) as table:
        return table.load()


def plan_of(data: TableData) -> dict[str, Any] | None:
    """Return the plan that a table was generated with; None if it was not generated."""
    return data.tasks[0].task.provenance.get("plan") if len(data.tasks) == 1 else None


def rows_in(networks: NDArray[np.uint8], data: TableData, path: Path) -> list[int]:
    """Return the index of each architecture of a table among all networks.

    Raises
    ------
    PlanMismatchError
    """
    index = {row.tobytes(): number for number, row in enumerate(networks)}
    try:
        return [index[row.tobytes()] for row in data.architectures]
    except KeyError:
        raise PlanMismatchError(f"{path}: holds an architecture that is not among those the space lists") from None


def _header_of(file: TableData | Journal) -> JournalHeader | None:
    """Return a journal's header, or one for the trainings of a table."""
    if isinstance(file, Journal):
        return file.header
    (data,) = file.tasks
    origin = {name: value for name, value in data.task.provenance.items() if name not in {"plan", "earlier"}}
    return JournalHeader({}, origin, tuple(data.metrics), data.task.epochs, tuple(data.costs))
