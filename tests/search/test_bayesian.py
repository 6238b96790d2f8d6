"""Gaussian processes, kernels between architectures, and the strategies that search with a model of their own."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from nasbench.testing.strategy import FIDELITIES, PlantedOracle, StrategyConformance, drive, random_best
from strategies.history import History
from strategies.model_based.bayesian_optimization import BayesianOptimization
from strategies.model_based.candidates import best_first, climb, normal_scores
from strategies.model_based.gaussian_process import NOISES, GaussianProcess
from strategies.model_based.kernels import RELEVANCES, OverlapKernel, SubtreeKernel, subtree_labels
from strategies.model_based.nas_bowl import NASBOWL
from strategies.model_based.smac import SMAC
from strategies.model_based.tpe import TPE
from strategies.strategy import Proposal
from tabular.errors import StrategyError
from tabular.spaces.categorical import CategoricalSpace
from tabular.spaces.cell import CellSpace
from tabular.spaces.registry import get_space
from tabular.spaces.space import one_hot

SPACE = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
KERNELS = [OverlapKernel, SubtreeKernel]
STRATEGIES = [TPE, NASBOWL, BayesianOptimization, SMAC]


def some(space, number, seed=0):
    return space.sample(np.random.default_rng(seed), number)


# Gaussian processes.


def sklearn_process(space, theta, rows, values):
    """The same process, put together by another hand: correlations are RBFs of scaled one-hot rows."""
    *relevances, noise = theta
    scaled = np.sqrt(np.repeat(relevances, space.cardinalities))

    def features(architectures):
        return one_hot(architectures, space.cardinalities).astype(float) * scaled  # a difference is 2 lambda / 2 off

    targets = (values - values.mean()) / values.std()
    correlation = RBF(1.0)(features(rows)) + noise * np.eye(len(rows))
    variance = targets @ np.linalg.solve(correlation, targets) / len(targets)
    kernel = ConstantKernel(variance) * RBF(1.0)
    process = GaussianProcessRegressor(kernel, alpha=variance * noise, optimizer=None, normalize_y=True)
    return process.fit(features(rows), values), features


@pytest.mark.parametrize("number", [1, 2, 40])
def test_process_agrees_with_sklearn(number):
    rows, others = some(SPACE, number), some(SPACE, 50, seed=1)
    values = np.random.default_rng(2).normal(5, 3, number) + 4 * rows[:, 0]
    process = GaussianProcess(OverlapKernel(SPACE))
    process.fit(rows, values)
    belief = process.predict(others)
    if number == 1:  # nothing is known of the scale
        assert belief.mean == pytest.approx(values[0])
        return
    reference, features = sklearn_process(SPACE, process.theta, rows, values)
    mean, std = reference.predict(features(others), return_std=True)
    np.testing.assert_allclose(belief.mean, mean, atol=1e-6)
    np.testing.assert_allclose(belief.std, std, atol=1e-6)
    assert process.log_marginal_likelihood == pytest.approx(reference.log_marginal_likelihood(), abs=1e-6)


def test_signal_variance_is_the_one_of_greatest_marginal_likelihood():
    rows = some(SPACE, 30)
    values = np.random.default_rng(2).normal(size=30)
    process = GaussianProcess(OverlapKernel(SPACE))
    process.fit(rows, values)
    reference, features = sklearn_process(SPACE, process.theta, rows, values)
    variance = reference.kernel_.k1.constant_value
    for factor in (0.9, 1.1):
        other = GaussianProcessRegressor(
            ConstantKernel(variance * factor) * RBF(1.0),
            alpha=variance * factor * process.theta[-1],
            optimizer=None,
            normalize_y=True,
        ).fit(features(rows), values)
        assert other.log_marginal_likelihood() < process.log_marginal_likelihood


def test_process_learns_which_position_matters_and_how_noisy_values_are():
    rows = some(SPACE, 150)
    for noise in (0.0, 1.0):
        values = 3.0 * (rows[:, 2] == 1) + noise * np.random.default_rng(3).normal(size=len(rows))
        process = GaussianProcess(OverlapKernel(SPACE))
        for number in range(20, 151, 5):
            process.fit(rows[:number], values[:number])
        *relevances, noisy = process.theta
        assert np.argmax(relevances) == 2
        assert sorted(relevances)[-2] <= RELEVANCES[1] / SPACE.length
        assert noisy >= NOISES[-2] if noise else noisy == NOISES[0]


@pytest.mark.parametrize("kernel", KERNELS)
def test_fits_never_lower_the_likelihood_on_the_same_results(kernel):
    rows = some(SPACE, 40)
    values = rows[:, 0] + np.random.default_rng(0).normal(0, 0.1, 40)
    likelihoods = []
    process = GaussianProcess(kernel(SPACE))
    for _ in range(6):
        process._due = 0
        process.fit(rows, values)
        likelihoods.append(process.log_marginal_likelihood)
    assert likelihoods == sorted(likelihoods)


@pytest.mark.parametrize("kernel", KERNELS)
def test_results_that_arrive_one_by_one_teach_what_they_teach_together(kernel):
    rows, others = some(SPACE, 30), some(SPACE, 20, seed=1)
    slowly, at_once = kernel(SPACE), kernel(SPACE)
    for row in rows:
        slowly.add(row[None])
    at_once.add(rows)
    for theta in ([grid[0] for grid in slowly.grids], [grid[-1] for grid in slowly.grids]):
        np.testing.assert_allclose(slowly.gram(theta), at_once.gram(theta), atol=1e-12)
        np.testing.assert_allclose(slowly.cross(others, theta), at_once.cross(others, theta), atol=1e-12)
        np.testing.assert_allclose(at_once.cross(rows, theta), at_once.gram(theta), atol=1e-12)


def test_process_stands_equal_results_and_equal_architectures():
    rows = np.repeat(some(SPACE, 1), 20, axis=0)
    process = GaussianProcess(OverlapKernel(SPACE))
    process.fit(rows, np.full(20, 0.7))
    belief = process.predict(some(SPACE, 5))
    np.testing.assert_allclose(belief.mean, 0.7)
    assert np.isfinite(belief.std).all()


# Kernels.


def test_overlap_kernel_of_rows_by_hand():
    """exp(-sum of lambda_i where rows differ); the position of one choice plays no part."""
    space = CategoricalSpace("by hand", {"a": ["x", "y"], "only": ["z"], "b": [1, 2, 3]})
    kernel = OverlapKernel(space)
    kernel.add(np.array([[0, 0, 0], [1, 0, 0], [1, 0, 2]], dtype=np.uint8))
    assert len(kernel.grids) == 2
    expected = np.exp(-np.array([[0, 0.5, 2.5], [0.5, 0, 2], [2.5, 2, 0]]))
    np.testing.assert_allclose(kernel.gram([0.5, 2.0]), expected)


def test_subtree_kernel_of_chains_by_hand():
    """Input, convolution, output: two labels of three are shared before refinement, none after; 2/3, 2/6, 2/9."""
    chain = CellSpace("chain", 2, ("none", "nor_conv_1x1", "nor_conv_3x3"))
    kernel = SubtreeKernel(chain)
    kernel.add(np.array([[1], [2]], dtype=np.uint8))
    assert kernel.gram([1.0])[0, 1] == pytest.approx(2 / 6)
    assert kernel.gram([2.0])[0, 1] == pytest.approx(2 / 9)
    # Of nothing, input and output are left, unconnected: their first labels are shared, and 2 * 3 and 2 * 2 counted.
    nothing = kernel.cross(np.array([[0]], dtype=np.uint8), [1.0])
    np.testing.assert_allclose(nothing, 2 / math.sqrt(6 * 4))


def slow_labels(row, rounds):
    """Refinement of one cell with texts for labels, from the definition."""
    space = SPACE
    edges = [(edge, space.operations[choice]) for edge, choice in zip(space.edges, row.tolist(), strict=True)]

    def leads(start, goal, through):
        """In how many ways edges of which ``through`` is true lead from a node to another."""
        if start == goal:
            return 1
        return sum(leads(end, goal, through) for (begin, end), name in edges if begin == start and through(name))

    last = space.nodes - 1
    live = [
        (edge, name)
        for edge, name in edges
        if name not in ("none", "skip_connect")
        and leads(0, edge[0], lambda n: n != "none")
        and leads(edge[1], last, lambda n: n != "none")
    ]
    vertices = [((None, 0), "input"), ((last, None), "output"), *(((s, e), name) for (s, e), name in live)]
    feeds = [
        [0 if a[1] is None or b[0] is None else leads(a[1], b[0], lambda n: n == "skip_connect") for b, _ in vertices]
        for a, _ in vertices
    ]
    labels = [name for _, name in vertices]
    found = Counter(labels)
    for _ in range(rounds):
        places = range(len(labels))
        labels = [
            repr(
                (
                    labels[v],
                    sorted(labels[u] for u in places for _ in range(feeds[u][v])),
                    sorted(labels[u] for u in places for _ in range(feeds[v][u])),
                )
            )
            for v in places
        ]
        found.update(labels)
    return found


def test_subtree_kernel_agrees_with_a_slow_one():
    rows = some(SPACE, 40)
    for rounds in (1, 2):
        counts = [slow_labels(row, rounds) for row in rows]
        products = np.array([[sum(a[each] * b[each] for each in a) for b in counts] for a in counts])
        norms = np.sqrt(np.diagonal(products))
        kernel = SubtreeKernel(SPACE)
        kernel.add(rows)
        np.testing.assert_allclose(kernel.gram([rounds]), products / np.outer(norms, norms), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(["small", "nb101-v5", "nb-macro", "darts"]))
def test_equal_networks_drawn_differently_are_as_alike_as_can_be(seed, name):
    """Where no pooling stands twice, which changes the drawing but not the network, labels are those of the network."""
    space = SPACE if name == "small" else get_space(name)
    rows = drawings(space, np.random.default_rng(seed))
    assert len(np.unique(space.canonical_key(rows))) == 1
    kernel = SubtreeKernel(space)
    kernel.add(rows)
    for rounds in (1.0, 2.0):
        np.testing.assert_allclose(kernel.gram([rounds]), 1.0, atol=1e-12)


def drawings(space, rng):
    """Several rows of one network without poolings: neighbours, near and far, whose key is the same."""
    row = space.sample(rng)
    if space.name == "darts":
        row[[1, 2, 4, 5, 7, 8, 10, 11]] = 3  # every operation of the normal cell a skip connection
    found, queue = [row], [row]
    while queue and len(found) < 12:
        around = space.neighbours(queue.pop())
        same = around[space.canonical_key(around) == space.canonical_key(row)]
        new = [each for each in same if not any((each == one).all() for one in found)][:3]
        found += new
        queue += new
    return np.array(found)


def test_many_networks_have_several_drawings_to_tell():
    """The test above is about something."""
    assert sum(len(drawings(SPACE, np.random.default_rng(seed))) > 1 for seed in range(20)) > 5


def test_subtree_kernel_tells_different_networks_apart():
    rows = SPACE.all()
    keys = SPACE.canonical_key(rows)
    labels = np.sort(subtree_labels(SPACE, rows, 2).reshape(len(rows), -1), axis=1)
    prints = [each.tobytes() for each in labels]
    assert len(set(zip(keys.tolist(), prints, strict=True))) == len(set(keys.tolist()))
    # Refinement is no test of equality, but of these small graphs it tells nearly all apart.
    assert len(set(prints)) > 0.99 * len(set(keys.tolist()))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), kernel=st.sampled_from(KERNELS), name=st.sampled_from(["nb201", "darts"]))
def test_kernels_are_positive_semidefinite_correlations(seed, kernel, name):
    space = get_space(name)
    made = kernel(space)
    made.add(some(space, 30, seed))
    rng = np.random.default_rng(seed)
    gram = made.gram([rng.choice(grid) for grid in made.grids])
    np.testing.assert_allclose(np.diagonal(gram), 1)
    np.testing.assert_allclose(gram, gram.T, atol=1e-12)
    assert (gram >= 0).all()
    assert np.linalg.eigvalsh(gram).min() > -1e-9


def test_cells_of_different_kinds_share_no_label():
    darts = get_space("darts")
    row = some(darts, 1)
    row[:, 12:] = row[:, :12]  # both cells alike
    (labels,) = subtree_labels(darts, row, 1)
    normal, reduction = (set(part.ravel().tolist()) - {0} for part in np.split(labels, 2, axis=1))
    assert normal
    assert reduction
    assert not normal & reduction


# What models see, and how candidates are looked for.


def test_normal_scores_by_hand():
    """Quantiles 1/6, 1/2, 5/6 of three values; equal ones share the middle of theirs."""
    np.testing.assert_allclose(normal_scores(np.array([7.0, -3.0, 0.5])), [0.967421566, -0.967421566, 0], atol=1e-8)
    np.testing.assert_allclose(normal_scores(np.array([2.0, 2.0, 1.0, 1.0])), np.array([1, 1, -1, -1]) * 0.67448975)
    assert normal_scores(np.array([4.0])).tolist() == [0.0]


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=50))
def test_normal_scores_keep_the_order_and_forget_the_scale(values):
    values = np.array(values, dtype=float)
    scores = normal_scores(values)
    for a, b in itertools.pairwise(np.argsort(values)):
        assert scores[a] == scores[b] if values[a] == values[b] else scores[a] < scores[b]
    np.testing.assert_array_equal(scores, normal_scores(np.exp(values / 100) - 3))


def history_of(space, rows):
    history = History(space)
    for row in rows:
        history.ask(row)
        history.tell(row, 0.5)
    return history


def test_climb_finds_the_top_of_a_hill():
    space = CategoricalSpace("wide", {f"c{place}": list(range(6)) for place in range(20)})
    top = space.sample(np.random.default_rng(1))
    history = history_of(space, some(space, 3))
    found = climb(history, np.random.default_rng(0), lambda rows: (rows == top).mean(axis=1), candidates=400)
    assert (found == top).mean() >= 0.7  # a random row agrees in 1 of 6; ten steps climb at least ten more


def test_climb_and_pool_leave_out_what_was_asked_for():
    space = CategoricalSpace("few", {"a": [0, 1, 2], "b": [0, 1, 2]})
    rows = space.all()
    for left in range(9):
        history = history_of(space, np.delete(rows, left, axis=0))
        score = np.ones if left % 2 else np.zeros
        found = climb(history, np.random.default_rng(left), lambda many, score=score: score(len(many)), candidates=30)
        assert found.tolist() == rows[left].tolist()


def test_order_of_scores_does_not_hang_on_rounding_errors():
    assert best_first(np.array([1.0, 3.0, 3.0 + 1e-13, 2.0])).tolist() == [1, 2, 3, 0]
    assert best_first(np.zeros(3)).tolist() == [0, 1, 2]


# TPE.


def told(strategy, results):
    for row, value in results:
        strategy.tell(Proposal(np.array(row, dtype=np.uint8), 1), value, 1.0)
    return strategy


def test_tpe_by_hand():
    """Four results, of which ceil(0.75 sqrt(4)) = 2 are good: shares are (count + 1) / (2 + choices) in either part."""
    space = CategoricalSpace("by hand", {"a": ["x", "y", "z"], "b": [1, 2], "only": [0]})
    results = [([0, 0, 0], 0.9), ([0, 1, 0], 0.1), ([2, 0, 0], 0.8), ([1, 1, 0], -math.inf)]
    strategy = told(TPE(space, np.random.default_rng(0), (1,), gamma=0.75, startup=1), results)
    good, others = strategy.split()
    assert good.tolist() == [[0, 0, 0], [2, 0, 0]]
    assert others.tolist() == [[0, 1, 0], [1, 1, 0]]
    np.testing.assert_allclose(strategy.density(good), [[2 / 5, 1 / 5, 2 / 5], [3 / 4, 1 / 4, 0], [1, 0, 0]])
    np.testing.assert_allclose(strategy.density(others), [[2 / 5, 2 / 5, 1 / 5], [1 / 4, 3 / 4, 0], [1, 0, 0]])
    # l / g is 2 * 3 for (z, 1), the greatest; it is proposed first, then (x, 1) of 1 * 3, as no network comes twice.
    strategy = TPE(space, np.random.default_rng(0), (1,), gamma=0.75, startup=1, candidates=500)
    told(strategy, results)
    assert [strategy.ask().architecture.tolist() for _ in range(2)] == [[2, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(("number", "good"), [(1, 1), (20, 2), (100, 3), (101, 3), (300, 5)])
def test_tpe_splits_as_hyperopt_does(number, good):
    rows = some(SPACE, number)
    strategy = told(TPE(SPACE, np.random.default_rng(0), (1,)), zip(rows, range(number), strict=True))
    assert [len(part) for part in strategy.split()] == [good, number - good]
    assert strategy.split()[0].tolist() == rows[::-1][:good].tolist()
    with_many = told(TPE(SPACE, np.random.default_rng(0), (1,), gamma=9.0), zip(rows, range(number), strict=True))
    assert len(with_many.split()[0]) == min(math.ceil(9 * math.sqrt(number)), 25, number)


def test_tpe_draws_from_its_density():
    space = CategoricalSpace("two", {"a": ["x", "y", "z"], "b": [1, 2]})
    strategy = TPE(space, np.random.default_rng(0), (1,), candidates=40_000)
    drawn = strategy._draw(np.array([[0.5, 0.2, 0.3], [0.1, 0.9, 0.0]]))
    shares = strategy.density(drawn)
    # Standard deviations are at most sqrt(0.25 / 40,000) = 0.0025; 6 of them.
    np.testing.assert_allclose(shares, [[0.5, 0.2, 0.3], [0.1, 0.9, 0.0]], atol=0.015)


@pytest.mark.parametrize("name", ["nb101-v4", "transnas-macro"])
def test_tpe_stays_inside_spaces_with_constraints(name):
    space = get_space(name)
    strategy = TPE(space, np.random.default_rng(0), FIDELITIES)
    assert len(list(drive(strategy, PlantedOracle(space), 60, workers=3))) == 60  # which checks each proposal


# The others.


def test_nas_bowl_trains_a_batch_between_two_fits(monkeypatch):
    fits = []
    fit = GaussianProcess.fit
    monkeypatch.setattr(
        GaussianProcess, "fit", lambda self, rows, values: (fits.append(len(rows)), fit(self, rows, values))
    )
    strategy = NASBOWL(SPACE, np.random.default_rng(0), (1,), initial=7, batch=4)
    list(drive(strategy, PlantedOracle(SPACE, (1,)), 7 + 3 * 4))
    assert fits == [7, 11, 15]


def test_nas_bowl_mutates_the_best_ten_as_far_as_it_is_told():
    strategy = NASBOWL(SPACE, np.random.default_rng(0), (1,), pool=50, mutated=50)
    rows = some(SPACE, 40)
    told(strategy, zip(rows, range(40), strict=True))
    best = rows[::-1][:10]
    pool = strategy._candidates()
    changes = (pool[:, None] != best).sum(axis=2).min(axis=1)
    assert changes.max() == 1


def test_smac_interleaves_random_architectures_and_retrains_now_and_then(monkeypatch):
    fits = []
    fit = SMAC._fit
    monkeypatch.setattr(SMAC, "_fit", lambda self: (fits.append(len(self._history)), fit(self)))
    list(drive(SMAC(SPACE, np.random.default_rng(0), (1,), random_share=0.0), PlantedOracle(SPACE, (1,)), 50))
    assert fits == list(range(10, 50, 4))
    strategy = SMAC(SPACE, np.random.default_rng(0), (1,), random_share=0.5)
    told(strategy, zip(some(SPACE, 10), range(10), strict=True))
    marked = some(SPACE, 1)[0]
    monkeypatch.setattr(strategy, "_most_promising", lambda: marked)
    modelled = sum(strategy.ask().architecture is marked for _ in range(400))
    assert abs(modelled - 200) < 60  # six standard deviations of 10


def test_forest_means_what_sklearns_does():
    from sklearn.ensemble import RandomForestRegressor

    strategy = SMAC(SPACE, np.random.default_rng(0), (1,))
    rows = some(SPACE, 60)
    values = np.random.default_rng(1).normal(size=60)
    told(strategy, zip(rows, values, strict=True))
    seed = int(np.random.default_rng(0).integers(2**31))
    strategy._fit()
    features = one_hot(SPACE.all(), SPACE.cardinalities)
    forest = RandomForestRegressor(10, random_state=seed).fit(one_hot(rows, SPACE.cardinalities), normal_scores(values))
    belief = strategy.predict(SPACE.all())
    np.testing.assert_allclose(belief.mean, forest.predict(features))
    of_trees = [tree.predict(features) for tree in forest.estimators_]
    np.testing.assert_allclose(belief.std, np.std(of_trees, axis=0), atol=1e-12)


# All of them.


@pytest.mark.parametrize("workers", [1, 6])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_network_is_trained_twice_while_there_are_others(strategy, workers):
    made = strategy(SPACE, np.random.default_rng(0), FIDELITIES)
    run = list(drive(made, PlantedOracle(SPACE), 60, workers=workers, diverging=0.2))
    keys = [int(SPACE.canonical_key(proposal.architecture)) for proposal, _ in run]
    assert len(set(keys)) == len(keys)
    assert {proposal.epochs for proposal, _ in run} == {FIDELITIES[-1]}


@pytest.mark.parametrize("strategy", [TPE, BayesianOptimization, SMAC])
def test_spaces_without_graphs_are_searched(strategy):
    space = CategoricalSpace("recipes", {f"c{place}": list(range(5)) for place in range(8)})
    oracle = PlantedOracle(space, (1,), seed=3)
    runs = [list(drive(strategy(space, np.random.default_rng(seed), (1,)), oracle, 100)) for seed in range(5)]
    mean, deviation = random_best(8, 5, 100)
    # The oracle halves the share of right choices, as of one epoch of two.
    assert np.mean([max(value for _, value in run) * 2 for run in runs]) > mean + 3 * deviation / math.sqrt(5)


@pytest.mark.parametrize(
    ("strategy", "option", "value", "error"),
    [
        (TPE, "gamma", 0, "tpe: gamma must be a number above 0; got 0"),
        (TPE, "candidates", 0, "tpe: candidates must be a whole number of 1 or more; got 0"),
        (TPE, "startup", 0, "tpe: startup must be a whole number of 1 or more; got 0"),
        (TPE, "prior_weight", 0.0, "tpe: prior_weight must be a number above 0; got 0.0"),
        (NASBOWL, "initial", 0, "nas-bowl: initial must be a whole number of 1 or more; got 0"),
        (NASBOWL, "pool", 2.5, "nas-bowl: pool must be a whole number of 1 or more; got 2.5"),
        (NASBOWL, "mutated", 201, "nas-bowl: mutated (with pool=200) must be a whole number from 0 to 200; got 201"),
        (NASBOWL, "batch", 0, "nas-bowl: batch (with pool=200) must be a whole number from 1 to 200; got 0"),
        (
            BayesianOptimization,
            "initial",
            0,
            "bayesian-optimization: initial must be a whole number of 1 or more; got 0",
        ),
        (
            BayesianOptimization,
            "candidates",
            -1,
            "bayesian-optimization: candidates must be a whole number of 1 or more; got -1",
        ),
        (SMAC, "initial", 0, "smac: initial must be a whole number of 1 or more; got 0"),
        (SMAC, "trees", 1, "smac: trees must be a whole number of 2 or more; got 1"),
        (SMAC, "random_share", 1, "smac: random_share must be a number of 0 or more and below 1; got 1"),
        (SMAC, "retrain", 0, "smac: retrain must be a whole number of 1 or more; got 0"),
        (SMAC, "candidates", 0, "smac: candidates must be a whole number of 1 or more; got 0"),
    ],
)
def test_options_out_of_range_are_named(strategy, option, value, error):
    with pytest.raises(StrategyError) as raised:
        strategy(SPACE, np.random.default_rng(0), (1,), **{option: value})
    assert str(raised.value) == error


def test_nas_bowl_needs_graphs():
    space = CategoricalSpace("recipes", {"a": ["x", "y"]})
    with pytest.raises(StrategyError) as raised:
        NASBOWL(space, np.random.default_rng(0), (1,))
    assert str(raised.value) == (
        "nas-bowl: space 'recipes' does not say what its architectures are as graphs; take bayesian-optimization, "
        "which needs their choices only"
    )


def test_heavy_libraries_are_loaded_when_they_are_needed():
    code = (
        "import sys; from strategies.model_based import bayesian_optimization, nas_bowl, smac, tpe; "
        "print([name for name in ('scipy', 'sklearn', 'torch', 'threadpoolctl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


class Conformance(StrategyConformance):
    """The suite, with a planted optimum to be found in 60 trainings: a model is worth its time where these are few."""

    slow = True

    def test_finds_a_planted_optimum_sooner_than_chance(self) -> None:
        space, trainings, runs = CellSpace("planted", 4, SPACE.operations), 60, 10
        best = [self._best_found(space, seed, trainings * FIDELITIES[-1]) for seed in range(runs)]
        mean, deviation = random_best(space.length, 4, trainings)
        # Random search would exceed its expectation by 3 standard deviations of the mean once in 700 sets of seeds.
        assert np.mean(best) > mean + 3 * deviation / math.sqrt(runs)


class TestTPE(Conformance):
    strategy_class = TPE


class TestNASBOWL(Conformance):
    strategy_class = NASBOWL
    options: ClassVar = {"pool": 40, "mutated": 20, "batch": 5}


class TestBayesianOptimization(Conformance):
    strategy_class = BayesianOptimization
    options: ClassVar = {"candidates": 20}


class TestSMAC(Conformance):
    strategy_class = SMAC
    options: ClassVar = {"candidates": 20, "retrain": 16}
