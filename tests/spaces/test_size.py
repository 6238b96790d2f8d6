"""NATS-Bench's size space: its order, its strings and what its networks cost."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from nasbench.testing import SpaceConformance
from spaces.space_networks import CIFAR10, assert_trains
from tabular.errors import InvalidArchitectureError
from tabular.networks.layers import SizedCell
from tabular.spaces.layers import NatsSize
from tabular.training import Recipe, complexity

CIFAR = Recipe(image_size=32)


class TestNatsSize(SpaceConformance):
    invariant_encodings = ("one_hot",)

    @pytest.fixture
    def space(self):
        return NatsSize()


def test_the_order_is_that_of_the_benchmark():
    # `sss-collect.py` of its authors writes the list of all strings, the last width changing fastest.
    official = [":".join(map(str, widths)) for widths in itertools.product(range(8, 65, 8), repeat=5)]
    assert NatsSize().to_text(NatsSize().all()) == official


def test_every_row_is_a_network_of_its_own():
    assert len(NatsSize().unique()) == NatsSize().size == 32768


@pytest.mark.parametrize(
    ("text", "parameters"),
    [("8:8:8:8:8", 11_714), ("8:8:16:40:40", 107_826), ("64:64:64:64:64", 713_674)],
)
def test_parameters_are_those_that_the_benchmark_records(text, parameters):
    space = NatsSize()
    assert complexity(space, space.from_text(text), CIFAR, CIFAR10)["parameters"] == parameters


def test_the_recipe_has_no_say_in_the_size():
    space = NatsSize()
    row = space.from_text("16:8:24:8:8")
    other = CIFAR.replace(channels=3, stages=2, cells_per_stage=2)
    assert complexity(space, row, CIFAR, CIFAR10) == complexity(space, row, other, CIFAR10)


def test_flops_by_hand():
    first, second, third, fourth, last = 8, 16, 24, 32, 40
    stem = 32**2 * 9 * 3 * first
    cells = 32**2 * 9 * 5 * first**2
    cells += 16**2 * (9 * (2 * second * third + 3 * third**2) + second * third)
    cells += 8**2 * (9 * (2 * fourth * last + 3 * last**2) + fourth * last)
    reductions = 16**2 * (9 * (first * second + second**2) + first * second)
    reductions += 8**2 * (9 * (third * fourth + fourth**2) + third * fourth)
    space = NatsSize()
    costs = complexity(space, space.from_text("8:16:24:32:40"), CIFAR, CIFAR10)
    assert costs["flops"] == 2 * (stem + cells + reductions + 10 * last)


def test_a_cell_sums_what_its_topology_says():
    # |nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|
    cell, images = SizedCell(3, 3).eval(), torch.randn(2, 3, 5, 5)
    one = cell.to_first(images)
    two = cell.to_second(images) + cell.first_to_second(one)
    assert torch.allclose(cell(images), images + cell.first_to_last(one) + cell.second_to_last(two))


def test_networks_train():
    assert_trains(NatsSize())


@pytest.mark.parametrize("size", [1, 3, 8])
def test_any_size_of_image_will_do(size):
    space = NatsSize()
    network = space.network(np.zeros(5, dtype=np.uint8), CIFAR, (1, size, size), 4)
    assert network(torch.randn(4, 1, size, size)).shape == (4, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8:16:32:8", r"'8:16:32:8' has 4 widths, expected 5, like '8:16:32:8:64'$"),
        ("8:16:32:8:65", r"'8:16:32:8:65' has the width '65', allowed are 8, 16, 24, 32, 40, 48, 56, 64$"),
    ],
)
def test_what_is_wrong_with_a_text(text, message):
    with pytest.raises(InvalidArchitectureError, match=f"^not an architecture of 'nats-size': {message}"):
        NatsSize().from_text(text)
