"""Training: reproducible to the bit, measured as documented, divergence marked, nothing global left changed."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from tabular.errors import InvalidArchitectureError, QueryError, UnknownNameError
from tabular.spaces import OPERATIONS, CellSpace, get_space
from tabular.training import METRICS, Recipe, load_dataset, train
from tabular.training.trainer import augment, dataset_tensors

SPACE = get_space("nb201-mini")
FULL = np.full(6, 2, np.uint8)
QUICK = Recipe(epochs=2, batch_size=256, channels=4, stages=1, cells_per_stage=1)
MEASURED = [name for name in METRICS if name != "train_seconds"]


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def assert_same(first, second):
    for name in MEASURED:
        assert first.metrics[name].tobytes() == second.metrics[name].tobytes(), name


def test_a_training_measures_every_metric_after_every_epoch(digits):
    recipe = QUICK.replace(epochs=3)
    result = train(SPACE, FULL, recipe, digits, seed=0)
    assert set(result.metrics) == set(METRICS)
    assert not result.diverged
    assert result.epochs == 3
    for values in result.metrics.values():
        assert values.shape == (3,)
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    for split in ("train", "validation", "test"):
        correct = result.metrics[f"{split}_accuracy"] * len(getattr(digits, split))
        assert np.allclose(correct, np.round(correct), atol=1e-3)
    assert (np.diff(result.metrics["train_seconds"]) > 0).all()


def test_the_default_recipe_learns_the_digits(digits):
    result = train(SPACE, FULL, Recipe(), digits, seed=0)
    # Chance is 0.10.
    assert result.metrics["test_accuracy"][-1] > 0.7
    assert result.metrics["train_loss"][-1] < result.metrics["train_loss"][0] / 2
    assert abs(result.metrics["test_accuracy"][-1] - result.metrics["validation_accuracy"][-1]) < 0.08


@pytest.mark.parametrize("changes", [{}, {"augmentation": "flip_crop"}, {"optimizer": "adamw", "learning_rate": 0.01}])
def test_the_same_seed_gives_the_same_bits_whatever_ran_before(digits, changes):
    recipe = QUICK.replace(**changes)
    first = train(SPACE, FULL, recipe, digits, seed=7)
    torch.manual_seed(99)
    train(SPACE, np.array([1, 2, 0, 1, 2, 1], np.uint8), QUICK.replace(batch_size=100), digits, seed=8)
    assert_same(first, train(SPACE, FULL, recipe, digits, seed=7))
    other = train(SPACE, FULL, recipe, digits, seed=8)
    assert not np.array_equal(first.metrics["validation_loss"], other.metrics["validation_loss"])


@pytest.mark.world
def test_the_same_seed_gives_the_same_bits_in_another_process(digits):
    code = (
        "import numpy as np; from tabular.spaces import get_space; from tabular.training import *;"
        "r = Recipe(epochs=2, batch_size=256, channels=4, stages=1, cells_per_stage=1);"
        "t = train(get_space('nb201-mini'), np.full(6, 2, np.uint8), r, load_dataset('digits'), seed=5);"
        "print(*(t.metrics[n].tobytes().hex() for n in METRICS if n != 'train_seconds'))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    here = train(SPACE, FULL, QUICK, digits, seed=5)
    assert printed.split() == [here.metrics[name].tobytes().hex() for name in MEASURED]


def test_the_number_of_threads_changes_no_bit_and_is_left_as_it_was(digits):
    before, trainings = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            trainings.append(train(SPACE, FULL, QUICK, digits, seed=5))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert_same(*trainings)


def test_nothing_global_is_left_changed(digits):
    torch.manual_seed(3)
    state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 - to see that nobody drew from it
    train(SPACE, FULL, QUICK.replace(augmentation="flip_crop"), digits, seed=0)
    assert torch.equal(state, torch.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_longer_training_with_a_constant_rate_starts_like_a_shorter_one(digits):
    recipe = QUICK.replace(schedule="constant")
    short, longer = train(SPACE, FULL, recipe, digits, 1), train(SPACE, FULL, recipe.replace(epochs=3), digits, 1)
    for name in MEASURED:
        assert np.array_equal(short.metrics[name], longer.metrics[name][:2])
    cosine = QUICK.replace(schedule="cosine")
    short, longer = train(SPACE, FULL, cosine, digits, 1), train(SPACE, FULL, cosine.replace(epochs=3), digits, 1)
    assert not np.array_equal(short.metrics["validation_loss"], longer.metrics["validation_loss"][:2])


def test_label_smoothing_reaches_the_training_loss_only(digits):
    recipe = Recipe(epochs=6, batch_size=64, channels=8, stages=2, label_smoothing=0.5)
    smoothed = train(SPACE, FULL, recipe, digits, 0).metrics
    # No prediction has a lower loss than the entropy of the smoothed targets: 1/2 + 1/20, and 1/20 nine times.
    entropy = -(0.55 * np.log(0.55) + 9 * 0.05 * np.log(0.05))
    assert smoothed["train_loss"].min() > entropy
    assert smoothed["validation_loss"].min() < entropy


def test_a_cell_through_which_nothing_flows_still_trains(digits):
    result = train(SPACE, np.zeros(6, np.uint8), QUICK, digits, seed=0)
    assert not result.diverged
    # It can only say one class for all, the chance level of the test split.
    assert result.metrics["test_accuracy"][-1] == pytest.approx(0.1, abs=0.02)


def test_divergence_is_marked_and_keeps_the_seconds_spent(digits):
    result = train(SPACE, FULL, QUICK.replace(epochs=4, learning_rate=1e18), digits, seed=0)
    assert result.diverged
    lost = np.isnan(result.metrics["validation_loss"])
    first = int(lost.argmax())
    assert lost[first:].all()
    for name in MEASURED:
        assert np.array_equal(np.isnan(result.metrics[name]), lost), name
    seconds = result.metrics["train_seconds"]
    assert np.isfinite(seconds).all()
    assert (seconds[first:] == seconds[first]).all()
    assert seconds[first] > 0


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_trains(digits, operation):
    space = CellSpace("one", 3, (operation,))
    result = train(space, np.zeros(3, np.uint8), QUICK.replace(stages=2, image_size=7), digits, seed=0)
    assert not result.diverged
    assert np.isfinite(result.metrics["test_loss"]).all()


def test_mistakes_are_named(digits):
    with pytest.raises(QueryError, match="a training seed is 0 or more, got -1"):
        train(SPACE, FULL, QUICK, digits, seed=-1)
    with pytest.raises(UnknownNameError, match="unknown device 'cpuu'; did you mean 'cpu'"):
        train(SPACE, FULL, QUICK, digits, seed=0, device="cpuu")
    with pytest.raises(UnknownNameError, match=re.escape("unknown device 'cuda:99'")):
        train(SPACE, FULL, QUICK, digits, seed=0, device="cuda:99")
    with pytest.raises(InvalidArchitectureError, match="position 0 has choice 3"):
        train(SPACE, np.full(6, 3, np.uint8), QUICK, digits, seed=0)


# Data on its way into the network


def test_images_are_normalised_by_the_training_split(digits):
    tensors = dataset_tensors(digits, 8, torch.device("cpu"))
    assert tensors.train_images.mean().item() == pytest.approx(0, abs=1e-5)
    assert tensors.train_images.std().item() == pytest.approx(1, abs=1e-5)
    assert tensors.held_out_images.mean().item() != pytest.approx(0, abs=1e-4)
    assert len(tensors.held_out_images) == len(digits.validation) + len(digits.test)
    assert tensors.validation_size == len(digits.validation)
    raw = digits.images[digits.validation[:1]].astype(np.float32)
    assert np.corrcoef(raw.ravel(), tensors.held_out_images[0].numpy().ravel())[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("size", [4, 11, 16])
def test_images_are_resized_to_the_recipe(digits, size):
    images = dataset_tensors(digits, size, torch.device("cpu")).train_images
    assert images.shape == (len(digits.train), 1, size, size)
    # Resizing keeps the mean brightness of an image, up to what falls off at its border.
    whole = dataset_tensors(digits, 8, torch.device("cpu")).train_images
    assert np.corrcoef(images.mean(dim=(1, 2, 3)), whole.mean(dim=(1, 2, 3)))[0, 1] > 0.9


def test_flipping_mirrors_about_half_of_the_images():
    images = torch.arange(1000 * 16.0).reshape(1000, 1, 4, 4)
    flipped = augment(images, "flip", torch.Generator().manual_seed(0))
    same = (flipped == images).flatten(1).all(dim=1)
    mirrored = (flipped == images.flip(-1)).flatten(1).all(dim=1)
    assert (same ^ mirrored).all()
    # 1,000 tosses: 6 standard deviations are 95.
    assert abs(int(mirrored.sum()) - 500) < 95


def test_cropping_moves_each_image_as_a_whole():
    images = torch.zeros(2000, 2, 16, 16)
    images[:, 0, 8, 8] = 1
    images[:, 1, 8, 8] = 2
    moved = augment(images, "crop", torch.Generator().manual_seed(0))
    assert (moved[:, 0] * 2 == moved[:, 1]).all()
    places = moved[:, 0].flatten(1).argmax(dim=1)
    rows, columns = places // 16 - 8, places % 16 - 8
    assert (moved[:, 0].sum(dim=(1, 2)) == 1).all()
    # An eighth of 16 pixels in each direction: 25 moves, all of which occur among 2,000.
    assert {(int(r), int(c)) for r, c in zip(rows, columns, strict=True)} == {
        (r, c) for r in range(-2, 3) for c in range(-2, 3)
    }
