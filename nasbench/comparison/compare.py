"""Compare strategies on one oracle under one protocol."""

from __future__ import annotations

import multiprocessing
import multiprocessing.reduction
import pickle  # for its error; nothing is written with it
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.budget import Budget
from nasbench.comparison.results import Results
from nasbench.comparison.run import check_protocol, run_lockstep
from nasbench.comparison.search_run import Protocol
from nasbench.comparison.trials import Trials
from nasbench.errors import QueryError, StrategyError
from nasbench.oracle import DEFAULT_REPORT, Measure, Oracle, resolve_measure
from nasbench.processes import deaf_to_interrupts, end_with_parent
from nasbench.progress import silent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nasbench.comparison.search_run import StrategyFactory
    from nasbench.progress import Progress


RUNS_IN_A_PIECE = 100


def compare(
    strategies: Mapping[str, StrategyFactory],
    oracle: Oracle,
    budget: Budget | str | float,
    *,
    runs: int = 100,
    first_seed: int = 0,
    signal: Measure | str | None = None,
    report: Measure | str | None = None,
    workers: int = 1,
    repeats: str = "charge",
    jobs: int = 1,
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
    signal, report : Measure or str, optional
        What strategies see (validation accuracy by default), and what their incumbents are judged by (test accuracy).
    workers : int
        Simulated asynchronous workers in each run.
    repeats : str
        ``charge`` or ``cache``, see `nasbench.comparison.search_run.Protocol`.
    jobs : int
        Processes. The result is the same for any number.
    progress : callable

    Returns
    -------
    Results

    Raises
    ------
    BudgetError, QueryError, UnknownNameError
    StrategyError
        If a strategy breaks the protocol or, for several jobs, cannot be sent to another process.

    Examples
    --------
    >>> from strategies import RandomSearch, RegularizedEvolution
    >>> results = compare(
    ...     {"random": RandomSearch, "evolution": RegularizedEvolution}, oracle, "12000s", runs=500
    ... )  # doctest: +SKIP
    """
    if runs < 1 or not strategies:
        raise QueryError(f"a comparison needs at least one strategy and one run, got {len(strategies)} and {runs}")
    measured = resolve_measure(report, oracle.tasks, DEFAULT_REPORT)
    protocol = Protocol(resolve_measure(signal, oracle.tasks), Budget.parse(budget), workers, repeats)
    check_protocol(oracle, protocol)
    seeds = list(range(first_seed, first_seed + runs))
    if jobs > 1:
        trials = _in_processes(strategies, oracle, protocol, seeds, jobs, progress)
    else:
        trials = {}
        for i, (name, factory) in enumerate(strategies.items()):
            note = _Part(progress, i, len(strategies), name)
            trials[name] = run_lockstep(
                factory, name, oracle, protocol, seeds, note if progress is not silent else silent
            )
    for each in trials.values():
        add_reports(each, oracle, measured)
    return Results.of(oracle, protocol, measured, trials)


class _Part:
    """Shows one strategy's progress as its part of the whole."""

    def __init__(self, progress: Progress, part: int, parts: int, name: str) -> None:
        self._progress, self._part, self._parts, self._name = progress, part, parts, name

    def __call__(self, done: int, total: int, note: str) -> None:
        self._progress(self._part * total + done, self._parts * total, note or self._name)


def _in_processes(
    strategies: Mapping[str, StrategyFactory],
    oracle: Oracle,
    protocol: Protocol,
    seeds: list[int],
    jobs: int,
    progress: Progress,
) -> dict[str, Trials]:
    for name, factory in strategies.items():
        _check_travels(name, factory)
    # Large pieces, as a lock-step batch is cheaper the more runs it holds; but enough to fill the processes and to show
    # how far the work is.
    pieces = min(len(seeds), max(-(-jobs // len(strategies)), len(seeds) // RUNS_IN_A_PIECE))
    shares = [share.tolist() for share in np.array_split(np.array(seeds), pieces)]
    parts: dict[str, list[Trials | None]] = {name: [None] * pieces for name in strategies}
    others = set(multiprocessing.active_children())
    # Threads of torch or OpenMP do not survive a fork, so processes start afresh.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=end_with_parent) as pool:
        try:
            with deaf_to_interrupts():
                futures = {
                    pool.submit(run_lockstep, factory, name, oracle, protocol, share): (name, i)
                    for name, factory in strategies.items()
                    for i, share in enumerate(shares)
                }
            for done, future in enumerate(as_completed(futures), start=1):
                name, i = futures[future]
                parts[name][i] = future.result()
                progress(done, len(futures), name)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()  # nobody waits for what they compute
            raise
    return {name: Trials.joined([part for part in each if part is not None]) for name, each in parts.items()}


def _check_travels(name: str, factory: StrategyFactory) -> None:
    try:
        multiprocessing.reduction.ForkingPickler.dumps(factory)
    except (AttributeError, TypeError, pickle.PicklingError):
        raise StrategyError(
            f"strategy {name!r} cannot be sent to another process: {factory!r}; define it at the top level of a "
            "module, or compare with jobs=1"
        ) from None


def add_reports(trials: Trials, oracle: Oracle, report: Measure) -> None:
    """Fill in what each incumbent is worth by the report measure: its mean and spread over trainings.

    Only incumbents are looked up, so that an oracle that really trains pays for those alone.
    """
    rows = trials.architectures[trials.incumbent]
    unique, position = np.unique(rows, axis=0, return_inverse=True)
    trials.report = oracle.query(unique, report)[position.ravel()]
    trials.report_std = oracle.spread(unique, report)[position.ravel()]
