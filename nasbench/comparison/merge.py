"""Results of several comparisons on one oracle under one protocol, joined to one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.comparison.results import keep_further
from nasbench.comparison.trials import ARRAYS, OF_RUNS, TRIALS_LAST, Trials, take_runs
from tabular.errors import PlanMismatchError, QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nasbench.comparison.results import Results
    from tabular.measures import Measure

VERSIONS = "versions"
"""The entry of the provenance that lists the versions of all parts, where they are not the same."""

_BY_SEED = [name for name in ARRAYS if name not in {"offsets", "best_seen", *OF_RUNS}]
"""Fields that a seed decides: not the thinking, nor those that older files lack and the rest decides."""


def merge_results(parts: Sequence[Results], names: Sequence[str] = ()) -> Results:
    """Join the strategies and runs of several results.

    Strategies come in the order in which the parts have them, runs by their seeds. A run that is there twice is taken
    once. Of further reports those are kept that all parts have. If the parts were made by several versions, the
    provenance lists them under ``versions``.

    Parameters
    ----------
    parts : sequence of Results
    names : sequence of str, optional
        What messages call the parts: the paths of their files, say.

    Raises
    ------
    QueryError
        If there is no part.
    PlanMismatchError
        If the parts are not comparable, or hold one run with different trials; the message names the first difference.
    """
    if not parts:
        raise QueryError("nothing to merge: give one results file at least")
    called = list(names) or [f"part {i}" for i in range(1, len(parts) + 1)]
    first = parts[0]
    for other, name in zip(parts[1:], called[1:], strict=True):
        check_comparable(first, other, (called[0], name))
    kept = further_of_all(parts)
    equal = [keep_further(part, kept) for part in parts]
    of_strategy: dict[str, list[tuple[Trials, str]]] = {}
    failed: dict[str, str] = {}
    for part, name in zip(equal, called, strict=True):
        for strategy, trials in part.trials.items():
            of_strategy.setdefault(strategy, []).append((trials, name))
        failed = {**part.failed, **failed}
    with_front = next((part for part in equal if part.front is not None), first)
    return replace(
        equal[0],
        trials={strategy: _joined(several) for strategy, several in of_strategy.items()},
        provenance=_provenance(equal),
        front=with_front.front,
        worst=with_front.worst,
        failed=failed,
    )


def further_of_all(parts: Sequence[Results]) -> list[Measure]:
    """Return the further reports that all parts have, in the order of the first."""
    others = [{report.measure for report in part.further} for part in parts[1:]]
    return [report.measure for report in parts[0].further if all(report.measure in other for other in others)]


def check_comparable(first: Results, second: Results, names: tuple[str, str] = ("part 1", "part 2")) -> None:
    """Refuse results that must not stand side by side.

    Oracles are told apart by their digests; where one of the two has none, by names and the origin of their tasks.

    Parameters
    ----------
    first, second : Results
    names : (str, str)
        What the message calls them.

    Raises
    ------
    PlanMismatchError
        Naming the first thing that differs, with both values.
    """
    for what, one, other in _compared(first, second):
        if one != other:
            texts = [str(one), str(other)] if str(one) != str(other) else [repr(one), repr(other)]
            raise PlanMismatchError(
                f"{names[1]} cannot be merged with {names[0]}: its {what} is {texts[1]}, not {texts[0]}; "
                "only results on one oracle under one protocol belong together"
            )


def _compared(first: Results, second: Results) -> Iterator[tuple[str, object, object]]:
    """Yield what must be equal: its name, and both values, those that explain most first."""
    yield "space", first.space.name, second.space.name
    path, one, other = _first_difference(first.space.declaration(), second.space.declaration())
    yield _of([*path, "space"]), one, other
    yield from _oracles(first, second)
    a, b = first.protocol, second.protocol
    yield "signal", a.signal, b.signal
    yield "report", first.report, second.report
    yield "budget", a.budget, b.budget
    yield "number of workers", a.workers, b.workers
    yield "handling of repeats", a.repeats, b.repeats
    yield "list of objectives", _Listed(a.objectives), _Listed(b.objectives)
    yield "list of constraints", _Listed(a.constraints), _Listed(b.constraints)


class _Listed(tuple[object, ...]):
    """Shows as a list for people."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(map(str, self)) or "none"


def _oracles(first: Results, second: Results) -> Iterator[tuple[str, object, object]]:
    one, other = (str((part.provenance.get("oracle") or {}).get("digest") or "") for part in (first, second))
    if one and other:
        if one != other:
            yield "oracle", f"{first.oracle} ({one[:12]}...)", f"{second.oracle} ({other[:12]}...)"
        return
    yield "oracle", first.oracle, second.oracle
    # What was read from a file has lists where a comparison has tuples.
    tasks, others = (json.loads(json.dumps(part.provenance.get("tasks") or {})) for part in (first, second))
    for task in tasks:
        if task in others:
            path, a, b = _first_difference(tasks[task], others[task])
            yield _of([*path, f"task {task!r}"]), a, b
    if first.report == second.report and first.reference and second.reference:
        yield "best of the space", first.reference.best, second.reference.best


def _of(path: Sequence[str]) -> str:
    return " of ".join(path)


def _first_difference(one: Any, other: Any) -> tuple[list[str], Any, Any]:
    """Return where two nested values differ first, innermost name first, and what they have there."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            path, a, b = _first_difference(one.get(key), other.get(key))
            if a != b:
                return [*path, str(key)], a, b
        return [], None, None
    return [], one, other


def _joined(parts: list[tuple[Trials, str]]) -> Trials:
    """Join the runs of one strategy, sorted by seed, each seed once."""
    joined = parts[0][0] if len(parts) == 1 else Trials.joined([part for part, _ in parts])
    seeds = joined.seeds
    order = np.argsort(seeds, kind="stable")
    repeats = np.flatnonzero(seeds[order][1:] == seeds[order][:-1])
    if len(repeats):
        whose = np.repeat([name for _, name in parts], [part.runs for part, _ in parts])
        for index in repeats.tolist():
            one, other = int(order[index]), int(order[index + 1])
            _check_same_run(joined, one, other, (str(whose[one]), str(whose[other])))
    order = np.delete(order, repeats + 1)
    return joined if np.array_equal(order, np.arange(joined.runs)) else take_runs(joined, order)


def _check_same_run(trials: Trials, one: int, other: int, names: tuple[str, str]) -> None:
    """Refuse two runs of a seed that are not the same, thinking aside."""
    a, b = take_runs(trials, [one]), take_runs(trials, [other])
    shared = min(len(a), len(b))
    first, what = shared, "number of trials"
    for name in _BY_SEED:
        x, y = getattr(a, name), getattr(b, name)
        x, y = (x.T[:shared], y.T[:shared]) if name in TRIALS_LAST else (x[:shared], y[:shared])
        differ = (x != y) & ~(np.isnan(x) & np.isnan(y)) if x.dtype.kind == "f" else x != y
        rows = np.flatnonzero(differ.any(axis=tuple(range(1, differ.ndim))))
        if len(rows) and rows[0] < first:
            first, what = int(rows[0]), name
    if first < shared or len(a) != len(b):
        x, y = (len(a), len(b)) if first == shared else (_entry(run, what, first) for run in (a, b))
        where = f"has {y} trials" if first == shared else f"trial {first} has {what} = {y}"
        raise PlanMismatchError(
            f"run {trials.seeds[one]} of strategy {trials.strategy!r} is not the same in {names[0]} and {names[1]}: "
            f"{where} in the second, {x} in the first; leave that strategy out of one of them, or name it otherwise"
        )


def _entry(run: Trials, name: str, trial: int) -> object:
    values = getattr(run, name)
    return (values[:, trial] if name in TRIALS_LAST else values[trial]).tolist()


def _provenance(parts: Sequence[Results]) -> Mapping[str, Any]:
    """Return the origin of the first part, and the versions of all where they are not the same."""
    versions: list[dict[str, Any]] = []
    for part in parts:
        own = {key: part.provenance[key] for key in ("nasbench", "numpy") if key in part.provenance}
        versions += [version for version in part.provenance.get(VERSIONS, [own]) if version not in versions]
    tasks: dict[str, Any] = {}
    for part in parts:
        tasks = {**(part.provenance.get("tasks") or {}), **tasks}
    oracle = next((part.provenance["oracle"] for part in parts if "oracle" in part.provenance), None)
    return {
        **parts[0].provenance,
        **({"oracle": oracle} if oracle else {}),
        **({"tasks": tasks} if tasks else {}),
        **({VERSIONS: versions} if len(versions) > 1 else {}),
    }
