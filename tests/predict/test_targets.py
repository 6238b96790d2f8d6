"""The scales in which metrics are learnt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surrogates.metric_model import Target
from tabular.measures import Metric, standard_metric

INSIDE = {"log_accuracy": (0, 1), "log_error": (0, 1), "log": (1e-6, 1e6), "plain": (-1e6, 1e6)}
KINDS = st.sampled_from(Target.KINDS)


@given(kind=KINDS, share=st.floats(0, 1))
def test_what_is_learnt_turns_back_into_the_metric(kind, share):
    low, high = INSIDE[kind]
    value = np.array([low + share * (high - low)])
    np.testing.assert_allclose(Target(kind).unscaled(Target(kind).scaled(value)), value, rtol=1e-9, atol=1e-9)


@given(kind=KINDS, learnt=st.floats(-50, 50), more=st.floats(0, 10))
def test_more_is_more_and_never_beyond_what_a_metric_can_be(kind, learnt, more):
    less, greater = Target(kind).unscaled(np.array([learnt, learnt + more]))
    assert less <= greater
    if kind.startswith("log_"):
        assert 0 <= less <= greater <= 1


@given(kind=KINDS, share=st.floats(0.05, 0.95))
def test_the_slope_is_the_derivative(kind, share):
    low, high = INSIDE[kind]
    target = Target(kind)
    at = target.scaled(np.array([low + share * (high - low)]))
    step = 1e-5
    measured = (target.unscaled(at + step) - target.unscaled(at - step)) / (2 * step)
    np.testing.assert_allclose(target.slope(at), measured, rtol=1e-4)


@pytest.mark.parametrize("kind", Target.KINDS)
def test_draws_have_the_mean_that_no_draw_has(kind):
    rng = np.random.default_rng(0)
    target, at, spread = Target(kind), np.array([-2.0 if kind == "log_error" else 2.0]), np.array([0.3])
    draws = target.unscaled(at + spread * rng.standard_normal(200_000) + target.shifted(spread))
    error = draws.std() / np.sqrt(len(draws))
    assert abs(draws.mean() - target.unscaled(at)[0]) < 5 * error


@pytest.mark.parametrize(
    ("metric", "values", "kind"),
    [
        (standard_metric("validation_accuracy"), [0.0, 1.0], "log_accuracy"),
        (standard_metric("test_error"), [0.0, 1.0], "log_error"),
        (standard_metric("train_seconds"), [1.0, np.nan], "log"),
        (Metric("energy", "joule", "none", "minimize"), [2.0, 0.0], "plain"),
        (standard_metric("train_loss"), [0.1, 2.3], "log"),
    ],
)
def test_a_metric_says_in_which_scale_it_is_learnt(metric, values, kind):
    assert Target.of(metric, np.array(values)).kind == kind


def test_an_unknown_scale_is_refused():
    with pytest.raises(ValueError, match="a target is one of log_accuracy, log_error, log, plain, got 'sqrt'"):
        Target("sqrt")
