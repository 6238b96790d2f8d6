"""Running a study: what is on record is kept, what is missing is made, and each comparison becomes one results file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nasbench.comparison.extending import spans
from nasbench.comparison.merging import merge_results
from nasbench.comparison.selecting import select
from nasbench.comparison.study_planning import plan_study
from nasbench.comparison.study_working import Work, done, shared_out
from tabular.errors import NasbenchError, StrategyError
from tabular.files import check_writable
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nasbench.comparison.results import Results
    from nasbench.comparison.study_cells import Cell
    from nasbench.comparison.study_file import Declaration
    from nasbench.comparison.study_planning import MakeStrategies, OpenOracle, PlannedComparison
    from tabular.work import Progress

    Publish = Callable[[Mapping[str, Results], Path], object]


@dataclass(frozen=True)
class Study:
    """What a study gave.

    Parameters
    ----------
    results : dict of str to Results
        By the name of the comparison: oracle and budget.
    paths : dict of str to Path
        Of their files.
    cells : int
        Of which some run was wanted.
    made, reused : int
        Runs that were made now, and that were on record.
    failed : dict of str to str
        The first error of each strategy that broke off, by ``comparison: strategy``.
    """

    results: dict[str, Results]
    paths: dict[str, Path]
    cells: int
    made: int
    reused: int
    failed: dict[str, str]


def run_study(
    declaration: Declaration,
    folder: str | Path,
    open_oracle: OpenOracle,
    make_strategies: MakeStrategies,
    *,
    jobs: int = 1,
    progress: Progress = silent,
    publish: Publish | None = None,
) -> Study:
    """Run what is missing of a study, join it with what is there, and publish.

    The runs of each strategy on each oracle with each budget are kept in ``folder/cells``, in files named by a hash of
    all that decides them. So a study that was killed goes on where it was, and one whose declaration was edited makes
    what is new in it. Results of a comparison are written to ``folder/<oracle>-<budget>-results.h5``. A strategy that
    fails is left out of that comparison and noted, as `nasbench.comparison.compare` does. Of cells that are damaged a
    warning tells; they are made again.

    Parameters
    ----------
    declaration : Declaration
    folder : str or Path
    open_oracle : callable
        Opens the path or name of an oracle.
    make_strategies : callable
        See `nasbench.comparison.study_planning.MakeStrategies`.
    jobs : int
        Processes. The result is the same for any number.
    progress : callable
        Is told of runs.
    publish : callable, optional
        Is given the results by name of comparison, and the folder, at the end.

    Raises
    ------
    DeclarationError
        If something declared is not there or cannot be used, before anything is run.
    PlanMismatchError
        If results that are included hold a run of the study with other trials.
    StrategyError
        If no strategy succeeded anywhere: the first one's error.
    OutputError
    """
    folder = Path(folder)
    check_writable(folder / "cells" / "any.h5")
    planned = plan_study(declaration, open_oracle, make_strategies)
    kept = {cell: found for each in planned for cell in each.cells if (found := cell.load(folder)) is not None}
    missing = [
        Work(place, cell, span)
        for place, each in enumerate(planned)
        for cell in each.cells
        for span in spans(seed for seed in cell.seeds if seed not in _seeds(kept.get(cell)))
    ]
    total = sum(len(cell.seeds) for each in planned for cell in each.cells)
    to_make = sum(len(work.seeds) for work in missing)
    errors: dict[tuple[int, str], tuple[int, NasbenchError]] = {}
    made, finished = 0, total - to_make
    progress(finished, total, "")
    for work, gave in done(shared_out(missing, jobs), planned, jobs, declaration.wait):
        cell, strategy = work.cell, (work.comparison, work.cell.strategy)
        if isinstance(gave, NasbenchError):
            # Of several errors that of the first run, whatever came first.
            own = (work.seeds.start, gave)
            errors[strategy] = min(errors.get(strategy, own), own, key=lambda each: each[0])
        else:
            kept[cell] = merge_results([kept[cell], gave]) if cell in kept else gave
            kept[cell].save(cell.path(folder))
            made += len(work.seeds)
        finished += len(work.seeds)
        progress(finished, total, f"{planned[work.comparison].name}: {cell.strategy}")
    failed = [
        {name: str(error) for (comparison, name), (_, error) in errors.items() if comparison == place}
        for place in range(len(planned))
    ]
    results = {
        each.name: gathered
        for each, own in zip(planned, failed, strict=True)
        if (gathered := _gathered(each, kept, own)) is not None
    }
    if not results:
        raise StrategyError(next(text for own in failed for text in own.values()))
    paths = {name: folder / f"{name}-results.h5" for name in results}
    for name, each in results.items():
        each.save(paths[name])
    if publish is not None:
        publish(results, folder)
    return Study(
        results,
        paths,
        sum(len(each.cells) for each in planned),
        made,
        total - to_make,
        {f"{each.name}: {name}": text for each, own in zip(planned, failed, strict=True) for name, text in own.items()},
    )


def _seeds(results: Results | None) -> set[int]:
    return {seed for trials in results.trials.values() for seed in trials.seeds.tolist()} if results else set()


def _gathered(planned: PlannedComparison, kept: Mapping[Cell, Results], failed: Mapping[str, str]) -> Results | None:
    """Join the cells of a comparison and what is included in it; None if nothing is there."""
    parts = [
        select(kept[cell], {cell.strategy: cell.seeds})
        for cell in planned.cells
        if cell in kept and cell.strategy not in failed
    ]
    own = {"this study": merge_results(parts)} if parts else {}
    everything = {**own, **planned.included}
    if not everything:
        return None
    merged = merge_results(list(everything.values()), list(everything))
    return replace(merged, oracle=planned.called, failed={**merged.failed, **failed})
