"""What the networks of every space are asked: whether they train, and whether equal ones cost the same."""

from __future__ import annotations

import numpy as np

from generation import tiny
from tabular.training import complexity, train
from tabular.training.dataset import Dataset


def images_like(channels, size, classes):
    """Return a data set of which only the shapes matter."""
    labels = np.arange(3 * classes) % classes
    places = np.arange(3 * classes).reshape(3, classes)
    return Dataset("blank", "blank", np.zeros((len(labels), channels, size, size), np.uint8), labels, *places)


CIFAR10 = images_like(3, 32, 10)


def assert_trains(space, rows=2):
    """Random networks learn for an epoch without diverging."""
    for row in space.sample(np.random.default_rng(0), rows):
        result = train(space, row, tiny.RECIPE.replace(epochs=1), tiny.DATASET, seed=0)
        assert not result.diverged
        assert np.isfinite(result.metrics["train_loss"]).all()


def assert_equal_keys_cost_the_same(space, rows, most=5):
    """Rows of equal key, of which there must be some, have equal parameters, operations and activations."""
    _, which, counts = np.unique(space.canonical_key(rows), return_inverse=True, return_counts=True)
    shared = np.flatnonzero(counts > 1)[:most]
    assert len(shared)
    for group in shared:
        first, *others = rows[which == group][:3]
        costs = complexity(space, first, tiny.RECIPE, tiny.DATASET)
        for other in others:
            assert complexity(space, other, tiny.RECIPE, tiny.DATASET) == costs
