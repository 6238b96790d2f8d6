"""Fronts of several measures, and the indicators of how good they are."""

from __future__ import annotations

import math

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench.comparison.pareto import attainment, hypervolume, hypervolumes, igds_plus, non_dominated
from tabular.errors import QueryError


def whole(measures, most=40):
    """Rows of small whole numbers, so that ties are common, some of them of trainings that diverged."""
    number = st.one_of(st.integers(0, 8).map(float), st.sampled_from([-math.inf, math.nan]))
    return st.integers(0, most).flatmap(lambda rows: arrays(np.float64, (rows, measures), elements=number))


def igd_plus(values, front):
    (of_all,) = igds_plus(values, [np.arange(len(values))], front)
    return of_all


def points(*rows):
    return np.array(rows, dtype=np.float64)


class TestMoocore:
    """What the library is taken to do."""

    def test_it_minimises_unless_told_otherwise(self):
        assert moocore.hypervolume([[1, 1]], ref=[3, 4]) == 6
        assert moocore.hypervolume([[1, 1]], ref=[3, 4], maximise=True) == 0
        assert moocore.is_nondominated([[1, 1], [2, 2]]).tolist() == [True, False]
        assert moocore.igd_plus([[1, 1]], ref=[[2, 2]]) == 0 != moocore.igd_plus([[1, 1]], ref=[[2, 2]], maximise=True)

    def test_its_attainment_function_minimises(self):
        best = moocore.eaf(points([0, 0], [1, 1]), [0, 1], percentiles=[50])
        assert best[:, :2].tolist() == [[0, 0]]


class TestNonDominated:
    def test_ties_stay_together_and_a_diverged_training_is_not_on_the_front(self):
        values = points([3, 1], [1, 3], [3, 1], [1, 1], [2, 2], [-np.inf, -np.inf], [np.nan, 9])
        assert non_dominated(values).tolist() == [True, True, True, False, True, False, False]

    def test_a_front_of_nothing(self):
        assert non_dominated(np.empty((0, 2))).tolist() == []
        assert non_dominated(np.full((2, 3), -np.inf)).tolist() == [False, False]

    @given(st.integers(1, 4).flatmap(whole))
    def test_no_row_is_better_or_equal_in_all_and_better_in_one(self, values):
        known = [row for row in values if np.isfinite(row).all()]
        slow = [
            bool(np.isfinite(row).all() and not any((other >= row).all() and (other > row).any() for other in known))
            for row in values
        ]
        assert non_dominated(values).tolist() == slow


class TestHypervolume:
    def test_of_a_staircase(self):
        """Three boxes of 3x1, 2x2 and 1x3 above (0, 0) cover 3 + 2 + 1 unit squares."""
        assert hypervolume(points([3, 1], [2, 2], [1, 3]), points(0, 0)) == 6

    def test_of_three_measures(self):
        """Two boxes of volume 4 that share a cube of volume 1."""
        assert hypervolume(points([4, 1, 1], [1, 1, 4]), points(0, 0, 0)) == 7

    def test_rows_at_or_below_the_reference_add_nothing(self):
        rows = points([0, 9], [9, -1], [-np.inf, -np.inf], [np.nan, 5])
        assert hypervolume(rows, points(0, 0)) == 0
        assert hypervolume(np.vstack([rows, [2, 2]]), points(0, 0)) == 4

    def test_more_of_it_is_better(self):
        assert hypervolume(points([2, 2]), points(0, 0)) > hypervolume(points([2, 1]), points(0, 0))


class TestManySetsAtOnce:
    @pytest.mark.parametrize("measures", [1, 2, 3])
    @given(data=st.data())
    def test_are_what_each_is_alone(self, measures, data):
        values = data.draw(whole(measures, most=25))
        sizes = st.integers(1, max(1, len(values)))
        rows = st.lists(st.integers(0, max(0, len(values) - 1)), min_size=1, max_size=6, unique=True)
        fronts = [np.array(each) for each in data.draw(st.lists(rows, max_size=4 if len(values) else 0))]
        front = np.ones((2, measures)) * [[1.0], [3.0]] + data.draw(sizes)
        alone = [hypervolume(values[each], np.zeros(measures)) for each in fronts]
        np.testing.assert_allclose(hypervolumes(values, fronts), alone, atol=1e-12)
        finite = [values[each][np.isfinite(values[each]).all(axis=1)] for each in fronts]
        apart = [moocore.igd_plus(each, ref=front, maximise=True) if len(each) else np.inf for each in finite]
        np.testing.assert_allclose(igds_plus(values, fronts, front), apart, atol=1e-12)


class TestIgdPlus:
    def test_counts_only_measures_in_which_a_row_is_worse(self):
        """(3, 1) is 1 short of (2, 2) in the second measure; that it is better in the first does not count."""
        assert igd_plus(points([3, 1]), points([2, 2])) == 1

    def test_is_the_mean_of_distances_to_the_nearest_row(self):
        front = points([4, 0], [0, 4])
        assert igd_plus(points([1, 0], [0, 0]), front) == (3 + 4) / 2
        assert igd_plus(points([4, 4]), front) == 0

    def test_example_4_of_its_paper(self):
        """Ishibuchi et al. 2015 minimise; A is better than B, though not by plain IGD."""
        front = -points([10, 0], [6, 1], [2, 2], [1, 6], [0, 10])
        assert igd_plus(-points([4, 2], [3, 3], [2, 4]), front) == pytest.approx(1.4828, abs=1e-4)
        assert igd_plus(-points([8, 2], [4, 4], [2, 8]), front) == pytest.approx(2.2601, abs=1e-4)

    def test_of_nothing_found(self):
        front = points([4, 0], [0, 4])
        assert igd_plus(np.empty((0, 2)), front) == math.inf
        assert igd_plus(points([-np.inf, -np.inf]), front) == math.inf
        assert igd_plus(points([-np.inf, -np.inf], [4, 4]), front) == 0


class TestAttainment:
    def test_best_median_and_worst_of_three_runs(self):
        runs = [points([3, 1], [1, 3]), points([2, 2]), points([1, 1])]
        best, median, worst = attainment(runs, [0, 0.5, 1])
        assert best.tolist() == [[1, 3], [2, 2], [3, 1]]
        assert median.tolist() == [[1, 2], [2, 1]]  # what run 1 shares with run 0
        assert worst.tolist() == [[1, 1]]

    def test_a_run_that_found_nothing_counts(self):
        runs = [points([2, 2]), np.empty((0, 2)), points([-np.inf, -np.inf])]
        third, two_thirds, all_of_them = attainment(runs, [1 / 3, 2 / 3, 1])
        assert third.tolist() == [[2, 2]]
        assert two_thirds.shape == all_of_them.shape == (0, 2)

    def test_of_three_measures(self):
        (both,) = attainment([points([3, 1, 2]), points([1, 3, 2])], [1])
        assert both.tolist() == [[1, 1, 2]]

    @given(
        st.lists(whole(2, most=4), min_size=1, max_size=5),
        st.sampled_from([0, 1 / 5, 1 / 4, 1 / 3, 2 / 5, 0.5, 0.6, 2 / 3, 0.75, 0.8, 1]),
    )
    def test_a_point_is_below_the_surface_where_enough_runs_reached_it(self, runs, level):
        (surface,) = attainment(runs, [level])
        assert non_dominated(surface).all()
        for point in np.ndindex(10, 10):
            reached = sum(bool((run[np.isfinite(run).all(axis=1)] >= point).all(axis=1).any()) for run in runs)
            enough = reached >= 1 and reached / len(runs) >= level - 1e-9
            assert bool((surface >= point).all(axis=1).any()) == enough

    @pytest.mark.parametrize(
        ("runs", "levels", "message"),
        [
            ([], [0.5], "2 or 3 measures"),
            ([np.zeros((2, 4))], [0.5], r"2 or 3 measures, the same in all; got \[4\]"),
            ([np.zeros((2, 2)), np.zeros((2, 3))], [0.5], r"got \[2, 3\]"),
            ([np.zeros((2, 2))], [50], r"shares of the runs, 0 to 1; got \[50\]"),
        ],
    )
    def test_what_has_no_surface_is_said(self, runs, levels, message):
        with pytest.raises(QueryError, match=message):
            attainment(runs, levels)
