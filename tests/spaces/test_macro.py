"""NAS-Bench-Macro: which of its 6,561 rows are the same network, and what they cost."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.testing import SpaceConformance
from spaces.space_networks import CIFAR10, assert_equal_keys_cost_the_same, assert_trains
from tabular.errors import InvalidArchitectureError
from tabular.networks.layers import InvertedResidual
from tabular.spaces.layers import NBMacro
from tabular.training import Recipe, complexity

OFFICIAL = Recipe(channels=32, image_size=32)


class TestNBMacro(SpaceConformance):
    invariant_encodings = ("one_hot",)

    @pytest.fixture
    def space(self):
        return NBMacro()


def as_trained(text):
    """Return what the benchmark trained for a row: in each stage the identities behind the first layer go last."""
    stages = [text[:2], text[2:5], text[5:]]
    moved = [stage[0] + stage[1:].replace("0", "") for stage in stages]
    return "".join(layers.ljust(len(stage), "0") for layers, stage in zip(moved, stages, strict=True))


def test_rows_are_the_same_network_when_the_benchmark_trained_one_for_both():
    space = NBMacro()
    texts = ["".join(layers) for layers in itertools.product("012", repeat=8)]
    assert space.to_text(space.all()) == texts
    trained = [as_trained(text) for text in texts]
    assert space.to_text(space.canonical_rows(space.all())) == trained
    pairs = set(zip(trained, space.canonical_key(space.all()).tolist(), strict=True))
    assert len(pairs) == len({text for text, _ in pairs}) == len({key for _, key in pairs}) == 3969
    assert 3969 == (3 * 3) * (3 * 7) ** 2  # behind the first layer: 1 or 2 layers that may be missing


def test_equal_keys_cost_the_same():
    assert_equal_keys_cost_the_same(NBMacro(), NBMacro().all())


def costs_by_hand(text):
    """Return parameters and multiply-adds x 2, layer by layer as the benchmark's own code counts them."""
    parameters = multiply_adds = 0
    size, width, layers = 32, 32, iter(text)

    def convolve(inputs, outputs, kernel, size, groups=1):
        nonlocal parameters, multiply_adds
        weights = inputs * outputs * kernel**2 // groups
        parameters += weights + 2 * outputs  # batch normalisation follows
        multiply_adds += weights * size**2

    convolve(3, width, 3, size)
    for depth in (2, 3, 3):
        for layer in range(depth):
            outputs, after = (2 * width, size // 2) if layer == 0 else (width, size)
            choice = next(layers)
            if choice == "0" and layer == 0:
                convolve(width, outputs, 1, after)
            elif choice != "0":
                expansion, kernel = {"1": (3, 3), "2": (6, 5)}[choice]
                convolve(width, expansion * width, 1, size)
                convolve(expansion * width, expansion * width, kernel, after, groups=expansion * width)
                convolve(expansion * width, outputs, 1, after)
            width, size = outputs, after
    convolve(width, 1280, 1, size)
    return parameters + 1280 * 10 + 10, 2 * (multiply_adds + 1280 * 10)


@pytest.mark.parametrize("text", ["00000000", "11111111", "22222222", "01201202", "20120120"])
def test_costs_of_the_benchmarks_networks(text):
    space = NBMacro()
    costs = complexity(space, space.from_text(text), OFFICIAL, CIFAR10)
    assert (costs["parameters"], costs["flops"]) == costs_by_hand(text)


def test_only_the_channels_of_a_recipe_matter():
    space = NBMacro()
    row = space.from_text("01201202")
    other = OFFICIAL.replace(stages=2, cells_per_stage=3)
    assert complexity(space, row, OFFICIAL, CIFAR10) == complexity(space, row, other, CIFAR10)
    assert space.network(row, Recipe(channels=2), (1, 8, 8), 5).classifier.in_features == 80


def test_a_block_adds_its_input_where_it_can():
    images = torch.randn(2, 4, 6, 6)
    for outputs, stride, adds in ((4, 1, True), (4, 2, False), (8, 1, False)):
        block = InvertedResidual(4, outputs, stride, 3, 5).eval()
        nn.init.zeros_(block.layers[-1].weight)
        nn.init.zeros_(block.layers[-1].bias)
        expected = images if adds else torch.zeros(2, outputs, 6 // stride, 6 // stride)
        assert torch.equal(block(images), expected)


def test_networks_train():
    assert_trains(NBMacro())


@pytest.mark.parametrize("text", ["0012021", "001202123", "00120213"])
def test_what_is_wrong_with_a_text(text):
    with pytest.raises(InvalidArchitectureError, match=rf"'nb-macro': '{text}' is not 8 digits out of 0 \(identity\)"):
        NBMacro().from_text(text)


def test_choices_have_names():
    assert NBMacro().named_choices()["layer_7"] == ("identity", "mb3_k3", "mb6_k5")
    assert np.array_equal(NBMacro().from_text("00120212"), [0, 0, 1, 2, 0, 2, 1, 2])
