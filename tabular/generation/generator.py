"""Generation: a whole space is trained into a table.

It can be stopped and taken up again at any moment.
"""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.errors import BudgetError
from tabular.files import check_writable, remove, remove_leftovers
from tabular.generation.engine import Job, WorkerContext
from tabular.generation.journal import JournalHeader, journal_folder
from tabular.generation.ledger import COST_UNITS, Ledger, Sources
from tabular.generation.local import LocalEngine
from tabular.generation.plan import drawn_rows, make_groups, make_plan, networks_to_train
from tabular.generation.throughput import Deadline, closing_seconds, measure, measuring_seconds, remove_scratch
from tabular.spaces import CellSpace
from tabular.work import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tabular.generation.engine import Engine
    from tabular.generation.plan import Group
    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset


@dataclass(frozen=True)
class GenerationSummary:
    """The work that a call of `generate` did.

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
    left : int
        Trainings asked for that the budget had no time for.
    """

    path: Path
    trained: int
    reused: int
    diverged: int
    seconds: float
    left: int = 0


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
    engine: Engine | None = None,
    budget: float | None = None,
    progress: Progress = silent,
) -> GenerationSummary:
    """Train every architecture of a space into a table.

    Of each class of equal networks one is trained. What is on record already, in the table or in the journals beside
    it, is not trained again; so the same call takes up work that was interrupted, and more seeds or a larger limit
    extend a table. Finished trainings are on the disk at once: a kill loses those in flight, Ctrl-C leaves a valid
    table of what was finished. Of journals that were damaged a warning tells.

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
        Train so many architectures only, drawn at random; a larger limit adds to those of a smaller one.
    together : int, optional
        The most networks that train at once, which decides the last bits of their losses; 1 for one at a time. By
        default what a table that is continued was begun with, else what `tabular.training.networks_together` advises.
    engine : Engine, optional
        Who trains; by default this machine with so many ``jobs``.
    budget : float, optional
        Seconds after which to be done, with a table of what was finished. As seeds are trained one after the other and
        architectures in an order drawn at random, that is as many whole seeds as fit, and of the next one a fair
        sample. The same call goes on from there, to the same numbers as without a budget.
    progress : callable
        Is told of the trainings done, and the best validation accuracy so far.

    Raises
    ------
    PlanMismatchError
        If ``path`` holds another space, recipe, data set or kind of device; the message names the first difference.
    OutputError
        If ``path`` cannot be written, or another generator is working on it.
    BudgetError
        If the budget is too short for a single group; the message says what it takes.
    FileFormatError, SpaceError, UnknownNameError
    """
    from tabular.training.result import METRICS, provenance
    from tabular.training.trainer import find_device

    began = time.perf_counter()
    path = Path(path)
    wanted = _checked_seeds(seeds)
    engine = engine or LocalEngine(jobs)
    if together is not None and together < 1:
        raise BudgetError(f"together must be 1 or more, got {together}")
    if budget is not None and not (math.isfinite(budget) and budget > 0):
        raise BudgetError(f"budget must be a number of seconds above 0, got {budget!r}")
    if budget is not None and getattr(engine, "takes_all", False):
        raise BudgetError(
            f"budget {budget:g}: {type(engine).__name__} hands out all trainings at once, so it cannot stop in time; "
            "leave the budget out (what is finished when you stop it is kept), or take the local engine"
        )
    find_device(device)
    check_writable(path)
    task = task or dataset.name
    networks, rows = networks_to_train(space, limit)

    with journal_folder(path) as folder:
        remove_leftovers(path)
        remove_scratch(folder)
        found = Sources.read([path] * path.exists(), sorted(folder.glob("*.journal")))
        found.warn("what that held is trained again")
        together = together or _default_together(space, recipe, device, found)
        portions = sorted({rows, *found.portions()})
        plan = make_plan(space, networks, recipe, dataset, device, task, together=together, portions=portions)
        found.check(plan, path)
        epochs = tuple(range(1, recipe.epochs + 1))
        header = JournalHeader(plan, provenance(recipe, dataset, device), METRICS, epochs, tuple(COST_UNITS))
        drawn = drawn_rows(len(networks), rows).tolist()
        ledger = found.join(space, networks, drawn, wanted, header).ledger
        total = rows * len(wanted)
        reused = total - ledger.missing(drawn, wanted)
        done = reused
        progress(done, total, ledger.note())
        try:
            if done < total:
                context = WorkerContext(space, networks, recipe, dataset, device, folder, header)
                groups = make_groups(networks, portions, rows, wanted, together)
                deadline = _deadline(budget, began, context, ledger, groups, engine)
                to_do = deadline.within(_jobs(ledger, groups))
                with closing(engine.train(context, to_do)) as trained:  # no worker is left when this ends
                    for group in trained:
                        deadline.ended(group)
                        done += sum([ledger.add(record) for record in group])
                        progress(done, total, ledger.note())
        finally:
            _compact(path, folder, ledger, found, task)
    seconds = time.perf_counter() - began
    return GenerationSummary(path, done - reused, reused, ledger.diverged, seconds, left=total - done)


def _checked_seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(int(seed) for seed in seeds)
    if not numbers or min(numbers) < 0 or len(set(numbers)) != len(numbers):
        raise BudgetError(f"seeds must be a number from 1, or different numbers from 0; got {seeds!r}")
    return numbers


def _default_together(space: Space, recipe: Recipe, device: str, found: Sources) -> int:
    """Return how many networks trained at once so far, or how many should."""
    for plan in filter(None, found.plans().values()):
        return int(plan.get("together", 1))
    return advised_together(space, recipe, device)


def advised_together(space: Space, recipe: Recipe, device: str) -> int:
    """Return how many networks of a space should train at once; 1 where they cannot."""
    if not isinstance(space, CellSpace):
        return 1
    from tabular.training.fused import networks_together

    return networks_together(recipe, device)


def _deadline(
    budget: float | None,
    began: float,
    context: WorkerContext,
    ledger: Ledger,
    groups: Iterable[Group],
    engine: Engine,
) -> Deadline:
    """Measure how long groups take, and return when they have to end.

    Raises
    ------
    BudgetError
        If there is no time for one.
    """
    if budget is None:
        return Deadline(math.inf, 0.0)
    to_do = [job.group for job in _jobs(ledger, groups)]
    throughput = measure(context, to_do, engine, seconds=measuring_seconds(budget), least=1)
    epochs = context.recipe.epochs
    reserved = closing_seconds(ledger.status.size * epochs * len(context.header.metrics))
    slowest = float(throughput.training(epochs).max())
    deadline = Deadline(began + budget - reserved, slowest, throughput.startup)
    overrun = deadline.overrun(to_do[0])
    if overrun > 0:
        raise BudgetError(
            f"a budget of {budget:g} s is too short to train {len(to_do[0].rows)} networks for {epochs} epochs, "
            f"measuring and writing included; give {math.ceil(1.1 * (budget + overrun))} s or more"
        )
    return deadline


def _jobs(ledger: Ledger, groups: Iterable[Group]) -> Iterator[Job]:
    """Yield a job for each group in which a training is missing.

    It is trained whole: other companions would change the last bits of its networks.
    """
    for group in groups:
        if ledger.missing(group.rows, [group.seed]):
            yield Job(group, ledger.uncounted(group.rows))


def _compact(path: Path, folder: Path, ledger: Ledger, found: Sources, task: str) -> None:
    """Make the next version of the table of it and its journals, which are removed."""
    journals = Sources.read([], sorted(folder.glob("*.journal"))).journals
    now = Sources({**found.tables, **journals})
    records = [record for journal in journals.values() for record in journal.records]
    for record in records:  # once more from the disk: a worker may have finished one that it could not report
        ledger.add(record)
    if records:
        now.write(path, ledger, task)
    for file in journals:
        remove(file)
