"""Standard deviations that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from surrogates.metric_model import Calibration, cross_calibrated


def held_out(rng, rows, scale=2.5, floor=0.03, noise=0.02):
    """Residuals of an ensemble that is too sure of itself: the doubt is wrong by ``scale`` and lacks ``floor``."""
    doubt = 0.02 * rng.gamma(2, 1, rows)
    variance_of_mean = np.full(rows, noise**2 / 2)
    residual = rng.normal(0, np.sqrt((scale * doubt) ** 2 + floor**2 + variance_of_mean))
    return residual, doubt, variance_of_mean


def coverage(residual, std, share):
    return float((np.abs(residual) <= norm.ppf(0.5 + share / 2) * std).mean())


def test_scale_and_floor_are_found():
    found = Calibration.fit(*held_out(np.random.default_rng(0), 5000))
    assert found.scale == pytest.approx(2.5, rel=0.07)
    assert found.floor == pytest.approx(0.03, rel=0.1)


def test_what_is_known_of_the_mean_is_no_doubt_of_the_model():
    rng = np.random.default_rng(1)
    residual, doubt, _ = held_out(rng, 5000, floor=0.0, noise=0.1)
    told = Calibration.fit(residual, doubt, np.full(5000, 0.1**2 / 2))
    untold = Calibration.fit(residual, doubt, np.zeros(5000))
    assert told.floor < 0.03
    assert untold.floor == pytest.approx(0.1 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_fresh_rows_are_covered_as_often_as_they_should_be(share):
    rng = np.random.default_rng(2)
    calibration = Calibration.fit(*held_out(rng, 400))
    residual, doubt, variance = held_out(rng, 20_000)
    assert coverage(residual, np.sqrt(calibration.std(doubt) ** 2 + variance), share) == pytest.approx(share, abs=0.04)


def test_an_ensemble_of_one_is_calibrated_by_the_floor():
    rng = np.random.default_rng(3)
    found = Calibration.fit(rng.normal(0, 0.2, 1000), np.zeros(1000), np.zeros(1000))
    np.testing.assert_allclose(found.std(np.zeros(3)), 0.2, rtol=0.07)


def test_a_few_failed_trainings_do_not_make_all_doubtful():
    rng = np.random.default_rng(4)
    residual, doubt, variance = held_out(rng, 2000)
    sound = Calibration.fit(residual, doubt, variance)
    residual[:20] = -2
    failed = Calibration.fit(residual, doubt, variance)
    typical = np.median(doubt)
    assert failed.std(typical) == pytest.approx(sound.std(typical), rel=0.12)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 8),
    seed=st.integers(0, 10_000),
    size=st.sampled_from([1e-6, 1.0, 1e5]),
    doubtful=st.sampled_from([0.0, 1e-9, 1.0]),
)
def test_a_few_rows_give_something_sane(rows, seed, size, doubtful):
    rng = np.random.default_rng(seed)
    residual = rng.normal(0, size, rows)
    doubt = doubtful * size * rng.random(rows)
    found = Calibration.fit(residual, doubt, np.zeros(rows))
    std = found.std(doubt)
    largest = np.abs(residual).max()
    assert found.scale >= 0
    assert found.floor > 0
    assert (std > 0.003 * np.abs(residual).min()).all()
    assert (std < 20 * largest).all()


def test_a_prediction_to_the_last_bit_leaves_no_doubt():
    found = Calibration.fit(np.zeros(5), np.zeros(5), np.zeros(5))
    np.testing.assert_array_equal(found.std(np.zeros(5)), 0)


def test_residuals_of_mostly_nothing_still_count():
    residual = np.zeros(20)
    residual[:4] = 1.0
    assert 0 < Calibration.fit(residual, np.full(20, 0.1), np.zeros(20)).std(np.array([0.1]))[0] < 2


def test_the_unit_does_not_matter():
    residual, doubt, variance = held_out(np.random.default_rng(5), 300)
    one = Calibration.fit(residual, doubt, variance)
    other = Calibration.fit(1000 * residual, 1000 * doubt, 1000**2 * variance)
    assert other.scale == pytest.approx(one.scale, rel=1e-3)
    assert other.floor == pytest.approx(1000 * one.floor, rel=1e-3)


def test_each_half_is_calibrated_on_the_other():
    residual, doubt, variance = held_out(np.random.default_rng(6), 400)
    std = cross_calibrated(residual, doubt, variance, seed=3)
    np.testing.assert_array_equal(cross_calibrated(residual, doubt, variance, seed=3), std)
    assert (cross_calibrated(residual, doubt, variance, seed=4) != std).any()
    assert coverage(residual, np.sqrt(std**2 + variance), 0.9) == pytest.approx(0.9, abs=0.05)
    # A row's own residual does not change its standard deviation: that of the other half it does.
    changed = residual.copy()
    changed[0] *= 30
    moved = cross_calibrated(changed, doubt, variance, seed=3) != std
    assert not moved[0]
    assert moved.sum() == 200
