"""TransNAS-Bench-101's two spaces: their strings, their sizes, which rows are the same network, and their networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from generation import tiny
from nasbench.testing import SpaceConformance
from spaces.space_networks import CIFAR10, assert_equal_keys_cost_the_same, assert_trains
from tabular.errors import InvalidArchitectureError
from tabular.generation.generator import advised_together
from tabular.spaces import CellSpace
from tabular.spaces.layers import TransNasMacro
from tabular.spaces.nb201 import TransNasMicro
from tabular.training import Recipe, complexity, train, train_together

OFFICIAL = Recipe(channels=64, cells_per_stage=2, image_size=32)


class TestTransNasMicro(SpaceConformance):
    invariant_encodings = ("paths",)

    @pytest.fixture
    def space(self):
        return TransNasMicro()


class TestTransNasMacro(SpaceConformance):
    invariant_encodings = ("one_hot",)

    @pytest.fixture
    def space(self):
        return TransNasMacro()


# Cells.


def test_digits_of_a_cell():
    # The README's own example: node1 = skip(0); node2 = none(0) + 1x1(1); node3 = 3x3(0) + 3x3(1) + 3x3(2).
    space = TransNasMicro()
    cells = CellSpace("same", 4, space.operations)
    assert cells.to_text(space.from_text("64-41414-1_02_333")) == (
        "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    )
    assert len({*space.to_text(space.all())}) == space.size == 4096


def key(text):
    return int(TransNasMicro().canonical_key(TransNasMicro().from_text(f"64-41414-{text}")))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0_00_300", "3_00_300", True),  # what leads nowhere does not matter
        ("0_30_002", "3_00_020", True),  # nodes 1 and 2 change places
        ("3_01_001", "3_00_010", True),  # an identity behind the first node keeps the size
        ("1_00_010", "0_00_100", True),  # nor does it make two of one
        ("1_00_030", "0_00_300", False),  # one of the input does not, where the cell shrinks
        ("3_00_300", "0_00_200", False),
    ],
)
def test_which_cells_are_the_same(one, other, same):
    assert (key(one) == key(other)) == same


def test_keys_are_finer_than_those_of_cells_that_keep_the_size():
    space = TransNasMicro()
    rows = space.all()
    keys, coarse = space.canonical_key(rows).tolist(), CellSpace.canonical_key(space, rows).tolist()
    assert (len({*keys}), len({*coarse})) == (1376, 1011)
    assert len({*zip(keys, coarse, strict=True)}) == 1376


def test_equal_cells_cost_the_same():
    assert_equal_keys_cost_the_same(TransNasMicro(), TransNasMicro().all())


def test_cells_train_alone_and_together():
    space = TransNasMicro()
    assert_trains(space)
    recipe = tiny.RECIPE.replace(epochs=1)
    assert advised_together(space, recipe, "cpu") > 1
    rows = space.sample(np.random.default_rng(0), 3)
    for row, together in zip(rows, train_together(space, rows, recipe, tiny.DATASET, [0, 0, 0]), strict=True):
        alone = train(space, row, recipe, tiny.DATASET, 0)
        np.testing.assert_allclose(together.metrics["train_loss"], alone.metrics["train_loss"], rtol=1e-3)


@pytest.mark.parametrize("text", ["64-41414-1_02_334", "64-4141-1_02_333", "1_02_333", "64-41414-1_02_33"])
def test_what_is_wrong_with_the_text_of_a_cell(text):
    with pytest.raises(InvalidArchitectureError, match=rf"'transnas-micro': '{text}' is not '64-41414-' and digits"):
        TransNasMicro().from_text(text)


# Stacks of modules.


def test_all_stacks_are_those_that_the_paper_counts():
    """4 to 6 modules that halve the resolution 1 to 4 times and double the channels 1 to 3 times: 3,256."""
    allowed = {
        "".join(modules)
        for length in (4, 5, 6)
        for modules in itertools.product("1234", repeat=length)
        if 1 <= sum(module in "34" for module in modules) <= 4 and 1 <= sum(module in "24" for module in modules) <= 3
    }
    space = TransNasMacro()
    texts = space.to_text(space.all())
    assert {*texts} == {f"64-{modules}-basic" for modules in allowed}
    assert len(texts) == len(space.unique()) == space.size == 3256
    # Architectures that the benchmark's documentation queries.
    assert {"64-1234-basic", "64-2311-basic", "64-4111-basic"} <= {*texts}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1, 2, 3, 0, 0, 0], r"\[1, 2, 3, 0, 0, 0\] should be 4 to 6 modules, with none \(0\) behind them only$"),
        ([1, 2, 0, 3, 4, 0], r"\[1, 2, 0, 3, 4, 0\] should be 4 to 6 modules"),
        (
            [1, 2, 1, 1, 0, 0],
            r"halves the resolution 0 and doubles the channels 1 times; allowed are 1 to 4 and 1 to 3$",
        ),
        ([4, 4, 4, 4, 0, 0], r"halves the resolution 4 and doubles the channels 4 times"),
    ],
)
def test_what_is_wrong_with_a_stack(row, message):
    assert not TransNasMacro().is_valid(row)
    with pytest.raises(InvalidArchitectureError, match=f"^not an architecture of 'transnas-macro': .*{message}"):
        TransNasMacro().check(row)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("64-123-basic", "is not '64-', 4 to 6 digits out of 1 to 4 and '-basic', like '64-1234-basic'"),
        ("64-1230-basic", "is not '64-'"),
        ("64-4444-basic", "is outside: .* doubles the channels 4 times"),
    ],
)
def test_what_is_wrong_with_the_text_of_a_stack(text, message):
    with pytest.raises(InvalidArchitectureError, match=f"'transnas-macro': '{text}' {message}"):
        TransNasMacro().from_text(text)


def costs_by_hand(modules):
    """Return parameters and multiply-adds x 2 of two blocks a module, as the benchmark builds them."""
    parameters = multiply_adds = 0
    size, width = 32, 64

    def convolve(inputs, outputs, kernel, size):
        nonlocal parameters, multiply_adds
        parameters += inputs * outputs * kernel**2 + 2 * outputs  # batch normalisation follows
        multiply_adds += inputs * outputs * kernel**2 * size**2

    convolve(3, 32, 3, size)
    convolve(32, 64, 3, size)
    for module in modules:
        outputs, size = (2 * width if module in "24" else width), (size // 2 if module in "34" else size)
        convolve(width, outputs, 3, size)
        for _ in range(3):
            convolve(outputs, outputs, 3, size)
        if module != "1":
            convolve(width, outputs, 1, size)
        width = outputs
    return parameters + 10 * width + 10, 2 * (multiply_adds + 10 * width)


@pytest.mark.parametrize("modules", ["1234", "4111", "434321", "333321"])
def test_costs_of_the_benchmarks_stacks(modules):
    space = TransNasMacro()
    costs = complexity(space, space.from_text(f"64-{modules}-basic"), OFFICIAL, CIFAR10)
    assert (costs["parameters"], costs["flops"]) == costs_by_hand(modules)


@pytest.mark.parametrize("size", [1, 5, 8])
def test_any_size_of_image_will_do(size):
    space = TransNasMacro()
    network = space.network(space.from_text("64-333421-basic"), Recipe(channels=1), (1, size, size), 3)
    assert network(torch.randn(4, 1, size, size)).shape == (4, 3)


def test_stacks_train():
    assert_trains(TransNasMacro())
