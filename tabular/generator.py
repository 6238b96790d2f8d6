"""Training a whole space into a table, in a way that can be stopped and taken up again at any moment."""

from __future__ import annotations

import time
import warnings
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.errors import BudgetError
from nasbench.progress import Progress, silent
from nasbench.replacing import check_writable, remove, remove_leftovers
from nasbench.spaces import CellSpace
from tabular.groups import make_groups
from tabular.journal import Journal, JournalHeader, read_journal
from tabular.layout import write_table
from tabular.ledger import COST_UNITS, Ledger
from tabular.lock import journal_folder
from tabular.plan import PORTIONS, check_same_plan, make_plan
from tabular.table import Table
from tabular.workers import Job, Workshop, train_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nasbench.spaces import Space
    from nasbench.training.dataset import Dataset
    from nasbench.training.recipe import Recipe
    from tabular.groups import Group
    from tabular.layout import TableData


@dataclass(frozen=True)
class GenerationSummary:
    """What a call of `generate` did.

    Parameters
    ----------
    path : Path
        The table.
    trained : int
        Trainings done by this call.
    reused : int
        Trainings asked for that were on record already.
    diverged : int
        Trainings in the table that diverged.
    seconds : float
        Wall-clock time of the call.
    """

    path: Path
    trained: int
    reused: int
    diverged: int
    seconds: float


def generate(
    space: Space,
    recipe: Recipe,
    dataset: Dataset,
    path: str | Path,
    *,
    seeds: int | Sequence[int] = 3,
    jobs: int = 1,
    device: str = "cpu",
    task: str | None = None,
    limit: int | None = None,
    together: int | None = None,
    progress: Progress = silent,
) -> GenerationSummary:
    """Train every architecture of a space, one of each class of equal networks, into a table.

    What is on record already, in the table or in the journals beside it, is not trained again; so the same call takes
    up work that was interrupted, and more seeds or a larger limit extend a table. Finished trainings are on the disk at
    once: a kill loses those in flight, Ctrl-C leaves a valid table of what was finished. Of journals that were damaged
    a warning tells.

    Parameters
    ----------
    space : Space
    recipe : Recipe
    dataset : Dataset
    path : str or Path
        The table; journals go to ``<path>.journal/`` until they are part of it.
    seeds : int or sequence of int
        How many seeds, counted from 0, or which.
    jobs : int
        Processes that train. The numbers, seconds excepted, do not depend on it.
    device : str
        As torch names it.
    task : str, optional
        What the table calls the task; by default the data set's name.
    limit : int, optional
        Train the first so many architectures only.
    together : int, optional
        The most networks that train at once, which decides the last bits of their losses; 1 for one at a time. By
        default what a table that is continued was begun with, else what `nasbench.training.networks_together` advises.
    progress : callable
        Is told of the trainings done, and the best validation accuracy so far.

    Raises
    ------
    PlanMismatchError
        If ``path`` holds another space, recipe, data set or kind of device; the message names the first difference.
    OutputError
        If ``path`` cannot be written, or another generator is working on it.
    BudgetError, FileFormatError, SpaceError, UnknownNameError
    """
    from nasbench.training.provenance import provenance
    from nasbench.training.result import METRICS
    from nasbench.training.trainer import find_device

    began = time.perf_counter()
    path = Path(path)
    wanted = _checked_seeds(seeds)
    for name, value in (("jobs", jobs), ("limit", limit), ("together", together)):
        if value is not None and value < 1:
            raise BudgetError(f"{name} must be 1 or more, got {value}")
    find_device(device)
    check_writable(path)
    task = task or dataset.name
    unique = space.unique()
    rows = min(limit or len(unique), len(unique))

    with journal_folder(path) as folder:
        remove_leftovers(path)
        before, journals = _earlier_table(path), _earlier_journals(folder)
        found = _plans(path, before, journals)
        earlier = [each for each in found.values() if each is not None]
        together = together or _default_together(space, recipe, device, earlier)
        portions = sorted({rows, *(number for each in earlier for number in each.get(PORTIONS, ()))})
        plan = make_plan(space, unique, recipe, dataset, device, task, together=together, portions=portions)
        for where, each in found.items():
            check_same_plan(each, plan, where, path)
        epochs = tuple(range(1, recipe.epochs + 1))
        header = JournalHeader(plan, provenance(recipe, dataset, device), METRICS, epochs, tuple(COST_UNITS))
        held = before.tasks[0].task.seeds if before else ()
        records = [record for journal in journals.values() for record in journal.records]
        ledger = Ledger(
            space,
            unique[: max([rows, len(before.architectures) if before else 0, *(r.row + 1 for r in records)])],
            sorted({*wanted, *held, *(record.seed for record in records)}),
            header,
        )
        if before:
            ledger.add_table(before)
        for record in records:
            ledger.add(record)
        total = rows * len(wanted)
        reused = total - ledger.missing(range(rows), wanted)
        done = reused
        progress(done, total, ledger.note())
        try:
            if done < total:
                workshop = Workshop(space, ledger.architectures, recipe, dataset, device, folder, header)
                jobs_left = _jobs(ledger, make_groups(unique[:rows], portions, wanted, together))
                with closing(train_all(workshop, jobs_left, jobs)) as trained:  # no worker is left when this ends
                    for group in trained:
                        done += sum([ledger.add(record) for record in group])
                        progress(done, total, ledger.note())
        finally:
            _compact(path, folder, ledger, before, task)
    return GenerationSummary(path, done - reused, reused, ledger.diverged, time.perf_counter() - began)


def _checked_seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(int(seed) for seed in seeds)
    if not numbers or min(numbers) < 0 or len(set(numbers)) != len(numbers):
        raise BudgetError(f"seeds must be a number from 1, or different numbers from 0; got {seeds!r}")
    return numbers


def _earlier_table(path: Path) -> TableData | None:
    if not path.exists():
        return None
    with Table.open(path) as table:
        return table.load()


def _earlier_journals(folder: Path) -> dict[Path, Journal]:
    """Read the journals that an interrupted run left, and warn of what cannot be read."""
    journals = {}
    for path in sorted(folder.glob("*.journal")):
        journals[path] = read_journal(path)
        for problem in journals[path].problems:
            warnings.warn(f"{problem}; what that held is trained again", stacklevel=3)
    return journals


def _plans(path: Path, before: TableData | None, journals: dict[Path, Journal]) -> dict[Path, dict[str, Any] | None]:
    """Return the plan of each file that is there; None for a table that was not generated."""
    plans: dict[Path, dict[str, Any] | None] = {
        where: journal.header.plan for where, journal in journals.items() if journal.header
    }
    if before is None:
        return plans
    return {path: before.tasks[0].task.provenance.get("plan") if len(before.tasks) == 1 else None, **plans}


def _default_together(space: Space, recipe: Recipe, device: str, earlier: Iterable[dict[str, Any]]) -> int:
    """Return how many networks trained at once so far, or how many should."""
    for plan in earlier:
        return int(plan.get("together", 1))
    if not isinstance(space, CellSpace):
        return 1
    from nasbench.training.fused import networks_together

    return networks_together(recipe, device)


def _jobs(ledger: Ledger, groups: Iterable[Group]) -> Iterator[Job]:
    """Yield a job for each group in which a training is missing.

    It is trained whole: other companions would change the last bits of its networks.
    """
    for group in groups:
        if ledger.missing(group.rows, [group.seed]):
            yield Job(group, ledger.uncounted(group.rows))


def _compact(path: Path, folder: Path, ledger: Ledger, before: TableData | None, task: str) -> None:
    """Turn table and journals into the next version of the table, then remove the journals."""
    files = sorted(folder.glob("*.journal"))
    journals = [read_journal(file) for file in files]
    records = [record for journal in journals for record in journal.records]
    for record in records:  # once more from the disk: a worker may have finished one that it could not report
        ledger.add(record)
    if records:
        origin = ledger.header.provenance
        others = [journal.header.provenance for journal in journals if journal.header]
        if before:
            old = dict(before.tasks[0].task.provenance)
            others = [*old.pop("earlier"), {name: old[name] for name in origin}, *others]
        earlier = [each for i, each in enumerate(others) if each != origin and each not in others[:i]]
        task_provenance = {**origin, "plan": ledger.header.plan, "earlier": earlier}
        source = {"source": "trained by nasbench; each task's provenance names recipe, data set, versions and hardware"}
        write_table(path, ledger.to_table(task, task_provenance, before.provenance if before else source))
    for file in files:
        remove(file)
