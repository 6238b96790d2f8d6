"""What a strategy's ask and tell cost, beside Optuna on the same table; and whole comparisons."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
from queries import synthetic_table
from timing import Figure

from nasbench import get_space
from nasbench.comparison import compare
from strategies import STRATEGIES, RandomSearch, RegularizedEvolution
from tabular import TableOracle

if TYPE_CHECKING:
    from pathlib import Path

    from nasbench import Strategy

TRIALS = 300
AIMED_AT = {RandomSearch, RegularizedEvolution}


def figures(folder: Path) -> list[Figure]:
    """Measure ask and tell of each strategy, Optuna's random sampler, and 500 runs of 300 evaluations."""
    path = folder / "searched.h5"
    synthetic_table(path)
    oracle = TableOracle(path)
    found = []
    for name, strategy in STRATEGIES.items():
        pairs = [(_ask_tell(strategy, oracle, seed), _optuna(oracle, seed)) for seed in range(5)]
        ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        aim = "15 us" if strategy in AIMED_AT else ""
        found.append(Figure(f"ask + tell, {name}", ours, "Optuna RandomSampler, one trial", theirs, ratio, aim))
    for strategy in (RandomSearch, RegularizedEvolution):
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            compare({"it": strategy}, oracle, TRIALS, runs=500)
            seconds.append(time.perf_counter() - start)
        what = f"500 runs x {TRIALS} evaluations, {strategy.__name__}, one process"
        found.append(Figure(what, statistics.median(seconds), aim="5 s"))
    return found


def _ask_tell(strategy: type[Strategy], oracle: TableOracle, seed: int) -> float:
    """Return the median seconds of ask and tell over a run, the oracle's answer left out."""
    fidelities = next(iter(oracle.tasks.values())).epochs
    searcher = strategy(get_space("nb201"), np.random.default_rng(seed), fidelities)
    spent = []
    for _ in range(TRIALS):
        start = time.perf_counter()
        proposal = searcher.ask()
        asked = time.perf_counter()
        if proposal is None:
            raise RuntimeError("a strategy alone on its worker has nothing to wait for")
        value = oracle.query(proposal.architecture)
        answered = time.perf_counter()
        searcher.tell(proposal, value, 1.0)
        spent.append(asked - start + time.perf_counter() - answered)
    return statistics.median(spent)


def _optuna(oracle: TableOracle, seed: int) -> float:
    """Return the median seconds of an ask, the suggestions and a tell of Optuna's random sampler."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed))
    space, spent = oracle.space, []
    choices = [list(range(count)) for count in space.cardinalities.tolist()]
    for _ in range(TRIALS):
        start = time.perf_counter()
        trial = study.ask()
        row = [trial.suggest_categorical(str(i), each) for i, each in enumerate(choices)]
        asked = time.perf_counter()
        value = oracle.query(np.array(row, dtype=np.uint8))
        answered = time.perf_counter()
        study.tell(trial, value)
        spent.append(asked - start + time.perf_counter() - answered)
    return statistics.median(spent)
