"""A table of `nb201-mini` whose networks are worth what their strongest path is, with noise."""

from __future__ import annotations

import numpy as np

from nasbench import Task, get_space
from tabular import Table, TableData, TaskData, write_table
from tabular.measures import standard_metric

MINI = get_space("nb201-mini")


def planted_worth(space, rows):
    """A network is worth what its strongest path is: the same for every drawing of it."""
    strength = {"(identity)": 0, "nor_conv_1x1": 1, "nor_conv_3x3": 2}
    worths = np.array([1 + sum(strength[each] for each in name.split(" > ")) for name in space.path_names()])
    return np.max((space.encode(rows, "paths") > 0) * worths, axis=1)


def make_table(path, *, rows=None, seeds=3, epochs=(1, 3, 9), represents="class", worth=None, change=None):
    rows = MINI.unique() if rows is None else rows
    worth = planted_worth(MINI, rows) if worth is None else worth
    rng = np.random.default_rng(0)
    shape = (len(rows), seeds, len(epochs))
    learnt = np.linspace(0.6, 1, len(epochs))
    accuracy = 0.2 + 0.09 * worth[:, None, None] * learnt
    metrics = {
        "validation_accuracy": accuracy + rng.normal(0, 0.005, shape),
        "test_accuracy": accuracy - 0.02 + rng.normal(0, 0.005, shape),
        "train_seconds": np.exp(worth / 2)[:, None, None] * np.array(epochs) * np.exp(rng.normal(0, 0.02, shape)),
    }
    metrics = {name: values.astype(np.float32) for name, values in metrics.items()}
    metrics["train_seconds"].sort(axis=2)
    task = Task("planted", epochs, {name: standard_metric(name) for name in metrics}, tuple(range(seeds)))
    data = TaskData(task, metrics, np.ones(shape[:2], dtype=np.uint8))
    if change is not None:
        change(data)
    write_table(path, TableData(MINI, rows, represents, [data]))
    return Table.open(path)
