"""What is on disk of a table under construction: tables and journals that belong together."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import PlanMismatchError
from tabular.generation.journal import Journal, read_journal
from tabular.generation.ledger import Ledger
from tabular.generation.plan import PORTIONS, check_same_plan
from tabular.layout import write_table
from tabular.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.generation.journal import JournalHeader
    from tabular.layout import TableData
    from tabular.spaces import Space

MADE_HERE = {"source": "trained by nasbench; each task's provenance names recipe, data set, versions and hardware"}


@dataclass
class Sources:
    """Tables and journals that hold trainings of one plan.

    Parameters
    ----------
    tables : dict of Path to TableData
    journals : dict of Path to Journal
    """

    tables: dict[Path, TableData] = field(default_factory=dict)
    journals: dict[Path, Journal] = field(default_factory=dict)

    @classmethod
    def read(cls, tables: Iterable[Path], journals: Iterable[Path]) -> Sources:
        """Read files.

        Raises
        ------
        FileFormatError, OutputError
        """
        found = cls()
        for path in tables:
            with Table.open(path) as table:
                found.tables[path] = table.load()
        for path in journals:
            found.journals[path] = read_journal(path)
        return found

    def warn(self, consequence: str) -> None:
        """Warn of what of the journals could not be read, and of what comes of that."""
        for journal in self.journals.values():
            for problem in journal.problems:
                warnings.warn(f"{problem}; {consequence}", stacklevel=3)

    def plans(self) -> dict[Path, dict[str, Any] | None]:
        """Return the plan of each file; None for a table that was not generated."""
        of_tables = {path: plan_of(data) for path, data in self.tables.items()}
        return {**of_tables, **{path: each.header.plan for path, each in self.journals.items() if each.header}}

    def portions(self) -> set[int]:
        """Return how many architectures were asked for so far; see `tabular.generation.groups.make_groups`."""
        return {number for plan in self.plans().values() if plan for number in plan.get(PORTIONS, ())}

    def check(self, plan: Mapping[str, Any], table: Path) -> None:
        """Refuse files of another plan.

        Raises
        ------
        PlanMismatchError
        """
        for path, found in self.plans().items():
            check_same_plan(found, plan, path, table)

    def origins(self) -> list[dict[str, Any]]:
        """Return where the trainings were made, each place once, the oldest first."""
        found: list[dict[str, Any]] = []
        for data in self.tables.values():
            latest = dict(data.tasks[0].task.provenance)
            found += latest.pop("earlier", [])
            latest.pop("plan", None)
            found.append(latest)
        found += [journal.header.provenance for journal in self.journals.values() if journal.header]
        return [each for i, each in enumerate(found) if each not in found[:i]]

    def to_ledger(
        self,
        space: Space,
        networks: NDArray[np.uint8],
        rows: Iterable[int],
        seeds: Iterable[int],
        header: JournalHeader,
    ) -> Ledger:
        """Return the trainings on record, with room for those that are asked for.

        Parameters
        ----------
        space : Space
        networks : (N, L) uint8
            `tabular.generation.groups.listed_networks`.
        rows, seeds : int
            What is asked for.
        header : JournalHeader

        Raises
        ------
        PlanMismatchError
            If a table holds an architecture that is not among the networks.
        """
        rows_of = {path: places_of(networks, data, path) for path, data in self.tables.items()}
        records = [record for journal in self.journals.values() for record in journal.records]
        all_rows = {*rows, *(record.row for record in records), *(row for those in rows_of.values() for row in those)}
        held = (seed for data in self.tables.values() for seed in data.tasks[0].task.seeds)
        all_seeds = sorted({*seeds, *held, *(record.seed for record in records)})
        ledger = Ledger(space, networks, np.array(sorted(all_rows), dtype=np.int64), all_seeds, header)
        for path, data in self.tables.items():
            ledger.add_table(data, rows_of[path])
        for record in records:
            ledger.add(record)
        return ledger

    def write(self, path: Path, ledger: Ledger, task: str) -> None:
        """Write the table that a ledger describes, of which these files are the origin.

        Raises
        ------
        OutputError
        """
        origin = ledger.header.provenance
        earlier = [each for each in self.origins() if each != origin]
        provenance = {**origin, "plan": ledger.header.plan, "earlier": earlier}
        whole = next((data.provenance for data in self.tables.values()), MADE_HERE)
        write_table(path, ledger.to_table(task, provenance, whole))


def plan_of(data: TableData) -> dict[str, Any] | None:
    """Return the plan that a table was generated with; None if it was not generated."""
    return data.tasks[0].task.provenance.get("plan") if len(data.tasks) == 1 else None


def places_of(networks: NDArray[np.uint8], data: TableData, path: Path) -> list[int]:
    """Return the place of each architecture of a table among all networks of its space.

    Raises
    ------
    PlanMismatchError
    """
    place = {row.tobytes(): number for number, row in enumerate(networks)}
    try:
        return [place[row.tobytes()] for row in data.architectures]
    except KeyError:
        raise PlanMismatchError(f"{path}: holds an architecture that is not among those the space lists") from None
