"""Comparisons of strategies on one oracle, their extension, their final table."""

from __future__ import annotations

import multiprocessing
import multiprocessing.reduction
import pickle  # for its error; nothing is written with it
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nasbench.comparison.fronts import front_over_time, mark_fronts
from nasbench.comparison.lockstep import run_lockstep
from nasbench.comparison.merge import check_comparable, merge_results
from nasbench.comparison.protocol import make_protocol, terms_on
from nasbench.comparison.results import Report, Results
from nasbench.comparison.search_run import PATIENCE
from nasbench.comparison.trials import Trials
from tabular.errors import NasbenchError, QueryError, StrategyError
from tabular.measures import DEFAULT_REPORT, Digested, Measure, mean_of_known, resolve_measure, std_of_known
from tabular.work import PartProgress, deaf_to_interrupts, end_with_parent, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from nasbench.comparison.protocol import Budget, Constraint, Protocol, Terms
    from strategies.strategy import StrategyFactory
    from tabular.measures import Oracle
    from tabular.work import Progress

    Key = TypeVar("Key")
    Outcome = TypeVar("Outcome")

RUNS_IN_A_PIECE = 100
"""Worker processes are given runs in pieces of about this many."""


def compare(
    strategies: Mapping[str, StrategyFactory],
    oracle: Oracle,
    budget: Budget | str | float,
    *,
    runs: int = 100,
    first_seed: int = 0,
    signal: Measure | str | None = None,
    report: Measure | str | Sequence[Measure | str] | None = None,
    objectives: Sequence[Measure | str] = (),
    constraints: Sequence[Constraint | str] = (),
    workers: int = 1,
    repeats: str = "charge",
    jobs: int = 1,
    wait: float | None = PATIENCE,
    progress: Progress = silent,
) -> Results:
    """Run every strategy ``runs`` times on an oracle, and report the true worth of what each run had found by when.

    Parameters
    ----------
    strategies : mapping of name to Strategy class
        Or to a function ``(space, rng, fidelities) -> Strategy``.
    oracle : Oracle
    budget : Budget, str or number
        Of each run: ``300`` evaluations, ``600ep`` epochs, ``20000s`` simulated seconds.
    runs : int
        Runs of each strategy, with seeds ``first_seed``, ``first_seed + 1``, ...; strategies share seeds, so run k of
        each meets the same training of the same architecture.
    signal : Measure or str, optional
        What strategies see; validation accuracy by default.
    report : Measure or str, or several, optional
        What their incumbents are judged by; test accuracy by default. Several judge the same incumbents, by another
        data set, say; see `Results.reported_by`. The mean of the signal over trainings is always among them.
    objectives : sequence of Measure or str
        What is to be good beside the signal, such as ``latency_seconds``: strategies for several objectives weigh them,
        others go by the signal, and all are judged by the front of what they found.
    constraints : sequence of Constraint or str
        What an incumbent must keep to, such as ``parameters<=100000``. What breaks one is told as a divergence, or to
        strategies for several objectives with by how much.
    workers : int
        Simulated asynchronous workers in each run.
    repeats : str
        ``charge`` or ``cache``, see `nasbench.comparison.protocol.Protocol`.
    jobs : int
        Processes. The result is the same for any number.
    wait : float, optional
        Seconds that one ask or tell of a strategy may take before it counts as never ending; None waits for ever.
    progress : callable

    Returns
    -------
    Results
        Of a strategy that failed the error is in `Results.failed`; the others go on.

    Raises
    ------
    BudgetError, QueryError, UnknownNameError
        If the protocol does not suit the oracle, or no architecture keeps to a constraint.
    StrategyError
        If a strategy cannot be sent to another process (for several jobs), or none succeeded: the first one's error.

    Examples
    --------
    >>> from strategies import RandomSearch, RegularizedEvolution
    >>> results = compare(
    ...     {"random": RandomSearch, "evolution": RegularizedEvolution}, oracle, "12000s", runs=500
    ... )  # doctest: +SKIP
    """
    if runs < 1 or not strategies:
        raise QueryError(f"a comparison needs at least one strategy and one run, got {len(strategies)} and {runs}")
    wanted = [report] if report is None or isinstance(report, (Measure, str)) else list(report)
    reports = [resolve_measure(measure, oracle.tasks, DEFAULT_REPORT) for measure in wanted]
    if not reports or len(set(reports)) < len(reports):
        raise QueryError(
            f"incumbents are judged by one report or several different ones, got {list(map(str, reports))}"
        )
    protocol = make_protocol(oracle, budget, signal, workers, repeats, objectives, constraints)
    seeds = range(first_seed, first_seed + runs)
    return Comparison.of(oracle, protocol, reports).run(strategies, seeds, jobs=jobs, wait=wait, progress=progress)


@dataclass(frozen=True)
class Comparison:
    """One oracle under one protocol, with all measures resolved.

    Parameters
    ----------
    oracle : Oracle
    terms : Terms
        The protocol, and what it means on the oracle.
    blank : Results
        Without trials: reports, their best values in the space, and the origin of all.
    """

    oracle: Oracle
    terms: Terms
    blank: Results

    @classmethod
    def of(cls, oracle: Oracle, protocol: Protocol, reports: Sequence[Measure]) -> Comparison:
        """Look up all that does not depend on strategies and seeds.

        Raises
        ------
        QueryError
            If the protocol does not suit the oracle, or no architecture keeps to a constraint.
        """
        return cls(oracle, terms_on(oracle, protocol), Results.blank(oracle, protocol, reports))

    def run(
        self,
        strategies: Mapping[str, StrategyFactory],
        seeds: Sequence[int],
        *,
        jobs: int = 1,
        wait: float | None = PATIENCE,
        progress: Progress = silent,
    ) -> Results:
        """Run every strategy once per seed; see `compare` for the other parameters.

        Raises
        ------
        StrategyError
            If a strategy cannot be sent to another process (for several jobs), or none succeeded: the first one's
            error.
        """
        in_parts = partial(_in_processes, jobs=jobs) if jobs > 1 else _one_by_one
        trials: dict[str, Trials] = {}
        failed: dict[str, NasbenchError] = {}
        for name, outcome in in_parts(self, strategies, seeds, wait=wait, progress=progress).items():
            if isinstance(outcome, Trials):
                trials[name] = outcome
            else:
                failed[name] = outcome
        if not trials:
            raise next(iter(failed.values()))
        for own in trials.values():
            mark_fronts(own, self.terms)
            _add_reports(own, self.oracle, self.blank.reports)
            _add_best_seen(own, self.oracle, self.blank)
        return replace(self.blank, trials=trials, failed={name: str(error) for name, error in failed.items()})


def _one_by_one(
    comparison: Comparison,
    strategies: Mapping[str, StrategyFactory],
    seeds: Sequence[int],
    *,
    wait: float | None,
    progress: Progress,
) -> dict[str, Trials | NasbenchError]:
    done: dict[str, Trials | NasbenchError] = {}
    for i, (name, factory) in enumerate(strategies.items()):
        note = PartProgress(progress, i, len(strategies), name) if progress is not silent else silent
        try:
            done[name] = run_lockstep(factory, name, comparison.oracle, comparison.terms, seeds, note, wait)
            note(100, 100, "")
        except NasbenchError as error:
            done[name] = error
    return done


def _in_processes(
    comparison: Comparison,
    strategies: Mapping[str, StrategyFactory],
    seeds: Sequence[int],
    *,
    jobs: int,
    wait: float | None,
    progress: Progress,
) -> dict[str, Trials | NasbenchError]:
    for name, factory in strategies.items():
        check_travels(name, factory)
    # Large pieces, as a lock-step batch is cheaper the more runs it holds; but enough to fill the processes and to show
    # how far the work is.
    pieces = min(len(seeds), max(-(-jobs // len(strategies)), len(seeds) // RUNS_IN_A_PIECE))
    shares = [share.tolist() for share in np.array_split(np.array(seeds), pieces)]
    calls = {
        (name, i): (factory, name, comparison.oracle, comparison.terms, share, silent, wait)
        for name, factory in strategies.items()
        for i, share in enumerate(shares)
    }
    parts: dict[str, list[Trials | None]] = {name: [None] * pieces for name in strategies}
    errors: dict[str, tuple[int, NasbenchError]] = {}
    with closing(spread(run_lockstep, calls, jobs)) as outcomes:
        for done, ((name, i), outcome) in enumerate(outcomes, start=1):
            if isinstance(outcome, NasbenchError):
                # Of several the error of the first runs, which does not depend on how many processes there are.
                errors[name] = min(errors.get(name, (i, outcome)), (i, outcome), key=itemgetter(0))
            else:
                parts[name][i] = outcome
                progress(done, len(calls), name)
    return {
        name: errors[name][1] if name in errors else Trials.joined([part for part in own if part is not None])
        for name, own in parts.items()
    }


def spread(
    function: Callable[..., Outcome],
    calls: Mapping[Key, tuple[Any, ...]],
    jobs: int,
    begin: Callable[..., None] = end_with_parent,
    begin_with: tuple[Any, ...] = (),
) -> Generator[tuple[Key, Outcome | NasbenchError]]:
    """Yield each call's key and outcome, or error, as the calls get done in worker processes.

    To be closed (`contextlib.closing`), which ends the processes whatever they are at.

    Parameters
    ----------
    function : callable
    calls : dict of key to tuple
        The arguments of each call.
    jobs : int
        Processes.
    begin, begin_with
        Called in each process at its start; calls `end_with_parent`.

    Raises
    ------
    NasbenchError
        If a process ended before its work did.
    """
    others = set(multiprocessing.active_children())
    # Threads of torch or OpenMP do not survive a fork, so processes start afresh.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=begin, initargs=begin_with) as pool:
        try:
            with deaf_to_interrupts():
                futures = {pool.submit(function, *arguments): key for key, arguments in calls.items()}
            for future in as_completed(futures):
                try:
                    outcome: Outcome | NasbenchError = future.result()
                except NasbenchError as error:
                    outcome = error
                yield futures[future], outcome
        except BrokenProcessPool:
            raise NasbenchError(
                "a process of the comparison ended too soon; a script that compares with several jobs must do so under "
                "if __name__ == '__main__':, and where memory does not suffice fewer jobs help"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()  # nobody waits for what they compute
            raise


def check_travels(name: str, factory: StrategyFactory) -> None:
    """Make sure that a strategy can be sent to another process.

    Raises
    ------
    StrategyError
    """
    try:
        multiprocessing.reduction.ForkingPickler.dumps(factory)
    except (AttributeError, TypeError, pickle.PicklingError):
        raise StrategyError(
            f"strategy {name!r} cannot be sent to another process: {factory!r}; define it at the top level of a "
            "module, or compare with jobs=1"
        ) from None


def _add_reports(trials: Trials, oracle: Oracle, reports: Sequence[Measure]) -> None:
    """Fill in what each incumbent is worth by each report: its mean and spread over trainings.

    Only incumbents, and what entered a front, are looked up, so that an oracle that really trains pays for those alone.
    """
    rows = trials.architectures[trials.incumbent]
    unique, position = np.unique(rows, axis=0, return_inverse=True)
    broken = trials.violation[trials.incumbent] > 0
    found = []
    for answer in (oracle.query, oracle.spread):
        values = np.stack([answer(unique, report)[position.ravel()] for report in reports])
        values[:, broken] = np.nan
        found.append(values)
    (trials.report, *further), (trials.report_std, *further_std) = found
    trials.further = np.reshape(further, (-1, len(trials)))
    trials.further_std = np.reshape(further_std, (-1, len(trials)))
    if trials.on_front.any():
        trials.front_report[trials.on_front] = oracle.query(trials.architectures[trials.on_front], reports[0])


def _add_best_seen(trials: Trials, oracle: Oracle, blank: Results) -> None:
    """Fill in the best that each run had evaluated by each trial, by the reports whose best of the space is known."""
    first = Report(blank.report, blank.report_metric, blank.reference)
    reports = [first, *blank.further]
    trials.best_seen = np.full((len(reports), len(trials)), np.nan)
    known = [(i, report) for i, report in enumerate(reports) if report.reference is not None]
    if not known:
        return
    unique, position = np.unique(trials.architectures, axis=0, return_inverse=True)
    for i, report in known:
        sign = report.metric.sign
        worth = sign * oracle.query(unique, report.measure)[position.ravel()]
        worth[np.isnan(worth) | (trials.violation > 0)] = -np.inf
        for start, stop in zip(trials.offsets[:-1].tolist(), trials.offsets[1:].tolist(), strict=True):
            np.maximum.accumulate(worth[start:stop], out=worth[start:stop])
        trials.best_seen[i] = np.where(np.isfinite(worth), sign * worth, np.nan)


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
    if not missing:
        return merge_results([results])
    comparison = Comparison.of(oracle, results.protocol, results.reports)
    made: list[Results] = []
    errors: dict[str, NasbenchError] = {}

    def run(span: range, names: Sequence[str], note: Progress) -> None:
        try:
            part = comparison.run({name: strategies[name] for name in names}, span, jobs=jobs, wait=wait, progress=note)
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
    if not made:
        raise next(iter(errors.values()))
    retried = {name for names in missing.values() for name in names}
    before = replace(results, failed={name: text for name, text in results.failed.items() if name not in retried})
    merged = merge_results([before, *made])
    return replace(merged, failed={**{name: str(error) for name, error in errors.items()}, **merged.failed})


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


@dataclass(frozen=True)
class SummaryRow:
    """One line of the final table.

    Parameters
    ----------
    strategy : str
        Or ``random architecture`` or ``optimum``.
    runs : int
        0 for the two reference rows.
    evaluations : float
        Mean per run.
    report, report_std : float
        Mean and standard deviation over runs of the last incumbent's report.
    regret : float
        Its median regret over runs.
    own_seconds : float
        Seconds of computing of the strategy itself, mean per trial.
    hypervolume : float
        Mean over runs of the last front's, see `nasbench.comparison.fronts.front_over_time`; NaN without objectives.
    """

    strategy: str
    runs: int
    evaluations: float
    report: float
    report_std: float
    regret: float
    own_seconds: float = np.nan
    hypervolume: float = np.nan


def summarise(results: Results) -> list[SummaryRow]:
    """Return one row a strategy, best first, between the optimum and a random architecture where these are known."""
    sign = results.report_metric.sign
    rows, fronts = [], any(trials.on_front.any() for trials in results.trials.values())
    for name, trials in results.trials.items():
        final, regret = trials.report[trials.last], results.regret(trials)[trials.last]
        mean, spread = (float(over(final[None])[0]) for over in (mean_of_known, std_of_known))
        middle = float(np.nanmedian(regret)) if np.isfinite(regret).any() else np.nan
        volume = front_over_time(results, name)[trials.last].mean() if fronts else np.nan
        own = float(trials.thinking.sum() / len(trials))
        rows.append(SummaryRow(name, trials.runs, len(trials) / trials.runs, mean, spread, middle, own, float(volume)))
    rows.sort(key=lambda row: (np.isnan(row.report), -sign * row.report))
    reference = results.reference
    if reference is None:
        return rows
    gap = sign * (reference.best - reference.random_mean)
    return [
        SummaryRow("optimum", 0, np.nan, reference.best, np.nan, 0.0),
        *rows,
        SummaryRow("random architecture", 0, np.nan, reference.random_mean, reference.random_std, gap),
    ]
