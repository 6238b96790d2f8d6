"""Runs of a strategy on an oracle: one, or many in lock-step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.protocol import make_protocol, terms_on
from nasbench.comparison.search_run import PATIENCE, WATCH, SearchRun, patience
from nasbench.comparison.trials import Trials
from tabular.errors import BudgetError, InvalidArchitectureError, QueryError, StrategyError
from tabular.measures import SECONDS, Measure
from tabular.spaces.hashing import combine
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.comparison.protocol import Budget, Constraint, Protocol, Terms
    from strategies.strategy import Proposal, StrategyFactory
    from tabular.measures import Oracle
    from tabular.spaces import Space
    from tabular.work import Progress


def run(
    strategy: StrategyFactory,
    oracle: Oracle,
    budget: Budget | str | float,
    seed: int = 0,
    *,
    signal: Measure | str | None = None,
    workers: int = 1,
    repeats: str = "charge",
    objectives: Sequence[Measure | str] = (),
    constraints: Sequence[Constraint | str] = (),
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
    objectives : sequence of Measure or str
        What a `strategies.strategy.MultiObjectiveStrategy` weighs beside the signal.
    constraints : sequence of Constraint or str
        Such as ``parameters<=100000``.
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
    protocol = make_protocol(oracle, budget, signal, workers, repeats, objectives, constraints)
    name = name or str(getattr(strategy, "__name__", "strategy"))
    return run_lockstep(strategy, name, oracle, terms_on(oracle, protocol), [seed])


def run_lockstep(
    factory: StrategyFactory,
    name: str,
    oracle: Oracle,
    terms: Terms,
    seeds: Sequence[int],
    progress: Progress = silent,
    wait: float | None = PATIENCE,
) -> Trials:
    """Run a strategy once per seed, all runs in lock-step.

    Parameters
    ----------
    factory, name, oracle, terms, seeds, progress
        See `SearchRun` and `advance`.
    wait : float, optional
        Seconds that one ask or tell may take; None waits for ever.

    Raises
    ------
    BudgetError
        If the budget does not pay for a run's first evaluation.
    StrategyError
        If the strategy breaks the protocol, raises, or takes too long.
    """
    protocol = terms.protocol
    runs = [SearchRun(factory, name, oracle.space, seed, terms) for seed in seeds]
    with patience(wait):
        advance(runs, oracle, protocol, progress)
    for run in runs:
        if not run.trials and run.first_price is None:
            raise StrategyError(f"{run.where()}: ask() returned None with nothing under way, so that nothing was done")
        if not run.trials:
            raise BudgetError(
                f"a budget of {protocol.budget} pays for no evaluation of {name!r} in run {run.seed}: its first costs "
                f"{run.first_price:,.4g}; give more"
            )
    return Trials.from_runs(name, oracle.space.length, runs, terms.signs[0])


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
        WATCH.run = None  # an oracle that really trains may take its time
        if wanted:
            _answer(wanted, oracle, protocol)
        active = [run for run, _ in wanted]
        if progress is not silent:
            share = int(100 * sum([run.spent() for run in runs]) / len(runs))
            if share < 100:  # whether it is done is for the caller to say: it may have failed
                progress(share, 100, "")


def _answer(wanted: list[tuple[SearchRun, Proposal]], oracle: Oracle, protocol: Protocol) -> None:
    space = oracle.space
    keys = space.canonical_key(_stack(wanted, space))
    key_list = keys.tolist()
    meant = [run.training_meant(proposal, key) for (run, proposal), key in zip(wanted, key_list, strict=True)]
    rows = np.frombuffer(b"".join([row for row, _ in meant]), dtype=np.uint8).reshape(-1, space.length)
    roots = np.array([run.root for run, _ in wanted], dtype=np.uint64)
    draws = combine(combine(roots, keys), np.array([repetition for _, repetition in meant], dtype=np.uint64))

    task = protocol.signal.task
    measures = [protocol.signal, Measure(task, SECONDS, protocol.signal.epochs), *protocol.beside]
    answers = np.empty((len(measures), len(rows)))
    epochs = np.array([proposal.epochs for _, proposal in wanted])
    for fidelity in np.unique(epochs).tolist():
        chosen = np.flatnonzero(epochs == fidelity)
        for answer, measure in zip(answers, measures, strict=True):
            answer[chosen] = oracle.query(rows[chosen], protocol.after(measure, fidelity), draw=draws[chosen])
    values, seconds = answers[:2]
    if np.isnan(seconds).any():
        row = rows[int(np.flatnonzero(np.isnan(seconds))[0])]
        raise QueryError(
            f"{oracle.name}: has no training of {space.to_text(row)!r}; a comparison needs every architecture that a "
            "strategy may ask for (finish the table with 'nasbench generate', or fit a surrogate on it)"
        )
    beside = answers[2:].T.tolist()
    for (run, proposal), key, training, value, cost, others in zip(
        wanted, key_list, meant, values.tolist(), seconds.tolist(), beside, strict=True
    ):
        run.start(proposal, key, training, value, cost, others)


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
