"""Surrogates carried over to a larger space or another recipe."""

from __future__ import annotations

import numpy as np
import pytest

from predict.planted_spaces import LARGE, SMALL, planted_table, rule, some_networks
from surrogates import Surrogate, fit_surrogate
from surrogates.examining import check_fitted_to
from surrogates.scorecard import kendall_tau
from surrogates.transferring import transfer
from tabular import Table
from tabular.errors import DataError, QueryError, SpaceError, UnknownNameError

FEW = {"members": 2, "trees": 60, "max_depth": 4}
OFFSET, SLOPE = 0.15, 0.6
"""Of what networks of the other table are worth."""


@pytest.fixture(scope="module")
def surrogate(tmp_path_factory):
    table = planted_table(tmp_path_factory.mktemp("small") / "small.h5", SMALL)
    return fit_surrogate(table, metrics=["validation_accuracy"], features=["graph"], options=FEW)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """200 networks of the larger space, all of them worse, and closer to each other, than the small space's rule."""
    path = tmp_path_factory.mktemp("large") / "large.h5"
    return planted_table(path, LARGE, some_networks(LARGE, 200), offset=OFFSET, slope=SLOPE)


def only_score(surrogate):
    (score,) = surrogate.scorecard.scores
    return score


def test_without_trainings_it_predicts_what_extrapolation_does_and_is_scored_on_the_whole_table(surrogate, other):
    carried, plain = transfer(surrogate, other), surrogate.extrapolate(LARGE)
    rows = LARGE.sample(np.random.default_rng(1), 50)
    for mine, its in zip(carried.predict(rows), plain.predict(rows), strict=True):
        np.testing.assert_array_equal(mine, its)
    score = only_score(carried)
    assert (score.measure, score.train, score.held_out) == ("planted/validation_accuracy@9", 0, 200)
    predicted = carried.predict(other.architectures).mean
    measured = other.metric("planted", "validation_accuracy")[:, :, 0].mean(axis=1)
    assert score.mae == pytest.approx(np.abs(predicted - measured).mean(), abs=1e-6)


def test_a_few_trainings_shift_and_stretch_the_predictions_right(surrogate, other):
    before, after = only_score(transfer(surrogate, other)), only_score(transfer(surrogate, other, train_size=20))
    assert (after.train, after.held_out) == (20, 180)
    assert before.mae > 0.05
    assert after.mae < before.mae / 3
    assert after.r2 > 0.3 > before.r2


def test_the_order_of_networks_stays_what_it_was_but_for_those_that_are_in_doubt(surrogate, other):
    rows = some_networks(LARGE, 100, seed=3)
    before = surrogate.extrapolate(LARGE).predict(rows).mean
    after = transfer(surrogate, other, train_size=20).predict(rows).mean
    assert kendall_tau(before, after) > 0.95


def test_intervals_hold_after_a_few_trainings_where_they_did_not_before(surrogate, other):
    before = only_score(transfer(surrogate, other)).coverage_90
    of_many = [only_score(transfer(surrogate, other, train_size=20, seed=seed)).coverage_90 for seed in range(5)]
    assert before < 0.6
    assert 0.8 < np.mean(of_many) < 0.99


def test_a_second_transfer_goes_on_from_the_first(surrogate, other, tmp_path):
    """Back to a table that follows the first rule: what the first transfer changed is undone, not done twice."""
    rows = some_networks(LARGE, 200)
    there = transfer(surrogate, other, train_size=100)
    again = transfer(there, other, train_size=100)
    np.testing.assert_allclose(again.predict(rows).mean, there.predict(rows).mean, atol=0.015)
    back = transfer(there, planted_table(tmp_path / "as-before.h5", LARGE, rows), train_size=100)
    at_once = transfer(surrogate, planted_table(tmp_path / "as-before.h5", LARGE, rows), train_size=100)
    np.testing.assert_allclose(back.predict(rows).mean, at_once.predict(rows).mean, atol=0.02)


def test_another_recipe_of_the_same_space_is_learnt_from_a_few_trainings(surrogate, tmp_path):
    table = planted_table(tmp_path / "t.h5", SMALL, offset=OFFSET, slope=SLOPE)
    before, after = only_score(transfer(surrogate, table)), only_score(transfer(surrogate, table, train_size=20))
    assert after.mae < before.mae / 3
    assert after.kendall_tau == pytest.approx(before.kendall_tau, abs=0.05)
    rows = SMALL.unique()
    predicted = transfer(surrogate, table, train_size=100).predict(rows).mean
    slope, offset = np.polyfit(surrogate.predict(rows).mean, predicted, 1)
    # Stretched is the logarithm of the error, so the line is bent a little.
    assert slope == pytest.approx(SLOPE, abs=0.1)
    middle = rule(SMALL, rows).mean()
    assert offset + slope * middle == pytest.approx(OFFSET + SLOPE * middle, abs=0.01)


def test_what_was_carried_over_is_saved_and_read_back(surrogate, other, tmp_path):
    carried = transfer(surrogate, other, train_size=20, seed=4)
    carried.save(tmp_path / "model")
    again = Surrogate.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(other.architectures).std, carried.predict(other.architectures).std)
    assert again.provenance["fitted_to"] == SMALL.declaration()
    assert again.provenance["transferred_to"] == {
        "file": "large.h5",
        "digest": other.digest,
        "train": 20,
        "seed": 4,
    }


def test_the_seed_says_which_networks_are_learnt_from(surrogate, other):
    one, same, another = (only_score(transfer(surrogate, other, train_size=20, seed=seed)) for seed in (0, 0, 1))
    assert one == same
    assert one != another


# Mistakes.


def test_features_of_a_space_of_its_own_cannot_be_carried_over(toy_table, other):
    encoded = fit_surrogate(
        Table.open(toy_table), metrics=["validation_accuracy"], epochs=[9], features=["one_hot"], options=FEW
    )
    with pytest.raises(SpaceError, match="with the features one_hot cannot be asked about 'large': fit it with the fe"):
        transfer(encoded, other)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"train_size": 3}, QueryError, "train_size is 0 or at least 5, fewer trainings correct nothing; got 3"),
        ({"train_size": -1}, QueryError, "train_size is 0 or at least 5, .* got -1"),
        ({"train_size": 200}, QueryError, r"large.h5: has 200 networks with numbers, .* got 200"),
        ({"task": "plantd"}, UnknownNameError, "unknown task 'plantd'; did you mean 'planted'"),
        ({"train_size": 198}, DataError, "gives 198 networks .* to learn from and 2 to score; at least 5 and 3 are"),
    ],
)
def test_what_a_table_cannot_give_is_refused(surrogate, other, options, error, message):
    with pytest.raises(error, match=message):
        transfer(surrogate, other, **options)


def test_a_table_that_lacks_what_is_predicted_is_refused(surrogate, toy_table, tmp_path):
    seconds = fit_surrogate(
        Table.open(toy_table), metrics=["validation_accuracy"], epochs=[1, 9], features=["graph"], options=FEW
    )
    table = planted_table(tmp_path / "t.h5", SMALL)
    with pytest.raises(QueryError, match=r"t.h5: its task 'planted' has no epoch 1, which the surrogate predicts"):
        transfer(seconds, table)
    losses = fit_surrogate(
        Table.open(toy_table), metrics=["test_accuracy"], epochs=[9], features=["graph"], options=FEW
    )
    with pytest.raises(QueryError, match="its task 'planted' has no metric 'test_accuracy', which the surrogate"):
        transfer(losses, table)


def test_networks_without_a_number_are_neither_learnt_from_nor_scored(surrogate, tmp_path):
    def forget(number):
        def change(data):
            data.status[number:] = 0
            for values in data.metrics.values():
                values[number:] = np.nan

        return change

    rows = some_networks(LARGE, 60)
    score = only_score(transfer(surrogate, planted_table(tmp_path / "t.h5", LARGE, rows, change=forget(40))))
    assert score.held_out == 40
    with pytest.raises(DataError, match="gives 0 networks with a number to learn from and 2 to score"):
        transfer(surrogate, planted_table(tmp_path / "few.h5", LARGE, rows, change=forget(2)))


def test_a_surrogate_of_a_named_space_is_carried_to_another_recipe():
    with Table.open("nb201-digits") as small, Table.open("nb201-digits-deeper") as deeper:
        fitted = fit_surrogate(
            small,
            metrics=["test_accuracy"],
            epochs=[12],
            train_size=200,
            features=["graph"],
            options={"members": 2, "trees": 40, "max_depth": 4},
        )
        carried = transfer(fitted, deeper, train_size=50)
        assert (fitted.fitted_to, carried.fitted_to) == (None, "nb201")
        assert carried.scorecard.scores[0].kendall_tau > 0.4
        with pytest.raises(QueryError, match="the surrogate was carried over from 'nb201' to 'nb201'"):
            check_fitted_to(carried, deeper)
