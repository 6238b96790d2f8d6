"""Strategies that search for trade-offs of several objectives, and what they rank by."""

from __future__ import annotations

import math
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench import CellSpace
from nasbench.comparison.pareto import hypervolume
from nasbench.testing.strategy import StrategyConformance, check_proposal
from strategies.multi_objective.dominance import (
    BestFronts,
    Domination,
    crowding_distance,
    nondominated_fronts,
    standing,
)
from strategies.multi_objective.mo_asha import MOASHA, epsilon_net
from strategies.multi_objective.mo_regularized_evolution import MultiObjectiveRegularizedEvolution
from strategies.multi_objective.nsga2 import NSGA2
from strategies.multi_objective.parego import ParEGO, augmented_tchebycheff, draw_weights
from strategies.predictor import Belief, Predictor
from strategies.random_search import RandomSearch
from tabular.errors import StrategyError, UnknownNameError
from tabular.spaces import OPERATIONS

SPACE = CellSpace("ten choices", 5, OPERATIONS[:5])
FIDELITIES = (1, 3, 9)


class Linear(Predictor):
    """Ridge regression on which choice stands where, as doubtful everywhere as it is wrong on what it knows."""

    def __init__(self, space=None):
        self.fits = []

    def fit(self, architectures, values, seed):
        self.fits.append((architectures, values, seed))
        features, self.mean = SPACE.encode(architectures).astype(float), values.mean()
        self.weights = np.linalg.solve(
            features.T @ features + np.eye(features.shape[1]), features.T @ (values - self.mean)
        )
        self.std = 0.01 + np.abs(features @ self.weights + self.mean - values).mean()

    def predict(self, architectures):
        mean = SPACE.encode(architectures) @ self.weights + self.mean
        return Belief(mean, np.full(len(mean), self.std))


def parego(space, rng, fidelities, **options):
    return ParEGO(space, rng, fidelities, **{"predictor": Linear, **options})


ALL = {
    "nsga2": NSGA2,
    "mo-regularized-evolution": MultiObjectiveRegularizedEvolution,
    "parego": parego,
    "mo-asha": MOASHA,
}


class Planted:
    """Two objectives, the shares of choices that agree with one hidden architecture and with another."""

    def __init__(self, seed):
        self.optima = SPACE.sample(np.random.default_rng([seed, 1]), 2)

    def __call__(self, architecture):
        return (architecture == self.optima).mean(axis=1)


def search(strategy, problem, evaluations, *, workers=1, diverging=0.0, violation=None, seed=0):
    """Run a strategy; return its proposals, values and violations in the order of telling."""
    rng = np.random.default_rng(seed)
    under_way, told = [], []
    for _ in range(evaluations):
        while len(under_way) < workers:
            proposal = strategy.ask()
            assert proposal is not None or under_way
            if proposal is None:
                break
            check_proposal(strategy, proposal)
            under_way.append((proposal, proposal.architecture.tobytes()))
        proposal, as_asked = under_way.pop(int(rng.random() * len(under_way)))
        assert proposal.architecture.tobytes() == as_asked
        values = problem(proposal.architecture)
        broken = violation(values) if violation else 0.0
        values = np.full(len(values), -np.inf) if rng.random() < diverging else values
        strategy.tell_objectives(proposal, values, broken, 1.0)
        told.append((proposal, values, broken))
    return told


# What is better: Deb et al. 2002.

numbers = st.one_of(st.integers(0, 4).map(float), st.just(-math.inf))


@st.composite
def populations(draw, objectives=None, most=12):
    n = draw(st.integers(1, most))
    m = objectives or draw(st.integers(1, 3))
    violations = draw(arrays(np.float64, n, elements=st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0])))
    return draw(arrays(np.float64, (n, m), elements=numbers)), violations


def dominates(values, violations, i, j):
    """Definition 1, with whatever diverged below all that did not."""
    diverged = [not all(math.isfinite(value) for value in row) for row in values]
    if diverged[i] or diverged[j]:
        return diverged[j] and not diverged[i]
    if violations[i] or violations[j]:
        return violations[i] < violations[j]
    pairs = list(zip(values[i], values[j], strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def slow_fronts(values, violations):
    left, fronts = set(range(len(values))), []
    while left:
        front = [j for j in sorted(left) if not any(dominates(values, violations, i, j) for i in left)]
        fronts.append(front)
        left -= set(front)
    return fronts


def standings(values, violations):
    return np.array([standing(row.tolist(), violation) for row, violation in zip(values, violations, strict=True)])


@given(populations())
def test_standings_stand_for_constraint_domination(population):
    rows = standings(*population)
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            assert dominates(*population, i, j) == ((one >= other).all() and (one > other).any())


@given(populations())
def test_fronts_are_as_defined(population):
    assert [front.tolist() for front in nondominated_fronts(standings(*population))] == slow_fronts(*population)


@settings(deadline=None)
@given(populations(most=20), st.data())
def test_the_best_fronts_of_a_growing_number_of_results(population, data):
    values, violations = population
    best = BestFronts()
    for i in range(len(values)):
        best.add(values[i].tolist(), float(violations[i]))
        wanted = data.draw(st.integers(0, i + 1))
        best.sort_out(wanted)
        fronts = [sorted(each for point in front for each in best.results[point]) for front in best.fronts]
        assert fronts == slow_fronts(values[: i + 1], violations[: i + 1])[: len(fronts)]
        assert sum(map(len, fronts)) >= wanted


@given(populations(objectives=2), st.data())
def test_members_that_are_replaced_one_by_one_are_ranked_like_all_at_once(population, data):
    values, violations = population
    size = data.draw(st.integers(1, len(values)))
    members = Domination(size)
    now = {}
    for i in range(len(values)):
        place = i if i < size else data.draw(st.integers(0, size - 1))
        members.put(place, values[i].tolist(), float(violations[i]))
        now[place] = i
        alive = [now[place] for place in range(len(now))]
        slow = slow_fronts(values[alive], violations[alive])
        assert [front.tolist() for front in members.fronts()] == slow
        assert len(members) == len(alive)


def test_feasible_before_small_violation_before_large_before_diverged():
    values = np.array([[0, 0], [9, 9], [8, 8], [-np.inf, -np.inf], [9, np.nan]])
    fronts = nondominated_fronts(standings(values, [0, 0.5, 0.2, 0, 0]))
    assert [front.tolist() for front in fronts] == [[0], [2], [1], [3, 4]]


def test_crowding_distance_by_hand():
    """Ranges are 5 and 4; the second has (4 - 1) / 5 + (5 - 2) / 4, the third (6 - 2) / 5 + (3 - 1) / 4."""
    front = np.array([[1, 5], [2, 3], [4, 2], [6, 1]], dtype=float)
    np.testing.assert_allclose(crowding_distance(front), [np.inf, 1.35, 1.3, np.inf])
    np.testing.assert_allclose(crowding_distance(front[[2, 0, 3, 1]]), [1.3, np.inf, np.inf, 1.35])


def test_what_does_not_differ_says_nothing_of_crowding():
    assert crowding_distance(np.ones((3, 2))).tolist() == [0, 0, 0]
    assert crowding_distance(np.array([[1, 7], [3, 7], [2, 7], [5, 7.0]])).tolist() == [np.inf, 3 / 4, 2 / 4, np.inf]
    assert crowding_distance(np.array([[1.0, 2.0]])).tolist() == [0]


# All four.


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_they_bear_many_workers_infeasible_architectures_and_divergences(name, objectives):
    problem = Planted(0)

    def values_of(architecture):
        return np.append(problem(architecture), -architecture.sum(dtype=float))[:objectives]

    for diverging, violation in ((0.3, lambda values: max(0.0, 0.4 - values[0])), (1.0, lambda _: 1.0)):
        for workers in (1, 40):
            strategy = ALL[name](SPACE, np.random.default_rng(3), FIDELITIES)
            told = search(strategy, values_of, 150, workers=workers, diverging=diverging, violation=violation)
            assert len(told) == 150


@pytest.mark.parametrize("name", ALL)
def test_a_single_signal_is_the_only_objective(name):
    runs = []
    for tell in ("tell", "tell_objectives"):
        strategy = ALL[name](SPACE, np.random.default_rng(5), FIDELITIES)
        proposals = []
        for _ in range(80):
            proposal = strategy.ask()
            value = float((proposal.architecture == 1).mean())
            if tell == "tell":
                strategy.tell(proposal, value, 1.0)
            else:
                strategy.tell_objectives(proposal, np.array([value]), 0.0, 1.0)
            proposals.append((proposal.architecture.tolist(), proposal.epochs))
        runs.append(proposals)
    assert runs[0] == runs[1]


@pytest.mark.parametrize("name", ALL)
def test_the_units_of_an_objective_do_not_matter(name):
    """Powers of two change no rounding."""
    problem = Planted(1)
    small, large = (
        search(ALL[name](SPACE, np.random.default_rng(0), FIDELITIES), lambda row, s=scale: problem(row) * s, 150)
        for scale in (np.array([1.0, 1.0]), np.array([2.0**-10, 2.0**30]))
    )
    assert [p.architecture.tolist() for p, _, _ in small] == [p.architecture.tolist() for p, _, _ in large]


def front_volume(told):
    full = [values for proposal, values, broken in told if proposal.epochs == FIDELITIES[-1] and not broken]
    return hypervolume(np.array(full).reshape(-1, 2), np.array([-0.01, -0.01]))


@pytest.mark.parametrize("name", ["nsga2", "mo-regularized-evolution", "parego"])
def test_they_find_a_better_front_than_chance(name):
    """In 20 of 20 problems: random search would do so once in a million times."""
    options = {"batch": 10} if name == "parego" else {}
    for seed in range(20):
        found, by_chance = (
            front_volume(search(make(SPACE, np.random.default_rng(seed), FIDELITIES, **given), Planted(seed), 200))
            for make, given in ((ALL[name], options), (ChanceOfSeveral, {}))
        )
        assert found > by_chance


class ChanceOfSeveral(RandomSearch):
    def tell_objectives(self, proposal, values, violation, seconds):
        """Learn nothing."""


@pytest.mark.parametrize("name", ["nsga2", "mo-regularized-evolution", "parego"])
def test_constraints_lead_them_to_what_is_feasible(name):
    """All but about one architecture in 30 break the constraint."""

    def violation(values):
        return max(0.0, 0.5 - values[0]) / 0.5

    feasible = 0
    for seed in range(5):
        told = search(ALL[name](SPACE, np.random.default_rng(seed), (9,)), Planted(seed), 200, violation=violation)
        feasible += sum(broken == 0 for _, _, broken in told[100:])
    assert feasible > 5 * 100 / 4


# NSGA-II.


def test_nsga2_breeds_from_the_best_of_parents_and_children():
    """With no crossover, each child is one change away from one of those that survived."""
    strategy = NSGA2(SPACE, np.random.default_rng(0), (9,), population=8, crossover=0)
    problem = Planted(2)
    told = search(strategy, problem, 16)
    rows = np.array([proposal.architecture for proposal, _, _ in told])
    survivors = rows[:8]
    for stop in (8, 16):
        pool = rows if stop == 16 else survivors
        values = np.array([problem(row) for row in pool])
        chosen = []
        for front in slow_fronts(values, np.zeros(len(values))):
            crowding = crowding_distance(values[front])
            chosen += [front[place] for place in np.argsort(-crowding, kind="stable")]
        survivors = pool[chosen[:8]]
        if stop == 8:
            rows = np.vstack([survivors, rows[8:]])
    children = [proposal.architecture for proposal, _, _ in search(strategy, problem, 8)]
    assert len({child.tobytes() for child in children}) > 3
    for child in children:
        assert ((survivors != child).sum(axis=1) == 1).any()


def test_nsga2_prefers_the_better_of_two_parents():
    """Of two parents, the better wins unless both rivals are the worse one: three times in four."""
    children = Counter()
    for seed in range(400):
        strategy = NSGA2(SPACE, np.random.default_rng(seed), (9,), population=2, crossover=0)
        first, second = strategy.ask(), strategy.ask()
        strategy.tell(first, 1.0, 1.0)
        strategy.tell(second, 0.0, 1.0)
        child = strategy.ask().architecture
        children[int((child != first.architecture).sum()) == 1] += 1
    assert abs(children[True] - 300) < 4 * math.sqrt(400 * 0.75 * 0.25)


def test_nsga2_mixes_two_parents():
    strategy = NSGA2(SPACE, np.random.default_rng(1), (9,), population=2, crossover=1)
    parents = [strategy.ask() for _ in range(2)]
    for place, parent in enumerate(parents):
        strategy.tell_objectives(parent, np.array([place, -place], dtype=float), 0.0, 1.0)
    children = [strategy.ask().architecture for _ in range(40)]
    inherited = [
        (child == parents[0].architecture) | (child == parents[1].architecture) for child in children
    ]  # all but the place that mutated
    assert min(each.sum() for each in inherited) >= SPACE.length - 1
    from_both = [child for child in children if min((child != parent.architecture).sum() for parent in parents) > 1]
    assert len(from_both) > 10


def test_nsga2_goes_on_while_a_generation_is_under_way():
    strategy = NSGA2(SPACE, np.random.default_rng(0), (9,), population=4)
    assert all(strategy.ask() is not None for _ in range(40))


# Multi-objective regularized evolution.


def test_evolution_forgets_its_oldest_member():
    strategy = MultiObjectiveRegularizedEvolution(SPACE, np.random.default_rng(0), (9,), population=5, sample=5)
    members = []
    for number in range(40):
        proposal = strategy.ask()
        if number >= 5:
            assert any((proposal.architecture != member).sum() == 1 for member in members[-5:])
        members.append(proposal.architecture)
        # Older ones are better: only death keeps the first from being the parent of all.
        strategy.tell_objectives(proposal, np.array([-number, -number], dtype=float), 0.0, 1.0)
    assert not any((members[-1] != member).sum() <= 1 for member in members[:5])


def test_evolution_takes_its_parent_from_the_best_front_where_it_is_least_crowded():
    """The most crowded of the front, or who is behind it, is the parent only if nobody else is drawn in six draws."""
    values = np.array([[0, 10], [4, 6], [5, 5], [6, 4], [10, 0], [-1, -1]], dtype=float)
    assert np.argmin(crowding_distance(values[:5])) == 2
    strategy = MultiObjectiveRegularizedEvolution(SPACE, np.random.default_rng(3), (9,), population=6, sample=6)
    members = [strategy.ask() for _ in values]
    for member, value in zip(members, values, strict=True):
        strategy.tell_objectives(member, value, 0.0, 1.0)
    parents = Counter()
    for _ in range(400):
        child = strategy.ask().architecture
        parents[int(np.argmin([(child != member.architecture).sum() for member in members]))] += 1
    # Chances: an end is drawn with 1 - (4 / 6) ** 6 = 0.912; else a less crowded one; 2 or 5 is left with 0.0014.
    assert abs(parents[0] + parents[4] - 0.912 * 400) < 4 * math.sqrt(400 * 0.912 * 0.088)
    assert abs(parents[0] - parents[4]) < 4 * math.sqrt(400 * 0.912)
    assert parents[2] + parents[5] <= 4


# ParEGO.


def test_parego_draws_the_eleven_weights_of_two_objectives():
    rng = np.random.default_rng(0)
    drawn = Counter(tuple((10 * draw_weights(rng, 2)).round(9).tolist()) for _ in range(2200))
    assert set(drawn) == {(10.0 - each, float(each)) for each in range(11)}
    assert min(drawn.values()) > 140  # 200 each, with a standard deviation of 13.5


@pytest.mark.parametrize(("objectives", "vectors"), [(1, 1), (3, 15), (4, 35)])
def test_parego_draws_weights_of_any_number_of_objectives(objectives, vectors):
    rng = np.random.default_rng(0)
    drawn = np.array([draw_weights(rng, objectives) for _ in range(1000)])
    assert len(np.unique(drawn, axis=0)) == vectors
    assert drawn.min() >= 0
    np.testing.assert_allclose(drawn.sum(axis=1), 1)


def test_augmented_tchebycheff_by_hand():
    """Costs are (0, 1), (1, 0) and (0.5, 0.25)."""
    values = np.array([[10, 0], [0, 8], [5, 6]], dtype=float)
    worth = augmented_tchebycheff(values, np.zeros(3), np.array([0.4, 0.6]), 0.05)
    np.testing.assert_allclose(worth, [-0.6 - 0.03, -0.4 - 0.02, -0.2 - 0.05 * 0.35])


@given(populations(), st.integers(0, 1000))
def test_worth_ranks_feasible_then_by_violation_then_diverged(population, seed):
    values, violations = population
    known = np.isfinite(values).all(axis=1)
    if not known.any():
        return
    weights = draw_weights(np.random.default_rng(seed), values.shape[1])
    worth = augmented_tchebycheff(values, violations, weights, 0.05)
    assert np.isfinite(worth).all()
    for i in np.flatnonzero(known):
        for j in range(len(worth)):
            if dominates(values, violations, i, j):
                assert worth[i] >= worth[j]
                assert worth[i] > worth[j] or not violations[j] or not known[j]


def test_parego_fits_once_a_batch_under_new_weights_and_asks_for_no_network_twice():
    made = []

    def predictor(space):
        made.append(Linear())
        return made[-1]

    strategy = ParEGO(SPACE, np.random.default_rng(0), (9,), predictor=predictor, initial=10, batch=5)
    told = search(strategy, Planted(0), 100)
    keys = SPACE.canonical_key(np.array([proposal.architecture for proposal, _, _ in told]))
    assert len(set(keys.tolist())) == 100
    ((*fits,),) = [fake.fits for fake in made]
    assert [len(values) for _, values, _ in fits] == list(range(10, 100, 5))
    first_ten = {tuple(np.argsort(values[:10]).tolist()) for _, values, _ in fits}
    assert len(first_ten) > 3  # the same ten, ranked in other ways


def test_parego_asks_for_a_predictor_that_exists():
    with pytest.raises(UnknownNameError, match="did you mean 'xgboost'"):
        ParEGO(SPACE, np.random.default_rng(0), (9,), predictor="xgbost")


# MO-ASHA.


def test_an_epsilon_net_starts_with_the_best_signal_and_goes_where_nobody_is():
    line = np.array([[0, 10], [1, 9], [5, 5], [9, 1], [10, 0]], dtype=float)
    assert epsilon_net(line, 3) == [4, 0, 2]
    assert epsilon_net(line * [1, 1e6], 3) == [4, 0, 2]
    assert sorted(epsilon_net(line, 5)) == [0, 1, 2, 3, 4]


def slow_top(values, violations, k):
    """The k that may go on: whole fronts, then an epsilon-net of the next."""
    top = []
    for front in slow_fronts(values, violations):
        if not np.isfinite(values[front]).all():
            break
        if len(top) + len(front) <= k:
            top += front
        elif len(top) < k:
            top += spread(values, violations, front)[: k - len(top)]
    return top


def spread(values, violations, front):
    """An epsilon-net of what stands differently, the oldest of each, and then the others, the oldest first."""
    first = {tuple(standing(values[place].tolist(), violations[place])): place for place in reversed(front)}
    points = sorted(first.values())
    net = [points[each] for each in epsilon_net(values[points], len(points))]
    return net + [place for place in front if place not in net]


def test_an_epsilon_net_tells_apart_what_rounding_does_not():
    assert sorted(epsilon_net(np.array([[0, 2e-200], [1e-200, 1e-200], [1, -1]]), 3)) == [0, 1, 2]


@settings(max_examples=60, deadline=None)
@given(population=populations(objectives=2, most=25), eta=st.integers(2, 4))
def test_mo_asha_promotes_whoever_is_in_the_best_share_as_soon_as_it_is(population, eta):
    values, violations = population
    strategy = MOASHA(SPACE, np.random.default_rng(0), (1, eta), eta=eta)
    started, promoted = [], []
    for i in range(len(values)):
        started.append(strategy.ask())
        assert started[-1].epochs == 1
        if np.isfinite(values[i]).all():
            strategy.tell_objectives(started[-1], values[i], float(violations[i]), 1.0)
        else:
            strategy.tell_objectives(started[-1], np.full(2, -np.inf), 0.0, 1.0)
        seen = np.where(np.isfinite(values[: i + 1]).all(axis=1)[:, None], values[: i + 1], -np.inf)
        top = slow_top(seen, violations[: i + 1], (i + 1) // eta)
        for place in top:
            if place not in promoted:
                proposal = strategy.ask()
                assert proposal.epochs == eta
                assert proposal.architecture.tolist() == started[place].architecture.tolist()
                promoted.append(place)


def test_mo_asha_finds_a_better_front_than_chance_for_the_same_epochs():
    """Half of the trainings are 1 or 3 epochs long; random search trains a hundred architectures for 9 in this time."""
    better = 0
    for seed in range(20):
        told = search(MOASHA(SPACE, np.random.default_rng(seed), FIDELITIES), Planted(seed), 600)
        spent, trained = 0, {}
        paid_for = []
        for each in told:
            key, epochs = each[0].architecture.tobytes(), each[0].epochs
            spent += max(0, epochs - trained.get(key, 0))
            if spent > 900:
                break
            trained[key] = max(epochs, trained.get(key, 0))
            paid_for.append(each)
        chance = search(ChanceOfSeveral(SPACE, np.random.default_rng(seed), FIDELITIES), Planted(seed), 100)
        better += front_volume(paid_for) > front_volume(chance)
    assert better >= 17  # half of 20 by chance, 17 or more once in 800 times


def test_mo_asha_needs_short_trainings():
    with pytest.raises(StrategyError, match=r"mo-asha chooses by short trainings, but the epochs on offer \(200\)"):
        MOASHA(SPACE, np.random.default_rng(0), (200,))


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (NSGA2, {"population": 1}, "nsga2: population must be a whole number of 2 or more; got 1"),
        (NSGA2, {"crossover": 1.5}, "nsga2: crossover must be a number of 0 or more and at most 1; got 1.5"),
        (MultiObjectiveRegularizedEvolution, {"population": 0}, "population must be a whole number of 1 or more"),
        (
            MultiObjectiveRegularizedEvolution,
            {"population": 5},
            r"sample \(with population=5\) must be a whole number from 1 to 5; got 10",
        ),
        (parego, {"initial": 0}, "parego: initial must be a whole number of 1 or more; got 0"),
        (parego, {"batch": 2.5}, "parego: batch must be a whole number of 1 or more; got 2.5"),
        (parego, {"candidates": 1}, "parego: candidates must be a whole number of 2 or more; got 1"),
        (parego, {"rho": -1}, "parego: rho must be a number of 0 or more; got -1"),
        (MOASHA, {"eta": 1}, "mo-asha: eta must be a whole number of 2 or more; got 1"),
    ],
)
def test_options_out_of_range_are_named(make, options, message):
    with pytest.raises(StrategyError, match=message):
        make(SPACE, np.random.default_rng(0), FIDELITIES, **options)


class TestNSGA2(StrategyConformance):
    strategy_class = NSGA2


class TestMultiObjectiveRegularizedEvolution(StrategyConformance):
    strategy_class = MultiObjectiveRegularizedEvolution


class TestMOASHA(StrategyConformance):
    strategy_class = MOASHA
    searches = 8  # of thousands of short trainings


class TestParEGO(StrategyConformance):
    slow = True
    strategy_class = ParEGO
    trainings = 100
    options: ClassVar = {"predictor": "xgboost(members=2, trees=5)", "batch": 25, "candidates": 50}
