"""What a strategy's ask and tell cost, beside the same method elsewhere; whole comparisons; many workers."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from peers import PEERS
from queries import synthetic_table
from timing import Figure

from nasbench.comparison import compare
from strategies import STRATEGIES, RandomSearch, RegularizedEvolution, get_strategy
from tabular import TableOracle
from tabular.errors import StrategyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nasbench import Strategy

TRIALS = 300
WORKERS = 16
AIMS = {"random-search": "15 us, a tenth", "regularized-evolution": "15 us, a tenth"}
MODEL_AIM = "20 ms"
SLOW = 5e-3
"""A strategy slower than this is measured in one run instead of five."""


def figures(folder: Path) -> list[Figure]:
    """Measure ask and tell of each strategy, 500 runs of 300 evaluations, and the price of many workers."""
    path = folder / "searched.h5"
    synthetic_table(path)
    oracle = TableOracle(path)
    found = [figure for name in STRATEGIES if (figure := _of(name, get_strategy(name), oracle))]
    for strategy in (RandomSearch, RegularizedEvolution):
        alone = partial(compare, {"it": strategy}, oracle, TRIALS, runs=500)
        what = f"500 runs x {TRIALS} evaluations, {strategy.name}, one process"
        pairs = [(_seconds(partial(alone, workers=WORKERS)), _seconds(alone)) for _ in range(3)]
        many, one = (statistics.median(side) for side in zip(*pairs, strict=True))
        found.append(Figure(what, one, aim="5 s"))
        ratio = statistics.median(a / b for a, b in pairs)
        found.append(Figure(f"the same with {WORKERS} simulated workers", many, "one worker", one, ratio))
    return found


def _of(name: str, strategy: type[Strategy], oracle: TableOracle) -> Figure | None:
    """Return the figure of one strategy; None if it needs what is not at hand here."""
    aim = AIMS.get(name, MODEL_AIM if strategy.family == "model-based" else "")
    try:
        ours = [_ask_tell(strategy, oracle, seed=0)]
    except StrategyError:
        return None
    rounds = range(1 if ours[0] > SLOW else 5)
    if name not in PEERS:
        return Figure(
            f"ask + tell, {name}", statistics.median(_ask_tell(strategy, oracle, seed) for seed in rounds), aim=aim
        )
    beside, peer = PEERS[name]
    pairs = [(_ask_tell(strategy, oracle, seed), _peer(peer, oracle, seed)) for seed in rounds]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return Figure(f"ask + tell, {name}", mine, beside, theirs, ratio, aim)


def _ask_tell(strategy: type[Strategy], oracle: TableOracle, seed: int) -> float:
    """Return the median seconds of ask and tell over a run, the oracle's answer left out."""
    fidelities = next(iter(oracle.tasks.values())).epochs
    searcher = strategy(oracle.space, np.random.default_rng(seed), fidelities)
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


def _peer(make: Callable[[Any, int], Any], oracle: TableOracle, seed: int) -> float:
    """Return the same of another library's searcher."""
    searcher, spent = make(oracle.space, seed), []
    for _ in range(TRIALS):
        start = time.perf_counter()
        row = searcher.ask()
        asked = time.perf_counter()
        value = oracle.query(row)
        answered = time.perf_counter()
        searcher.tell(value)
        spent.append(asked - start + time.perf_counter() - answered)
    return statistics.median(spent)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
