"""How fast a table answers, beside a plain numpy gather of the same values."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
from timing import Figure, measure, measure_pair

from nasbench import Task, get_space
from tabular import Table, TableData, TableOracle, TaskData, write_table
from tabular.measures import standard_metric

if TYPE_CHECKING:
    from pathlib import Path

SEEDS, EPOCHS = 3, 12

SHIPPED = """
from tabular import TableOracle
oracle = TableOracle("nb201-digits")
oracle.query(oracle.space.from_text("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"))
"""


def synthetic_table(path: Path) -> None:
    """Write a table of nb201's 6,466 classes, 3 seeds and 12 epochs, of random values: for speed they are all alike."""
    space, rng = get_space("nb201"), np.random.default_rng(0)
    rows = space.unique()
    shape = (len(rows), SEEDS, EPOCHS)
    names = [f"{split}_{kind}" for split in ("train", "validation", "test") for kind in ("accuracy", "loss")]
    metrics = {name: rng.random(shape, dtype=np.float32) for name in names}
    metrics["train_seconds"] = np.cumsum(rng.random(shape, dtype=np.float32), axis=2)
    task = Task("synthetic", tuple(range(1, EPOCHS + 1)), {n: standard_metric(n) for n in metrics}, tuple(range(SEEDS)))
    status = np.ones(shape[:2], dtype=np.uint8)
    write_table(path, TableData(space, rows, "class", [TaskData(task, metrics, status)]))


def figures(folder: Path) -> list[Figure]:
    """Measure import, opening, one query and a million."""
    path = folder / "synthetic.h5"
    synthetic_table(path)
    space = get_space("nb201")
    rows = space.all()[np.random.default_rng(1).integers(0, space.size, 1_000_000)]
    oracle = TableOracle(path)
    one = rows[0]

    ranks = space.rank(rows)
    by_rank = np.empty(space.size)
    by_rank[space.rank(space.all())] = oracle.query(space.all())
    batch, gather, ratio = measure_pair(lambda: oracle.query(rows), lambda: by_rank[ranks], rounds=15)
    draws = np.arange(len(rows), dtype=np.uint64)
    drawn = measure(lambda: oracle.query(rows, "test_accuracy@6", draw=draws))
    warm = [rows[i] for i in range(1000)]

    def thousand() -> None:
        for row in warm:
            oracle.query(row)

    return [
        Figure("import nasbench, fresh process", _in_process("import nasbench"), aim="well under 0.5 s"),
        Figure(
            "open a table to its first answer",
            measure(lambda: TableOracle(Table.open(path)).query(one), 5),
            aim="30 ms",
        ),
        Figure("open nb201-digits and answer one query, fresh process", _in_process(SHIPPED)),
        Figure("one query", measure(thousand) / len(warm), aim="5 us"),
        Figure("a batch of 1,000,000 queries", batch, "numpy gather of the same values", gather, ratio, "3x"),
        Figure("the same with a drawn seed each", drawn),
    ]


def _in_process(statement: str) -> float:
    """Return the seconds a statement takes in a fresh process, beyond starting Python."""
    script = f"import time; start = time.perf_counter()\n{statement}\nprint(time.perf_counter() - start)"
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True) for _ in range(7)
    ]
    return float(np.median([float(run.stdout) for run in runs]))
