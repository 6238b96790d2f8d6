"""More strategies or more seeds for a comparison that was made before, without running again what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nasbench.comparison.compare import compare
from nasbench.comparison.merging import check_comparable, merge_results
from nasbench.comparison.patience import PATIENCE
from tabular.errors import NasbenchError, QueryError
from tabular.measures import Digested
from tabular.work import PartProgress, silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nasbench.comparison.results import Results
    from strategies.strategy import StrategyFactory
    from tabular.measures import Oracle
    from tabular.work import Progress


def extend(
    results: Results,
    strategies: Mapping[str, StrategyFactory],
    oracle: Oracle,
    *,
    runs: int = 100,
    first_seed: int = 0,
    jobs: int = 1,
    wait: float | None = PATIENCE,
    progress: Progress = silent,
) -> Results:
    """Run what a comparison lacks of these strategies and seeds, under its own protocol, and join it.

    Parameters
    ----------
    results : Results
        Left as they are.
    strategies : mapping of name to Strategy class
        A name that is there already stands for the same strategy with the same options.
    oracle : Oracle
        The one that ``results`` were made on.
    runs, first_seed, jobs, wait, progress
        As `nasbench.comparison.compare` takes them.

    Returns
    -------
    Results
        The same as of one comparison of all, apart from the time that strategies took. Of a strategy that failed the
        error is in `Results.failed`; runs of it that were there before stay.

    Raises
    ------
    PlanMismatchError
        If the oracle is another one.
    QueryError
        If no strategy or no run is asked for.
    StrategyError
        If all that was missing failed: the first one's error.
    """
    if runs < 1 or not strategies:
        raise QueryError(f"an extension needs at least one strategy and one run, got {len(strategies)} and {runs}")
    check_comparable(results, _on(results, oracle), ("the results", f"what runs on {oracle.name}"))
    missing = _missing(results, strategies, range(first_seed, first_seed + runs))
    made: list[Results] = []
    errors: dict[str, NasbenchError] = {}

    def run(span: range, names: Sequence[str], note: Progress) -> None:
        try:
            part = compare_alike(
                results, {name: strategies[name] for name in names}, oracle, span, jobs=jobs, wait=wait, progress=note
            )
        except NasbenchError as error:
            if len(names) == 1:
                errors.setdefault(names[0], error)
                return
            for name in names:  # all of them failed, and the error is of the first
                run(span, [name], silent)
        else:
            made.append(part)

    for i, (span, names) in enumerate(missing.items()):
        run(span, names, progress if len(missing) == 1 else PartProgress(progress, i, len(missing)))
    if missing and not made:
        raise next(iter(errors.values()))
    retried = {name for names in missing.values() for name in names}
    before = replace(results, failed={name: text for name, text in results.failed.items() if name not in retried})
    merged = merge_results([before, *made])
    return replace(merged, failed={**{name: str(error) for name, error in errors.items()}, **merged.failed})


def compare_alike(
    results: Results,
    strategies: Mapping[str, StrategyFactory],
    oracle: Oracle,
    seeds: range,
    *,
    jobs: int = 1,
    wait: float | None = PATIENCE,
    progress: Progress = silent,
) -> Results:
    """Compare strategies under the protocol, and by the reports, of other results.

    Parameters
    ----------
    results : Results
        Of any strategies, or none.
    seeds : range
        Of the runs, without gaps.
    strategies, oracle, jobs, wait, progress
        As `nasbench.comparison.compare` takes them; its errors are raised.
    """
    protocol = results.protocol
    return compare(
        strategies,
        oracle,
        protocol.budget,
        runs=len(seeds),
        first_seed=seeds.start,
        signal=protocol.signal,
        report=results.reports,
        objectives=protocol.objectives,
        constraints=protocol.constraints,
        workers=protocol.workers,
        repeats=protocol.repeats,
        jobs=jobs,
        wait=wait,
        progress=progress,
    )


def spans(seeds: Iterable[int]) -> list[range]:
    """Return ascending seeds as stretches without gaps."""
    found: list[range] = []
    for seed in seeds:
        if found and seed == found[-1].stop:
            found[-1] = range(found[-1].start, seed + 1)
        else:
            found.append(range(seed, seed + 1))
    return found


def _on(results: Results, oracle: Oracle) -> Results:
    """Return results as if they were of this oracle, which may be one that lacks their measures."""
    tasks = {name: task.provenance for name, task in oracle.tasks.items()}
    origin = {"digest": oracle.digest if isinstance(oracle, Digested) else ""}
    return replace(results, oracle=oracle.name, space=oracle.space, provenance={"oracle": origin, "tasks": tasks})


def _missing(results: Results, strategies: Iterable[str], wanted: range) -> dict[range, list[str]]:
    """Return the stretches of seeds that are not there, each with the strategies that lack it."""
    missing: dict[range, list[str]] = {}
    for name in strategies:
        there = set(results.trials[name].seeds.tolist()) if name in results.trials else set()
        for span in spans(seed for seed in wanted if seed not in there):
            missing.setdefault(span, []).append(name)
    return missing
