"""Searches by policy gradient: their parts, what the papers say of them, and the suite that all strategies inherit."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.testing.strategy import PlantedOracle, StrategyConformance, drive
from search.few_ones import FewOnes
from strategies.reinforcement.controller import Controller
from strategies.reinforcement.policy import Adam, Baseline, draw_inside
from strategies.reinforcement.ppo import PPO
from strategies.reinforcement.reinforce import Reinforce
from strategies.reinforcement.reinforce_rnn import ReinforceRNN
from strategies.strategy import Proposal
from tabular.errors import StrategyError
from tabular.spaces.cell import CellSpace
from tabular.spaces.registry import get_space

SPACE = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_3x3", "avg_pool_3x3"))
ALL = [Reinforce, ReinforceRNN, PPO]
ZEROS, THREES = np.zeros(6, np.uint8), np.full(6, 3, np.uint8)


def make(strategy, seed=0, space=SPACE, **options):
    return strategy(space, np.random.default_rng(seed), (1, 27), **options)


def tell(strategy, architecture, value):
    strategy.tell(Proposal(architecture, 27), value, 1.0)


class TestReinforce(StrategyConformance):
    strategy_class = Reinforce


class TestReinforceRNN(StrategyConformance):
    slow = True
    strategy_class = ReinforceRNN
    trainings = 100
    guided = False  # the rate is the paper's, for 12,800 trainings: 100 hardly move it


class TestFasterReinforceRNN(StrategyConformance):
    slow = True
    strategy_class = ReinforceRNN
    options: ClassVar = {"learning_rate": 0.03, "layers": 1}


class TestPPO(StrategyConformance):
    slow = True
    strategy_class = PPO
    options: ClassVar = {"hidden": 32}
    trainings = 100
    guided = False  # the rate is the paper's, for 20,000 trainings: 100 hardly move it


class TestFasterPPO(StrategyConformance):
    slow = True
    strategy_class = PPO
    options: ClassVar = {"learning_rate": 0.02, "hidden": 16, "batch": 10}


@pytest.mark.parametrize("strategy", ALL)
def test_only_full_trainings_are_asked_for(strategy):
    assert {proposal.epochs for proposal, _ in drive(make(strategy), PlantedOracle(SPACE), 60)} == {27}


@pytest.mark.parametrize(("strategy", "rate"), [(Reinforce, 0.1), (ReinforceRNN, 0.02), (PPO, 0.02)])
@pytest.mark.parametrize("unit", [1.0, -100.0])
def test_the_policy_ends_up_at_the_optimum_whatever_the_unit(strategy, rate, unit):
    """Values of 0 to 1, or losses of up to 100, negated."""
    oracle, found = PlantedOracle(SPACE, seed=5), make(strategy, learning_rate=rate)
    for _ in range(1500):
        proposal = found.ask()
        share = oracle.query(proposal.architecture, "validation_accuracy@27")
        found.tell(proposal, share if unit > 0 else unit * (1 - share), 1.0)
    last = np.array([found.ask().architecture for _ in range(40)])
    assert (last == oracle.optimum).mean() > 0.9


@pytest.mark.parametrize("strategy", ALL)
def test_divergences_steer_away_and_break_nothing(strategy):
    """Whatever begins with choice 0 diverges, always, and so does the very first result."""
    found = make(strategy, learning_rate=0.1 if strategy is Reinforce else 0.02)
    tell(found, THREES, -math.inf)
    with np.errstate(all="raise", under="ignore"):
        for _ in range(600):
            proposal = found.ask()
            value = -math.inf if proposal.architecture[0] == 0 else 0.5 + 0.01 * float(proposal.architecture[1])
            found.tell(proposal, value, 1.0)
    starts = Counter(int(found.ask().architecture[0]) for _ in range(200))
    assert starts[0] < 20  # 50 at first


@pytest.mark.parametrize("strategy", ALL)
def test_nothing_is_learnt_while_all_diverges(strategy):
    told, fresh = make(strategy, learning_rate=0.5), make(strategy, learning_rate=0.5)
    for _ in range(40):
        tell(told, told.ask().architecture, -math.inf)
        fresh.ask()
    after = [[each.ask().architecture.tolist() for _ in range(40)] for each in (told, fresh)]
    assert after[0] == after[1]


@pytest.mark.parametrize("strategy", ALL)
@pytest.mark.parametrize("space", [FewOnes(), get_space("nb101")], ids=["few-ones", "nb101"])
def test_rows_stay_inside_a_constrained_space_and_the_policy_learns_there(strategy, space):
    found = make(strategy, space=space, learning_rate=0.1 if strategy is Reinforce else 0.03)
    first = []
    for _ in range(240):
        proposal = found.ask()
        assert space.is_valid(proposal.architecture)
        first.append(int(proposal.architecture[0]))
        found.tell(proposal, first[-1], 1.0)
    assert np.mean(first[-60:]) > 0.9 > np.mean(first[:20])


@pytest.mark.parametrize("strategy", ALL)
def test_rows_stay_inside_a_constrained_space_whose_rewards_lead_out_of_it(strategy):
    space = FewOnes(most=1)
    found = make(strategy, space=space, learning_rate=0.5 if strategy is Reinforce else 0.1)
    for _ in range(100):
        proposal = found.ask()
        assert space.is_valid(proposal.architecture)
        found.tell(proposal, float(proposal.architecture[:11].sum()), 1.0)


@pytest.mark.parametrize("strategy", ALL)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, ": learning_rate must be a number above 0; got 0.0"),
        ({"momentum": 1.0}, ": momentum must be a number of 0 or more and below 1; got 1.0"),
    ],
)
def test_options_out_of_range_are_named(strategy, options, message):
    with pytest.raises(StrategyError, match=strategy.name + message):
        make(strategy, **options)


@pytest.mark.parametrize(
    ("strategy", "options", "message"),
    [
        (ReinforceRNN, {"layers": 0}, "reinforce-rnn: layers must be a whole number of 1 or more; got 0"),
        (ReinforceRNN, {"batch": 0}, "reinforce-rnn: batch must be"),
        (PPO, {"clip": 1.0}, "ppo: clip must be a number above 0 and below 1; got 1.0"),
        (PPO, {"entropy": -1.0}, "ppo: entropy must be a number of 0 or more; got -1.0"),
        (PPO, {"epochs": 1.5}, "ppo: epochs must be a whole number of 1 or more; got 1.5"),
    ],
)
def test_options_of_the_controllers_out_of_range_are_named(strategy, options, message):
    with pytest.raises(StrategyError, match=message):
        make(strategy, **options)


# What they share.


def test_the_baseline_is_a_moving_average_without_bias_towards_zero():
    baseline = Baseline(0.9)
    assert math.isnan(baseline.value)
    baseline.update(0.8)
    assert baseline.value == pytest.approx(0.8)
    baseline.update(0.2)
    assert baseline.value == pytest.approx((0.9 * 0.8 + 0.2) / 1.9)


def test_advantages_are_over_earlier_batches_and_over_its_own_mean_for_the_first():
    baseline = Baseline(0.5)
    assert baseline.advantages([1.0, 3.0]).tolist() == [-1.0, 1.0]
    assert baseline.advantages([3.0, 7.0]).tolist() == pytest.approx([3 - 7 / 3, 7 - 7 / 3])


def test_a_divergence_counts_as_the_worst_reward_so_far():
    baseline = Baseline(0.9)
    assert baseline.finite([-math.inf, -math.inf]) == []
    assert baseline.finite([-math.inf, 0.4, 0.6]) == [0.4, 0.4, 0.6]
    assert baseline.finite([-math.inf]) == [0.4]
    assert baseline.finite([0.1, -math.inf]) == [0.1, 0.1]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_adam_is_the_algorithm_of_its_paper(seed, scale):
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal(3)
    adam, by_hand, m, v = Adam(theta.copy(), 0.01), theta.copy(), np.zeros(3), np.zeros(3)
    for t in range(1, 8):
        gradient = scale * rng.standard_normal(3)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        by_hand += 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        adam.ascend(gradient)
        assert adam.theta == pytest.approx(by_hand, rel=1e-9)


def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient():
    theta = np.zeros(3)
    Adam(theta, 0.01).ascend(np.array([3.0, -0.01, 1e6]))
    assert theta == pytest.approx([0.01, -0.01, 0.01], rel=1e-5)


def test_draws_follow_the_policy_among_the_rows_a_space_admits():
    space, rng = FewOnes(most=1), np.random.default_rng(0)

    def draw(n):
        rows = (rng.random((n, 12)) < 0.1).astype(np.uint8)  # each bit is set with chance 0.1
        rows[:, 11] = 2
        return rows

    rows = draw_inside(space, rng, 4000, draw)
    assert space.is_valid(rows).all()
    assert (rows[:, 11] == 2).all()
    none = 0.9**11 / (0.9**11 + 11 * 0.1 * 0.9**10)
    assert abs((rows[:, :11].sum(axis=1) == 0).sum() - 4000 * none) < 6 * math.sqrt(4000 * none * (1 - none))


def test_a_policy_that_is_never_inside_gives_way_to_random_rows():
    space, rng = FewOnes(), np.random.default_rng(0)
    rows = draw_inside(space, rng, 50, lambda n: np.ones((n, 12), dtype=np.uint8))
    assert space.is_valid(rows).all()
    assert len(np.unique(rows, axis=0)) > 30


# REINFORCE on independent choices.


def test_reinforce_starts_all_but_uniform_over_the_choices_a_position_has():
    space = get_space("nb101")
    probabilities = make(Reinforce, space=space).probabilities
    for position, choices in enumerate(space.cardinalities):
        assert probabilities[position, :choices] == pytest.approx(np.full(choices, 1 / choices), abs=0.005)
        assert (probabilities[position, choices:] == 0).all()


def test_reinforce_draws_as_its_probabilities_say():
    strategy = make(Reinforce, learning_rate=0.5)
    tell(strategy, THREES, 0.1)
    for _ in range(3):
        tell(strategy, ZEROS, 0.9)
    chance = float(strategy.probabilities[0, 0])
    assert 0.3 < chance < 0.95
    drawn = sum(int(strategy.ask().architecture[0] == 0) for _ in range(3000))
    assert abs(drawn - 3000 * chance) < 6 * math.sqrt(3000 * chance * (1 - chance))


@pytest.mark.parametrize(("value", "sign"), [(0.9, 1), (0.1, -1), (-math.inf, -1)])
def test_reinforce_moves_each_logit_with_adam_by_the_reward_over_the_average(value, sign):
    strategy = make(Reinforce, learning_rate=0.01)
    tell(strategy, ZEROS, 0.5)  # all of the average: nothing moves
    tell(strategy, ZEROS, 0.4)
    before = strategy.probabilities
    tell(strategy, THREES, value)
    ratio = np.log(strategy.probabilities / before)
    assert (np.sign(ratio[:, 3]) == sign).all()
    assert np.abs(ratio).max() < 0.03


def test_the_first_reward_of_reinforce_is_all_of_its_average():
    strategy = make(Reinforce)
    before = strategy.probabilities
    tell(strategy, ZEROS, 0.7)
    assert (strategy.probabilities == before).all()


# The controller.


def every_row(cardinalities):
    return np.array(list(itertools.product(*map(range, cardinalities))), dtype=np.uint8)


CARDINALITIES = st.lists(st.integers(1, 5), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(cardinalities=CARDINALITIES, layers=st.integers(1, 3), seed=st.integers(0, 1000))
def test_the_gradient_agrees_with_finite_differences(cardinalities, layers, seed):
    rng = np.random.default_rng(seed)
    controller = Controller(np.array(cardinalities), 3, layers, 1.0, rng)
    rows = controller.sample(4, rng)
    weights = rng.standard_normal(rows.shape)

    def objective():
        reading = controller.read(rows)
        return float((weights * reading.log_probabilities).sum() + 0.7 * reading.entropies.sum())

    gradient = controller.gradient(controller.read(rows), weights, entropy=0.7)
    for place in rng.permutation(len(gradient))[:60]:
        middle = controller.theta[place]
        controller.theta[place] = middle + 1e-5
        above = objective()
        controller.theta[place] = middle - 1e-5
        below = objective()
        controller.theta[place] = middle
        assert gradient[place] == pytest.approx((above - below) / 2e-5, abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(cardinalities=CARDINALITIES, layers=st.integers(1, 2), seed=st.integers(0, 1000))
def test_probabilities_of_all_rows_sum_to_one_and_entropy_is_theirs(cardinalities, layers, seed):
    controller = Controller(np.array(cardinalities), 4, layers, 1.0, np.random.default_rng(seed))
    reading = controller.read(every_row(cardinalities))
    log_p = reading.log_probabilities.sum(axis=1)
    assert np.exp(log_p).sum() == pytest.approx(1)
    # Of a row's choices each after the others, the expected sum of entropies is the entropy of the row.
    assert float(np.exp(log_p) @ reading.entropies.sum(axis=1)) == pytest.approx(float(-np.exp(log_p) @ log_p))


def test_samples_come_as_often_as_their_probability_says():
    rng = np.random.default_rng(0)
    controller = Controller(np.array([3, 1, 4]), 5, 2, 2.0, rng)
    rows = every_row([3, 1, 4])
    p = np.exp(controller.read(rows).log_probabilities.sum(axis=1))
    assert p.max() > 2 * p.min()
    counts = Counter(row.tobytes() for row in controller.sample(20000, rng))
    for row, chance in zip(rows, p, strict=True):
        assert abs(counts[row.tobytes()] - 20000 * chance) < 6 * math.sqrt(20000 * chance * (1 - chance))


def test_a_choice_depends_on_those_before_it_only():
    controller = Controller(np.array([3, 3, 3]), 6, 2, 1.0, np.random.default_rng(0))
    first, second = controller.read(np.array([[0, 1, 2], [0, 2, 2]], dtype=np.uint8)).log_softmax.transpose(1, 0, 2)
    assert (first[:2] == second[:2]).all()
    assert np.abs(first[2] - second[2]).max() > 1e-3


def test_controllers_are_of_the_sizes_of_their_papers():
    for strategy, hidden, layers, spread in ((ReinforceRNN, 35, 2, 0.08), (PPO, 100, 1, 0.1)):
        theta = make(strategy).controller.theta
        lstm = sum(4 * hidden * (inputs + hidden + 1) for inputs in [1 + 5 * 4, hidden][:layers])
        assert len(theta) == lstm + 6 * 4 * (hidden + 1)
        assert 0.99 * spread < np.abs(theta).max() <= spread


# REINFORCE and PPO on the controller.


def log_probability(strategy, row):
    return float(strategy.controller.read(row[None]).log_probabilities.sum())


@pytest.mark.parametrize(("strategy", "batch"), [(ReinforceRNN, 8), (PPO, 20)])
def test_the_controller_changes_after_each_batch_towards_what_did_better(strategy, batch):
    found = make(strategy)
    before = log_probability(found, THREES), log_probability(found, ZEROS)
    for place in range(batch):
        assert (log_probability(found, THREES), log_probability(found, ZEROS)) == before
        tell(found, *((THREES, 0.9) if place % 2 else (ZEROS, 0.1)))
    assert log_probability(found, THREES) > before[0]
    assert log_probability(found, ZEROS) < before[1]


def test_reinforce_rnn_climbs_the_mean_over_the_batch_of_rewards_over_the_average():
    strategy, twin = make(ReinforceRNN, batch=2, learning_rate=0.01), make(ReinforceRNN, batch=2).controller
    weights = np.array([[0.2], [-0.2]]) / 2 * np.ones((1, 6))
    gradient = twin.gradient(twin.read(np.stack([THREES, ZEROS])), weights)
    Adam(twin.theta, 0.01).ascend(gradient)
    tell(strategy, THREES, 0.9)
    tell(strategy, ZEROS, 0.5)
    assert strategy.controller.theta == pytest.approx(twin.theta, rel=1e-8)


def test_ppo_goes_further_on_a_batch_the_wider_the_clip():
    rows, reached = np.stack([THREES, ZEROS]), []
    for clip in (0.05, 0.4, 0.99):
        strategy = make(PPO, batch=2, clip=clip, entropy=0.0, epochs=400, learning_rate=0.0003, hidden=20)
        old = strategy.controller.read(rows).log_probabilities
        tell(strategy, THREES, 0.9)
        tell(strategy, ZEROS, 0.1)
        reached.append(np.exp(strategy.controller.read(rows).log_probabilities - old).mean(axis=1))
    # Adam coasts on for some steps once the last gradient is gone.
    assert 1.04 < reached[0][0] < 1.15 < reached[1][0] < reached[2][0]
    assert 0.96 > reached[0][1] > 0.85 > reached[1][1] > reached[2][1]


def test_ppo_measures_ratios_against_what_drew_an_architecture_not_against_what_it_is_told_to():
    """The row is told after an update has made it much less likely: a ratio below 1 - clip, where no loss pushes."""
    strategy = make(PPO, batch=2, entropy=0.0, epochs=300, clip=0.9, learning_rate=0.003)
    strategy.drawn(np.stack([ZEROS, THREES]))
    tell(strategy, ZEROS, 0.1)
    tell(strategy, THREES, 0.9)
    assert log_probability(strategy, ZEROS) < 6 * math.log(1 / 4) - 3
    strategy.clip, strategy.epochs = 0.05, 1
    reading = strategy.controller.read(np.stack([ZEROS, ZEROS]))
    assert (np.exp(reading.log_probabilities - math.log(1 / 4)) < 0.9).all()
    before = strategy._adam._m.copy()
    tell(strategy, ZEROS, 0.0)
    tell(strategy, ZEROS, 0.0)
    assert strategy._adam._m == pytest.approx(0.9 * before, abs=1e-15)  # not a gradient, Adam's memory alone


def test_an_entropy_bonus_keeps_the_policy_open():
    entropies = []
    for bonus in (0.0, 1.0):
        strategy = make(PPO, entropy=bonus, learning_rate=0.02, hidden=16, batch=10)
        list(drive(strategy, PlantedOracle(SPACE), 600))
        entropies.append(
            float(strategy.controller.read(strategy.controller.sample(50, np.random.default_rng(0))).entropies.mean())
        )
    assert entropies[1] > entropies[0] + 0.5
