"""The DARTS network: published sizes, shapes, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generation import tiny
from spaces.darts_examples import DARTS_V2, parameters_of
from tabular.networks.darts import DARTS_BUILDERS, FactorizedReduce
from tabular.spaces.darts import OPERATIONS, Darts
from tabular.training import Recipe, train

SPACE = Darts()


def test_published_parameters():
    # DARTS publishes 3.3 M; its program prints 3.349342 for this architecture, auxiliary head left out.
    assert parameters_of(SPACE.from_genotype(DARTS_V2), channels=36) == 3_349_342


def test_reductions_are_at_a_third_and_two_thirds():
    recipe = Recipe(channels=2, stages=3, cells_per_stage=2, image_size=8)
    network = SPACE.network(SPACE.from_genotype(DARTS_V2), recipe, (3, 8, 8), 10)
    sizes, image = [], torch.randn(2, 3, 8, 8)
    for cell in network.cells:
        cell.register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape[1:3])))
    assert network(image).shape == (2, 10)
    # 8 layers, as NAS-Bench-301's: reductions are layers 8 // 3 and 16 // 3.
    assert sizes == [(8, 8), (8, 8), (16, 4), (16, 4), (16, 4), (32, 2), (32, 2), (32, 2)]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("size", [1, 5, 8])
def test_operations_keep_or_halve_the_size(operation, size):
    images = torch.randn(2, 6, size, size)
    assert DARTS_BUILDERS[operation](6, 1)(images).shape == images.shape
    half = (size + 1) // 2
    assert DARTS_BUILDERS[operation](6, 2)(images).shape == (2, 6, half, half)


def test_factorized_reduce_sees_every_second_pixel_and_those_between():
    layer = FactorizedReduce(1, 2)
    torch.nn.init.ones_(layer.even.weight)
    torch.nn.init.ones_(layer.odd.weight)
    layer.norm = torch.nn.Identity()
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    even, odd = layer(image)[0]
    assert even.tolist() == [[0, 2], [8, 10]]
    assert odd.tolist() == [[5, 7], [13, 15]]


@pytest.mark.parametrize(("size", "stages", "cells"), [(4, 1, 1), (4, 3, 1), (5, 2, 2), (1, 1, 1)])
def test_random_networks_learn_at_every_size(size, stages, cells):
    recipe = Recipe(channels=1, stages=stages, cells_per_stage=cells, image_size=size)
    for row in SPACE.sample(np.random.default_rng(size), 3):
        network = SPACE.network(row, recipe, (1, size, size), 3)
        loss = network(torch.randn(4, 1, size, size)).square().sum()
        loss.backward()
        assert torch.isfinite(loss)
        assert all(each.grad is not None for each in network.parameters())


def test_a_random_architecture_trains():
    row = SPACE.sample(np.random.default_rng(0))
    recipe = tiny.RECIPE.replace(stages=2, image_size=4, epochs=4)
    result = train(SPACE, row, recipe, tiny.DATASET, seed=0)
    losses = result.metrics["train_loss"]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
