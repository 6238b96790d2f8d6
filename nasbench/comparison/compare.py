"""Compare strategies on one oracle under one protocol."""

from __future__ import annotations

import multiprocessing
import multiprocessing.reduction
import pickle  # for its error; nothing is written with it
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.fronts import mark_fronts
from nasbench.comparison.patience import PATIENCE
from nasbench.comparison.references import Possible, possible
from nasbench.comparison.results import Results
from nasbench.comparison.run import check_protocol, make_protocol, run_lockstep
from nasbench.comparison.trials import Trials
from tabular.errors import NasbenchError, QueryError, StrategyError
from tabular.measures import DEFAULT_REPORT, Measure, Oracle, metric_of, resolve_measure
from tabular.work import PartProgress, deaf_to_interrupts, end_with_parent, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nasbench.comparison.budget import Budget
    from nasbench.comparison.protocol import Constraint, Protocol
    from strategies.strategy import StrategyFactory
    from tabular.work import Progress


RUNS_IN_A_PIECE = 100


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
    reports = [resolve_measure(each, oracle.tasks, DEFAULT_REPORT) for each in wanted]
    if not reports or len(set(reports)) < len(reports):
        raise QueryError(
            f"incumbents are judged by one report or several different ones, got {list(map(str, reports))}"
        )
    protocol = make_protocol(oracle, budget, signal, workers, repeats, objectives, constraints)
    if protocol.signal not in reports:
        reports.append(protocol.signal)  # its mean over trainings, for the regret by what strategies see
    _, goals = check_protocol(oracle, protocol)
    limits = possible(oracle, reports, protocol.objectives, protocol.constraints)
    seeds = list(range(first_seed, first_seed + runs))
    in_parts = _in_processes if jobs > 1 else _one_by_one
    done = in_parts(strategies, oracle, protocol, seeds, jobs, wait, progress)
    trials = {name: each for name, each in done.items() if isinstance(each, Trials)}
    failed = {name: each for name, each in done.items() if isinstance(each, NasbenchError)}
    if not trials:
        raise next(iter(failed.values()))
    for each in trials.values():
        mark_fronts(each, protocol, goals)
        add_reports(each, oracle, reports)
        add_best_seen(each, oracle, reports, limits)
    return Results.of(oracle, protocol, reports, limits, trials, {name: str(error) for name, error in failed.items()})


def _one_by_one(
    strategies: Mapping[str, StrategyFactory],
    oracle: Oracle,
    protocol: Protocol,
    seeds: list[int],
    jobs: int,  # noqa: ARG001 - one
    wait: float | None,
    progress: Progress,
) -> dict[str, Trials | NasbenchError]:
    done: dict[str, Trials | NasbenchError] = {}
    for i, (name, factory) in enumerate(strategies.items()):
        note = PartProgress(progress, i, len(strategies), name) if progress is not silent else silent
        try:
            done[name] = run_lockstep(factory, name, oracle, protocol, seeds, note, wait)
            note(100, 100, "")
        except NasbenchError as error:
            done[name] = error
    return done


def _in_processes(
    strategies: Mapping[str, StrategyFactory],
    oracle: Oracle,
    protocol: Protocol,
    seeds: list[int],
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
    parts: dict[str, list[Trials | None]] = {name: [None] * pieces for name in strategies}
    errors: dict[str, tuple[int, NasbenchError]] = {}
    others = set(multiprocessing.active_children())
    # Threads of torch or OpenMP do not survive a fork, so processes start afresh.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=end_with_parent) as pool:
        try:
            with deaf_to_interrupts():
                futures = {
                    pool.submit(run_lockstep, factory, name, oracle, protocol, share, silent, wait): (name, i)
                    for name, factory in strategies.items()
                    for i, share in enumerate(shares)
                }
            for done, future in enumerate(as_completed(futures), start=1):
                name, i = futures[future]
                try:
                    parts[name][i] = future.result()
                    progress(done, len(futures), name)
                except NasbenchError as error:
                    # Of several the error of the first runs, which does not depend on how many processes there are.
                    errors[name] = min(errors.get(name, (i, error)), (i, error), key=lambda each: each[0])
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
    return {
        name: errors[name][1] if name in errors else Trials.joined([part for part in each if part is not None])
        for name, each in parts.items()
    }


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


def add_reports(trials: Trials, oracle: Oracle, reports: Sequence[Measure]) -> None:
    """Fill in what each incumbent is worth by each report: its mean and spread over trainings.

    Only incumbents, and what entered a front, are looked up, so that an oracle that really trains pays for those alone.
    """
    rows = trials.architectures[trials.incumbent]
    unique, position = np.unique(rows, axis=0, return_inverse=True)
    broken = trials.violation[trials.incumbent] > 0
    found = []
    for answer in (oracle.query, oracle.spread):
        each = np.stack([answer(unique, report)[position.ravel()] for report in reports])
        each[:, broken] = np.nan
        found.append(each)
    (trials.report, *further), (trials.report_std, *further_std) = found
    trials.further = np.reshape(further, (-1, len(trials)))
    trials.further_std = np.reshape(further_std, (-1, len(trials)))
    if trials.on_front.any():
        trials.front_report[trials.on_front] = oracle.query(trials.architectures[trials.on_front], reports[0])


def add_best_seen(trials: Trials, oracle: Oracle, reports: Sequence[Measure], limits: Possible) -> None:
    """Fill in the best that each run had evaluated by each trial, by the reports whose best of the space is known."""
    trials.best_seen = np.full((len(reports), len(trials)), np.nan)
    known = [i for i, reference in enumerate(limits.references) if reference is not None]
    if not known:
        return
    unique, position = np.unique(trials.architectures, axis=0, return_inverse=True)
    for i in known:
        sign = metric_of(oracle, reports[i]).sign
        worth = sign * oracle.query(unique, reports[i])[position.ravel()]
        worth[np.isnan(worth) | (trials.violation > 0)] = -np.inf
        for start, stop in zip(trials.offsets[:-1].tolist(), trials.offsets[1:].tolist(), strict=True):
            np.maximum.accumulate(worth[start:stop], out=worth[start:stop])
        trials.best_seen[i] = np.where(np.isfinite(worth), sign * worth, np.nan)
