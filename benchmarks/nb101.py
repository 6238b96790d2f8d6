"""How long NAS-Bench-101's space takes to tell equal cells, to list them all, and to hash them as its files do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from timing import Figure, measure, measure_pair

from tabular.spaces.nb101 import NB101
from tabular.spaces.nb101_hash import OPERATIONS, pruned_matrices
from tabular.spaces.nb101_md5 import module_hash

if TYPE_CHECKING:
    from pathlib import Path

ROWS, SINGLE = 100_000, 1_000


def figures(folder: Path) -> list[Figure]:  # noqa: ARG001
    """Measure keys of many rows and of one, the table behind them, and all 423,624 cells without and with their MD5."""
    space = NB101()
    rows = space.sample(np.random.default_rng(0), ROWS)
    few = list(rows[:SINGLE])
    numbers = {operation: label for label, operation in enumerate(OPERATIONS)}
    cells = [space.to_cell(row) for row in rows[:SINGLE]]
    plain = [(matrix, [-1, *(numbers[each] for each in names[1:-1]), -2]) for matrix, names in cells]

    def table() -> None:
        pruned_matrices.cache_clear()
        pruned_matrices(space.vertices)

    one, md5, ratio = measure_pair(
        lambda: [space.canonical_key(row) for row in few], lambda: [module_hash(*cell) for cell in plain]
    )
    return [
        Figure(
            "canonical key of one nb101 row in 100,000", measure(lambda: space.canonical_key(rows)) / ROWS, aim="2 us"
        ),
        Figure("canonical key of an nb101 row alone", one / SINGLE, "its MD5, plainly", md5 / SINGLE, ratio, "12 us"),
        Figure("table of all 2,097,152 matrices, once a process", measure(table)),
        Figure("all 423,624 unique nb101 cells", measure(space.unique, rounds=3), aim="2 s"),
        Figure("the same with their MD5", measure(lambda: space.module_hash(space.unique()), rounds=3), aim="10 s"),
    ]
