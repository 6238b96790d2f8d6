"""What the papers say of early stopping: the median rule, extrapolated curves, and how they wrap another strategy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.testing.strategy import PlantedOracle, StrategyConformance, drive
from strategies import Hyperband, RandomSearch, read_strategy
from strategies.multi_fidelity.curve_extrapolation import CurveExtrapolation, Prior, forecast, residual_variance
from strategies.multi_fidelity.median_stopping import MedianStopping
from tabular.errors import StrategyError, UnknownNameError
from tabular.spaces import CellSpace

SPACE = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_3x3", "avg_pool_3x3"))


def make(strategy, /, fidelities=(1, 3, 9), seed=0, **options):
    return strategy(SPACE, np.random.default_rng(seed), fidelities, **options)


class TestMedianStopping(StrategyConformance):
    strategy_class = MedianStopping
    searches = 8  # of thousands of short trainings


class TestCurveExtrapolation(StrategyConformance):
    strategy_class = CurveExtrapolation
    searches = 8  # of thousands of short trainings


@pytest.mark.parametrize("strategy", [MedianStopping, CurveExtrapolation])
def test_one_fidelity_is_refused_with_what_to_do(strategy):
    with pytest.raises(StrategyError, match=rf"^{strategy.name} .* on offer \(12\) have none .* random-search$"):
        make(strategy, (12,))


@pytest.mark.parametrize(
    ("strategy", "options", "message"),
    [
        (MedianStopping, {"checks": 1}, "median-stopping: checks must be a whole number of 2 or more; got 1"),
        (MedianStopping, {"others": 0}, "median-stopping: others must be a whole number of 1 or more; got 0"),
        (CurveExtrapolation, {"points": 2}, "curve-extrapolation: points must be a whole number of 3 or more; got 2"),
        (CurveExtrapolation, {"threshold": "low"}, "threshold must be a number of 0 or more and at most 1; got 'low'"),
    ],
)
def test_an_option_out_of_range_is_named(strategy, options, message):
    with pytest.raises(StrategyError, match=message):
        make(strategy, **options)


def test_an_unknown_inner_strategy_is_named():
    with pytest.raises(UnknownNameError, match="regularised-evolution"):
        read_strategy("median-stopping(strategy='regularised-evolution')")


@pytest.mark.parametrize("strategy", [MedianStopping, CurveExtrapolation])
def test_an_inner_strategy_is_no_text(strategy):
    with pytest.raises(
        StrategyError, match=rf"^{strategy.name}: strategy must be a strategy class, .*; got 'hyperband'"
    ):
        make(strategy, strategy="hyperband")


# Early stopping of what another strategy asks for.


class Listening(RandomSearch):
    """Random search that keeps what it asked for and was told."""

    def __init__(self, space, rng, fidelities):
        super().__init__(space, rng, fidelities)
        self.asked, self.told = [], []

    def ask(self):
        self.asked.append(super().ask())
        return self.asked[-1]

    def tell(self, proposal, value, seconds):
        self.told.append((proposal, value, seconds))


@settings(max_examples=30, deadline=None)
@given(
    strategy=st.sampled_from([MedianStopping, CurveExtrapolation]),
    workers=st.integers(1, 20),
    diverging=st.sampled_from([0.0, 0.1]),
    seed=st.integers(0, 10**6),
)
def test_an_inner_strategy_is_told_once_of_each_of_its_proposals(strategy, workers, diverging, seed):
    fidelities = tuple(range(1, 13))
    stopping = make(strategy, fidelities, seed, strategy=Listening)
    run = list(drive(stopping, PlantedOracle(SPACE, fidelities), 300, workers=workers, diverging=diverging, seed=seed))
    told = [id(proposal) for proposal, _, _ in stopping.inner.told]
    assert len(set(told)) == len(told)
    assert set(told) <= {id(proposal) for proposal in stopping.inner.asked}
    # What is not told is going on: not more than there are workers, each of which has one result to be judged.
    assert len(stopping.inner.asked) - len(told) <= workers
    assert sum(value == -math.inf for _, value, _ in stopping.inner.told) == sum(v == -math.inf for _, v in run)


def train(strategy, curve):
    """Train what a strategy asks for along a curve of a value for each epoch, and return the epochs asked for."""
    asked = []
    told = len(strategy.inner.told)
    while len(strategy.inner.told) == told:
        proposal = strategy.ask()
        asked.append(proposal.epochs)
        strategy.tell(proposal, float(curve[proposal.epochs - 1]), 1.0)
    assert proposal.architecture is strategy.inner.told[-1][0].architecture
    return asked


def test_checks_are_spread_evenly_over_what_is_on_offer():
    def checks(fidelities, count):
        return make(MedianStopping, fidelities, checks=count).checks

    assert checks(range(1, 13), 12) == tuple(range(1, 13))
    assert checks(range(1, 201), 4) == (50, 100, 150, 200)
    assert checks((5, 25, 200), 12) == (5, 25, 200)
    assert checks((4, 12, 36, 108), 12) == (4, 12, 36, 108)
    assert checks((190, 200), 2) == (190, 200)
    assert checks((180, 190, 200), 2) == (180, 200)


def test_a_training_pays_its_parts_and_ends_at_once_when_it_diverges():
    stopping = make(MedianStopping, (1, 2, 3), strategy=Listening)
    assert train(stopping, [0.1, 0.3, 0.2]) == [1, 2, 3]
    proposal, value, seconds = stopping.inner.told[-1]
    assert (proposal.epochs, value, seconds) == (3, 0.2, 3.0)
    assert train(stopping, [0.1, -math.inf, 0.2]) == [1, 2]
    assert stopping.inner.told[-1][1:] == (-math.inf, 2.0)


def test_what_is_asked_for_briefly_is_passed_through_and_gone_on_with_later():
    """Hyperband with R = 9 asks for 9, 3 and 1 trainings: the last goes on from the 3 epochs it has."""
    stopping = make(MedianStopping, (1, 2, 3, 5, 7, 9), strategy=Hyperband)
    run = [proposal.epochs for proposal, _ in drive(stopping, PlantedOracle(SPACE), 15)]
    assert run == [1] * 9 + [3] * 3 + [5, 7, 9]


def test_the_median_rule_by_hand():
    """After 2 checks the running averages are 0.2, 0.3 and 0.6; the median is 0.3."""
    stopping = make(MedianStopping, (1, 2, 3), strategy=Listening, others=3)
    for curve in ([0.1, 0.3, 0.9], [0.3, 0.3, 0.3], [0.5, 0.7, 0.2]):
        assert train(stopping, curve) == [1, 2, 3]  # too few others yet
    # The averages are 0.1, 0.3, 0.5 after the first check and 0.43, 0.3, 0.47 after the third.
    assert train(stopping, [0.29, 1.0, 1.0]) == [1]  # 0.29 < 0.3
    assert stopping.inner.told[-1][1] == 0.29
    # Its 0.29 is one of four now: the median of the first is 0.295; of the second it is still 0.3.
    assert train(stopping, [0.295, 0.299, 1.0]) == [1, 2]
    assert stopping.inner.told[-1][1] == 0.299
    # The median of 0.1, 0.29, 0.295, 0.3, 0.5 is 0.295; the best so far counts, so 0.297 passes where 0.2 follows it.
    assert train(stopping, [0.31, 0.2, 0.0]) == [1, 2, 3]


def test_the_median_rule_leaves_a_training_in_its_grace_and_the_diverged_out():
    stopping = make(MedianStopping, (1, 2, 3), strategy=Listening, others=2, grace=1)
    train(stopping, [0.5, -math.inf, 0.0])
    train(stopping, [0.5, 0.6, 0.7])
    assert train(stopping, [0.1, 0.1, 0.1]) == [1, 2, 3]  # one other, as the diverged is none
    assert train(stopping, [0.0, 0.0, 0.0]) == [1, 2]


# Extrapolated curves.


TIMES = np.arange(1, 21)
VAGUE = Prior(0.5, 10.0, 1e-4)


@pytest.mark.parametrize(
    "curve",
    [
        0.9 - 0.5 * (TIMES / 20) ** -np.geomspace(0.1, 4, 12)[5],
        0.9 - 0.6 * np.exp(-np.geomspace(0.5, 50, 12)[6] * TIMES / 20),
        0.9 / (1 + (TIMES / 20 / np.geomspace(0.02, 1, 6)[3]) ** -2.0),
    ],
    ids=["pow3", "exp3", "log power"],
)
def test_a_curve_of_a_family_is_extrapolated_to_its_end(curve):
    seen = forecast(tuple(range(1, 9)), curve[:8], 20, VAGUE)
    assert abs(seen.mean - curve[-1]) < 0.005
    assert seen.chance_above(curve[-1] - 0.05, 0.001) > 0.95
    assert seen.chance_above(curve[-1] + 0.05, 0.001) < 0.05
    assert residual_variance(tuple(range(1, 21)), curve) < 1e-12


@given(st.floats(-5, 5), st.floats(0.1, 10), st.integers(0, 1000))
def test_a_forecast_moves_with_the_units_of_values(shift, scale, seed):
    rng = np.random.default_rng(seed)
    values, epochs = np.sort(rng.random(6)), (1, 2, 3, 5, 8, 9)
    plain = forecast(epochs, values, 20, Prior(0.9, 0.3, 0.05))
    moved = forecast(epochs, shift + scale * values, 20, Prior(shift + scale * 0.9, scale * 0.3, scale * 0.05))
    assert math.isclose(moved.mean, shift + scale * plain.mean, rel_tol=1e-6, abs_tol=1e-6)
    assert math.isclose(moved.chance_above(shift + scale, scale * 0.1), plain.chance_above(1, 0.1), abs_tol=1e-6)
    assert math.isclose(plain.weights.sum(), 1)


def test_what_nothing_is_known_of_is_expected_where_others_ended():
    """Two values that fit every shape say nothing of the end if the noise is large."""
    seen = forecast((1, 2), np.array([0.1, 0.2]), 20, Prior(0.7, 0.1, 5.0))
    assert abs(seen.mean - 0.7) < 0.01
    assert abs(seen.chance_above(0.7, 0.0) - 0.5) < 0.05


def extrapolating(**options):
    """A strategy that has seen five trainings, which end between 0.8 and 0.9."""
    stopping = make(CurveExtrapolation, range(1, 21), strategy=Listening, checks=20, **options)
    rng = np.random.default_rng(0)
    for end in (0.8, 0.85, 0.9, 0.82, 0.87):
        curve = end - 0.6 * np.exp(-0.2 * TIMES) + rng.normal(0, 0.005, 20)
        assert train(stopping, curve) == list(range(1, 21))
    return stopping


def test_a_curve_that_has_flattened_far_below_the_best_is_stopped_and_its_end_told():
    stopping = extrapolating()
    flat = 0.5 - 0.3 * np.exp(-0.6 * TIMES)
    asked = train(stopping, flat)
    assert 4 <= len(asked) < 15
    assert abs(stopping.inner.told[-1][1] - 0.5) < 0.15


def test_a_steep_curve_is_not_stopped_though_it_starts_low():
    assert train(extrapolating(), 0.95 - 0.9 * np.exp(-0.15 * TIMES)) == list(range(1, 21))


def test_a_threshold_of_zero_stops_nothing():
    assert train(extrapolating(threshold=0.0), 0.5 - 0.3 * np.exp(-0.6 * TIMES)) == list(range(1, 21))
