"""Tables of cell spaces whose numbers follow one rule, the same in every space, shifted and stretched at will."""

from __future__ import annotations

import numpy as np

from nasbench import CellSpace, Task
from tabular import Table, TableData, TaskData, write_table
from tabular.measures import standard_metric

OPERATIONS = ("none", "nor_conv_1x1", "nor_conv_3x3")
SMALL = CellSpace("small", 4, OPERATIONS)
LARGE = CellSpace("large", 5, OPERATIONS)


def rule(space, rows):
    """The validation accuracy of a cell: what its strongest path is worth, 0.4 to 0.85."""
    strength = {"(identity)": 0, "nor_conv_1x1": 1, "nor_conv_3x3": 2}
    worths = np.array([sum(strength[each] for each in name.split(" > ")) for name in space.path_names()])
    return 0.4 + 0.45 * np.max((space.encode(rows, "paths") > 0) * worths, axis=1) / 8


def planted_table(path, space, rows=None, *, offset=0.0, slope=1.0, epoch=9, provenance=None, change=None):
    """A table of one epoch and two seeds; ``offset + slope * rule`` is what networks are worth."""
    rows = space.unique() if rows is None else rows
    rng = np.random.default_rng(0)
    accuracy = offset + slope * rule(space, rows)[:, None, None] + rng.normal(0, 0.005, (len(rows), 2, 1))
    seconds = 10 * rng.uniform(1, 2, (len(rows), 2, 1))
    metrics = {"validation_accuracy": accuracy.astype(np.float32), "train_seconds": seconds.astype(np.float32)}
    means = {name: standard_metric(name) for name in metrics}
    task = Task("planted", (epoch,), means, (0, 1), provenance or {})
    data = TaskData(task, metrics, np.ones((len(rows), 2), dtype=np.uint8))
    if change is not None:
        change(data)
    write_table(path, TableData(space, rows, "class", [data]))
    return Table.open(path)


def some_networks(space, number, seed=0):
    """Cells of a space, each of another network."""
    rows = space.sample(np.random.default_rng(seed), 4 * number)
    _, first = np.unique(space.canonical_key(rows), return_index=True)
    return rows[np.sort(first)[:number]]
