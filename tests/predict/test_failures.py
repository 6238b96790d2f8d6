"""Trainings that fail beside all that are like them."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from nasbench import get_space
from surrogates.features import Inputs
from surrogates.trust import FEWEST_FAILURES, FailureModel, find_failures
from tabular.errors import FileFormatError
from tabular.spaces.nb101 import NB101

DATA = Path(__file__).parents[2] / "../shared/data"
CELLS = DATA / "nasbench101/nasbench101_first20001.csv"
TRIALS = DATA / "nasbench201/trials_200_epochs.npz"
SPACE = get_space("nb201")


def learnt(accuracy):
    return -np.log(1 - accuracy + 0.001)


def synthetic(rng, rows):
    """Features, targets with noise, and the 3 % that failed; another 3 %, told by a feature, are bad at all times."""
    features = rng.random((rows, 10)).astype(np.float32)
    bad = rng.random(rows) < 0.03
    features[:, 9] = bad
    target = 2 + 0.3 * features[:, 0] + 0.3 * features[:, 1] * features[:, 2] + rng.normal(0, 0.05, rows)
    target[bad] = 0.1
    failed = ~bad & (rng.random(rows) < 0.03)
    target[failed] = rng.uniform(0, 0.8, failed.sum())
    return features, target, bad, failed


def test_what_fails_is_found_and_what_is_bad_at_all_times_is_not_taken_for_it():
    features, target, bad, failed = synthetic(np.random.default_rng(0), 1500)
    found = find_failures(features, target, np.arange(1500), seed=0)
    assert (found & failed).sum() >= 0.95 * failed.sum()
    assert (found & ~failed).sum() <= 0.05 * failed.sum()
    assert not (found & bad).any()
    np.testing.assert_array_equal(find_failures(features, target, np.arange(1500), seed=0), found)


def test_where_all_goes_through_nothing_failed():
    rng = np.random.default_rng(1)
    features = rng.random((600, 5)).astype(np.float32)
    target = 2 + features[:, 0] + rng.normal(0, 0.1, 600)
    assert not find_failures(features, target, np.arange(600), seed=0).any()
    assert not find_failures(features, np.full(600, 2.0), np.arange(600), seed=0).any()
    assert not find_failures(features[:20], target[:20], np.arange(20), seed=0).any()
    target[7] = -5
    assert np.flatnonzero(find_failures(features, target, np.arange(600), seed=0)).tolist() == [7]


def test_drawings_of_one_failed_network_do_not_explain_each_other():
    features, target, _, failed = synthetic(np.random.default_rng(2), 600)
    rows = np.repeat(np.arange(600), 3)
    found = find_failures(features[rows], target[rows], rows, seed=0)
    assert (found & failed[rows]).sum() >= 0.9 * failed[rows].sum()


@pytest.fixture(scope="module")
def model():
    """A model of failures that happen to half of those whose first feature exceeds 0.8."""
    rng = np.random.default_rng(3)
    features = rng.random((2000, 6)).astype(np.float32)
    failed = (features[:, 0] > 0.8) & (rng.random(2000) < 0.5)
    return FailureModel.fit(features, failed, np.arange(2000), seed=0)


def test_a_probability_is_how_often_the_like_fail(model):
    features = np.random.default_rng(4).random((2000, 6)).astype(np.float32)
    probability = model.probability(features)
    assert probability.dtype == np.float64
    assert probability[features[:, 0] > 0.85].mean() == pytest.approx(0.5, abs=0.1)
    assert probability[features[:, 0] < 0.75].mean() < 0.02
    np.testing.assert_allclose(model.probability(features[:1]), probability[:1], rtol=1e-6)


def test_drawings_of_one_network_count_as_one():
    rng = np.random.default_rng(5)
    features = rng.random((400, 3)).astype(np.float32)
    failed = rng.random(400) < 0.3
    groups = np.concatenate([np.arange(400), np.repeat(np.flatnonzero(failed), 9)])
    many = FailureModel.fit(features[groups], failed[groups], groups, seed=0)
    assert many.probability(features).mean() == pytest.approx(0.3, abs=0.05)
    few = np.zeros(400, dtype=bool)
    few[: FEWEST_FAILURES - 1] = True
    repeated = np.arange(400)
    assert FailureModel.fit(features, few, repeated, seed=0) is None
    assert FailureModel.fit(np.tile(features, (3, 1)), np.tile(few, 3), np.tile(repeated, 3), seed=0) is None


def test_too_few_failures_give_no_model():
    features, failed = np.zeros((50, 2), dtype=np.float32), np.zeros(50, dtype=bool)
    assert FailureModel.fit(features, failed, np.arange(50), seed=0) is None
    assert FailureModel.fit(features, ~failed, np.arange(50), seed=0) is None


def test_it_is_read_back_and_travels(model):
    features = np.random.default_rng(6).random((20, 6)).astype(np.float32)
    for again in (FailureModel.read(model.files()), pickle.loads(pickle.dumps(model))):  # noqa: S301 - our own bytes
        np.testing.assert_array_equal(again.probability(features), model.probability(features))
    assert all(json.loads(content) for content in model.files().values())


def test_what_is_no_model_is_refused(model):
    (name,) = model.files()
    with pytest.raises(FileFormatError, match=f"{name}: is not an XGBoost model in JSON"):
        FailureModel.read({name: b"\x80pickle"}).probability(np.zeros((1, 6), dtype=np.float32))
    with pytest.raises(FileFormatError, match=f"other.json: a model of failures has one file, {name}"):
        FailureModel.read({"other.json": b""})


@pytest.mark.skipif(not CELLS.exists(), reason="the published accuracies of NAS-Bench-101 are not beside the project")
def test_the_failures_of_nasbench101_are_found_and_who_is_prone_to_them():
    space = NB101()
    accuracy, matrices, operations = [], [], []
    numbers = [space.operations.index(name) for name in ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")]
    with CELLS.open(newline="") as file:
        for record in csv.DictReader(file):  # as `NB101.from_cell`, which takes a second for a thousand
            vertices = int(record["n_vertices"])
            matrix = np.zeros((7, 7), dtype=np.uint8)
            kept = np.array([*range(vertices - 1), 6])
            start, end = np.triu_indices(vertices, 1)
            matrix[kept[start], kept[end]] = list(map(int, record["adjacency_upper"]))
            accuracy.append(float(record["valid_acc_108"]))
            matrices.append(matrix)
            operations.append([numbers[int(digit)] for digit in record["ops"].ljust(5, "0")])
    accuracy = np.array(accuracy)
    rows = np.hstack([np.array(matrices)[(slice(None), *np.triu_indices(7, 1))], np.array(operations, dtype=np.uint8)])
    features, groups = Inputs(space, rows).features, np.arange(len(rows))
    found = find_failures(features, learnt(accuracy), groups, seed=0)
    assert found[accuracy < 0.5].mean() > 0.9  # those that learnt nothing
    assert (accuracy[found] < 0.8).mean() > 0.95
    # A cell below 80 % of which this could be known is none: only a third is left.
    assert 0.2 < found[accuracy < 0.8].mean() < 0.5
    held_out = np.random.default_rng(0).permutation(len(rows)) < 4001
    model = FailureModel.fit(features[~held_out], found[~held_out], groups[~held_out], seed=0)
    probability = model.probability(features[held_out])
    failed = found[held_out]
    assert (probability[failed][:, None] > probability[~failed]).mean() > 0.8  # the area under the ROC curve
    assert probability.mean() == pytest.approx(found.mean(), rel=0.5)


@pytest.mark.skipif(not TRIALS.exists(), reason="the published accuracies of NAS-Bench-201 are not beside the project")
@pytest.mark.parametrize("column", ["cifar10_valid200", "cifar100_valtest200"])
@pytest.mark.parametrize("rows", [100, 500, 4000])
def test_the_disconnected_cells_of_nasbench201_have_not_failed(column, rows):
    with np.load(TRIALS) as trials:
        single = np.full((SPACE.size, 3), np.nan)
        single[trials["arch_index"], trials["seed_slot"]] = trials[column] / 100
    accuracy = np.nanmean(single, axis=1)
    some = np.random.default_rng(1).permutation(SPACE.size)[:rows]
    architectures = SPACE.from_index(some)
    _, groups = np.unique(SPACE.canonical_key(architectures), return_inverse=True)
    found = find_failures(Inputs(SPACE, architectures).features, learnt(accuracy[some]), groups, seed=0)
    assert found.sum() <= max(2, rows // 500)
    assert not found[accuracy[some] < (0.101 if column.startswith("cifar10_") else 0.0101)].any()
