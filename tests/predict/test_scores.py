"""The scores of a surrogate: what their definitions say, and what must hold for any predictions."""

from __future__ import annotations

import json
import math
from dataclasses import fields

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from surrogates import scorecard as scores
from surrogates.scorecard import Score, Scorecard, score

NAN = math.nan
few = settings(max_examples=40, deadline=None)


def numbers(rows, **options):
    """Numbers with few digits: sums of them are exact, and equal ones do occur."""
    return arrays(np.int64, rows, elements=st.integers(0, 50), **options).map(lambda each: each / 64)


@st.composite
def predictions(draw, fewest=3, most=25):
    rows = draw(st.integers(fewest, most))
    return draw(numbers(rows)), draw(numbers(rows))


def scored(values, mean, std=0.1, **options):
    values, mean = np.asarray(values, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    options = {"maximize": True, "unfamiliar": np.zeros(len(mean), dtype=bool), **options}
    return score("t/m@1", 10, values, mean, np.full(len(mean), std), **options)


# Ranks.


def test_tau_by_hand():
    # Of the 6 pairs of 4 rows one is in the wrong order: (5 - 1) / 6.
    assert scores.kendall_tau(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(4 / 6)
    assert scores.spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(1 - 6 * 2 / (4 * 15))


@few
@given(predictions())
def test_rank_correlations_are_scipys_and_nan_where_there_is_nothing_to_rank(pair):
    truth, mean = pair
    if np.ptp(truth) == 0 or np.ptp(mean) == 0:
        assert math.isnan(scores.kendall_tau(truth, mean))
        assert math.isnan(scores.spearman(truth, mean))
        assert math.isnan(scores.sparse_tau(truth, mean, fraction=False))
    else:
        assert scores.kendall_tau(truth, mean) == scipy.stats.kendalltau(truth, mean).statistic
        assert scores.spearman(truth, mean) == pytest.approx(np.corrcoef(*map(scipy.stats.rankdata, pair))[0, 1])


def test_two_rows_have_no_rank_correlation():
    two = np.array([0.0, 1.0])
    assert math.isnan(scores.kendall_tau(two, two))
    assert math.isnan(scores.spearman(two, two))


def test_sparse_tau_rounds_accuracies_to_a_tenth_of_a_percent_as_nas_bench_301_does():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.90, 0.95, 200)
    mean = truth + rng.normal(0, 0.002, 200)
    # NAS-Bench-301 counts in percent and rounds the predictions to one decimal.
    expected = scipy.stats.kendalltau(100 * truth, np.round(100 * mean, 1)).statistic
    assert scores.sparse_tau(truth, mean, fraction=True) == pytest.approx(expected)
    assert scores.sparse_tau(truth, mean, fraction=True) != scores.kendall_tau(truth, mean)


def test_sparse_tau_does_not_count_an_order_that_is_below_its_step():
    truth, mean = np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.1, 0.3002, 0.2998, 0.9])
    assert scores.kendall_tau(truth, mean) == pytest.approx(4 / 6)
    # One pair of the predictions is tied now: tau-b is 5 / sqrt(6 * 5).
    assert scores.sparse_tau(truth, mean, fraction=True) == pytest.approx(5 / math.sqrt(30))


@few
@given(predictions(), st.sampled_from([2.0**-10, 0.5, 2.0**12]))
def test_sparse_tau_of_anything_but_fractions_does_not_depend_on_the_unit(pair, unit):
    truth, mean = pair
    one, other = (scores.sparse_tau(factor * truth, factor * mean, fraction=False) for factor in (1, unit))
    assert one == pytest.approx(other, nan_ok=True)


# Errors.


def test_errors_by_hand():
    truth, mean = np.array([1.0, 2, 3]), np.array([1.0, 4, 2])
    assert scores.mae(truth, mean) == pytest.approx(1)
    assert scores.rmse(truth, mean) == pytest.approx(math.sqrt(5 / 3))
    assert scores.r2(truth, mean) == pytest.approx(1 - 5 / 2)


@few
@given(predictions())
def test_errors_are_sklearns(pair):
    truth, mean = pair
    assert scores.mae(truth, mean) == pytest.approx(sklearn.metrics.mean_absolute_error(truth, mean))
    assert scores.rmse(truth, mean) == pytest.approx(sklearn.metrics.root_mean_squared_error(truth, mean))
    expected = sklearn.metrics.r2_score(truth, mean) if np.ptp(truth) > 0 else NAN
    assert scores.r2(truth, mean) == pytest.approx(expected, nan_ok=True)
    assert scores.mae(truth, mean) <= scores.rmse(truth, mean) * (1 + 1e-12)


# Predicted distributions.


def test_coverage_counts_the_trainings_inside():
    values = np.array([[0.0, 1.9], [2.0, NAN], [-1.9, -2.0]])
    # 95 % of a Gaussian lie within 1.96 standard deviations.
    assert scores.coverage(values, np.zeros(3), np.ones(3)) == pytest.approx(3 / 5)
    assert scores.coverage(values, np.zeros(3), np.ones(3), 0.5) == pytest.approx(1 / 5)  # within 0.674


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_coverage_of_true_gaussian_noise_is_nominal(level):
    rng = np.random.default_rng(1)
    mean, std = rng.uniform(0, 1, 2000), rng.uniform(0.01, 0.2, 2000)
    values = mean[:, None] + std[:, None] * rng.standard_normal((2000, 5))
    # The number inside is binomial of 10,000; 4 standard deviations.
    assert abs(scores.coverage(values, mean, std, level) - level) < 4 * math.sqrt(level * (1 - level) / 10_000)


def test_log_likelihood_is_scipys():
    rng = np.random.default_rng(0)
    values, mean, std = rng.normal(size=(20, 3)), rng.normal(size=20), rng.uniform(0.5, 2, 20)
    expected = -scipy.stats.norm(mean[:, None], std[:, None]).logpdf(values).mean()
    assert scores.nll(values, mean, std) == pytest.approx(expected)
    assert math.isnan(scores.nll(values, mean, 0 * std))


@pytest.mark.parametrize(("value", "mean", "std"), [(0.3, 0.3, 1.0), (1.0, 0.2, 0.1), (-2.0, 1.0, 2.5)])
def test_crps_is_the_integral_that_defines_it(value, mean, std):
    x = np.linspace(-40, 40, 400_001)
    integrand = (scipy.stats.norm(mean, std).cdf(x) - (x >= value)) ** 2
    expected = scipy.integrate.trapezoid(integrand, x)
    assert scores.crps(np.array([[value]]), np.array([mean]), np.array([std])) == pytest.approx(expected, abs=1e-4)


def test_crps_is_half_the_difference_of_two_draws_less_that_of_a_draw_and_the_value():
    """Gneiting and Raftery (2007), eq. 21, by Monte Carlo."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.5, 0.3, (2, 200_000))
    expected = np.abs(one - 0.9).mean() - 0.5 * np.abs(one - other).mean()
    # Standard errors of about 0.3 / sqrt(200,000) = 0.0007.
    assert scores.crps(np.array([[0.9]]), np.array([0.5]), np.array([0.3])) == pytest.approx(expected, abs=0.003)


@few
@given(predictions(), st.floats(0, 10))
def test_crps_lies_between_nothing_and_the_mean_absolute_error_at_no_spread(pair, std):
    values, mean = pair
    found = scores.crps(values[:, None], mean, np.full(len(mean), std))
    assert found >= 0
    assert scores.crps(values[:, None], mean, np.zeros(len(mean))) == pytest.approx(scores.mae(values, mean))
    # E|X - y| <= |mean - y| + E|X - mean|, and the spread of the draws is taken off: half of 2 std / sqrt(pi).
    assert found <= scores.mae(values, mean) + std * (math.sqrt(2 / math.pi) - 1 / math.sqrt(math.pi)) + 1e-9


@pytest.mark.parametrize("rule", [scores.nll, scores.crps])
def test_the_honest_spread_earns_the_best_score(rule):
    rng = np.random.default_rng(2)
    values = rng.normal(0, 0.1, (5000, 2))
    earned = {std: rule(values, np.zeros(5000), np.full(5000, std)) for std in (0.05, 0.08, 0.1, 0.125, 0.2)}
    assert min(earned, key=earned.get) == 0.1


# The top.


def test_the_top_by_hand():
    truth, mean = np.array([0.9, 0.5, 0.8, 0.7]), np.array([0.6, 0.1, 0.7, 0.8])
    # The best predicted is the third best; the best is third in the predictions.
    assert scores.top_regret(truth, mean, 1, maximize=True) == pytest.approx(0.2)
    assert scores.top_regret(truth, mean, 2, maximize=True) == pytest.approx(0.1)
    assert scores.top_regret(truth, mean, 3, maximize=True) == 0
    assert math.isnan(scores.top_regret(truth, mean, 4, maximize=True))
    assert scores.rank_of_best(truth, mean, maximize=True) == 3
    assert scores.rank_of_pick(truth, mean, maximize=True) == 3


@few
@given(predictions(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_top_knows_the_direction_and_not_the_order_of_rows(pair, k, random):
    truth, mean = pair
    order = np.array(random.sample(range(len(truth)), len(truth)))
    for measure in (
        lambda *each, **options: scores.top_regret(*each, k, **options),
        scores.rank_of_best,
        scores.rank_of_pick,
    ):
        found = measure(truth, mean, maximize=True)
        assert measure(1 - truth, 1 - mean, maximize=False) == pytest.approx(found, nan_ok=True)
        assert measure(truth[order], mean[order], maximize=True) == pytest.approx(found, nan_ok=True)


@few
@given(predictions(fewest=4))
def test_one_regret_ranks_and_correlations_tell_of_the_same_thing(pair):
    truth, mean = pair
    regret = [scores.top_regret(truth, mean, k, maximize=True) for k in (1, 2, 3)]
    assert regret == sorted(regret, reverse=True)
    assert min(regret) >= 0
    # Whoever trains as many as the rank of the best has found it.
    rank = int(scores.rank_of_best(truth, mean, maximize=True))
    assert rank == len(truth) or scores.top_regret(truth, mean, rank, maximize=True) == 0
    assert (regret[0] == 0) == (scores.rank_of_pick(truth, mean, maximize=True) == 1)


def test_a_constant_prediction_is_no_lucky_one():
    truth = np.array([0.9, 0.5, 0.8, 0.7])
    assert scores.top_regret(truth, np.zeros(4), 2, maximize=True) == pytest.approx(0.2)
    assert scores.rank_of_best(truth, np.zeros(4), maximize=True) == 4
    assert scores.rank_of_pick(truth, np.zeros(4), maximize=True) == 4


@few
@given(numbers(st.integers(3, 20)), st.booleans())
def test_a_perfect_prediction_earns_the_best_of_every_score(truth, maximize):
    found = scored(truth[:, None], truth, maximize=maximize)
    assert (found.rmse, found.mae, found.coverage_90) == (0, 0, 1)
    assert (found.rank_of_best, found.rank_of_pick, found.top1_regret) == (1, 1, 0)
    if np.ptp(truth) > 0:
        assert found.kendall_tau == pytest.approx(1)
        assert found.spearman == pytest.approx(1)
        assert found.r2 == 1


@few
@given(predictions(), st.sampled_from([-0.25, 0.5, 2.0]))
def test_a_shift_changes_errors_and_no_rank(pair, shift):
    truth, mean = pair
    before, after = scored(truth[:, None], mean), scored(truth[:, None], mean + shift)
    for name in ("kendall_tau", "spearman", "top1_regret", "top10_regret", "rank_of_best", "rank_of_pick"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), nan_ok=True)
    # The mean square grows by shift^2 and twice the shift times the mean error.
    expected = before.rmse**2 + 2 * shift * float((mean - truth).mean()) + shift**2
    assert after.rmse**2 == pytest.approx(expected)


# Against a single training.


def test_seed_scores_compare_each_training_with_the_mean_of_the_others():
    values = np.random.default_rng(0).random((30, 3))
    others = [np.delete(values, s, 1).mean(axis=1) for s in range(3)]
    taus = [scipy.stats.kendalltau(values[:, s], others[s]).statistic for s in range(3)]
    assert scores.seed_tau(values) == pytest.approx(np.mean(taus))
    assert scores.seed_error(values) == pytest.approx(np.mean([np.abs(values[:, s] - others[s]) for s in range(3)]))
    assert scores.seed_tau(np.repeat(values[:, :1], 2, axis=1)) == pytest.approx(1)


def test_only_rows_with_a_second_training_tell_of_seeds():
    values = np.array([[1.0, 2.0], [3.0, 3.5], [5.0, 5.0], [7.0, NAN], [NAN, NAN]])
    assert scores.seed_error(values) == pytest.approx(0.5)
    assert math.isnan(scores.seed_error(values[1:]))  # two rows are left
    assert math.isnan(scores.seed_tau(values[:, :1]))


def test_a_surrogate_that_knows_the_mean_beats_a_training_by_what_theory_says():
    """One training misses the mean of two others by the noise of both, the true mean by that of the others alone."""
    rng = np.random.default_rng(0)
    mean = rng.uniform(0.5, 0.9, 4000)
    values = mean[:, None] + rng.normal(0, 0.02, (4000, 3))
    found = scored(values, mean)
    absolute = 0.02 * math.sqrt(2 / math.pi)  # the mean absolute value of the noise
    # Relative standard errors of about 0.76 / sqrt(4000) = 1.2 %.
    assert found.seed_error == pytest.approx(absolute * math.sqrt(1 + 1 / 2), rel=0.05)
    assert found.others_error == pytest.approx(absolute * math.sqrt(1 / 2), rel=0.05)
    assert found.mae == pytest.approx(absolute * math.sqrt(1 / 3), rel=0.05)
    assert found.others_tau > found.seed_tau


# Failures.


def test_precision_and_recall_by_hand_and_by_sklearn():
    failed = np.array([True, True, True, False, False, False])
    foretold = np.array([True, False, False, True, False, False])
    assert scores.precision(failed, foretold) == sklearn.metrics.precision_score(failed, foretold) == 1 / 2
    assert scores.recall(failed, foretold) == pytest.approx(sklearn.metrics.recall_score(failed, foretold))
    assert math.isnan(scores.precision(failed, np.zeros(6, dtype=bool)))
    assert math.isnan(scores.recall(np.zeros(6, dtype=bool), foretold))


def test_networks_that_failed_count_for_nothing_but_how_well_that_was_foretold():
    rng = np.random.default_rng(0)
    values, mean = rng.random((20, 2)), rng.random(20)
    failed, fails = np.arange(20) < 4, np.where(np.arange(20) % 2, 0.9, 0.1)
    without = scored(values[4:], mean[4:])
    values[:2], mean[:2] = NAN, 1e9
    found = scored(values, mean, failed=failed, fails=fails)
    assert (found.held_out, found.failed) == (20, 4 / 20)
    assert (found.failure_precision, found.failure_recall) == (2 / 10, 2 / 4)
    apart = ("held_out", "failed", "failure_precision", "failure_recall")
    expected = {name: value for name, value in without.to_json().items() if name not in apart}
    assert {name: value for name, value in found.to_json().items() if name not in apart} == expected


def test_what_was_not_asked_is_not_known():
    found = scored(np.random.default_rng(0).random((5, 1)), np.arange(5.0))
    for name in ("failed", "failure_precision", "failure_recall", "unfamiliar_mae", "top10_regret", "seed_tau"):
        assert math.isnan(getattr(found, name)), name
    assert found.unfamiliar == 0
    nothing_foretold = scored(np.random.default_rng(0).random((5, 1)), np.arange(5.0), failed=np.zeros(5, dtype=bool))
    assert nothing_foretold.failed == 0


def test_the_error_of_unfamiliar_networks_is_told_apart():
    found = scored([[0.0], [0.0], [0.0]], [0.1, 0.2, 0.6], unfamiliar=np.array([False, True, True]))
    assert found.unfamiliar == pytest.approx(2 / 3)
    assert found.unfamiliar_mae == pytest.approx(0.4)
    assert found.mae == pytest.approx(0.3)


@pytest.mark.filterwarnings("error")
def test_where_all_failed_nothing_is_scored_and_nothing_warns():
    every = np.ones(4, dtype=bool)
    found = scored(np.full((4, 2), NAN), np.zeros(4), failed=every, fails=np.ones(4))
    assert (found.held_out, found.failed, found.failure_precision, found.failure_recall) == (4, 1, 1, 1)
    assert {name for name, value in found.to_json().items() if value is not None} == {
        "measure",
        "train",
        "held_out",
        "failed",
        "failure_precision",
        "failure_recall",
    }


@few
@given(st.data())
@pytest.mark.filterwarnings("error")
def test_any_trainings_can_be_scored_without_a_warning(data):
    rows, seeds = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 3))
    values = data.draw(numbers((rows, seeds)))
    values[:, 1:][data.draw(arrays(bool, (rows, seeds - 1)))] = NAN
    found = scored(
        values,
        data.draw(numbers(rows)),
        data.draw(st.sampled_from([0.0, 0.1])),
        maximize=data.draw(st.booleans()),
        unfamiliar=data.draw(arrays(bool, rows)),
        fails=data.draw(numbers(rows)),
        failed=data.draw(arrays(bool, rows)),
        fraction=data.draw(st.booleans()),
    )
    assert Score.from_json(found.to_json()) == found


# The scorecard as JSON.


def some_scores():
    rng = np.random.default_rng(0)
    truth = rng.random(12)
    whole = scored(truth[:, None] + rng.normal(0, 0.1, (12, 2)), truth, failed=np.arange(12) < 2, fails=rng.random(12))
    return whole, scored(truth[:, None], truth)


def test_a_scorecard_survives_json_and_nan_is_null():
    whole, partial = some_scores()
    card = Scorecard((whole, partial), (partial,))
    text = json.dumps(card.to_json(), allow_nan=False)
    assert json.loads(text)["scores"][1]["seed_tau"] is None
    back = Scorecard.from_json(json.loads(text))
    assert back == card
    assert math.isnan(back.scores[1].seed_tau)
    assert back != Scorecard((whole, whole), (partial,))
    assert len({*back.scores, *card.scores}) == 2


def test_a_file_of_another_version_is_read_as_far_as_it_goes():
    old = {"measure": "t/m@1", "train": 10, "held_out": 5, "r2": 0.5, "seed_tau": None}
    card = Scorecard.from_json({"scores": [{**old, "elegance": 0.7}], "mood": "good"})
    assert card.learning_curve == ()
    assert card.scores == (Score("t/m@1", 10, 5, r2=0.5),)
    assert math.isnan(card.scores[0].spearman)


@pytest.mark.parametrize(
    "stated",
    [
        {},
        [],
        {"scores": [{}]},
        {"scores": ["r2"]},
        {"scores": [{"measure": "m", "train": 1, "held_out": 1, "r2": "x"}]},
    ],
)
def test_what_is_no_scorecard_is_refused(stated):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Scorecard.from_json(stated)


def test_rows_are_flat_and_have_every_score():
    card = Scorecard(some_scores())
    assert [list(row) for row in card.rows()] == [[each.name for each in fields(Score)]] * 2
    assert all(isinstance(value, (str, int, float)) for row in card.rows() for value in row.values())
