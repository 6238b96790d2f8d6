"""What the papers say of each strategy."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.testing.strategy import PlantedOracle, drive
from strategies import Hyperband, LocalSearch, RandomSearch, RegularizedEvolution, SuccessiveHalving
from strategies.strategy import Proposal
from tabular.errors import StrategyError
from tabular.spaces.cell import CellSpace
from tabular.spaces.registry import get_space

SPACE = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_3x3", "avg_pool_3x3"))


def changes(first, second):
    return int((first != second).sum())


def test_random_search_draws_every_architecture_alike():
    space = CellSpace("tiny", 3, ("none", "skip_connect"))
    strategy = RandomSearch(space, np.random.default_rng(0), (2, 12))
    proposals = [strategy.ask() for _ in range(8000)]
    assert {proposal.epochs for proposal in proposals} == {12}
    counts = Counter(space.index(proposal.architecture) for proposal in proposals)
    assert set(counts) == set(range(8))
    # Each of 8 rows: 1000 expected, standard deviation sqrt(8000 / 8 * 7 / 8) = 30; 6 of them, once in 1e8.
    assert max(abs(count - 1000) for count in counts.values()) < 180


@pytest.mark.parametrize("single_fidelity", [RandomSearch, RegularizedEvolution, LocalSearch])
def test_strategies_of_one_fidelity_ask_for_full_trainings(single_fidelity):
    strategy = single_fidelity(SPACE, np.random.default_rng(0), (1, 3, 27))
    assert {proposal.epochs for proposal, _ in drive(strategy, PlantedOracle(SPACE), 150)} == {27}


# Regularized evolution.


@settings(max_examples=20, deadline=None)
@given(population=st.integers(1, 20), data=st.data(), seed=st.integers(0, 1000))
def test_evolution_mutates_a_living_member_one_choice_away(population, data, seed):
    sample = data.draw(st.integers(1, population))
    strategy = RegularizedEvolution(SPACE, np.random.default_rng(seed), (1,), population=population, sample=sample)
    born = []
    for _ in range(3 * population + 5):
        child = strategy.ask().architecture
        if len(born) >= population:
            assert any(changes(child, parent) == 1 for parent in born[-population:])
        born.append(child)
        strategy.tell(Proposal(child, 1), float(child.sum()), 1.0)


def test_evolution_lets_the_best_die_of_age():
    """The oldest dies, not the worst: after P births nothing descends from a champion that no sample met."""
    strategy = RegularizedEvolution(SPACE, np.random.default_rng(0), (1,), population=5, sample=5)
    champion, others = np.full(6, 3, np.uint8), np.zeros(6, np.uint8)
    strategy.tell(Proposal(champion, 1), 1.0, 1.0)
    for _ in range(4):
        strategy.tell(Proposal(others, 1), 0.0, 1.0)
    # A sample of 5 out of 5 with replacement misses the champion with chance (4/5)^5 = 0.33.
    parents = ["champion" if changes(strategy.ask().architecture, champion) == 1 else "other" for _ in range(2000)]
    # 2000 samples: 1345 expected, standard deviation 21; 6 of them, once in 1e8.
    assert abs(parents.count("champion") - 2000 * (1 - 0.8**5)) < 126
    strategy.tell(Proposal(others, 1), 0.0, 1.0)
    assert all(changes(strategy.ask().architecture, others) == 1 for _ in range(200))
    successor = np.full(6, 2, np.uint8)
    strategy.tell(Proposal(successor, 1), 1.0, 1.0)
    parents = [changes(strategy.ask().architecture, successor) == 1 for _ in range(2000)]
    assert abs(sum(parents) - 2000 * (1 - 0.8**5)) < 126


def test_evolution_never_breeds_from_the_diverged_while_a_sample_holds_another():
    strategy = RegularizedEvolution(SPACE, np.random.default_rng(0), (1,), population=2, sample=2)
    alive, diverged = np.full(6, 3, np.uint8), np.zeros(6, np.uint8)
    strategy.tell(Proposal(diverged, 1), -math.inf, 1.0)
    strategy.tell(Proposal(alive, 1), 0.1, 1.0)
    bred = sum(changes(strategy.ask().architecture, alive) == 1 for _ in range(2000))
    # Only a sample of two diverged, 1 in 4, breeds from one: 1500 expected, standard deviation 19; 6 of them.
    assert abs(bred - 1500) < 116


def test_evolution_fills_its_population_at_random_while_results_are_outstanding():
    strategy = RegularizedEvolution(SPACE, np.random.default_rng(0), (1,), population=4, sample=2)
    under_way = [strategy.ask() for _ in range(50)]
    assert len({proposal.architecture.tobytes() for proposal in under_way}) > 40


# Local search.


def test_local_search_trains_the_whole_neighbourhood_and_moves_to_its_best():
    oracle = PlantedOracle(SPACE)
    strategy = LocalSearch(SPACE, np.random.default_rng(1), (27,))
    run = list(drive(strategy, oracle, 1 + 6 * 3))
    (start, _), *neighbours = [(proposal.architecture, value) for proposal, value in run]
    assert {row.tobytes() for row, _ in neighbours} == {row.tobytes() for row in SPACE.neighbours(start)}
    best, _ = max(neighbours, key=lambda each: each[1])
    assert changes(strategy.ask().architecture, best) == 1


def test_local_search_takes_neighbours_in_random_order():
    first = []
    for seed in range(60):
        strategy = LocalSearch(SPACE, np.random.default_rng(seed), (27,))
        (start, _), (neighbour, _) = drive(strategy, PlantedOracle(SPACE), 2)
        around = SPACE.neighbours(start.architecture)
        first.append(int((around == neighbour.architecture).all(axis=1).argmax()))
    # Each of 18 places is missed by 60 draws with chance (17/18)^60 = 3%: 17.4 are seen on average, 10 or fewer never.
    assert len(set(first)) > 10


def test_local_search_to_the_first_better_moves_at_once():
    strategy = LocalSearch(SPACE, np.random.default_rng(1), (27,), full_neighbourhood=False)
    start = strategy.ask()
    strategy.tell(start, 0.5, 1.0)
    strategy.tell(strategy.ask(), 0.4, 1.0)
    better = strategy.ask()
    strategy.tell(better, 0.6, 1.0)
    then = [strategy.ask().architecture for _ in range(10)]
    assert all(changes(row, better.architecture) == 1 for row in then)
    assert any(changes(row, start.architecture) == 2 for row in then)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("workers", [1, 5])
def test_local_search_climbs_to_the_optimum_without_training_any_twice(full, workers):
    """On a landscape with one hill a climb of 6 choices out of 4 ends within 1 + 6 * 18 trainings."""
    oracle = PlantedOracle(SPACE, seed=3)
    strategy = LocalSearch(SPACE, np.random.default_rng(0), (27,), full_neighbourhood=full)
    seen = set()
    for proposal, _ in drive(strategy, oracle, 109, workers=workers):
        row = proposal.architecture.tobytes()
        if oracle.optimum.tobytes() in seen and row in seen:
            break  # another climb has begun
        assert row not in seen
        seen.add(row)
    assert oracle.optimum.tobytes() in seen


def test_local_search_starts_again_at_random_from_an_optimum_and_from_a_diverged_start():
    strategy = LocalSearch(SPACE, np.random.default_rng(0), (27,))
    starts = []
    for _ in range(30):
        starts.append(strategy.ask())
        strategy.tell(starts[-1], -math.inf, 1.0)
    assert len({start.architecture.tobytes() for start in starts}) > 25
    peak = strategy.ask()
    strategy.tell(peak, 1.0, 1.0)
    for _ in range(18):  # nothing around is better: a plateau is an optimum too
        neighbour = strategy.ask()
        assert changes(neighbour.architecture, peak.architecture) == 1
        strategy.tell(neighbour, 1.0, 1.0)
    assert changes(strategy.ask().architecture, peak.architecture) > 1


def test_local_search_waits_for_its_neighbourhood():
    strategy = LocalSearch(SPACE, np.random.default_rng(0), (27,))
    start = strategy.ask()
    assert strategy.ask() is None
    strategy.tell(start, 0.5, 1.0)
    neighbours = [strategy.ask() for _ in range(18)]
    assert strategy.ask() is None
    for neighbour in neighbours[::-1]:
        assert strategy.ask() is None
        strategy.tell(neighbour, 0.7 if neighbour is neighbours[4] else 0.1, 1.0)
    assert changes(strategy.ask().architecture, neighbours[4].architecture) == 1


# Successive halving and Hyperband.


def rung_sizes(strategy, evaluations):
    """Return ``(n_i, r_i)`` of consecutive proposals of equal epochs."""
    sizes = []
    for proposal, _ in drive(strategy, PlantedOracle(strategy.space, strategy.fidelities), evaluations):
        if sizes and sizes[-1][1] == proposal.epochs:
            sizes[-1][0] += 1
        else:
            sizes.append([1, proposal.epochs])
    return [tuple(size) for size in sizes]


def test_hyperband_runs_the_brackets_of_its_paper():
    """R=81, eta=3 by Algorithm 1: n = ceil(5 / (s + 1) * 3^s) is 81, 34, 15, 8, 5, and n_i = floor(n / 3^i)."""
    brackets = [
        *[(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        *[(34, 3), (11, 9), (3, 27), (1, 81)],
        *[(15, 9), (5, 27), (1, 81)],
        *[(8, 27), (2, 81)],
    ]
    last = (5, 81)
    evaluations = sum(n for n, _ in brackets) + 5
    found = rung_sizes(Hyperband(get_space("nb201"), np.random.default_rng(0), range(1, 82)), 2 * evaluations)
    # The rungs of 2 and of 5 full trainings follow each other, and so count as one.
    once = [*brackets[:-1], (2 + last[0], 81)]
    assert found == once * 2


def test_successive_halving_repeats_its_round_on_new_architectures():
    strategy = SuccessiveHalving(get_space("nb201"), np.random.default_rng(0), (4, 12, 36, 108))
    assert rung_sizes(strategy, 80) == [(27, 4), (9, 12), (3, 36), (1, 108)] * 2
    wide = SuccessiveHalving(SPACE, np.random.default_rng(0), (1, 2, 4), eta=2, candidates=10)
    assert rung_sizes(wide, 17) == [(10, 1), (5, 2), (2, 4)]


@settings(deadline=None)
@given(workers=st.integers(1, 30), seed=st.integers(0, 2**32 - 1))
def test_the_best_of_a_rung_go_on_whatever_the_order_of_results(workers, seed):
    strategy = SuccessiveHalving(get_space("nb201"), np.random.default_rng(seed), (1, 3, 9, 27))
    rungs = {1: {}, 3: {}, 9: {}, 27: {}}
    for proposal, value in drive(strategy, PlantedOracle(strategy.space), 40, workers=workers, seed=seed):
        rungs[proposal.epochs][proposal.architecture.tobytes()] = value
    for short, long in ((1, 3), (3, 9), (9, 27)):
        promoted, left = set(rungs[long]), set(rungs[short]) - set(rungs[long])
        assert promoted <= set(rungs[short])
        assert not left or min(rungs[short][row] for row in promoted) >= max(rungs[short][row] for row in left)


def test_the_best_of_a_rung_goes_on_first():
    strategy = SuccessiveHalving(SPACE, np.random.default_rng(0), (1, 3, 9))
    run = list(drive(strategy, PlantedOracle(SPACE), 12))
    ranked = sorted(run[:9], key=lambda each: -each[1])
    promoted = [proposal.architecture.tolist() for proposal, _ in run[9:]]
    assert promoted == [proposal.architecture.tolist() for proposal, _ in ranked[:3]]


def test_halving_waits_for_the_last_of_a_rung_and_never_promotes_the_diverged():
    strategy = SuccessiveHalving(SPACE, np.random.default_rng(0), (1, 3, 9))
    rung = [strategy.ask() for _ in range(9)]
    for proposal in rung:
        assert strategy.ask() is None
        strategy.tell(proposal, 0.5 if proposal is rung[7] else -math.inf, 1.0)
    survivor = strategy.ask()
    assert survivor.epochs == 3
    assert survivor.architecture.tobytes() == rung[7].architecture.tobytes()
    assert strategy.ask() is None
    strategy.tell(survivor, -math.inf, 1.0)
    assert strategy.ask().epochs == 1  # nobody is left: the next round


# Mistakes.


@pytest.mark.parametrize(
    ("strategy", "options", "message"),
    [
        (RegularizedEvolution, {"population": 0}, "population must be a whole number of 1 or more; got 0"),
        (RegularizedEvolution, {"population": 10}, r"sample \(with population=10\) .* from 1 to 10; got 25"),
        (RegularizedEvolution, {"population": 10, "sample": 0}, "from 1 to 10; got 0"),
        (RegularizedEvolution, {"population": "10"}, "got '10'"),
        (RegularizedEvolution, {"population": True}, "got True"),
        (LocalSearch, {"full_neighbourhood": "false"}, "full_neighbourhood must be true or false; got 'false'"),
        (SuccessiveHalving, {"eta": 1}, "successive-halving: eta must be a whole number of 2 or more; got 1"),
        (SuccessiveHalving, {"candidates": 8}, r"candidates \(for 3 rungs, eta=3\) .* 9 or more; got 8"),
        (Hyperband, {"eta": 2.5}, "hyperband: eta must be a whole number of 2 or more; got 2.5"),
    ],
)
def test_an_option_out_of_range_is_named(strategy, options, message):
    with pytest.raises(StrategyError, match=message):
        strategy(SPACE, np.random.default_rng(0), (1, 3, 9), **options)


@pytest.mark.parametrize("strategy", [SuccessiveHalving, Hyperband])
@pytest.mark.parametrize("fidelities", [(12,), (10, 12)])
def test_halving_without_short_trainings_says_what_to_do(strategy, fidelities):
    with pytest.raises(
        StrategyError, match=rf"\({', '.join(map(str, fidelities))}\) have none near 12 .* random-search"
    ):
        strategy(SPACE, np.random.default_rng(0), fidelities)


def test_a_result_before_any_proposal_is_refused():
    donor = Hyperband(SPACE, np.random.default_rng(0), (1, 3)).ask()
    with pytest.raises(StrategyError, match="hyperband was told a result before it proposed"):
        Hyperband(SPACE, np.random.default_rng(0), (1, 3)).tell(donor, 0.5, 1.0)
