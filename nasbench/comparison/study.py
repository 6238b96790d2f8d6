"""Studies: several comparisons from one file, each run kept on record.

Each comparison becomes one results file.

A study is planned first: oracles opened, protocols checked, strategies made, all before any work. Its runs are parted
into cells, which have files of their own, named by a hash of all that decides them; what is missing is made.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import sys
import typing
import warnings
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.comparison.compare import Comparison, check_travels, spans, spread
from nasbench.comparison.merge import check_comparable, merge_results
from nasbench.comparison.protocol import Budget, Constraint, Protocol, terms_on
from nasbench.comparison.results import Results, select
from nasbench.comparison.study_file import DeclarationError
from tabular.errors import FileFormatError, NasbenchError, PlanMismatchError, StrategyError
from tabular.files import check_writable
from tabular.measures import DEFAULT_REPORT, Digested, resolve_measure
from tabular.version import __version__
from tabular.work import end_with_parent, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from nasbench.comparison.study_file import Declaration, DeclaredOracle
    from strategies.strategy import StrategyFactory
    from tabular.measures import Measure, Oracle
    from tabular.work import Progress

    OpenOracle = Callable[[str], Oracle]
    Publish = Callable[[Mapping[str, Results], Path], object]

RUNS_IN_A_CELL = 100
"""Cells part the seeds at multiples of this, so that another number of runs, or first seed, asks for the same ones."""

_OURS = {"nasbench", "strategies"}
"""The packages whose code the version of nasbench stands for."""


@dataclass(frozen=True)
class Study:
    """The results of a study, and what had to be made for them.

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
        See `MakeStrategies`.
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
    kept = {cell: found for own in planned for cell in own.cells if (found := cell.load(folder)) is not None}
    missing = [
        Work(index, cell, span)
        for index, own in enumerate(planned)
        for cell in own.cells
        for span in spans(seed for seed in cell.seeds if seed not in _seeds(kept.get(cell)))
    ]
    total = sum(len(cell.seeds) for own in planned for cell in own.cells)
    to_make = sum(len(work.seeds) for work in missing)
    errors: dict[tuple[int, str], tuple[int, NasbenchError]] = {}
    made, finished = 0, total - to_make
    progress(finished, total, "")
    with closing(done(shared_out(missing, jobs), planned, jobs, declaration.wait)) as outcomes:
        for work, outcome in outcomes:
            cell, strategy = work.cell, (work.comparison, work.cell.strategy)
            if isinstance(outcome, NasbenchError):
                # Of several errors that of the first run, whatever came first.
                own_error = (work.seeds.start, outcome)
                errors[strategy] = min(errors.get(strategy, own_error), own_error, key=itemgetter(0))
            else:
                kept[cell] = merge_results([kept[cell], outcome]) if cell in kept else outcome
                kept[cell].save(cell.path(folder))
                made += len(work.seeds)
            finished += len(work.seeds)
            progress(finished, total, f"{planned[work.comparison].name}: {cell.strategy}")
    failed = [
        {name: str(error) for (comparison, name), (_, error) in errors.items() if comparison == index}
        for index in range(len(planned))
    ]
    results = {
        comparison.name: gathered
        for comparison, own in zip(planned, failed, strict=True)
        if (gathered := _gathered(comparison, kept, own)) is not None
    }
    if not results:
        raise StrategyError(next(text for own in failed for text in own.values()))
    paths = {name: folder / f"{name}-results.h5" for name in results}
    for name, gathered in results.items():
        gathered.save(paths[name])
    if publish is not None:
        publish(results, folder)
    return Study(
        results,
        paths,
        sum(len(comparison.cells) for comparison in planned),
        made,
        total - to_make,
        {
            f"{comparison.name}: {name}": text
            for comparison, own in zip(planned, failed, strict=True)
            for name, text in own.items()
        },
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


class MakeStrategies(typing.Protocol):
    """Makes strategies of names and families."""

    def __call__(
        self, texts: Sequence[str], oracle: Oracle, signal: str | None, *, several_objectives: bool
    ) -> Mapping[str, StrategyFactory]:
        """Return strategies by name, each name with its options."""
        ...


@dataclass(frozen=True)
class PlannedComparison:
    """One oracle with one budget.

    Parameters
    ----------
    name : str
        Of its files.
    called : str
        What results call the oracle.
    comparison : Comparison
    strategies : dict of str to Strategy class
    cells : tuple of Cell
    included : dict of str to Results
        Those of others, by path.
    """

    name: str
    called: str
    comparison: Comparison
    strategies: Mapping[str, StrategyFactory]
    cells: tuple[Cell, ...]
    included: Mapping[str, Results]


def plan_study(
    declaration: Declaration, open_oracle: OpenOracle, make_strategies: MakeStrategies
) -> list[PlannedComparison]:
    """Return all comparisons of a study.

    Raises
    ------
    DeclarationError
        If an oracle cannot be opened, a strategy is not known, a measure is not there, or what is to be included
        belongs to none of the comparisons; the message names the study's file and the key.
    """
    seeds = range(declaration.first_seed, declaration.first_seed + declaration.runs)
    planned: list[PlannedComparison] = []
    for declared in declaration.oracles:
        with _about(declaration, "oracles"):
            oracle = open_oracle(declared.path)
        called = declared.name or oracle.name
        if called in {earlier.called for earlier in planned}:
            raise DeclarationError(
                f"{declaration.path}: oracles: two are called {called!r}; give one a name of its own, with path and "
                "name in an [[oracles]] table"
            )
        reports, comparison = _resolved(declaration, declared, oracle)
        with _about(declaration, "strategies"):
            strategies = make_strategies(
                declaration.strategies, oracle, declared.signal, several_objectives=bool(declaration.objectives)
            )
        for budget in declared.budgets:
            here = _with_budget(comparison, Budget.parse(budget))
            cells = [
                cell
                for name, factory in strategies.items()
                for cell in cells_of(here.blank, reports, name, factory, seeds)
            ]
            name = f"{_slug(called)}-{_slug(budget)}"
            planned.append(PlannedComparison(name, called, here, strategies, tuple(cells), {}))
    return _with_included(declaration, planned)


def _resolved(declaration: Declaration, declared: DeclaredOracle, oracle: Oracle) -> tuple[list[Measure], Comparison]:
    """Return the declared reports, and the comparison with the first budget."""
    tasks = oracle.tasks
    with _about(declaration, "signal"):
        signal = resolve_measure(declared.signal, tasks)
    with _about(declaration, "report"):
        reports = [resolve_measure(report, tasks, DEFAULT_REPORT) for report in declared.report or (None,)]
        if len(set(reports)) < len(reports):
            raise DeclarationError(
                f"{declaration.path}: report: names {', '.join(declared.report)}, of which two are the same"
            )
    with _about(declaration, "objectives"):
        objectives = tuple(resolve_measure(objective, tasks) for objective in declaration.objectives)
    with _about(declaration, "constraints"):
        constraints = tuple(Constraint.parse(constraint, tasks) for constraint in declaration.constraints)
    with _about(declaration, f"on {oracle.name}"):
        budget = Budget.parse(declared.budgets[0])
        protocol = Protocol(signal, budget, declaration.workers, declaration.repeats, objectives, constraints)
        terms = terms_on(oracle, protocol)
    with _about(declaration, "constraints"):
        return reports, Comparison(oracle, terms, Results.blank(oracle, protocol, reports))


def _with_budget(comparison: Comparison, budget: Budget) -> Comparison:
    protocol = replace(comparison.terms.protocol, budget=budget)
    return Comparison(
        comparison.oracle, comparison.terms._replace(protocol=protocol), replace(comparison.blank, protocol=protocol)
    )


@contextmanager
def _about(declaration: Declaration, key: str) -> Iterator[None]:
    """Name the study's file and the key in errors."""
    try:
        yield
    except DeclarationError:
        raise
    except NasbenchError as error:
        raise DeclarationError(f"{declaration.path}: {key}: {error}") from None


def _slug(text: str) -> str:
    """Return text as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text.replace(",", "")).strip("-.") or "study"


def _with_included(declaration: Declaration, planned: list[PlannedComparison]) -> list[PlannedComparison]:
    """Give each comparison the results of others that belong to it."""
    included: list[dict[str, Results]] = [{} for _ in planned]
    for path in declaration.include:
        with _about(declaration, "include"):
            theirs = Results.load(path)
            index = _index_of(theirs, path, planned)
        included[index][str(path)] = theirs
    return [replace(comparison, included=theirs) for comparison, theirs in zip(planned, included, strict=True)]


def _index_of(theirs: Results, path: Path, planned: Sequence[PlannedComparison]) -> int:
    refusals = [_refusal(theirs, path, comparison) for comparison in planned]
    if None in refusals:
        return refusals.index(None)
    # The reason that says most: on the same oracle, if there is one.
    nearest = next((i for i, own in enumerate(planned) if own.comparison.blank.oracle == theirs.oracle), 0)
    raise PlanMismatchError(refusals[nearest])


def _refusal(theirs: Results, path: Path, planned: PlannedComparison) -> str | None:
    """Return why results do not belong to a comparison, None if they do."""
    try:
        check_comparable(planned.comparison.blank, theirs, (f"the study's {planned.name}", str(path)))
    except PlanMismatchError as error:
        return str(error)
    return None


@dataclass(frozen=True)
class Cell:
    """Runs of one strategy on one oracle with one budget.

    Parameters
    ----------
    strategy : str
    seeds : range
        Those that are wanted, all of one piece of `RUNS_IN_A_CELL`.
    digest : str
        SHA-256 of all that decides the runs, and of which piece they are.
    """

    strategy: str
    seeds: range
    digest: str

    def path(self, folder: Path) -> Path:
        """Return where its runs are kept in the folder of a study."""
        return folder / "cells" / f"{self.digest}.h5"

    def load(self, folder: Path) -> Results | None:
        """Return the runs on record, or None; a warning tells of a file that cannot be used.

        It may hold other runs of the piece than those that are wanted.
        """
        path = self.path(folder)
        if not path.exists():
            return None
        try:
            results = Results.load(path)
        except FileFormatError as error:
            warnings.warn(f"{error}; its runs are made again", stacklevel=2)
            return None
        if list(results.trials) != [self.strategy]:
            warnings.warn(f"{path}: holds other runs than its name stands for; they are made again", stacklevel=2)
            return None
        return results


def cells_of(
    blank: Results, reports: Sequence[Measure], strategy: str, factory: StrategyFactory, seeds: range
) -> list[Cell]:
    """Return the cells of a strategy's runs, in the order of seeds.

    Parameters
    ----------
    blank : Results
        Tells oracle and protocol; its trials do not matter.
    reports : sequence of Measure
        Those that are declared.
    strategy : str
        Name with options.
    factory : Strategy class or callable
    seeds : range
        Without gaps.
    """
    basis = {**_decisive(blank, reports), "strategy": strategy, "code": code_digests(factory)}
    cells = []
    for piece in range(seeds.start // RUNS_IN_A_CELL, (seeds.stop - 1) // RUNS_IN_A_CELL + 1):
        start = piece * RUNS_IN_A_CELL
        wanted = range(max(start, seeds.start), min(start + RUNS_IN_A_CELL, seeds.stop))
        cells.append(Cell(strategy, wanted, _hash({**basis, "piece": start})))
    return cells


def _decisive(blank: Results, reports: Sequence[Measure]) -> dict[str, Any]:
    """Return what decides the runs of any strategy, as JSON."""
    protocol = blank.protocol
    oracle = blank.provenance["oracle"]
    if not oracle["digest"]:
        reference = blank.reference._asdict() if blank.reference else None
        oracle = {**oracle, "name": blank.oracle, "tasks": blank.provenance["tasks"], "reference": reference}
    return {
        "nasbench": __version__,
        "oracle": oracle,
        "space": blank.space.declaration(),
        "signal": str(protocol.signal),
        "reports": [str(report) for report in reports],
        "budget": [protocol.budget.amount, protocol.budget.unit],
        "workers": protocol.workers,
        "repeats": protocol.repeats,
        "objectives": [str(objective) for objective in protocol.objectives],
        "constraints": [[str(bound.measure), bound.at_most, bound.bound] for bound in protocol.constraints],
    }


def code_digests(factory: StrategyFactory) -> dict[str, str]:
    """Return the SHA-256 of what a strategy's name does not tell and the version of nasbench does not either.

    That is of each file in which its class, or a class that it derives from, is written; not of what these import.
    And of oracles that are among its options.
    """
    digests: dict[str, str] = {}
    made_by: Any = factory
    while isinstance(made_by, functools.partial):
        digests |= {key: value.digest for key, value in made_by.keywords.items() if isinstance(value, Digested)}
        made_by = made_by.func
    classes = made_by.__mro__ if isinstance(made_by, type) else (made_by,)
    for module in sorted({str(code.__module__) for code in classes}):
        package = module.partition(".")[0]
        file = getattr(sys.modules.get(module), "__file__", None)
        if package not in _OURS and package not in sys.stdlib_module_names and file is not None:
            digests[module] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return digests


def _hash(value: dict[str, Any]) -> str:
    """Return the SHA-256 of canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Work:
    """Runs of one cell that are made together.

    Parameters
    ----------
    comparison : int
        Index of its comparison in the study.
    cell : Cell
    seeds : range
    """

    comparison: int
    cell: Cell
    seeds: range


def shared_out(work: Sequence[Work], jobs: int) -> list[Work]:
    """Return the same runs in more pieces, where there are fewer than processes."""
    shares = -(-jobs // len(work)) if work else 1
    if shares == 1:
        return list(work)
    pieces = []
    for whole in work:
        seeds = whole.seeds
        size = -(-len(seeds) // shares)
        pieces += [
            replace(whole, seeds=range(start, min(start + size, seeds.stop)))
            for start in range(seeds.start, seeds.stop, size)
        ]
    return pieces


def done(
    work: Sequence[Work], planned: Sequence[PlannedComparison], jobs: int, wait: float | None
) -> Generator[tuple[Work, Results | NasbenchError]]:
    """Yield each piece of work with its results, or its error, as the pieces get done; to be closed.

    Parameters
    ----------
    work : sequence of Work
    planned : sequence of PlannedComparison
    jobs : int
        Processes.
    wait : float, optional
        See `nasbench.comparison.compare`.
    """
    if jobs == 1 or len(work) < 2:
        for piece in work:
            own, name = planned[piece.comparison], piece.cell.strategy
            try:
                outcome: Results | NasbenchError = own.comparison.run(
                    {name: own.strategies[name]}, piece.seeds, wait=wait
                )
            except NasbenchError as error:
                outcome = error
            yield piece, outcome
        return
    for comparison in planned:
        for name, factory in comparison.strategies.items():
            check_travels(name, factory)
    comparisons = [own.comparison for own in planned]
    calls: dict[Work, tuple[Any, ...]] = {}
    for piece in work:
        name = piece.cell.strategy
        calls[piece] = (piece.comparison, name, planned[piece.comparison].strategies[name], piece.seeds, wait)
    yield from spread(_run_in_worker, calls, min(jobs, len(work)), _begin, (comparisons,))


_comparisons: list[Comparison] = []
"""In a worker process: the comparisons of the study; sent once, so that an oracle keeps what it has read."""


def _begin(comparisons: list[Comparison]) -> None:
    end_with_parent()
    _comparisons[:] = comparisons


def _run_in_worker(index: int, name: str, factory: StrategyFactory, seeds: range, wait: float | None) -> Results:
    return _comparisons[index].run({name: factory}, seeds, wait=wait)
