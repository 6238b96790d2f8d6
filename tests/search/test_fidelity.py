"""What the papers say of multi-fidelity strategies: asynchronous halving, BOHB and DEHB."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.testing.strategy import FIDELITIES, PlantedOracle, StrategyConformance, drive
from strategies import Hyperband
from strategies.multi_fidelity.asha import ASHA
from strategies.multi_fidelity.bohb import BOHB, ChoiceDensity
from strategies.multi_fidelity.dehb import (
    DEHB,
    Individual,
    Subpopulation,
    binomial_crossover,
    mutant,
    random_individuals,
    row_of,
)
from strategies.strategy import Proposal
from tabular.errors import StrategyError
from tabular.spaces.cell import CellSpace
from tabular.spaces.nb101 import NB101
from tabular.spaces.registry import get_space

SPACE = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_3x3", "avg_pool_3x3"))


def make(strategy, /, fidelities=(1, 3, 9), seed=0, space=SPACE, **options):
    return strategy(space, np.random.default_rng(seed), fidelities, **options)


class TestASHA(StrategyConformance):
    strategy_class = ASHA
    searches = 8  # of thousands of short trainings


class KeysByTable(CellSpace):
    """A cell space that looks its keys up: the suite runs for so long that hashing cells would take minutes."""

    def canonical_key(self, architectures):
        return key_table(self.nodes, self.operations)[self.rank(architectures)]


@functools.cache
def key_table(nodes, operations):
    space = CellSpace("any", nodes, operations)
    return space.canonical_key(space.all())


class TestBOHB(StrategyConformance):
    strategy_class = BOHB
    searches = 8  # of thousands of short trainings

    def make(self, space, seed=0, fidelities=FIDELITIES):
        return super().make(KeysByTable(space.name, space.nodes, space.operations), seed, fidelities)


class TestDEHB(StrategyConformance):
    strategy_class = DEHB
    searches = 8  # of thousands of short trainings


@pytest.mark.parametrize("strategy", [ASHA, BOHB, DEHB])
def test_one_fidelity_is_refused_with_what_to_do(strategy):
    with pytest.raises(StrategyError, match=rf"^{strategy.name} .* on offer \(12\) have none .* random-search$"):
        make(strategy, (12,))


@pytest.mark.parametrize(
    ("strategy", "options", "message"),
    [
        (ASHA, {"eta": 1}, "asha: eta must be a whole number of 2 or more; got 1"),
        (BOHB, {"good": 2}, "bohb: good must be a number of 0 or more and at most 1; got 2"),
        (BOHB, {"bandwidth_factor": 0}, "bohb: bandwidth_factor must be a number above 0; got 0"),
        (DEHB, {"crossover": 1.5}, "dehb: crossover must be .* at most 1; got 1.5"),
    ],
)
def test_an_option_out_of_range_is_named(strategy, options, message):
    with pytest.raises(StrategyError, match=message):
        make(strategy, **options)


@pytest.mark.parametrize("strategy", [ASHA, BOHB, DEHB])
def test_no_worker_ever_waits(strategy):
    searching = make(strategy)
    asked = [searching.ask() for _ in range(200)]
    assert None not in asked
    for proposal in asked:
        searching.tell(proposal, 0.5, 1.0)
        assert searching.ask() is not None


@pytest.mark.parametrize("strategy", [BOHB, DEHB])
def test_what_is_drawn_or_bred_is_in_a_space_that_admits_few_rows(strategy):
    space, fidelities = NB101(vertices=5), (4, 12, 36)
    told = list(drive(make(strategy, fidelities, space=space), PlantedOracle(space, fidelities), 200, workers=3))
    assert len(told) == 200


# ASHA.


def tell_new(strategy, values):
    """Ask for as many new architectures, tell their values, and return them."""
    asked = [strategy.ask() for _ in values]
    assert {proposal.epochs for proposal in asked} == {strategy.rungs[0]}
    for proposal, value in zip(asked, values, strict=True):
        strategy.tell(proposal, value, 1.0)
    return asked


def test_asha_promotes_by_hand():
    strategy = make(ASHA)
    under_way = [strategy.ask() for _ in range(9)]
    for proposal, value in zip(under_way[:2], (0.1, 0.2), strict=True):
        strategy.tell(proposal, value, 1.0)
    assert strategy.ask().epochs == 1  # of 2, the best 0 go on
    strategy.tell(under_way[2], 0.3, 1.0)
    first = strategy.ask()  # of 3, the best goes on
    assert (first.architecture is under_way[2].architecture, first.epochs) == (True, 3)
    strategy.tell(under_way[3], 0.5, 1.0)
    second = strategy.ask()  # of 4, the best one may; that is another now
    assert (second.architecture is under_way[3].architecture, second.epochs) == (True, 3)
    strategy.tell(under_way[4], 0.4, 1.0)
    assert strategy.ask().epochs == 1
    strategy.tell(under_way[5], 0.35, 1.0)
    third = strategy.ask()  # of 6, the best two: 0.5 has gone on, 0.4 has not
    assert (third.architecture is under_way[4].architecture, third.epochs) == (True, 3)
    for proposal, value in ((first, 0.6), (second, 0.8), (third, 0.7)):
        strategy.tell(proposal, value, 1.0)
    strategy.tell(under_way[6], 0.9, 1.0)  # may go on, but the higher rung comes first
    last = strategy.ask()
    assert (last.architecture is second.architecture, last.epochs) == (True, 9)
    assert strategy.ask().architecture is under_way[6].architecture


def test_asha_counts_the_diverged_but_never_promotes_them():
    strategy = make(ASHA)
    tell_new(strategy, [-math.inf] * 6)
    alive = strategy.ask()
    assert alive.epochs == 1
    strategy.tell(alive, 0.1, 1.0)
    assert strategy.ask().epochs == 3
    assert strategy.ask().epochs == 1


@settings(max_examples=60, deadline=None)
@given(eta=st.integers(2, 4), workers=st.integers(1, 10), seed=st.integers(0, 10**6), ties=st.booleans())
def test_asha_takes_the_jobs_of_algorithm_2(eta, workers, seed, ties):
    """Compare with get_job as the paper writes it, over all results of each rung at every ask."""
    rungs = tuple(eta**i for i in range(4))
    strategy, rng = make(ASHA, rungs, seed, eta=eta), np.random.default_rng(seed)
    results = {epochs: [] for epochs in rungs}
    promoted = {epochs: set() for epochs in rungs}
    under_way, numbers = [], {}

    def get_job():
        for epochs, longer in reversed(list(itertools.pairwise(rungs))):
            ranked = sorted(results[epochs], reverse=True)
            top = [number for _, number in ranked[: len(ranked) // eta]]
            for number in top:
                if -number not in promoted[epochs]:
                    promoted[epochs].add(-number)
                    return -number, longer
        return None, rungs[0]

    for step in range(150):
        expected, epochs = get_job()
        proposal = strategy.ask()
        assert proposal.epochs == epochs
        if expected is None:
            numbers[id(proposal.architecture)] = step
            expected = step
        assert numbers[id(proposal.architecture)] == expected
        under_way.append((proposal, expected))
        if len(under_way) == workers:
            proposal, number = under_way.pop(int(rng.random() * workers))
            value = float(rng.integers(4)) if ties else float(rng.random())
            # Of results that are equal the first told goes first: let the time break ties.
            results[proposal.epochs].append((value - 1e-9 * step, -number))
            strategy.tell(proposal, value, 1.0)


# BOHB.


def test_the_kernel_of_aitchison_and_aitken_by_hand():
    """Two rows of choices out of 2 and 5: the first choices agree, the second do not."""
    density = ChoiceDensity(np.array([[0, 1], [0, 3]], np.uint8), np.array([2, 5]), 1e-3)
    second = 1.06 * math.sqrt((1 - 2 * 0.25) / 2) * 2 ** (-1 / 6)
    np.testing.assert_allclose(density.bandwidths, [1e-3, second])
    seen, neither = 0.5 * 0.999 * ((1 - second) + second / 4), 0.999 * second / 4
    rows = np.array([[0, 1], [0, 0], [1, 0]], np.uint8)
    np.testing.assert_allclose(np.exp(density.log_density(rows)), [seen, neither, neither * 0.001 / 0.999])


@given(st.integers(1, 20), st.integers(0, 1000))
def test_a_density_of_choices_is_one_in_all_and_does_not_mind_their_numbers(n, seed):
    space, rng = CellSpace("three", 3, SPACE.operations), np.random.default_rng(seed)
    rows, renamed = space.sample(rng, n), rng.permutation(4).astype(np.uint8)
    densities = ChoiceDensity(rows, space.cardinalities, 1e-3).log_density(space.all())
    assert math.isclose(np.exp(densities).sum(), 1)
    again = ChoiceDensity(renamed[rows], space.cardinalities, 1e-3).log_density(renamed[space.all()])
    np.testing.assert_allclose(again, densities)


def test_draws_from_a_density_follow_its_kernels():
    density = ChoiceDensity(np.array([[2]] * 4 + [[0]], np.uint8), np.array([4]), 1e-3)
    kept = 1 - 0.5 * density.bandwidths[0]
    counts = np.bincount(density.sample(np.random.default_rng(0), 20_000, 0.5)[:, 0], minlength=4) / 20_000
    other = (1 - kept) / 3
    expected = [kept / 5 + other * 4 / 5, other, kept * 4 / 5 + other / 5, other]
    assert np.abs(counts - expected).max() < 6 * math.sqrt(0.25 / 20_000)
    wide = np.bincount(density.sample(np.random.default_rng(0), 20_000, 1e6)[:, 0], minlength=4) / 20_000
    assert np.abs(wide - 0.25).max() < 6 * math.sqrt(0.1875 / 20_000)


def taught(strategy, rows, epochs, worth):
    """Tell a strategy what some rows are worth."""
    for row in rows:
        strategy.tell(Proposal(row, epochs), worth(row), 1.0)
    return strategy


def first_choices(strategy, n=60):
    return Counter(int(strategy.ask().architecture[0]) for _ in range(n))


def test_bohb_prefers_where_results_are_good():
    rows = get_space("nb201").sample(np.random.default_rng(1), 60)

    def worth(row):
        return float(row[0] == 2)

    def choices(**options):
        return first_choices(taught(make(BOHB, space=get_space("nb201"), **options), rows, 1, worth))

    assert choices(random_fraction=0.0)[2] > 50
    # 60 draws of a chance of 1 in 5: 12 expected, standard deviation 3.1.
    assert choices(random_fraction=1.0)[2] < 31
    # A third is random: 60 (2/3 + 1/3 1/5) = 44 expected, standard deviation 3.4, if the model always chooses 2.
    assert 24 < choices()[2] < 60


def test_bohb_models_the_most_epochs_that_have_enough_results():
    """N_min + 2 = d + 3 = 9 results: 8 of a full training do not yet outweigh many short ones, 9 do."""
    space = get_space("nb201")
    rows = space.sample(np.random.default_rng(1), 60)
    full = space.sample(np.random.default_rng(2), 40)
    full = np.concatenate([full[full[:, 0] == 4][:4], full[full[:, 0] != 4][:5]])

    def told(longest):
        strategy = taught(make(BOHB, space=space, random_fraction=0.0), rows, 1, lambda row: float(row[0] == 2))
        return first_choices(taught(strategy, full[:longest], 9, lambda row: float(row[0] == 4)))

    assert told(8)[2] > 50
    assert told(9)[2] < 30
    few = taught(make(BOHB, space=space, random_fraction=0.0), rows[:8], 1, lambda row: float(row[0] == 2))
    assert len(first_choices(few)) == 5


def test_bohb_promotes_or_asks_for_a_new_network():
    space, fidelities = get_space("nb201"), (1, 3, 9)
    rows, keys = set(), set()
    for proposal, _ in drive(make(BOHB, fidelities, space=space), PlantedOracle(space, fidelities), 400):
        if proposal.architecture.tobytes() not in rows:
            assert int(space.canonical_key(proposal.architecture)) not in keys
        rows.add(proposal.architecture.tobytes())
        keys.add(int(space.canonical_key(proposal.architecture)))
    assert len(keys) > 250


@pytest.mark.parametrize("strategy", [BOHB, DEHB])
def test_one_worker_meets_the_rungs_of_hyperband(strategy):
    """DEHB's rungs too have Hyperband's numbers of trainings."""
    epochs = [
        [proposal.epochs for proposal, _ in drive(make(each, range(1, 28)), PlantedOracle(SPACE), 300)]
        for each in (strategy, Hyperband)
    ]
    assert epochs[0] == epochs[1]


# DEHB.


def test_a_mutant_by_hand():
    """0.5 + 0.5 (0.8 - 0.2) = 0.8 and 0.5 + 0.5 (0.2 - 0.4) = 0.4; 0.9 + 0.5 (0.9 - 0.1) leaves [0, 1]."""
    parents = [np.array(each) for each in ([0.5, 0.5, 0.9], [0.8, 0.2, 0.9], [0.2, 0.4, 0.1])]
    drawn = np.array([mutant(parents, 0.5, np.random.default_rng(seed)) for seed in range(500)])
    np.testing.assert_allclose(drawn[:, :2], [[0.8, 0.4]] * 500)
    assert drawn[:, 2].min() < 0.05
    assert 0.95 < drawn[:, 2].max() < 1
    assert row_of(np.array([0.0, 0.39, 0.4, 0.999]), np.array([5, 5, 5, 5])).tolist() == [0, 1, 2, 4]


def test_a_binomial_crossover_takes_one_number_of_the_mutant_at_least():
    target, mutated, rng = np.zeros(8), np.ones(8), np.random.default_rng(0)
    assert {binomial_crossover(target, mutated, 0.0, rng).sum() for _ in range(50)} == {1}
    assert binomial_crossover(target, mutated, 1.0, rng).sum() == 8
    places = sum(binomial_crossover(target, mutated, 0.0, rng) for _ in range(800))
    assert places.min() > 40  # 100 expected at each place, standard deviation 9
    # One certain, and half of the other seven: 4.5 expected, standard deviation of the mean of 2000 is 0.03.
    halves = np.mean([binomial_crossover(target, mutated, 0.5, rng).sum() for _ in range(2000)])
    assert abs(halves - 4.5) < 0.18


def test_a_child_takes_its_targets_place_if_as_good():
    first, second = random_individuals(SPACE, np.random.default_rng(0), 2)
    population = Subpopulation([first, second])
    assert population.trained() == []
    population.select(0, first._replace(value=-math.inf))
    population.select(1, second._replace(value=0.5))
    assert [each.value for each in population.trained()] == [0.5, -math.inf]
    population.select(1, first._replace(value=0.4))
    assert population.individuals[1].row is second.row
    population.select(1, first._replace(value=0.5))
    assert population.individuals[1].row is first.row
    assert [population.next_target() for _ in range(3)] == [0, 1, 0]


@given(st.integers(0, 1000))
def test_individuals_stand_for_their_rows_and_are_uniform(seed):
    for each in random_individuals(SPACE, np.random.default_rng(seed), 20):
        assert row_of(each.vector, SPACE.cardinalities).tolist() == each.row.tolist()


def test_dehb_promotes_in_its_first_run_and_breeds_later():
    """R = 9: the first run has 9 and 3 and 1, then 5 and 1, then 3 trainings; what it trains longer it has trained."""
    oracle = PlantedOracle(SPACE, (1, 3, 9))
    run = list(drive(make(DEHB), oracle, 22 + 60))
    trained = {1: {}, 3: {}, 9: {}}
    for number, (proposal, value) in enumerate(run[:22]):
        row = proposal.architecture.tobytes()
        if proposal.epochs == 3 and 9 <= number < 12:
            better = [each for each, worth in trained[1].items() if worth > trained[1][row]]
            assert set(better) <= set(trained[3])
        if proposal.epochs == 9 and number < 18:
            assert row in trained[3]
        trained[proposal.epochs][row] = value
    later = [proposal for proposal, _ in run[22 + 9 : 22 + 12]]
    assert {proposal.epochs for proposal in later} == {3}
    assert not all(proposal.architecture.tobytes() in trained[1] for proposal in later)


def test_dehb_breeds_of_its_parents():
    strategy = make(DEHB, crossover=1.0)
    same, target = random_individuals(SPACE, np.random.default_rng(3), 2)
    assert strategy.breed([same] * 3, target).row.tolist() == same.row.tolist()
    other = make(DEHB, crossover=0.0)
    assert int((other.breed([same] * 3, target).row != target.row).sum()) <= 1
    assert isinstance(other.breed([], target), Individual)
