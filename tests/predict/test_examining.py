"""Surrogates put to the test: fitted to less, asked about strategies they have not met, and exploited."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from predict.planted_spaces import LARGE, SMALL, planted_table
from surrogates import examining
from surrogates.examining import (
    check_fitted_to,
    exploits,
    held_out_again,
    leading_measure,
    leave_one_strategy_out,
    scores_by_size,
)
from surrogates.fitting import fit_surrogate
from surrogates.scorecard import coverage, mae
from surrogates.training_set import TrainingSet
from tabular import Table, TableOracle
from tabular.errors import QueryError, UnknownNameError
from tabular.measures import Measure

FEW = {"members": 2, "trees": 20, "max_depth": 4}
FIT = {"model": "xgboost", "options": FEW, "features": ["graph"]}
WORTH = Measure("planted", "validation_accuracy", 9)
TOY = Measure("toy", "validation_accuracy", 9)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return planted_table(tmp_path_factory.mktemp("planted") / "planted.h5", SMALL)


@pytest.fixture(scope="module")
def surrogate(table):
    return fit_surrogate(table, metrics=["validation_accuracy", "train_seconds"], features=["graph"], options=FEW)


@pytest.fixture
def fits(monkeypatch):
    """What `fit_surrogate` was asked for, fit by fit."""
    asked = []

    def spy(table, **options):
        asked.append(options)
        return fit_surrogate(table, **options)

    monkeypatch.setattr(examining, "fit_surrogate", spy)
    return asked


def test_the_leading_measure_is_the_first_metric_at_the_end(toy_table):
    fitted = fit_surrogate(Table.open(toy_table), epochs=[1, 9], features=["graph"], options=FEW)
    assert leading_measure(fitted) == TOY


# Fitted to less.


def test_more_networks_give_better_scores_in_the_order_of_the_sizes(table):
    told = []
    scores = scores_by_size(table, WORTH, [20, 200], progress=lambda *each: told.append(each), **FIT)
    assert [(each.train, each.held_out) for each in scores] == [(20, 241), (200, 61)]
    assert scores[1].mae < scores[0].mae
    assert [each[:2] for each in told] == [(1, 2), (2, 2)]


def test_the_networks_of_a_small_fit_are_among_those_of_a_larger_one(table, fits, monkeypatch):
    splits = []
    kept = examining.fit_surrogate

    def spy(table, **options):
        fitted = kept(table, **options)
        data = TrainingSet.read(table, task=options["task"], metrics=options["metrics"], epochs=options["epochs"])
        splits.append(data.split_at_random(options["train_size"], 0.5, options["seed"]).train)
        return fitted

    monkeypatch.setattr(examining, "fit_surrogate", spy)
    scores_by_size(table, WORTH, [20, 40], seed=3, **FIT)
    small, large = splits
    assert (small.sum(), large.sum()) == (20, 40)
    assert large[small].all()
    assert [each["seed"] for each in fits] == [3, 3]


def test_sizes_that_leave_nothing_to_fit_or_hold_out_are_left_out_with_a_warning(table):
    with pytest.warns(UserWarning, match=r"a fit to (259|7) networks is left out: of the 261 in planted.h5") as caught:
        scores = scores_by_size(table, WORTH, [7, 8, 259], **FIT)
    assert [each.train for each in scores] == [8]
    assert len(caught) == 2


# A strategy it has not met.


def test_networks_of_the_strategy_left_out_are_never_learnt_from(table, fits):
    rows = table.architectures
    visited = {"a": rows[:80], "b": rows[60:150], "c": rows[140:200]}
    scores = leave_one_strategy_out(table, WORTH, visited, **FIT)
    assert list(scores) == ["a", "b", "c"]
    for fit, (name, mine) in zip(fits, visited.items(), strict=True):
        learnt = set(table.canonical_keys[fit["train"]].tolist())
        assert not learnt & set(SMALL.canonical_key(mine).tolist())
        others = {key for other in visited if other != name for key in SMALL.canonical_key(visited[other]).tolist()}
        assert learnt == others - set(SMALL.canonical_key(mine).tolist())
        assert scores[name].held_out == len(mine)


def test_what_was_visited_twice_or_in_another_drawing_counts_once(toy_table):
    table = Table.open(toy_table)  # each of its rows is a drawing
    everything = table.architectures
    order = np.random.default_rng(0).permutation(len(everything))
    visited = {"a": np.repeat(everything[order[:20]], 3, axis=0), "b": everything[order[20:]]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = leave_one_strategy_out(table, TOY, visited, **FIT)
    held_out = table.space.canonical_key(everything[order[:20]])
    if "a" in scores:
        assert scores["a"].held_out == len(np.unique(held_out))
    free = ~np.isin(table.canonical_keys, held_out)
    assert ("a" in scores) == (len(np.unique(table.canonical_keys[free])) >= 8)


def test_a_strategy_that_leaves_too_little_is_not_left_out_and_a_warning_says_so(table):
    rows = table.architectures
    with pytest.warns(UserWarning, match="is not left out: it visited") as caught:
        scores = leave_one_strategy_out(table, WORTH, {"a": rows[:40], "b": rows[:2]}, **FIT)
    assert list(scores) == []
    assert [str(each.message) for each in caught] == [
        "a is not left out: it visited 40 networks and the others 0 that it did not; to score takes 3, to fit 8",
        "b is not left out: it visited 2 networks and the others 38 that it did not; to score takes 3, to fit 8",
    ]


@pytest.mark.parametrize(("names", "got"), [(["a"], "got a"), ([], "got none")])
def test_a_strategy_alone_is_refused(table, names, got):
    with pytest.raises(QueryError, match=f"takes at least two, {got}"):
        leave_one_strategy_out(table, WORTH, dict.fromkeys(names, table.architectures))


# Exploits.


def test_the_numbers_of_an_exploit_are_those_of_surrogate_and_table(surrogate, table):
    winners = {"a": table.architectures[:5], "b": table.architectures[7:8]}
    told = []
    first, second = exploits(
        surrogate, WORTH, winners, TableOracle(table), progress=lambda *each: told.append(each[:2])
    )
    predicted = surrogate.predict(winners["a"], WORTH)
    measured = table.metric("planted", "validation_accuracy")[:5, :, 0].astype(np.float64).mean(axis=1)
    assert (first.strategy, first.runs, second.strategy, second.runs) == ("a", 5, "b", 1)
    assert first.promised == pytest.approx(predicted.mean.mean())
    assert first.measured == pytest.approx(measured.mean())
    assert first.difference == pytest.approx(measured.mean() - predicted.mean.mean())
    assert first.promised_std == pytest.approx(predicted.std.mean())
    assert first.unfamiliar == predicted.unfamiliar.mean()
    assert told == [(done, 6) for done in range(1, 7)]


def test_winners_that_the_table_does_not_know_count_in_neither_mean(surrogate, tmp_path):
    rows = SMALL.unique()
    part = TableOracle(planted_table(tmp_path / "part.h5", SMALL, rows[:50]))
    winners = np.concatenate([rows[48:50], rows[60:63]])
    (found,) = exploits(surrogate, WORTH, {"a": winners}, part)
    assert found.runs == 5
    assert found.promised == pytest.approx(surrogate.predict(rows[48:50], WORTH).mean.mean())
    assert found.measured == pytest.approx(part.query(rows[48:50], WORTH).mean())
    (unknown,) = exploits(surrogate, WORTH, {"a": rows[60:63]}, part)
    assert math.isnan(unknown.measured)
    assert unknown.promised == pytest.approx(surrogate.predict(rows[60:63], WORTH).mean.mean())


def test_a_truth_that_measures_something_else_is_refused(surrogate, table):
    with pytest.raises(UnknownNameError, match="unknown metric 'test_loss' of task 'planted'"):
        exploits(surrogate, WORTH._replace(metric="test_loss"), {}, TableOracle(table))


# The networks held out, once more.


def agrees(surrogate, table):
    """The networks held out are those of the scorecard, and are scored alike."""
    again, score = held_out_again(surrogate, table), surrogate.scorecard.scores[len(surrogate.task.epochs) - 1]
    assert len(again.mean) == round(score.held_out * (1 - score.failed))
    with np.errstate(invalid="ignore"):
        assert mae(np.nanmean(again.values, axis=1), again.mean) == pytest.approx(score.mae, rel=1e-9)
    assert coverage(again.values, again.mean, again.std, 0.9) == pytest.approx(score.coverage_90)
    return again


def test_the_networks_held_out_are_found_again(surrogate, table, toy_table):
    agrees(surrogate, table)
    toy = Table.open(toy_table)  # of several rows a network, with a training that diverged
    agrees(fit_surrogate(toy, epochs=[3, 9], train_size=20, seed=5, options=FEW), toy)


def test_networks_whose_training_failed_are_not_among_them(tmp_path):
    def fail(data):
        data.metrics["validation_accuracy"][::9] = 0.1

    table = planted_table(tmp_path / "t.h5", SMALL, slope=0.1, offset=0.6, change=fail)
    fitted = fit_surrogate(table, metrics=["validation_accuracy"], features=["graph"], options=FEW)
    assert fitted.scorecard.scores[0].failed > 0.05
    agrees(fitted, table)


def test_rows_that_were_named_cannot_be_drawn_again(table):
    named = fit_surrogate(table, metrics=["validation_accuracy"], features=["graph"], options=FEW, train=np.arange(100))
    with pytest.raises(QueryError, match="held out are not on record: it was fitted to rows that were named"):
        held_out_again(named, table)


def test_another_table_is_refused(surrogate, table, tmp_path):
    check_fitted_to(surrogate, table)
    other = planted_table(tmp_path / "other.h5", SMALL, offset=0.01)
    with pytest.raises(QueryError, match=r"other.h5: is not the table that the surrogate was fitted to: .* name that"):
        held_out_again(surrogate, other)
    with pytest.raises(QueryError, match="carried over from 'small' to 'large'; examine the one that it was made of"):
        check_fitted_to(surrogate.extrapolate(LARGE), table)
