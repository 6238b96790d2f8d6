"""A space, a recipe and a data set so small that a table of them is trained in a second; and what tests ask of it."""

from __future__ import annotations

import numpy as np

from nasbench import CellSpace
from tabular import Table, TableData
from tabular.recipe import Recipe
from tabular.training.dataset import Dataset

SPACE = CellSpace("tiny", 3, ("none", "skip_connect", "nor_conv_3x3"))
RECIPE = Recipe(epochs=2, channels=2, stages=1, image_size=4, batch_size=8)


def make_dataset(seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(32) % 2
    images = rng.normal(labels[:, None, None, None], 1, (32, 1, 4, 4)).astype(np.float32)
    train, validation, test = np.split(np.arange(32), [16, 24])
    return Dataset("spots", "spots", images, labels.astype(np.int64), train, validation, test)


DATASET = make_dataset()


def load(path) -> TableData:
    with Table.open(path) as table:
        assert table.check() == []
        return table.load()


def assert_same_numbers(path, expected):
    """All but what was measured in seconds, which no two runs share."""
    found, wanted = load(path), load(expected)
    np.testing.assert_array_equal(found.architectures, wanted.architectures)
    (a,), (b,) = found.tasks, wanted.tasks
    assert a.task.epochs == b.task.epochs
    assert a.task.seeds == b.task.seeds
    assert a.cost_units == b.cost_units
    np.testing.assert_array_equal(a.status, b.status)
    for name in set(b.metrics) - {"train_seconds"}:
        np.testing.assert_array_equal(a.metrics[name], b.metrics[name], err_msg=name)
    for name in set(b.costs) - {"latency_seconds"}:
        np.testing.assert_array_equal(a.costs[name], b.costs[name], err_msg=name)


class Stop(Exception):  # noqa: N818 - stands in for anything that ends a run
    pass


def stop_after(count, error):
    def progress(done, total, note):
        if done == count:
            raise error

    return progress
