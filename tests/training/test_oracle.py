"""The training oracle: pure, remembers, derives seeds from draws alone, and can be rebuilt from provenance."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tabular.errors import DataError, InvalidArchitectureError, QueryError, RecipeError, UnknownNameError
from tabular.measures import Oracle
from tabular.spaces import get_space
from tabular.training import METRICS, Recipe, TrainingOracle, load_dataset, provenance, train

SPACE = get_space("nb201-mini")
ROWS = np.array([[2, 1, 0, 1, 0, 2], [0, 0, 0, 2, 0, 0]], np.uint8)
QUICK = Recipe(epochs=2, batch_size=256, channels=4, stages=1)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture
def trainings(monkeypatch):
    """Count the trainings that really happen."""
    from tabular.training import trainer

    done = []

    def counted(space, architecture, recipe, dataset, seed, device):
        done.append((bytes(architecture), seed))
        return train(space, architecture, recipe, dataset, seed, device)

    monkeypatch.setattr(trainer, "train", counted)
    return done


def test_it_is_an_oracle_with_one_task(digits):
    oracle = TrainingOracle(SPACE, QUICK, digits)
    assert isinstance(oracle, Oracle)
    task = oracle.tasks["digits"]
    assert task.epochs == (1, 2)
    assert set(task.metrics) == set(METRICS)
    assert task.seeds == ()
    assert oracle.reference() is None
    assert TrainingOracle(SPACE, QUICK, digits, name="real", task="mine").name == "real"


def test_answers_are_what_training_gives(digits):
    oracle = TrainingOracle(SPACE, QUICK, digits, seeds=(4, 5))
    expected = [[train(SPACE, row, QUICK, digits, seed).metrics for seed in (4, 5)] for row in ROWS]
    final = np.array([[each["validation_accuracy"][-1] for each in seeds] for seeds in expected], np.float64)
    assert np.array_equal(oracle.query(ROWS), final.mean(axis=1))
    assert np.array_equal(oracle.query(ROWS, seed=5), final[:, 1])
    assert oracle.query(ROWS[1], "test_loss@1", seed=4) == float(expected[1][0]["test_loss"][0])
    assert isinstance(oracle.query(ROWS[0]), float)
    assert oracle.query(ROWS[:0]).shape == (0,)


def test_a_draw_alone_decides_the_training(digits, trainings):
    oracle = TrainingOracle(SPACE, QUICK, digits)
    draws = np.array([2**64 - 1, 12], np.uint64)
    answers = oracle.query(ROWS, draw=draws)
    assert trainings == [(ROWS[0].tobytes(), 2**63 - 1), (ROWS[1].tobytes(), 6)]
    assert np.array_equal(oracle.query(ROWS[::-1], draw=draws[::-1]), answers[::-1])
    assert oracle.query(ROWS[1], draw=12) == answers[1]
    assert len(trainings) == 2


def test_a_training_is_remembered(digits, trainings):
    oracle = TrainingOracle(SPACE, QUICK, digits, seeds=(0, 1))
    oracle.query(ROWS)
    assert len(trainings) == 4
    oracle.query(ROWS, "test_accuracy@1")
    oracle.query(ROWS[0], "train_seconds", seed=1)
    assert len(trainings) == 4
    oracle.query(ROWS[0], seed=2)
    assert len(trainings) == 5


def test_a_diverged_training_answers_nan_and_its_seconds(digits):
    oracle = TrainingOracle(SPACE, QUICK.replace(learning_rate=1e18), digits, seeds=(0,))
    assert np.isnan(oracle.query(ROWS[0]))
    assert oracle.query(ROWS[0], "train_seconds") > 0


def test_the_mean_is_over_the_trainings_that_have_a_number(digits, monkeypatch):
    from tabular.training import trainer

    def sometimes_diverging(space, architecture, recipe, dataset, seed, device):
        recipe = recipe.replace(learning_rate=1e18) if seed == 1 else recipe
        return train(space, architecture, recipe, dataset, seed, device)

    monkeypatch.setattr(trainer, "train", sometimes_diverging)
    oracle = TrainingOracle(SPACE, QUICK, digits, seeds=(0, 1, 2))
    each = [oracle.query(ROWS[0], seed=seed) for seed in (0, 1, 2)]
    assert np.isnan(each[1])
    assert oracle.query(ROWS[0]) == np.mean([each[0], each[2]])


def test_mistakes_are_named(digits):
    oracle = TrainingOracle(SPACE, QUICK, digits)
    with pytest.raises(QueryError, match="task 'digits' has no epoch 3; it has 1, 2"):
        oracle.query(ROWS, "test_accuracy@3")
    with pytest.raises(UnknownNameError, match="did you mean 'test_accuracy'"):
        oracle.query(ROWS, "test_acuracy")
    with pytest.raises(QueryError, match="a training seed is 0 or more, got -3"):
        oracle.query(ROWS, seed=-3)
    with pytest.raises(QueryError, match="seed=1 names one training and draw picks one: give either"):
        oracle.query(ROWS, seed=1, draw=1)
    with pytest.raises(QueryError, match=r"2 architectures need one draw or 2 draws, got 3"):
        oracle.query(ROWS, draw=np.arange(3, dtype=np.uint64))
    with pytest.raises(InvalidArchitectureError, match="row 1, position 0 has choice 9"):
        oracle.query(np.array([[0] * 6, [9] * 6]))
    with pytest.raises(QueryError, match="at least one seed"):
        TrainingOracle(SPACE, QUICK, digits, seeds=())
    with pytest.raises(QueryError, match="got -1"):
        TrainingOracle(SPACE, QUICK, digits, seeds=(0, -1))


# Provenance


def test_provenance_names_recipe_data_and_software(digits):
    found = json.loads(json.dumps(provenance(QUICK, digits)))
    assert found["recipe"] == QUICK.to_dict()
    assert found["recipe_hash"] == QUICK.hash
    assert found["dataset"]["digest"] == digits.digest
    assert set(found["versions"]) == {"nasbench", "python", "torch", "numpy"}
    assert found["device"]["torch"] == "cpu"
    assert found["device"]["hardware"]
    assert found["git_revision"] is None or len(found["git_revision"].removesuffix("-dirty")) == 40


def test_an_oracle_is_rebuilt_from_provenance_and_answers_the_same(digits):
    recipe = QUICK.replace(epochs=1)
    other = load_dataset("digits", split_seed=5, validation_fraction=0.3)
    stored = json.loads(json.dumps(dict(TrainingOracle(SPACE, recipe, other).tasks["digits"].provenance)))
    rebuilt = TrainingOracle.from_provenance(SPACE, stored, seeds=(3,), task="again")
    assert rebuilt.recipe == recipe
    assert rebuilt.query(ROWS[1]) == train(SPACE, ROWS[1], recipe, other, 3).metrics["validation_accuracy"][-1]
    assert list(rebuilt.tasks) == ["again"]


def test_what_cannot_be_trained_again_is_refused(digits, tmp_path):
    stored = provenance(QUICK, digits)
    for imported in ({}, {"licence": "MIT"}, {"recipe": "paper"}, {"recipe": stored["recipe"], "dataset": {}}):
        with pytest.raises(
            DataError, match="the task names no recipe and data set to train with, as imported tables do"
        ):
            TrainingOracle.from_provenance(SPACE, imported)
    changed = {**stored, "dataset": {**stored["dataset"], "digest": "0" * 64}}
    with pytest.raises(
        DataError, match=r"digits: is not the data set that was trained on: .* recorded was 000000000000"
    ):
        TrainingOracle.from_provenance(SPACE, changed)
    newer = {**stored, "recipe": {**stored["recipe"], "mixup": 0.2}}
    with pytest.raises(RecipeError, match="recipe of task 'digits': unknown field 'mixup'"):
        TrainingOracle.from_provenance(SPACE, newer, task="digits")
    with pytest.raises(DataError, match="no such file"):
        TrainingOracle.from_provenance(SPACE, stored, source=str(tmp_path / "moved.npz"))
