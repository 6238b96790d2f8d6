"""Figures of tables show the numbers that the table holds, and say what it does not hold."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import kendalltau

from nasbench.analysis.table_frames import learning_curve_frame, noise_ceiling_frame, rank_by_epoch_frame
from nasbench.figures.table_figures import learning_curves, noise_ceiling, rank_by_epoch
from tabular import TableData, TaskData, write_table
from tabular.errors import QueryError, UnknownNameError
from tabular.measures import Task, standard_metric
from tabular.reliability import between_means, reliability, seed_sets
from tabular.spaces import CellSpace
from tabular.table import Table


@pytest.fixture(scope="module")
def digits():
    """The frames of a shipped table."""
    table = Table.open("nb201-5nodes-digits")
    return SimpleNamespace(
        table=table,
        validation=table.metric("digits", "validation_accuracy").astype(np.float64),
        test=table.metric("digits", "test_accuracy").astype(np.float64),
        curves=learning_curve_frame(table),
        ranks=rank_by_epoch_frame(table),
        ceiling=noise_ceiling_frame(table),
    )


def note(ax):
    return ax.get_title(loc="left")


def small_table(path, *, seeds=(0, 1), epochs=(1, 2), values=None):
    """A table of 8 cells with seconds and accuracies, those of the first metric given."""
    space = CellSpace("small", 3, ("none", "nor_conv_1x1"))
    shape = (8, len(seeds), len(epochs))
    values = np.random.default_rng(0).random(shape) if values is None else values
    seconds = np.broadcast_to(np.arange(1.0, len(epochs) + 1), shape)
    metrics = {"validation_accuracy": values, "test_accuracy": values, "train_seconds": seconds}
    metrics = {name: each.astype(np.float32) for name, each in metrics.items()}
    status = np.ones(shape[:2], dtype=np.uint8) + ~np.isfinite(values).all(axis=2)
    task = Task("t", epochs, {name: standard_metric(name) for name in metrics}, seeds)
    write_table(path, TableData(space, space.all(), "row", [TaskData(task, metrics, status)]))
    return Table.open(path)


# Learning curves.


def test_curves_are_medians_and_quartiles_of_the_best_the_median_and_the_worst(digits):
    assert list(dict.fromkeys(digits.curves.choice)) == ["best", "median", "worst", "random 1", "random 2", "random 3"]
    means = digits.validation[:, :, -1].mean(axis=1)
    places = {"best": means.argmax(), "worst": means.argmin(), "median": np.argsort(-means, kind="stable")[200]}
    for choice, row in places.items():
        curve = digits.curves[digits.curves.choice == choice]
        assert set(curve.architecture) == {digits.table.space.to_text(digits.table.architectures[row])}
        expected = np.quantile(digits.validation[row], (0.25, 0.5, 0.75), axis=0)
        np.testing.assert_allclose(curve[["low", "value", "high"]].to_numpy().T, expected, rtol=1e-6)
        assert curve.epoch.tolist() == list(range(1, 13))


def test_curves_are_drawn_as_they_are(ax, digits):
    learning_curves(ax, digits.curves)
    lines = {line.get_label(): line for line in ax.get_lines()}
    best = digits.curves[digits.curves.choice == "best"]
    np.testing.assert_array_equal(lines["best"].get_xydata(), best[["epoch", "value"]])
    assert len({(line.get_color(), str(line.get_linestyle())) for line in lines.values()}) == 6
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epochs trained", "validation accuracy")
    assert note(ax) == "lines: median of seeds, bands: quartiles"


def test_curves_without_a_choice_are_numbered_and_named_by_their_architecture(ax, digits):
    alike = digits.curves[digits.curves.choice.isin(["best", "median"])].drop(columns="choice")
    alike["architecture"] = alike.architecture.map({text: f"{'a' * 50}{text}" for text in alike.architecture})
    learning_curves(ax, alike)
    assert [line.get_label()[:8] for line in ax.get_lines()] == ["1: aaaaa", "2: aaaaa"]
    assert all(len(line.get_label()) <= 35 for line in ax.get_lines())


def test_one_epoch_is_no_curve_and_one_seed_has_no_quartiles(ax, tmp_path):
    table = small_table(tmp_path / "one.h5", epochs=(12,))
    for frame in (learning_curve_frame, rank_by_epoch_frame):
        with pytest.raises(QueryError, match=r"one\.h5: task 't' has one epoch on record, 12; a curve needs two"):
            frame(table)
    frame = learning_curve_frame(small_table(tmp_path / "alone.h5", seeds=(0,)))
    assert frame[["low", "high"]].isna().all(axis=None)
    learning_curves(ax, frame)
    assert note(ax) == "no quartiles: one value for each architecture"


def test_curves_leave_out_what_has_no_end_and_say_so(tmp_path):
    values = np.random.default_rng(0).random((8, 2, 2))
    values[3, :, 1] = np.nan
    frame = learning_curve_frame(small_table(tmp_path / "gap.h5", values=values), random=8)
    assert frame.architecture.nunique() == 7
    assert frame.attrs["note"] == "1 of 8 architectures left out: trainings missing or diverged"
    values[:, :, 1] = np.nan
    nothing = small_table(tmp_path / "nothing.h5", values=values)
    with pytest.raises(QueryError, match="no architecture has a validation_accuracy after the last epoch"):
        learning_curve_frame(nothing)
    with pytest.raises(QueryError, match="0 of 8 architectures have a value for each seed and epoch; ranks need two"):
        rank_by_epoch_frame(nothing)


def test_unknown_names_are_said(digits):
    with pytest.raises(UnknownNameError, match=r"unknown metric 'test_acuracy'.*did you mean 'test_accuracy'"):
        learning_curve_frame(digits.table, metric="test_acuracy")
    with pytest.raises(UnknownNameError, match="unknown task 'digit'"):
        rank_by_epoch_frame(digits.table, "digit")
    with pytest.raises(UnknownNameError, match="unknown noise ceiling of 'ranks'"):
        noise_ceiling(None, digits.ceiling, "ranks")


# Ranks.


def test_ranks_by_epoch_are_those_of_the_data_card(digits):
    found = reliability(digits.table, "digits")
    np.testing.assert_allclose(digits.ranks.correlation, found.epoch_to_final)
    np.testing.assert_allclose(digits.ranks.ceiling, found.between_seeds)
    values = digits.validation
    taus = [kendalltau(values[:, a, 3], values[:, b, -1]).statistic for a, b in permutations(range(3), 2)]
    assert digits.ranks.other[3] == pytest.approx(np.mean(taus))
    assert digits.ranks.correlation.iloc[-1] == 1


def test_ranks_are_drawn_under_their_ceiling(ax, digits):
    rank_by_epoch(ax, digits.ranks)
    means, other, ceiling = ax.get_lines()
    np.testing.assert_array_equal(means.get_ydata(), digits.ranks.correlation)
    assert other.get_ydata()[-1] == ceiling.get_ydata()[0]
    assert note(ax) == "ranks by validation accuracy against those at the end"


def test_a_table_of_one_seed_has_no_ceiling(ax):
    deeper = Table.open("nb201-digits-deeper")
    rank_by_epoch(ax, rank_by_epoch_frame(deeper))
    assert len(ax.get_lines()) == 1
    assert "no ceiling: one training of each architecture" in note(ax)
    with pytest.raises(QueryError, match="one training of each architecture; a noise ceiling needs a table with two"):
        noise_ceiling_frame(deeper)


def test_means_over_seeds_have_no_noise_ceiling(tmp_path):
    table = small_table(tmp_path / "means.h5", seeds=(-1,))
    with pytest.raises(QueryError, match=r"means\.h5: task 't' holds means over seeds only; a noise ceiling needs"):
        noise_ceiling_frame(table)


def test_the_noise_ceiling_is_what_choosing_by_some_seeds_gives(digits):
    signal, report = digits.validation[:, :, -1], digits.test[:, :, -1].mean(axis=1)
    by_one = [report.max() - report[signal[:, seed].argmax()] for seed in range(3)]
    one, _, three = digits.ceiling.itertuples()
    assert (one.regret, one.regret_low, one.regret_high) == pytest.approx((np.mean(by_one), min(by_one), max(by_one)))
    assert one.between == pytest.approx(reliability(digits.table, "digits").between_seeds)
    assert three.regret == pytest.approx(report.max() - report[signal.mean(axis=1).argmax()])
    assert three.with_report == pytest.approx(reliability(digits.table, "digits").validation_test)
    assert digits.ceiling.sets.tolist() == [3, 3, 1]
    assert digits.ceiling.between.isna().tolist() == [False, True, True]


def test_means_of_more_seeds_agree_better_as_theory_has_it():
    """For normal worth and noise, Pearson's r of means of s seeds is s / (s + noise variance), tau 2 / pi asin(r)."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4000, 1)) + rng.normal(size=(4000, 6))
    for size in (1, 2, 3):
        expected = 2 / np.pi * np.arcsin(size / (size + 1))
        assert between_means(values, size) == pytest.approx(expected, abs=0.01)
    assert np.isnan(between_means(values, 4))


def test_sets_of_seeds_are_all_or_a_sample():
    assert seed_sets(3, 2) == [(0, 1), (0, 2), (1, 2)]
    many = seed_sets(30, 4)
    assert 50 < len(many) == len(set(many)) <= 60
    assert all(len(set(each)) == 4 and max(each) < 30 for each in many)


def test_the_noise_ceiling_is_drawn_both_ways(digits):
    for of, label in (("correlation", "Kendall tau"), ("regret", "regret of test accuracy")):
        ax = Figure().add_subplot()
        noise_ceiling(ax, digits.ceiling, of)
        assert ax.get_ylabel() == label
        drawn = ax.get_lines()[0].get_xydata()
        np.testing.assert_array_equal(drawn, digits.ceiling[["seeds", "with_report" if of == "correlation" else of]])
