"""Networks: what they compute and what they cost, held against hand arithmetic and published numbers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import max_pool2d

from tabular.errors import InvalidArchitectureError
from tabular.networks.cell import BUILDERS, Cell, CellNetwork, Reduction
from tabular.spaces import NB201, OPERATIONS, CellSpace, get_space
from tabular.training import Dataset, Recipe, complexity

NB201_TABLE = Path(__file__).parents[3] / "shared/data/nasbench201/nasbench201.csv"
EVERY_OPERATION = CellSpace("every", 2, OPERATIONS)


def images_like(channels: int, size: int) -> Dataset:
    labels = np.arange(30) % 10
    places = np.arange(30).reshape(3, 10)
    return Dataset("blank", "blank", np.zeros((30, channels, size, size), np.uint8), labels, *places)


def network(space: CellSpace, row: list[int], **changes) -> CellNetwork:
    recipe = Recipe(**{"channels": 4, "stages": 2, "cells_per_stage": 1, "image_size": 8, **changes})
    return space.network(np.array(row, dtype=np.uint8), recipe, (1, recipe.image_size, recipe.image_size), 10)


def cell_of(space: CellSpace, row, channels: int) -> Cell:
    recipe = Recipe(channels=channels, stages=1, cells_per_stage=1)
    (cell,) = space.network(row, recipe, (1, 8, 8), 10).blocks
    return cell


def test_every_operation_but_none_has_a_module_that_keeps_the_shape():
    assert set(BUILDERS) == set(OPERATIONS) - {"none"}
    for size in (1, 2, 5, 8):
        images = torch.randn(3, 6, size, size)
        for build in BUILDERS.values():
            assert build(6)(images).shape == images.shape


def test_average_pooling_counts_no_padding():
    ones = torch.ones(1, 1, 4, 4)
    assert torch.equal(BUILDERS["avg_pool_3x3"](1)(ones), ones)


def test_a_cell_sums_what_arrives_at_each_node():
    # Node 1 = maxpool(0); node 2 = x + 0; node 3 = avgpool(node 1) + node 2.
    space = CellSpace("pools", 4, ("none", "skip_connect", "avg_pool_3x3", "max_pool_3x3"))
    row = space.from_text("|max_pool_3x3~0|+|skip_connect~0|none~1|+|none~0|avg_pool_3x3~1|skip_connect~2|")
    images = torch.randn(2, 3, 6, 6)
    expected = torch.nn.AvgPool2d(3, 1, 1, count_include_pad=False)(max_pool2d(images, 3, 1, 1)) + images
    assert torch.allclose(cell_of(space, row, 3)(images), expected)


def test_a_cell_builds_live_edges_only_and_a_dead_one_gives_zeros():
    space = NB201()
    # The convolution into node 1 leads nowhere, the one out of node 2 comes from nowhere.
    row = space.from_text("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|")
    cell = cell_of(space, row, 4)
    assert cell.edges == {(0, 3): "skip_connect"}
    assert sum(p.numel() for p in cell.parameters()) == 0
    images = torch.randn(2, 4, 5, 5)
    assert torch.equal(cell_of(space, np.zeros(6, np.uint8), 4)(images), torch.zeros_like(images))


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_a_reduction_halves_and_doubles(size):
    half = (size + 1) // 2
    assert Reduction(3)(torch.randn(2, 3, size, size)).shape == (2, 6, half, half)


@pytest.mark.parametrize(("size", "stages"), [(8, 4), (7, 3), (1, 1), (28, 3)])
def test_every_cell_trains_at_every_size(size, stages):
    for choice in range(len(OPERATIONS)):
        model = network(EVERY_OPERATION, [choice], image_size=size, stages=stages, cells_per_stage=2)
        loss = model(torch.randn(2, 1, size, size)).square().sum()
        loss.backward()
        assert torch.isfinite(loss)
        assert model.classifier.weight.grad is not None


def test_equal_networks_cost_the_same():
    space = get_space("nb201-mini")
    rows = space.all()[::37]
    recipe, data = Recipe(channels=2, image_size=4, stages=1), images_like(1, 4)
    costs: dict[int, dict[str, int]] = {}
    for row, key in zip(rows, space.canonical_key(rows).tolist(), strict=True):
        assert costs.setdefault(key, complexity(space, row, recipe, data)) == complexity(space, row, recipe, data)
    assert len({tuple(each.values()) for each in costs.values()}) > 10


def test_an_architecture_outside_the_space_is_refused():
    with pytest.raises(InvalidArchitectureError, match="position 2 has choice 3"):
        complexity(get_space("nb201-mini"), np.array([0, 0, 3, 0, 0, 0], np.uint8), Recipe(), images_like(1, 8))


def test_costs_of_a_small_network_by_hand():
    space = CellSpace("one", 2, ("none", "nor_conv_3x3"))
    recipe = Recipe(channels=4, stages=2, cells_per_stage=1, image_size=8)
    got = complexity(space, np.array([1], np.uint8), recipe, images_like(3, 8))
    convolutions = {  # weights, output pixels
        "stem": (3 * 4 * 9, 64),
        "cell 1": (4 * 4 * 9, 64),
        "reduction a": (4 * 8 * 9, 16),
        "reduction b": (8 * 8 * 9, 16),
        "shortcut": (4 * 8, 16),
        "cell 2": (8 * 8 * 9, 16),
    }
    batch_norms = 2 * (4 + 4 + 8 + 8 + 8 + 8)
    assert got["parameters"] == sum(w for w, _ in convolutions.values()) + batch_norms + (8 * 10 + 10)
    assert got["flops"] == 2 * (sum(w * pixels for w, pixels in convolutions.values()) + 8 * 10)
    wide, narrow = 4 * 64, 8 * 16  # values of an image in either stage
    kept = (
        (3 * 64 + wide)  # stem: input of the convolution, input of its batch norm
        + 2 * wide  # cell 1: output of ReLU, which is input of the convolution; input of the batch norm
        + (wide + narrow)  # reduction a, the same two
        + 2 * narrow  # reduction b
        + (wide + wide // 4)  # shortcut: input of the pooling, input of its convolution
        + 2 * narrow  # cell 2
        + 2 * narrow  # last batch norm: input, output of ReLU
        + 8  # input of the classifier
    )
    assert got["activation_bytes"] == 4 * kept


def test_counting_is_the_same_as_running_on_real_tensors():
    from tabular.training.costs import _kept_bytes

    model = network(EVERY_OPERATION, [OPERATIONS.index("sep_conv_3x3")])
    real = [_kept_bytes(model, torch.randn(n, 1, 8, 8)) for n in (2, 3)]
    recipe = Recipe(channels=4, stages=2, cells_per_stage=1, image_size=8)
    row = np.array([OPERATIONS.index("sep_conv_3x3")], np.uint8)
    assert complexity(EVERY_OPERATION, row, recipe, images_like(1, 8))["activation_bytes"] == real[1] - real[0]


@pytest.mark.skipif(not NB201_TABLE.is_file(), reason=f"the published table is not at {NB201_TABLE}")
def test_costs_of_the_published_networks():
    """Parameters and FLOPs of NAS-Bench-201's macro network: 16 channels, 3 stages of 5 cells, 32x32 colour images.

    Its files count dead edges, so cells are taken whose edges are all alive. Its FLOPs are multiply-adds, ours twice
    that. It also counts, for each value a layer puts out, 1 for a ReLU, 2 for a batch norm and 9 for a 3x3 pooling; a
    cell puts out 16 * 32 * 32 values in the first of the three stages, half as many in the second and a quarter in the
    third.
    """
    space = NB201()
    recipe, data = Recipe(channels=16, stages=3, cells_per_stage=5, image_size=32), images_like(3, 32)
    values_put_out = 5 * (16 * 32 * 32 + 32 * 16 * 16 + 64 * 8 * 8)
    with NB201_TABLE.open(newline="") as file:
        published = [row for row in csv.DictReader(file) if space.live_edges(space.from_text(row["arch"])).all()]
    published = published[:: len(published) // 8]
    outside_cells, wrong_parameters = set(), 0
    for row in published:
        got = complexity(space, space.from_text(row["arch"]), recipe, data)
        uncounted = (3 * row["arch"].count("conv") + 9 * row["arch"].count("pool")) * values_put_out
        outside_cells.add(round(float(row["flops_M_cifar10"]) * 1e6) - uncounted - got["flops"] // 2)
        wrong_parameters += got["parameters"] != round(float(row["params_M"]) * 1e6)
    # The same for every cell: ReLU, batch norm and pooling of stem, reductions and head come to 155,648, the global
    # pooling and the classifier's bias to the rest.
    assert len(outside_cells) == 1
    assert 155_648 <= outside_cells.pop() < 1.05 * 155_648
    # The file gives 1% of the cells the parameters of another cell, at odds with the FLOPs in the same row.
    assert wrong_parameters <= 1
