"""How fast surrogates answer and are fitted, beside an ensemble as large as NAS-Bench-301's, and searches on one."""

from __future__ import annotations

import itertools
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from timing import Figure, measure, measure_pair

from nasbench import Space, Task, get_space
from nasbench.comparison import compare
from strategies import RegularizedEvolution
from surrogates import Surrogate, SurrogateOracle, fit_surrogate
from surrogates.features import Inputs
from tabular import Table, TableData, TaskData, write_table
from tabular.measures import standard_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

EPOCHS = (4, 12, 36)
FITTED, FITTED_FOR_TIME = 3_000, 10_000
BATCHES = (500, 20_000)
DEPTHS = (4, 6, 8)
PEER_MODELS, PEER_TREES, PEER_ROWS = 10, 2_000, 300
RUNS, EVALUATIONS = 500, 300


def planted_table(path: Path, space: Space, count: int) -> Table:
    """Write a table of two seeds of accuracies and seconds that choices, and pairs of them, decide; and open it."""
    rng = np.random.default_rng(0)
    rows = np.unique(space.sample(rng, 3 * count), axis=0)
    rows = rows[rng.permutation(len(rows))[:count]]
    choices = space.encode(rows, "one_hot")
    alone, together, slow = (rng.normal(size=(choices.shape[1], width)) for width in (1, 4, 1))
    worth = (choices @ alone).sum(axis=1) + 0.3 * ((choices @ together) ** 2).sum(axis=1)
    worth = (worth - worth.mean()) / worth.std()
    of_epochs = [0.94 - 0.02 * np.exp(-0.5 * worth) - 1 / (4 * epochs) for epochs in EPOCHS]
    accuracy = np.stack(of_epochs, axis=1)[:, None] + rng.normal(0, 0.002, (len(rows), 2, len(EPOCHS)))
    seconds = np.exp(0.1 * choices @ slow + rng.normal(0, 0.01, (len(rows), 2)))[:, :, None] * np.array(EPOCHS)
    metrics = {
        "validation_accuracy": accuracy.clip(0, 1).astype(np.float32),
        "test_accuracy": (accuracy - 0.005).clip(0, 1).astype(np.float32),
        "train_seconds": seconds.astype(np.float32),
    }
    task = Task("planted", EPOCHS, {name: standard_metric(name) for name in metrics}, (0, 1))
    status = np.ones((len(rows), 2), dtype=np.uint8)
    write_table(path, TableData(space, rows, "row", [TaskData(task, metrics, status)]))
    return Table.open(path)


class TimedOracle(SurrogateOracle):
    """Counts the seconds of its answers."""

    seconds = 0.0

    def query(self, *arguments: Any, **named: Any) -> Any:
        """Answer as ever."""
        start = time.perf_counter()
        answer = super().query(*arguments, **named)
        self.seconds += time.perf_counter() - start
        return answer


def figures(folder: Path) -> list[Figure]:
    """Measure answers on both kinds of spaces, trees of several depths, fits, and a comparison."""
    tables = {name: planted_table(folder / f"{name}.h5", get_space(name), FITTED) for name in ("nb201", "darts")}
    fitted = {name: fit_surrogate(table) for name, table in tables.items()}
    found = []
    for name, surrogate in fitted.items():
        peer = _peer(surrogate, tables[name])
        found += _answers(f"{name}, predict", surrogate.space, surrogate.predict, surrogate, peer)
        oracle = SurrogateOracle(surrogate)
        oracle.query(tables[name].architectures[:1])  # of nb201 everything is predicted now
        found += _answers(f"{name}, query", surrogate.space, oracle.query, surrogate, peer)
    model = fitted["darts"].provenance["model"]
    for depth in DEPTHS:
        alone = fit_surrogate(
            tables["darts"],
            metrics=["validation_accuracy"],
            epochs=EPOCHS[-1:],
            features=model["features"],
            options={"max_depth": depth},
        )
        name = f"darts, trees of depth {depth} (the default is {model['options']['max_depth']}), query"
        found += _answers(name, alone.space, SurrogateOracle(alone).query, alone, None)
    return [*found, *_fits(folder), *_comparison(fitted["darts"])]


def _peer(surrogate: Surrogate, table: Table) -> Callable[[NDArray[np.float32]], object]:
    """Return the prediction of ten models, which are one here: what is fitted does not matter, nor to few rows."""
    import xgboost

    features = surrogate.inputs(table.architectures[:PEER_ROWS]).features
    target = table.metric("planted", "validation_accuracy")[:PEER_ROWS, 0, -1]
    parameters = {"max_depth": 6, "eta": 0.01, "tree_method": "hist", "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(features, target * 100), PEER_TREES)
    return lambda some: [booster.inplace_predict(some) for _ in range(PEER_MODELS)]


def _answers(
    what: str,
    space: Space,
    answer: Callable[[NDArray[np.uint8]], object],
    surrogate: Surrogate,
    peer: Callable[[NDArray[np.float32]], object] | None,
) -> list[Figure]:
    """Measure one row and batches; no batch is asked about twice in a row, as features of the last one are kept."""
    beside = f"{PEER_MODELS} XGBoost models of {PEER_TREES:,} trees of depth 6, features given" if peer else ""
    found = []
    for size, pieces, repeat, rounds in ((1, 200, 20, 7), *((size, 2, 1, 5) for size in BATCHES)):
        batches = np.split(space.sample(np.random.default_rng(1), size * pieces), pieces)
        features = surrogate.inputs(batches[0]).features
        turns = itertools.cycle(batches)

        def ours(turns: Iterator[NDArray[np.uint8]] = turns) -> object:
            return answer(next(turns))

        label = f"{what}, one row" if size == 1 else f"{what}, each of {size:,} rows"
        aim = "1 ms" if size == 1 else "15 us"
        if peer is None:
            found.append(Figure(label, measure(ours, repeat, rounds) / size, aim=aim))
            continue
        mine, theirs, ratio = measure_pair(ours, partial(peer, features), repeat, rounds)
        found.append(Figure(label, mine / size, beside, theirs / size, ratio, aim))
    return found


def _fits(folder: Path) -> list[Figure]:
    found = []
    for name in ("nb201", "darts"):
        table = planted_table(folder / f"{name}-large.h5", get_space(name), FITTED_FOR_TIME)
        seconds = []
        for epochs in (EPOCHS, EPOCHS[-1:]):
            start = time.perf_counter()
            fit_surrogate(table, epochs=epochs)
            seconds.append(time.perf_counter() - start)
        what = f"fit of 3 metrics after {len(EPOCHS)} numbers of epochs, {FITTED_FOR_TIME:,} {name} rows"
        found.append(Figure(what, seconds[0], "after one", seconds[1], seconds[0] / seconds[1], "20 s"))
    return found


def _comparison(surrogate: Surrogate) -> list[Figure]:
    rows = surrogate.space.sample(np.random.default_rng(2), RUNS)
    features = measure(lambda: Inputs(surrogate.space, rows, surrogate.blocks).features) / RUNS
    oracle = TimedOracle(surrogate)
    start = time.perf_counter()
    compare({"it": RegularizedEvolution}, oracle, EVALUATIONS, runs=RUNS)
    whole = time.perf_counter() - start
    what = f"{RUNS} runs x {EVALUATIONS} evaluations on darts, RegularizedEvolution, one process"
    return [
        Figure(what, whole, "its answers, 4 measures each", oracle.seconds, whole / oracle.seconds, "60 s"),
        Figure(f"features of each of {RUNS} darts rows, made once for these", features),
    ]
