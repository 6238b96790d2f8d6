"""What a study has to run: its oracles opened, its protocols checked, its strategies made, all before any work."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from nasbench.comparison.budget import Budget
from nasbench.comparison.merging import check_comparable
from nasbench.comparison.protocol import Constraint
from nasbench.comparison.references import possible
from nasbench.comparison.results import Results
from nasbench.comparison.run import check_protocol, make_protocol
from nasbench.comparison.study_cells import Cell, cells_of
from nasbench.comparison.study_keys import DeclarationError
from tabular.errors import NasbenchError, PlanMismatchError
from tabular.measures import DEFAULT_REPORT, Oracle, resolve_measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nasbench.comparison.study_file import Declaration, DeclaredOracle
    from strategies.strategy import StrategyFactory

    OpenOracle = Callable[[str], Oracle]


class MakeStrategies(Protocol):
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
    oracle : Oracle
    called : str
        What results call the oracle.
    blank : Results
        Without trials: space, protocol, reports and origin.
    strategies : dict of str to Strategy class
    cells : tuple of Cell
    included : dict of str to Results
        Those of others, by path.
    """

    name: str
    oracle: Oracle
    called: str
    blank: Results
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
        if called in {each.called for each in planned}:
            raise DeclarationError(
                f"{declaration.path}: oracles: two are called {called!r}; give one a name of its own, with path and "
                "name in an [[oracles]] table"
            )
        blank = _blank(declaration, declared, oracle)
        with _about(declaration, "strategies"):
            strategies = make_strategies(
                declaration.strategies, oracle, declared.signal, several_objectives=bool(declaration.objectives)
            )
        for budget in declared.budgets:
            here = replace(blank, protocol=replace(blank.protocol, budget=Budget.parse(budget)))
            cells = [each for name, factory in strategies.items() for each in cells_of(here, name, factory, seeds)]
            name = f"{_slug(called)}-{_slug(budget)}"
            planned.append(PlannedComparison(name, oracle, called, here, strategies, tuple(cells), {}))
    return _with_included(declaration, planned)


def _blank(declaration: Declaration, declared: DeclaredOracle, oracle: Oracle) -> Results:
    tasks = oracle.tasks
    with _about(declaration, "signal"):
        signal = resolve_measure(declared.signal, tasks)
    with _about(declaration, "report"):
        reports = [resolve_measure(each, tasks, DEFAULT_REPORT) for each in declared.report or (None,)]
        if len(set(reports)) < len(reports):
            raise DeclarationError(
                f"{declaration.path}: report: names {', '.join(declared.report)}, of which two are the same"
            )
    with _about(declaration, "objectives"):
        objectives = [resolve_measure(each, tasks) for each in declaration.objectives]
    with _about(declaration, "constraints"):
        constraints = [Constraint.parse(each, tasks) for each in declaration.constraints]
    with _about(declaration, f"on {oracle.name}"):
        protocol = make_protocol(
            oracle, declared.budgets[0], signal, declaration.workers, declaration.repeats, objectives, constraints
        )
        check_protocol(oracle, protocol)
    with _about(declaration, "constraints"):
        limits = possible(oracle, reports, objectives, constraints)
    return Results.of(oracle, protocol, reports, limits, {}, {})


def _with_included(declaration: Declaration, planned: list[PlannedComparison]) -> list[PlannedComparison]:
    """Give each comparison the results of others that belong to it."""
    included: list[dict[str, Results]] = [{} for _ in planned]
    for path in declaration.include:
        with _about(declaration, "include"):
            theirs = Results.load(path)
            place = _place_of(theirs, path, planned)
        included[place][str(path)] = theirs
    return [replace(each, included=own) for each, own in zip(planned, included, strict=True)]


def _place_of(theirs: Results, path: Path, planned: Sequence[PlannedComparison]) -> int:
    refusals = [_refusal(theirs, path, each) for each in planned]
    if None in refusals:
        return refusals.index(None)
    # The reason that says most: on the same oracle, if there is one.
    nearest = next((i for i, each in enumerate(planned) if each.blank.oracle == theirs.oracle), 0)
    raise PlanMismatchError(refusals[nearest])


def _refusal(theirs: Results, path: Path, planned: PlannedComparison) -> str | None:
    """Return why results do not belong to a comparison, None if they do."""
    try:
        check_comparable(planned.blank, theirs, (f"the study's {planned.name}", str(path)))
    except PlanMismatchError as error:
        return str(error)
    return None


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
