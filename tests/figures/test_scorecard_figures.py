"""Figures of a surrogate's scores show the numbers they are given, and say what they show."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.linear_model import RidgeCV

from nasbench.figures import surrogates as figures
from surrogates import scorecard
from surrogates.scorecard import Score, score
from tabular.errors import QueryError
from tabular.measures import mean_of_known
from tabular.table import Table, located


@pytest.fixture
def ax():
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.add_subplot()
    figure.canvas.draw()  # whatever was drawn can be rendered
    for each in figure.axes[:1]:
        assert each.get_xlabel()
        assert each.get_ylabel()


@pytest.fixture(scope="module")
def digits():
    """Held-out trainings of the shipped table, and the scores of a ridge fitted to 50, 300 and 2,000 networks."""
    table = Table.open(located("nb201-digits"))
    values = table.metric("digits", "test_accuracy")[:, :, -1].astype(np.float64)
    one_hot = np.eye(5)[table.architectures.astype(np.int64)].reshape(len(table), -1)
    order = np.random.default_rng(0).permutation(len(table))
    held_out, rest = order[:500], order[500:]
    earned = []
    for size in (300, 50, 2000):
        train = rest[:size]
        ridge = RidgeCV().fit(one_hot[train], mean_of_known(values[train]))
        mean = ridge.predict(one_hot[held_out])
        std = np.full(500, np.std(mean_of_known(values[train]) - ridge.predict(one_hot[train])))
        unfamiliar = np.zeros(500, dtype=bool)
        earned.append(
            score("digits/test_accuracy@12", size, values[held_out], mean, std, maximize=True, unfamiliar=unfamiliar)
        )
    return values[held_out], mean, std, earned


def test_each_network_is_a_point_at_what_was_measured_and_predicted(ax, digits):
    values, mean, *_ = digits
    truth = mean_of_known(values)
    figures.predicted_against_measured(ax, truth, mean, "test accuracy")
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), np.stack([truth, mean], axis=1))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("measured test accuracy", "predicted test accuracy")
    assert ax.get_xlim() == ax.get_ylim()
    low, high = ax.get_xlim()
    assert low < min(truth.min(), mean.min())
    assert high > max(truth.max(), mean.max())
    assert ax.lines[0].get_xy1() == (low, low)
    assert ax.lines[0].get_slope() == 1


def test_many_networks_are_counted_in_hexagons_none_lost(ax):
    rng = np.random.default_rng(0)
    truth = rng.random(figures.MOST_POINTS + 1)
    figures.predicted_against_measured(ax, truth, truth + rng.normal(0, 0.1, len(truth)))
    assert ax.collections[0].get_array().sum() == len(truth)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("measured", "predicted")
    assert ax.figure.axes[1].get_ylabel() == "networks"


def test_one_network_alone_can_be_drawn(ax):
    figures.predicted_against_measured(ax, np.array([0.5]), np.array([0.5]))
    assert ax.get_xlim()[0] < 0.5 < ax.get_xlim()[1]


def test_calibration_shows_observed_over_nominal_coverage(ax, digits):
    values, mean, std, _ = digits
    figures.calibration(ax, values, mean, std)
    levels, observed = ax.lines[1].get_data()
    assert levels[0] < 0.1
    assert levels[-1] == 0.99
    np.testing.assert_array_equal(observed, [scorecard.coverage(values, mean, std, level) for level in levels])
    assert (np.diff(observed) >= 0).all()


def test_the_learning_curve_is_in_order_of_size_with_the_tau_of_one_training(ax, digits):
    earned = digits[-1]
    figures.learning_curve(ax, earned)
    curve, ceiling = ax.lines
    assert curve.get_xdata().tolist() == [50, 300, 2000]
    assert curve.get_ydata().tolist() == [earned[1].others_tau, earned[0].others_tau, earned[2].others_tau]
    assert ceiling.get_ydata() == pytest.approx([earned[0].seed_tau] * 2)
    assert [each.get_label() for each in ax.lines] == ["surrogate", "one training"]
    assert ax.get_xscale() == "log"


def test_the_error_is_drawn_against_that_of_one_training_with_its_band(ax, digits):
    values, _, _, earned = digits
    figures.error_by_size(ax, earned, values, "test accuracy")
    curve, line = ax.lines
    assert curve.get_ydata().tolist() == [earned[1].others_error, earned[0].others_error, earned[2].others_error]
    assert line.get_ydata() == pytest.approx([earned[0].seed_error] * 2)
    (low, high) = ax.patches[0].get_extents().transformed(ax.transData.inverted()).intervaly
    assert low < earned[0].seed_error < high
    # The standard error of a mean over 500 networks, from the spread of what is averaged.
    each = np.mean([np.abs(values[:, s] - np.delete(values, s, 1).mean(axis=1)) for s in range(3)], axis=0)
    assert high - low == pytest.approx(2 * 1.96 * each.std() / math.sqrt(500), rel=0.3)
    assert ax.get_ylabel() == "mean absolute error of test accuracy"
    assert ax.get_ylim()[0] == 0


def test_where_each_network_was_trained_once_there_is_no_line_of_one_training(ax):
    once = [Score("t/m@1", size, 9, kendall_tau=size / 100, mae=1 / size) for size in (10, 20)]
    figures.learning_curve(ax, once)
    figures.error_by_size(ax, once, np.ones((9, 1)))
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0.1, 0.2], [0.1, 0.05]]
    assert ax.get_ylabel() == "mean absolute error"


@pytest.mark.parametrize(("measures", "got"), [(("t/a@1", "t/b@1"), "got t/a@1, t/b@1"), ((), "got none")])
def test_a_curve_of_several_measures_is_refused(measures, got):
    earned = [Score(measure, 10, 9) for measure in measures]
    with pytest.raises(QueryError, match=f"the scores of one measure, {got}"):
        figures.learning_curve(Figure().add_subplot(), earned)
    with pytest.raises(QueryError, match=f"the scores of one measure, {got}"):
        figures.error_by_size(Figure().add_subplot(), earned, np.ones((9, 2)))
