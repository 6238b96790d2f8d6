"""Runs of a strategy on an oracle: one, or many in lock-step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.budget import Budget
from nasbench.comparison.search_run import Protocol, SearchRun
from nasbench.comparison.trials import Trials
from nasbench.errors import BudgetError, InvalidArchitectureError, QueryError, StrategyError
from nasbench.oracle import SECONDS, Measure, Oracle, resolve_measure
from nasbench.progress import silent
from nasbench.spaces.hashing import combine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.comparison.search_run import StrategyFactory
    from nasbench.progress import Progress
    from nasbench.spaces import Space
    from nasbench.strategy import Proposal


def advance(runs: Sequence[SearchRun], oracle: Oracle, protocol: Protocol, progress: Progress = silent) -> None:
    """Bring all runs to their end, asking the oracle once a round for what every run wants next.

    Raises
    ------
    StrategyError
        If a strategy breaks the protocol.
    QueryError
        If the oracle lacks an architecture.
    """
    active = list(runs)
    while active:
        wanted = [(run, proposal) for run in active if (proposal := run.next_request()) is not None]
        if wanted:
            _answer(wanted, oracle, protocol.signal)
        active = [run for run, _ in wanted]
        if progress is not silent:
            progress(int(100 * sum([run.spent() for run in runs]) / len(runs)), 100, "")


def _answer(wanted: list[tuple[SearchRun, Proposal]], oracle: Oracle, signal: Measure) -> None:
    space = oracle.space
    keys = space.canonical_key(_stack(wanted, space))
    key_list = keys.tolist()
    meant = [run.training_meant(proposal, key) for (run, proposal), key in zip(wanted, key_list, strict=True)]
    rows = np.frombuffer(b"".join([row for row, _ in meant]), dtype=np.uint8).reshape(-1, space.length)
    roots = np.array([run.root for run, _ in wanted], dtype=np.uint64)
    draws = combine(combine(roots, keys), np.array([repetition for _, repetition in meant], dtype=np.uint64))

    epochs = [proposal.epochs for _, proposal in wanted]
    values, seconds = np.empty(len(rows)), np.empty(len(rows))
    epochs_array = np.array(epochs)
    for fidelity in np.unique(epochs_array).tolist():
        chosen = np.flatnonzero(epochs_array == fidelity)
        for answers, metric in ((values, signal.metric), (seconds, SECONDS)):
            measure = Measure(signal.task, metric, fidelity)
            answers[chosen] = oracle.query(rows[chosen], measure, draw=draws[chosen])
    if np.isnan(seconds).any():
        row = rows[int(np.flatnonzero(np.isnan(seconds))[0])]
        raise QueryError(
            f"{oracle.name}: has no training of {space.to_text(row)!r}; a comparison needs every architecture that a "
            "strategy may ask for (finish the table with 'nasbench generate', or fit a surrogate on it)"
        )
    for (run, proposal), key, training, value, cost in zip(
        wanted, key_list, meant, values.tolist(), seconds.tolist(), strict=True
    ):
        run.start(proposal, key, training, value, cost)


def _stack(wanted: list[tuple[SearchRun, Proposal]], space: Space) -> NDArray[np.uint8]:
    try:
        body = b"".join([proposal.architecture.tobytes() for _, proposal in wanted])
        return space.check(np.frombuffer(body, dtype=np.uint8).reshape(len(wanted), space.length))
    except (InvalidArchitectureError, AttributeError, ValueError):
        for run, proposal in wanted:
            _check_proposal(run, proposal, space)
        raise


def _check_proposal(run: SearchRun, proposal: Proposal, space: Space) -> None:
    row = getattr(proposal, "architecture", None)
    if not isinstance(row, np.ndarray) or row.dtype != np.uint8 or row.shape != (space.length,):
        raise StrategyError(f"{run.where()}: proposed {row!r} instead of a ({space.length},) uint8 array")
    try:
        space.check(row)
    except InvalidArchitectureError as error:
        raise StrategyError(f"{run.where()}: {error}") from None


def check_protocol(oracle: Oracle, protocol: Protocol) -> tuple[list[int], int]:
    """Return the fidelities that the signal offers and its sign, or say why a search may not use it.

    Raises
    ------
    QueryError
        If the signal is a test metric, or the oracle has no training seconds.
    """
    task = oracle.tasks[protocol.signal.task]
    metric = task.metrics[protocol.signal.metric]
    if metric.split == "test":
        raise QueryError(f"the signal {protocol.signal} is a test metric; a strategy may see validation only")
    if SECONDS not in task.metrics:
        raise QueryError(f"task {task.name!r} of {oracle.name} has no {SECONDS!r}; the simulated clock needs it")
    fidelities = [e for e in task.epochs if e <= protocol.signal.epochs]
    return fidelities, 1 if metric.direction == "maximize" else -1


def run_lockstep(
    factory: StrategyFactory,
    name: str,
    oracle: Oracle,
    protocol: Protocol,
    seeds: Sequence[int],
    progress: Progress = silent,
) -> Trials:
    """Run a strategy once per seed, all runs in lock-step.

    Raises
    ------
    BudgetError
        If the budget does not pay for a run's first evaluation.
    """
    fidelities, sign = check_protocol(oracle, protocol)
    restarts = oracle.tasks[protocol.signal.task].restarts
    runs = [SearchRun(factory, name, oracle.space, fidelities, seed, protocol, sign, restarts) for seed in seeds]
    advance(runs, oracle, protocol, progress)
    for run in runs:
        if not run.trials:
            price = "" if run.first_price is None else f": its first costs {run.first_price:,.4g}; give more"
            raise BudgetError(
                f"a budget of {protocol.budget} pays for no evaluation of {name!r} in run {run.seed}{price}"
            )
    return Trials.from_runs(name, oracle.space.length, [(run.seed, run.trials) for run in runs], sign)


def run(
    strategy: StrategyFactory,
    oracle: Oracle,
    budget: Budget | str | float,
    seed: int = 0,
    *,
    signal: Measure | str | None = None,
    workers: int = 1,
    repeats: str = "charge",
    name: str | None = None,
) -> Trials:
    """Run one strategy once.

    Parameters
    ----------
    strategy : Strategy class or callable
        ``strategy(space, rng, fidelities)`` gives the strategy.
    oracle : Oracle
    budget : Budget, str or number
        As `Budget.parse` reads it.
    seed : int
    signal : Measure or str, optional
        By default the validation accuracy at the last epoch.
    workers : int
        Simulated asynchronous workers.
    repeats : str
        ``charge`` or ``cache``, see `Protocol`.
    name : str, optional

    Returns
    -------
    Trials
        Of one run.

    Examples
    --------
    >>> from strategies import RandomSearch
    >>> trials = run(RandomSearch, oracle, budget=100, seed=7)  # doctest: +SKIP
    """
    protocol = Protocol(resolve_measure(signal, oracle.tasks), Budget.parse(budget), workers, repeats)
    name = name or str(getattr(strategy, "__name__", "strategy"))
    return run_lockstep(strategy, name, oracle, protocol, [seed])
