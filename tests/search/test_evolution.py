"""The genetic algorithm and simulated annealing: what is said of them, and the suite that all strategies inherit."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.testing.strategy import PlantedOracle, StrategyConformance, drive
from strategies.evolution.genetic_algorithm import GeneticAlgorithm
from strategies.evolution.simulated_annealing import SimulatedAnnealing
from strategies.strategy import Proposal
from tabular.errors import StrategyError, UnknownNameError
from tabular.spaces.cell import CellSpace

SPACE = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_3x3", "avg_pool_3x3"))
ZEROS, THREES = np.zeros(6, np.uint8), np.full(6, 3, np.uint8)


def changes(first, second):
    return int((first != second).sum())


def genetic(seed=0, **options):
    return GeneticAlgorithm(SPACE, np.random.default_rng(seed), (1, 27), **options)


def annealing(seed=0, **options):
    return SimulatedAnnealing(SPACE, np.random.default_rng(seed), (1, 27), **options)


def tell(strategy, architecture, value):
    strategy.tell(Proposal(architecture, 27), value, 1.0)


class TestGeneticAlgorithm(StrategyConformance):
    strategy_class = GeneticAlgorithm


class TestGeneticAlgorithmByTournament(StrategyConformance):
    strategy_class = GeneticAlgorithm
    options: ClassVar = {"selection": "tournament", "tournament": 3, "elitism": 2, "crossover": 0.9, "mutation": 0.5}


class TestSimulatedAnnealing(StrategyConformance):
    strategy_class = SimulatedAnnealing


class TestSimulatedAnnealingThatOnlyClimbs(StrategyConformance):
    strategy_class = SimulatedAnnealing
    options: ClassVar = {"heat": 0.0, "initial": 1}


@pytest.mark.parametrize("make", [genetic, annealing])
def test_only_full_trainings_are_asked_for(make):
    assert {proposal.epochs for proposal, _ in drive(make(), PlantedOracle(SPACE), 150)} == {27}


# The genetic algorithm.


def test_a_generation_is_bred_from_the_one_before_and_not_from_its_own_best():
    strategy = genetic(population=4, survivors=1, elitism=0, crossover=0.0, mutation=1.0)
    for value in (0.1, 0.2, 0.3):
        tell(strategy, ZEROS, value)
    tell(strategy, THREES, 0.4)
    for _ in range(3):
        assert changes(strategy.ask().architecture, THREES) == 1
        tell(strategy, ZEROS, 0.9)
    assert changes(strategy.ask().architecture, THREES) == 1
    tell(strategy, ZEROS, 0.9)
    assert all(changes(strategy.ask().architecture, ZEROS) == 1 for _ in range(20))


@pytest.mark.parametrize(("elitism", "parent"), [(0, ZEROS), (1, THREES), (2, THREES)])
def test_the_elite_outlives_its_generation_without_another_training(elitism, parent):
    strategy = genetic(population=4, survivors=1, elitism=elitism, crossover=0.0, mutation=1.0)
    tell(strategy, THREES, 0.9)
    for _ in range(3):
        tell(strategy, ZEROS, 0.2)
    for _ in range(4 - elitism):
        tell(strategy, ZEROS, 0.1)
    assert all(changes(strategy.ask().architecture, parent) == 1 for _ in range(20))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), selection=st.sampled_from(["tournament", "truncation"]))
def test_without_mutation_every_choice_of_a_child_is_one_of_the_population(seed, selection):
    strategy = genetic(seed, population=5, crossover=1.0, mutation=0.0, selection=selection, survivors=5)
    members = SPACE.sample(np.random.default_rng(seed), 5)
    for row in members:
        tell(strategy, row, 0.5)
    for _ in range(20):
        child = strategy.ask().architecture
        pairs = [((child == a) | (child == b)).all() for a in members for b in members]
        assert any(pairs)


def test_crossover_and_mutation_happen_as_often_as_they_should():
    strategy = genetic(population=2, survivors=2, elitism=0, crossover=0.3, mutation=0.4)
    tell(strategy, ZEROS, 0.1)
    tell(strategy, THREES, 0.2)
    children = [strategy.ask().architecture for _ in range(4000)]
    copies = sum(not child.any() or (child == 3).all() for child in children)
    # A copy: no mutation, and either no crossover, or of a parent with itself, or all 6 choices from one side. By
    # mutation a mixture turns into a copy only where one choice is off and is set right, 1 in 6 x 3: 12/64 are so.
    expected = 0.6 * (0.7 + 0.3 * (0.5 + 0.5 * 2 / 64)) + 0.4 * 0.3 * 0.5 * (12 / 64) / 18
    assert abs(copies - 4000 * expected) < 6 * math.sqrt(4000 * expected * (1 - expected))


@pytest.mark.parametrize(
    ("options", "share_of_best"),
    [
        ({"selection": "truncation", "survivors": 2}, 1 / 2),
        ({"selection": "tournament", "tournament": 1}, 1 / 4),
        ({"selection": "tournament", "tournament": 2}, 1 - (3 / 4) ** 2),
        ({"selection": "tournament", "tournament": 3}, 1 - (3 / 4) ** 3),
    ],
)
def test_selection_takes_the_best_as_often_as_its_rule_says(options, share_of_best):
    strategy = genetic(population=4, elitism=0, crossover=0.0, mutation=1.0, **options)
    for row, value in ((ZEROS, 0.1), (THREES, 0.9), (ZEROS, 0.2), (ZEROS, -math.inf)):
        tell(strategy, row, value)
    bred = sum(changes(strategy.ask().architecture, THREES) == 1 for _ in range(3000))
    assert abs(bred - 3000 * share_of_best) < 6 * math.sqrt(3000 * share_of_best * (1 - share_of_best))


def test_a_generation_ends_when_enough_results_are_in_whoever_is_still_out():
    strategy = genetic(population=4, survivors=1, elitism=0, crossover=0.0, mutation=1.0)
    first = [strategy.ask() for _ in range(10)]
    assert len({proposal.architecture.tobytes() for proposal in first}) > 5  # still random
    for proposal in first[:3]:
        strategy.tell(proposal, 0.1, 1.0)
    tell(strategy, THREES, 0.9)
    assert changes(strategy.ask().architecture, THREES) == 1
    for proposal in first[3:6]:
        strategy.tell(proposal, 0.5, 1.0)
    tell(strategy, ZEROS, 0.6)
    assert all(changes(strategy.ask().architecture, ZEROS) == 1 for _ in range(20))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 0}, "genetic-algorithm: population must be a whole number of 1 or more; got 0"),
        ({"population": 5, "elitism": 5}, r"elitism \(with population=5\) must be a whole number from 0 to 4; got 5"),
        ({"population": 5, "survivors": 6}, r"survivors \(with population=5\) must be .* from 1 to 5; got 6"),
        ({"crossover": 1.1}, "crossover must be a number of 0 or more and at most 1; got 1.1"),
        ({"mutation": -0.1}, "mutation must be a number"),
        ({"tournament": 0}, "tournament must be a whole number of 1 or more; got 0"),
    ],
)
def test_genetic_options_out_of_range_are_named(options, message):
    with pytest.raises(StrategyError, match=message):
        genetic(**options)


def test_another_selection_is_offered_the_nearest():
    with pytest.raises(UnknownNameError, match="tournament"):
        genetic(selection="tournamnet")


# Simulated annealing.


def walking(seed=0, values=(0.1, 0.3, 0.5), **options):
    """A walk at THREES, worth the highest of these values, those of the random architectures: T_0 = max - median."""
    strategy = annealing(seed, initial=len(values), **{"heat": 1.0, **options})
    for value in values:
        tell(strategy, THREES if value == max(values) else ZEROS, value)
    return strategy


def test_annealing_starts_from_the_best_of_the_random_architectures():
    strategy = annealing(initial=3)
    first = [strategy.ask() for _ in range(8)]
    assert len({proposal.architecture.tobytes() for proposal in first}) > 4
    assert strategy.temperature == math.inf
    for row, value in ((ZEROS, 0.2), (THREES, 0.7), (ZEROS, 0.3)):
        tell(strategy, row, value)
    assert all(changes(strategy.ask().architecture, THREES) == 1 for _ in range(20))


def test_annealing_always_moves_to_what_is_better_or_as_good():
    for value in (0.5, 0.6):
        strategy = walking(heat=0.0)
        tell(strategy, ZEROS, value)
        assert all(changes(strategy.ask().architecture, ZEROS) == 1 for _ in range(10))


@pytest.mark.parametrize("loss", [0.05, 0.2, 0.6])
def test_annealing_moves_to_what_is_worse_as_metropolis_does(loss):
    accepted = 0
    for seed in range(1000):
        strategy = walking(seed)
        tell(strategy, ZEROS, 0.5 - loss)
        accepted += changes(strategy.ask().architecture, ZEROS) == 1
    chance = math.exp(-loss / 0.2)
    assert abs(accepted - 1000 * chance) < 6 * math.sqrt(1000 * chance * (1 - chance))


def test_temperature_starts_at_the_spread_and_falls_by_a_tenth_after_each_ten_results():
    strategy = walking(heat=0.5)
    for step in range(60):
        assert strategy.temperature == pytest.approx(0.5 * 0.2 * 0.9 ** (step // 10))
        tell(strategy, ZEROS, 0.4)


def test_failed_trainings_do_not_heat_and_are_never_moved_to():
    strategy = walking(values=(-math.inf, 0.1, 0.3, -math.inf, 0.5), cooling=1.0)
    assert strategy.temperature == pytest.approx(0.2)
    for _ in range(100):
        tell(strategy, ZEROS, -math.inf)
    assert changes(strategy.ask().architecture, THREES) == 1


def test_annealing_leaves_a_start_at_which_all_diverged():
    strategy = annealing(initial=2)
    tell(strategy, ZEROS, -math.inf)
    tell(strategy, ZEROS, -math.inf)
    assert strategy.temperature == 0
    tell(strategy, THREES, 0.1)
    assert changes(strategy.ask().architecture, THREES) == 1


def test_annealing_does_the_same_whatever_the_unit_of_the_values():
    """In percent, say; by powers of two, products are exact."""
    runs = []
    for unit in (1.0, 1024.0):
        strategy, oracle, run = annealing(3), PlantedOracle(SPACE), []
        for _ in range(200):
            proposal = strategy.ask()
            run.append(proposal.architecture.tobytes())
            strategy.tell(proposal, unit * oracle.query(proposal.architecture, "validation_accuracy@27"), 1.0)
        runs.append(run)
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial": 0}, "simulated-annealing: initial must be a whole number of 1 or more; got 0"),
        ({"heat": -1.0}, "heat must be a number of 0 or more; got -1.0"),
        ({"cooling": 0.0}, "cooling must be a number above 0 and at most 1; got 0.0"),
        ({"steps": 2.5}, "steps must be a whole number of 1 or more; got 2.5"),
    ],
)
def test_annealing_options_out_of_range_are_named(options, message):
    with pytest.raises(StrategyError, match=message):
        annealing(**options)
