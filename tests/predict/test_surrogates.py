"""Surrogates: what they see, what they learn, and how honestly they are scored."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nasbench import Task, get_space
from predict.mini_tables import MINI, make_table, planted_worth
from surrogates import Surrogate, fit_surrogate
from surrogates.metric_model import SeedNoise
from tabular import Table, TableData, TaskData, write_table
from tabular.errors import DataError, QueryError, UnknownNameError
from tabular.measures import standard_metric
from tabular.spaces.categorical import CategoricalSpace


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return make_table(tmp_path_factory.mktemp("planted") / "planted.h5")


@pytest.fixture(scope="module")
def surrogate(table):
    return fit_surrogate(table, options={"members": 3, "trees": 100})


def scores_of(surrogate):
    return {each.measure: each for each in surrogate.scorecard.scores}


# Fitting and scores.


def test_the_default_fits_three_metrics_on_the_rungs_of_the_recorded_epochs(tmp_path):
    told = []
    table = make_table(tmp_path / "t.h5", epochs=(1, 2, 3, 4, 9, 11, 12))
    surrogate = fit_surrogate(table, options={"members": 1, "trees": 20}, progress=lambda *each: told.append(each))
    assert surrogate.task.epochs == (1, 4, 12)
    assert list(surrogate.task.metrics) == ["validation_accuracy", "test_accuracy", "train_seconds"]
    assert len(surrogate.scorecard.rows()) == len(surrogate.measures) == 9
    assert [(done, total) for done, total, _ in told] == [(1, 3), (2, 3), (3, 3)]
    assert surrogate.provenance["table"]["digest"] == table.digest


def test_planted_structure_is_found_again_on_networks_held_out(surrogate):
    score = scores_of(surrogate)["planted/test_accuracy@9"]
    # 80 % of 261 networks are fitted. There are 7 worths, so even a perfect tau-b with the noisy truth is far below 1.
    assert (score.train, score.held_out) == (209, 52)
    assert score.r2 > 0.9
    assert score.kendall_tau > 0.7
    assert score.rmse < 0.05
    seconds = scores_of(surrogate)["planted/train_seconds@9"]
    assert seconds.r2 > 0.9


def test_every_drawing_of_a_network_is_predicted_alike_not_only_the_one_on_record(surrogate):
    everything = MINI.all()
    everything = everything[MINI.live_edges(everything).any(axis=1)]
    mean = surrogate.predict(everything, "test_accuracy").mean
    _, network = np.unique(MINI.canonical_key(everything), return_inverse=True)
    of_network = (np.bincount(network, mean) / np.bincount(network))[network]
    # Learnt from the recorded drawing alone, the drawings of a network differ by 0.18 to 0.21 of the spread of worths.
    assert np.sqrt(np.mean((mean - of_network) ** 2)) < 0.1 * (0.09 * planted_worth(MINI, everything)).std()


def test_what_is_held_out_was_not_seen_in_another_drawing(tmp_path):
    """Values drawn by network teach nothing about other networks; a split by rows would find twins and score high."""
    rows = MINI.all()
    _, network = np.unique(MINI.canonical_key(rows), return_inverse=True)
    worth = np.random.default_rng(3).uniform(1, 7, network.max() + 1)[network]
    table = make_table(tmp_path / "t.h5", rows=rows, represents="row", worth=worth)
    score = fit_surrogate(
        table,
        epochs=[9],
        metrics=["test_accuracy"],
        options={"members": 2, "trees": 100, "max_depth": 4},
        features=["graph"],
    ).scorecard.scores[0]
    assert score.held_out == 52  # one row for each of a fifth of 261 networks
    # The standard deviation of tau for 52 unrelated pairs is sqrt(2 (2 * 52 + 5) / (9 * 52 * 51)) = 0.096.
    assert abs(score.kendall_tau) < 5 * 0.096


def test_the_same_seed_gives_the_same_surrogate_and_another_seed_another_split(table):
    one, same, other = (
        fit_surrogate(
            table,
            epochs=[9],
            metrics=["test_accuracy"],
            options={"members": 2, "trees": 20, "max_depth": 4},
            features=["graph"],
            seed=seed,
        )
        for seed in (0, 0, 1)
    )
    texts = [
        [[each.files() for each in model.regressors] for model in each.models.values()] for each in (one, same, other)
    ]
    assert texts[0] == texts[1]
    assert one.scorecard == same.scorecard
    assert texts[0] != texts[2]


def test_train_size_counts_networks(table):
    score = fit_surrogate(
        table,
        epochs=[9],
        metrics=["test_accuracy"],
        train_size=100,
        options={"members": 1, "trees": 20, "max_depth": 4},
        features=["graph"],
    ).scorecard.scores[0]
    assert (score.train, score.held_out) == (100, 161)


def test_missing_and_diverged_trainings_teach_nothing(tmp_path):
    def spoil(seconds):
        def change(data):
            data.status[:20, 1] = 2
            data.status[20:40, 2] = 0
            for name, values in data.metrics.items():
                values[:20, 1] = seconds if name == "train_seconds" else np.nan
                values[20:40, 2] = np.nan

        return change

    texts = []
    for name, seconds in (("short", 0.25), ("long", 1e6)):
        table = make_table(tmp_path / f"{name}.h5", change=spoil(seconds))
        surrogate = fit_surrogate(
            table,
            epochs=[9],
            metrics=["train_seconds"],
            options={"members": 2, "trees": 20, "max_depth": 4},
            features=["graph"],
        )
        texts.append([[each.files() for each in model.regressors] for model in surrogate.models.values()])
        assert math.isfinite(surrogate.scorecard.scores[0].r2)
    assert texts[0] == texts[1]


def test_an_architecture_without_a_number_is_neither_fitted_nor_scored(tmp_path):
    def forget(data):
        data.status[::2] = 0
        for values in data.metrics.values():
            values[::2] = np.nan

    score = fit_surrogate(
        make_table(tmp_path / "t.h5", change=forget),
        epochs=[9],
        options={"members": 1, "trees": 20, "max_depth": 4},
        features=["graph"],
    ).scorecard.scores[0]
    assert score.train + score.held_out == 261 // 2


def test_the_spread_is_honest_where_seeds_are_on_record(surrogate, tmp_path):
    # 52 architectures x 3 seeds, correlated within an architecture: about 52 cases, of which 95 % +- 3 % lie inside.
    assert scores_of(surrogate)["planted/validation_accuracy@9"].coverage_90 > 0.75
    one_seed = fit_surrogate(
        make_table(tmp_path / "t.h5", seeds=1),
        epochs=[9],
        metrics=["test_accuracy"],
        options={"members": 3, "trees": 20, "max_depth": 4},
        features=["graph"],
    )
    assert one_seed.models["test_accuracy"].noises == (None,)
    assert math.isnan(one_seed.scorecard.scores[0].seed_tau)


def test_seed_noise_finds_that_weak_networks_scatter_more():
    rng = np.random.default_rng(0)
    worth = rng.uniform(0.2, 0.9, 2000)
    true = 0.05 * (1 - worth)
    values = worth[:, None] + true[:, None] * rng.standard_normal((2000, 3))
    values[::3, 2] = np.nan
    noise = SeedNoise.measure(values)
    # 200 rows a level with about 5/3 degrees of freedom each: relative error 1 / sqrt(2 * 333) = 4 %; 5 of them.
    middle = np.linspace(0.25, 0.85, 7)
    np.testing.assert_allclose(noise.at(middle), 0.05 * (1 - middle), rtol=0.2)
    assert SeedNoise.measure(values[:, :1]) is None


# Mistakes.


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"task": "plantd"}, UnknownNameError, "unknown task 'plantd'; did you mean 'planted'"),
        ({"metrics": ["test_acuracy"]}, UnknownNameError, "did you mean 'test_accuracy'"),
        ({"metrics": []}, QueryError, "name at least one metric"),
        ({"features": []}, QueryError, "name at least one block of features; nb201-mini has graph, one_hot, paths"),
        ({"features": ["grahp"]}, UnknownNameError, "unknown features 'grahp' .*; did you mean 'graph'"),
        ({"model": "xgbost"}, UnknownNameError, "unknown model 'xgbost'; did you mean 'xgboost'"),
        ({"train": [999]}, QueryError, "train must be rows of the table, numbers from 0 to 260"),
        ({"epochs": [5]}, QueryError, "task 'planted' has no epoch 5; it has 1, 3, 9"),
        ({"train_fraction": 1.0}, QueryError, "between 0 and 1, got 1.0"),
        ({"train_size": 261}, QueryError, "has 261 networks with numbers, .* got 261"),
        ({"train_size": 3}, DataError, "at least 8 architectures to fit and 3 to hold out; the table gives 3 and 258"),
        ({"options": {"members": 0}}, QueryError, "at least 1 member, got 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(table, options, error, message):
    with pytest.raises(error, match=message):
        fit_surrogate(table, **options)


def test_a_measure_that_is_the_same_everywhere_is_refused(tmp_path):
    def flatten(data):
        data.metrics["test_accuracy"][:] = 0.5

    with pytest.raises(
        DataError, match=r"planted/test_accuracy@1: all 209 architectures to fit have the same value 0\.5"
    ):
        fit_surrogate(
            make_table(tmp_path / "t.h5", change=flatten),
            options={"members": 1, "trees": 20, "max_depth": 4},
            features=["graph"],
            metrics=["test_accuracy"],
        )


def test_a_space_with_a_constraint_is_fitted_saved_and_read(tmp_path):
    """The row of zeros is no cell of NAS-Bench-101."""
    space = get_space("nb101-v5")
    rows = space.sample(np.random.default_rng(0), 80)
    worth = 1 + 5 * space.encode(rows, "paths").mean(axis=1)
    shape = (80, 1, 1)
    task = Task("cells", (1,), {"validation_accuracy": standard_metric("validation_accuracy")}, (0,))
    metrics = {"validation_accuracy": (0.1 * worth).clip(0, 0.99)[:, None, None].astype(np.float32)}
    write_table(
        tmp_path / "t.h5", TableData(space, rows, "row", [TaskData(task, metrics, np.ones(shape[:2], dtype=np.uint8))])
    )
    fitted = fit_surrogate(Table.open(tmp_path / "t.h5"), metrics=["validation_accuracy"], options={"trees": 20})
    fitted.save(tmp_path / "model")
    np.testing.assert_array_equal(Surrogate.load(tmp_path / "model").predict(rows).mean, fitted.predict(rows).mean)


def test_a_space_of_bare_choices_is_fitted_to_these(tmp_path):
    space = CategoricalSpace("knobs", {f"knob {place}": list(range(4)) for place in range(6)})
    rows = np.unique(space.sample(np.random.default_rng(0), 400), axis=0)
    accuracy = 0.5 + 0.02 * rows[:, :3].sum(axis=1) + 0.05 * (rows[:, 3] == 2)
    task = Task("knobs", (1,), {"validation_accuracy": standard_metric("validation_accuracy")}, (0,))
    metrics = {"validation_accuracy": accuracy[:, None, None].astype(np.float32)}
    status = np.ones((len(rows), 1), dtype=np.uint8)
    write_table(tmp_path / "t.h5", TableData(space, rows, "row", [TaskData(task, metrics, status)]))
    fitted = fit_surrogate(Table.open(tmp_path / "t.h5"), metrics=["validation_accuracy"])
    assert fitted.blocks == ("one_hot",)
    assert fitted.scorecard.scores[0].kendall_tau > 0.9


def test_costs_and_whole_learning_curves_are_learnt_too():
    with Table.open("nb201-digits") as digits:
        fitted = fit_surrogate(
            digits,
            metrics=["test_accuracy", "parameters", "latency_seconds"],
            epochs=range(1, 13),
            train_size=400,
            features=["graph", "one_hot"],
            options={"members": 2, "trees": 80, "max_depth": 4},
        )
        rows = digits.architectures[::7]
        parameters = fitted.predict(rows, "parameters@12")
        np.testing.assert_array_equal(parameters.mean, fitted.predict(rows, "parameters@1").mean)
        assert np.isnan(parameters.noise).all()
    assert len(fitted.models["test_accuracy"].regressors) < 12  # coefficients of curves, not epochs
    assert len(fitted.models["parameters"].regressors) == 1
    scores = scores_of(fitted)
    assert scores["digits/parameters@12"].r2 > 0.95
    assert scores["digits/latency_seconds@12"].kendall_tau > 0.5
    # One training ranks at 0.75 against the others.
    assert scores["digits/test_accuracy@12"].others_tau > 0.78
    middle = scores["digits/test_accuracy@6"]
    assert middle.others_error < middle.seed_error
