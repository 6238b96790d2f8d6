"""Training together: each network as if it were alone, whatever its neighbours are or do."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tabular.errors import InvalidArchitectureError, QueryError, SpaceError, UnknownNameError
from tabular.spaces import NB201, OPERATIONS, CellSpace, get_space
from tabular.training import METRICS, Dataset, Recipe, load_dataset, networks_together, train, train_together
from tabular.training.fused_network import FusedNetwork, Partition, fuse

CPU = torch.device("cpu")
SPACE = get_space("nb201")
MEASURED = [name for name in METRICS if name != "train_seconds"]
# One step an epoch, so that the metrics of each epoch are those of a step.
STEPWISE = Recipe(epochs=5, batch_size=64, learning_rate=0.05, channels=3)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def few(digits):
    """Sixty training images of the digits, and forty for each of the other splits."""
    return Dataset("few", "few", digits.images, digits.labels, *np.split(np.arange(140), [60, 100]))


def assert_as_alone(space, rows, recipe, dataset, seeds):
    together = train_together(space, rows, recipe, dataset, seeds)
    assert len(together) == len(rows)
    for row, seed, result in zip(rows, seeds, together, strict=True):
        alone = train(space, row, recipe, dataset, seed)
        assert not result.diverged
        assert result.epochs == recipe.epochs
        for name in MEASURED:
            assert result.metrics[name].dtype == np.float32
            if name.endswith("loss"):
                # Rounding of sums taken in another order, grown over the steps; other weights or images give 0.1.
                np.testing.assert_allclose(result.metrics[name], alone.metrics[name], rtol=2e-4, atol=2e-4)
            else:
                # One image of forty or sixty may fall on the other side.
                np.testing.assert_allclose(result.metrics[name], alone.metrics[name], atol=0.026)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_gives_the_losses_of_training_alone_step_by_step(few, operation):
    others = [each for each in ("none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3") if each != operation]
    space = CellSpace("mixed", 3, (operation, *others))
    rows = np.array([[0, 0, 0], [0, 1, 2], [1, 2, 0], [3, 0, 1], [2, 2, 3]], np.uint8)
    assert_as_alone(space, rows, STEPWISE, few, [3, 1, 4, 1, 5])


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.05},
        {"label_smoothing": 0.0, "momentum": 0.0},
        {"augmentation": "flip"},
        {"augmentation": "flip_crop", "batch_size": 20},
        {"stages": 2, "cells_per_stage": 2},
        {"stages": 3, "image_size": 7, "channels": 2},
        {"batch_size": 24, "schedule": "constant"},
        {"channels": 1, "image_size": 5},
        {"channels": 16},
    ],
    ids=str,
)
def test_each_recipe_gives_the_losses_of_training_alone_step_by_step(few, changes):
    rows = SPACE.sample(np.random.default_rng(1), 6)
    assert_as_alone(SPACE, rows, STEPWISE.replace(**changes), few, range(6))


def test_half_precision_gives_the_losses_of_training_alone_as_far_as_its_bits_go(few):
    rows = SPACE.sample(np.random.default_rng(1), 4)
    recipe = STEPWISE.replace(precision="bfloat16", channels=8)
    full, half = (train_together(SPACE, rows, each, few, [3] * 4) for each in (STEPWISE.replace(channels=8), recipe))
    for row, exact, rounded in zip(rows, full, half, strict=True):
        alone = train(SPACE, row, recipe, few, 3)
        for name in ("train_loss", "validation_loss"):
            # bfloat16 keeps 8 bits: 0.4 % of a loss around 2, grown over five steps.
            np.testing.assert_allclose(rounded.metrics[name], alone.metrics[name], atol=0.08)
            np.testing.assert_allclose(rounded.metrics[name], exact.metrics[name], atol=0.08)
    assert any(
        not np.array_equal(a.metrics["train_loss"], b.metrics["train_loss"]) for a, b in zip(full, half, strict=True)
    )


def test_networks_of_one_seed_see_the_same_images_and_train_as_alone(few):
    rows = SPACE.sample(np.random.default_rng(4), 5)
    assert_as_alone(SPACE, rows, STEPWISE.replace(augmentation="flip_crop", batch_size=20), few, [6] * 5)


def test_seeds_of_one_architecture_train_together(few):
    assert_as_alone(SPACE, np.full((3, 6), 3, np.uint8), STEPWISE, few, [0, 7, 7])
    first, second, third = train_together(SPACE, np.full((3, 6), 3, np.uint8), STEPWISE, few, [0, 7, 7])
    assert not np.allclose(first.metrics["train_loss"], second.metrics["train_loss"], atol=0.01)
    np.testing.assert_allclose(second.metrics["train_loss"], third.metrics["train_loss"], atol=1e-4)


def test_one_network_trains_together_with_none(few):
    assert_as_alone(SPACE, np.array([[1, 2, 3, 4, 0, 2]], np.uint8), STEPWISE, few, [2])
    assert train_together(SPACE, np.empty((0, 6), np.uint8), STEPWISE, few, []) == []


def test_cells_through_which_nothing_flows_train_among_others_and_alone(few):
    dead = np.zeros(6, np.uint8)
    broken = SPACE.from_text("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|")
    full = np.full(6, 3, np.uint8)
    assert_as_alone(SPACE, np.stack([dead, full, broken, full]), STEPWISE, few, range(4))
    assert_as_alone(SPACE, np.stack([dead, broken]), STEPWISE, few, range(2))


@pytest.mark.world
def test_accuracies_after_a_whole_training_are_those_of_training_alone(digits):
    rows = SPACE.sample(np.random.default_rng(3), 6)
    recipe = Recipe(epochs=6, channels=4, stages=2)
    together = train_together(SPACE, rows, recipe, digits, range(6))
    gaps = np.array(
        [
            [
                result.metrics[name][-1] - train(SPACE, row, recipe, digits, seed).metrics[name][-1]
                for name in ("validation_accuracy", "test_accuracy")
            ]
            for seed, (row, result) in enumerate(zip(rows, together, strict=True))
        ]
    )
    # Two seeds of one of these differ by 0.02 and more.
    assert np.abs(gaps).max() < 0.02
    assert abs(gaps.mean()) < 0.005


# What a call depends on


def test_the_same_call_gives_the_same_bits_whatever_ran_before_and_leaves_nothing_changed(few):
    rows = SPACE.sample(np.random.default_rng(2), 5)
    recipe = STEPWISE.replace(augmentation="flip_crop")
    first = train_together(SPACE, rows, recipe, few, range(5))
    torch.manual_seed(99)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        second = train_together(SPACE, rows, recipe, few, range(5))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    for one, other in zip(first, second, strict=True):
        for name in MEASURED:
            assert one.metrics[name].tobytes() == other.metrics[name].tobytes(), name
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


def test_seconds_are_equal_shares_of_what_was_spent(few):
    rows = SPACE.sample(np.random.default_rng(2), 4)
    started = time.perf_counter()
    together = train_together(SPACE, rows, STEPWISE, few, range(4))
    spent = time.perf_counter() - started
    seconds = np.stack([result.metrics["train_seconds"] for result in together])
    assert (seconds == seconds[0]).all()
    assert (np.diff(seconds[0]) > 0).all()
    assert 0 < seconds[:, -1].sum() < spent


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1"])
def test_fewer_networks_train_together_the_larger_each_is_and_more_on_a_gpu(device):
    default = networks_together(Recipe(), device)
    assert default >= 4
    assert networks_together(Recipe(channels=16), device) == default // 2
    assert networks_together(Recipe(batch_size=128), device) == default // 2
    assert networks_together(Recipe(image_size=16), device) == default // 4
    assert networks_together(Recipe(channels=512, image_size=224, batch_size=512), device) == 1
    assert networks_together(Recipe(), "cpu") <= default


# Neighbours


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each != "none"])
def test_a_network_full_of_nan_changes_no_bit_of_its_neighbours(operation, poison):
    space = CellSpace("mixed", 3, ("skip_connect", operation) if operation != "skip_connect" else (operation,))
    rows = np.ones((3, 3), np.uint8) * (operation != "skip_connect")
    recipe = Recipe(channels=8, stages=2)
    torch.manual_seed(0)
    fused = FusedNetwork([space.network(row, recipe, (1, 8, 8), 10) for row in rows], CPU)
    images = torch.randn(6, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    runs = []
    for middle in (0.5, poison):
        images[:, 1] = middle
        fused.zero_grad()
        logits = fused(images)
        (logits**2).sum().backward()
        runs.append([logits.detach(), *(each.grad.unflatten(0, (3, -1)) for each in fused.parameters())])
    assert not torch.isfinite(runs[1][0][1]).any()
    for clean, poisoned in zip(*runs, strict=True):
        assert torch.equal(clean[::2], poisoned[::2])


def test_networks_that_diverge_are_marked_and_the_others_go_on(few):
    # Convolutions fail at once, identities a step later, and a dead cell only ever learns the shares of the classes.
    rows = np.stack([np.zeros(6, np.uint8), np.full(6, 3, np.uint8), np.full(6, 1, np.uint8)])
    recipe = STEPWISE.replace(learning_rate=1e9, weight_decay=0.0, momentum=0.0, epochs=8)
    alone = [train(SPACE, row, recipe, few, seed) for seed, row in enumerate(rows)]
    together = train_together(SPACE, rows, recipe, few, range(3))
    assert len({np.isfinite(each.metrics["train_loss"]).sum() for each in alone}) == 3
    for one, other in zip(together, alone, strict=True):
        assert one.diverged == other.diverged
        for name in MEASURED:
            assert np.array_equal(np.isnan(one.metrics[name]), np.isnan(other.metrics[name])), name
        seconds = one.metrics["train_seconds"]
        lost = int(np.isnan(one.metrics["train_loss"]).argmax()) if one.diverged else recipe.epochs - 1
        assert (seconds[lost:] == seconds[lost]).all()


# Parts


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9))
@settings(deadline=None, max_examples=40)
def test_joining_undoes_dividing_and_gradients_follow(kinds):
    groups: dict[int, list[int]] = {}
    for network, kind in enumerate(kinds):
        groups.setdefault(kind, []).append(network)
    partition = Partition(list(groups.values()), CPU)
    node = torch.randn(5, len(kinds), 2, requires_grad=True)
    factors = torch.arange(1.0, len(groups) + 1)
    blocks = partition.divide(node)
    for block, members in zip(blocks, groups.values(), strict=True):
        assert torch.equal(block, node[:, members])
    joined = partition.join([block * factor for block, factor in zip(blocks, factors, strict=True)])
    of_network = factors[[list(groups).index(kind) for kind in kinds]][None, :, None]
    assert torch.equal(joined, node * of_network)
    weights = torch.randn_like(node)
    (joined * weights).sum().backward()
    assert torch.equal(node.grad, weights * of_network)


def test_what_has_no_fused_form_is_named():
    with pytest.raises(TypeError, match="there is no fused form of Dropout"):
        fuse([nn.Dropout(), nn.Dropout()])


def test_mistakes_are_named(few):
    rows = np.zeros((2, 6), np.uint8)
    with pytest.raises(QueryError, match=r"each architecture needs a seed: got architectures \(2, 6\) and 3 seeds"):
        train_together(SPACE, rows, STEPWISE, few, [0, 1, 2])
    with pytest.raises(QueryError, match=r"each architecture needs a seed: got architectures \(6,\) and 6 seeds"):
        train_together(SPACE, rows[0], STEPWISE, few, range(6))
    with pytest.raises(QueryError, match="a training seed is 0 or more, got -1"):
        train_together(SPACE, rows, STEPWISE, few, [0, -1])
    with pytest.raises(UnknownNameError, match="unknown device 'cpuu'; did you mean 'cpu'"):
        train_together(SPACE, rows, STEPWISE, few, [0, 1], "cpuu")
    with pytest.raises(InvalidArchitectureError, match="row 0, position 0 has choice 9"):
        train_together(SPACE, rows + np.uint8(9), STEPWISE, few, [0, 1])


def test_a_space_whose_networks_are_no_cells_is_refused(few):
    class Other(NB201):
        def network(self, architecture, recipe, image_shape, classes):
            return nn.Linear(1, classes)

    with pytest.raises(SpaceError, match="does not build cells; train its networks one at a time"):
        train_together(Other(), np.zeros((2, 6), np.uint8), STEPWISE, few, [0, 1])
