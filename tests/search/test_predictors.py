"""Searches that are guided by a predictor: at which candidates they look, which they train, and when they fit."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import numpy as np
import pytest

from nasbench import get_space
from nasbench.comparison import compare, summarise
from nasbench.testing.strategy import PlantedOracle, StrategyConformance, drive
from strategies.model_based.bananas import BANANAS
from strategies.model_based.mcts import MCTS
from strategies.model_based.neural_predictor import NeuralPredictor
from strategies.model_based.npenas import NPENAS
from strategies.model_based.pnas import PNAS
from strategies.predictor import Belief, Predictor
from strategies.random_search import RandomSearch
from strategies.strategy import Proposal
from tabular import TableOracle
from tabular.errors import NasbenchError, StrategyError, UnknownNameError
from tabular.spaces.categorical import CategoricalSpace
from tabular.spaces.cell import CellSpace

ALL = [BANANAS, NPENAS, NeuralPredictor, PNAS, MCTS]
GRID = CategoricalSpace("grid", {name: list(range(4)) for name in "abcdefgh"})
"""Every row is a network of its own."""


class Fake(Predictor):
    """Expects the sum of the choices, whatever it learns; notes what it was asked."""

    def __init__(self, space, std=None):
        self.fits, self.asked, self.std = [], [], std

    def fit(self, architectures, values, seed):
        self.fits.append((architectures, values, seed))

    def predict(self, architectures):
        self.asked.append(architectures)
        std = np.zeros(len(architectures)) if self.std is None else self.std(architectures)
        return Belief(architectures.sum(axis=1).astype(float), std)


def make(strategy, space=GRID, seed=0, predictor=Fake, **options):
    return strategy(space, np.random.default_rng(seed), (1,), predictor=predictor, **options)


def ask_and_tell(search, n, value=lambda row: float(row.sum())):
    """The rows that are proposed one after the other, each told before the next."""
    rows = []
    for _ in range(n):
        proposal = search.ask()
        search.tell(proposal, value(proposal.architecture), 1.0)
        rows.append(proposal.architecture)
    return np.array(rows)


def distances(rows, others):
    return (rows[:, None] != others).sum(axis=2)


# BANANAS and NPENAS: mutations of the best.


@pytest.mark.parametrize(("strategy", "parents"), [(BANANAS, 5), (NPENAS, 10)])
def test_candidates_are_single_mutations_of_the_best_that_are_new(strategy, parents):
    search = make(strategy)
    rows = ask_and_tell(search, 60)
    assert len(search.predictor.asked) == 5
    for batch, candidates in enumerate(search.predictor.asked, start=1):
        before = rows[: 10 * batch]
        best = before[np.argsort(-before.sum(axis=1), kind="stable")[:parents]]
        assert len(candidates) <= 100
        assert (distances(candidates, best).min(axis=1) == 1).all()
        assert distances(candidates, before).min() > 0
        assert len(np.unique(candidates, axis=0)) == len(candidates)
        assert set(distances(best, candidates).argmin(axis=0)) == set(range(len(best))), "each parent has children"


@pytest.mark.parametrize("strategy", [BANANAS, NPENAS, partial(NPENAS, rank="thompson")])
def test_where_there_is_no_doubt_the_most_promising_candidates_are_trained_best_first(strategy):
    search = make(strategy)
    rows = ask_and_tell(search, 30)
    for batch, candidates in enumerate(search.predictor.asked, start=1):
        trained = rows[10 * batch : 10 * batch + 10].sum(axis=1)
        np.testing.assert_array_equal(trained, np.sort(candidates.sum(axis=1))[::-1][:10])


def doubt_of_some(rows):
    return np.where(rows[:, 0] == 0, 1e6, 0.0)


@pytest.mark.parametrize(
    ("strategy", "many"), [(BANANAS, "candidates"), (partial(NPENAS, rank="thompson"), "children")]
)
def test_thompson_sampling_tries_what_is_in_doubt(strategy, many):
    search = make(strategy, predictor=partial(Fake, std=doubt_of_some), **{many: 400})
    ask_and_tell(search, 10)
    batch = ask_and_tell(search, 10)
    (candidates,) = search.predictor.asked
    doubtful = (candidates[:, 0] == 0).sum()
    assert 20 <= doubtful <= 380
    # Of so many draws with huge deviations ten exceed all that is certain, and half of them fall below.
    assert (batch[:, 0] == 0).all()
    ranked = candidates[np.argsort(-candidates.sum(axis=1), kind="stable")]
    assert (ranked[ranked[:, 0] == 0][:10] != batch).any(), "drawn, not ranked by what is expected"


def test_npenas_by_the_mean_does_not_look_at_doubt():
    sure, doubting = make(NPENAS), make(NPENAS, predictor=partial(Fake, std=doubt_of_some))
    np.testing.assert_array_equal(ask_and_tell(sure, 40), ask_and_tell(doubting, 40))


@pytest.mark.parametrize("strategy", [BANANAS, NPENAS])
def test_fits_to_all_that_was_told_once_a_batch(strategy):
    search = make(strategy)
    rows = ask_and_tell(search, 35)
    assert [len(values) for _, values, _ in search.predictor.fits] == [10, 20, 30]
    architectures, values, _ = search.predictor.fits[-1]
    np.testing.assert_array_equal(architectures, rows[:30])
    np.testing.assert_array_equal(values, rows[:30].sum(axis=1))
    assert len({seed for _, _, seed in search.predictor.fits}) == 3


@pytest.mark.parametrize("strategy", ALL)
def test_predictor_is_told_finite_values_only(strategy):
    search = make(strategy)
    values = iter([-math.inf, -5.0, -math.inf, -2.0] * 30)
    ask_and_tell(search, 120, value=lambda _: next(values))
    assert search.predictor.fits
    for _, learnt, _ in search.predictor.fits:
        assert set(learnt) <= {-5.0, -2.0, 0.0}
    assert set(search.predictor.fits[-1][1]) == {-5.0, -2.0}, "a divergence is as bad as the worst"


# The neural predictor: train N, predict all, train the top K.


def test_neural_predictor_trains_the_top_k_of_all_that_is_left_in_predicted_order():
    space = CategoricalSpace("small grid", {name: list(range(5)) for name in "abcd"})
    search = make(NeuralPredictor, space, initial=30, top=12)
    rows = ask_and_tell(search, 54)
    first, second = search.predictor.asked
    assert (len(first), len(second)) == (625 - 30, 625 - 42), "all that is not trained"
    for candidates, batch in ((first, rows[30:42]), (second, rows[42:])):
        np.testing.assert_array_equal(batch.sum(axis=1), np.sort(candidates.sum(axis=1))[::-1][:12])
    assert [len(values) for _, values, _ in search.predictor.fits] == [30, 42]


def test_neural_predictor_predicts_random_architectures_of_a_large_space():
    search = make(NeuralPredictor, initial=5, top=3, predicted=500)
    ask_and_tell(search, 8)
    (candidates,) = search.predictor.asked
    assert GRID.size > 20_000
    assert 490 <= len(candidates) <= 500
    assert abs(candidates.mean() - 1.5) < 0.1


def test_neural_predictor_goes_on_when_a_space_is_used_up():
    space = CategoricalSpace("tiny", {"a": [1, 2], "b": [1, 2, 3]})
    rows = ask_and_tell(make(NeuralPredictor, space, initial=2, top=2), 20)
    assert len(np.unique(rows[:6], axis=0)) == 6, "each once before any twice"


# PNAS: from simple to complex.


def test_pnas_frees_block_after_block():
    cells = CellSpace("cells", 4, ("none", "nor_conv_1x1", "skip_connect", "nor_conv_3x3"))
    search = make(PNAS, cells, beam=4, blocks=3)
    sizes, rows, beams = [], [], []
    for level in range(3):
        trained = []
        while not trained or search._queue:
            trained.extend(ask_and_tell(search, 1))
        sizes.append(len(trained))
        rows.append(np.array(trained))
        beams.append(search._cells)
        assert (rows[-1][:, 2 * level + 2 :] == 2).all(), "later blocks are identities"
    assert all(0 < size <= 4 for size in sizes)
    assert (rows[1][:, 2:4] != 2).any()
    for level in (1, 2):
        grown_from = (rows[level][:, None, : 2 * level] == beams[level - 1][:, : 2 * level]).all(axis=2)
        assert grown_from.any(axis=1).all(), "what is trained grows from the beam"


def test_pnas_trains_the_most_promising_expansions():
    search = make(PNAS, beam=6, blocks=4)
    ask_and_tell(search, 6)
    beam = search._cells
    second = ask_and_tell(search, 6)
    expansions = search.predictor.asked[-1]
    assert len(expansions) == 6 * 16
    assert (expansions[:, 4:] == 0).all()
    assert {tuple(row) for row in expansions[:, :2]} == {tuple(row) for row in beam[:, :2]}
    fresh = expansions[(expansions[:, 2:4] > 0).any(axis=1)]
    np.testing.assert_array_equal(second.sum(axis=1), np.sort(fresh.sum(axis=1))[::-1][:6])


def test_pnas_starts_its_next_round_from_the_best():
    search = make(PNAS, beam=3, blocks=2)
    rows = ask_and_tell(search, 6)
    ask_and_tell(search, 1)
    expansions = search.predictor.asked[-1]
    best = rows[np.argsort(-rows.sum(axis=1), kind="stable")[:3]]
    assert {tuple(row) for row in expansions[:, 4:]} == {tuple(row) for row in best[:, 4:]}


def test_pnas_waits_for_the_results_of_a_level():
    search = make(PNAS, beam=4, blocks=4)
    under_way = [search.ask() for _ in range(4)]
    assert search.ask() is None
    for proposal in under_way[1:]:
        search.tell(proposal, 0.5, 1.0)
        assert search.ask() is None
    search.tell(under_way[0], 0.5, 1.0)
    assert isinstance(search.ask(), Proposal)


def test_pnas_draws_expansions_where_a_block_has_too_many():
    wide = CategoricalSpace("wide", {f"x{place}": list(range(8)) for place in range(20)})
    search = make(PNAS, wide, blocks=5)
    rows = ask_and_tell(search, 20)
    assert (rows[:10, 4:] == 0).all()
    assert (rows[10:, 8:] == 0).all()
    assert len(search.predictor.asked[0]) <= 5_010


# Tree search.


def test_mcts_tries_every_first_choice_before_any_second():
    search = make(MCTS, predictor=None)
    rows = ask_and_tell(search, 4)
    assert sorted(rows[:, 0]) == [0, 1, 2, 3]
    assert set(search.nodes) == {(), (0,), (1,), (2,), (3,)}


def test_mcts_counts_visits_under_way_so_that_workers_part():
    search = make(MCTS, predictor=None)
    first = [search.ask() for _ in range(4)]
    assert sorted(proposal.architecture[0] for proposal in first) == [0, 1, 2, 3]
    second = [search.ask() for _ in range(4)]
    assert sorted(proposal.architecture[0] for proposal in second) == [0, 1, 2, 3]
    assert (search.nodes[()].visits, search.nodes[()].estimates) == (8, 0)


def test_mcts_adds_values_to_all_prefixes_on_the_way():
    search = make(MCTS, predictor=None)
    rows = ask_and_tell(search, 60)
    values = rows.sum(axis=1)
    assert search.nodes[()].total == values.sum()
    for prefix, node in search.nodes.items():
        below = (rows[:, : len(prefix)] == prefix).all(axis=1)
        assert 1 <= node.visits == node.estimates <= below.sum()
    for choice in range(4):
        assert search.nodes[choice,].total == values[rows[:, 0] == choice].sum()


def test_mcts_without_exploration_follows_the_best_and_with_much_of_it_none():
    def share_of_best(c):
        rows = ask_and_tell(make(MCTS, predictor=None, c=c), 100, value=lambda row: float(row[0] == 2))
        return np.mean(rows[:, 0] == 2)

    assert share_of_best(0) == 0.97, "after one try of each"
    assert share_of_best(1e6) == 0.25


def test_mcts_averages_a_training_with_what_is_expected_of_completions():
    search = make(MCTS, simulations=7)
    ask_and_tell(search, 9, value=lambda _: 0.0)
    assert search.nodes[()].total == 0, "before the first fit there are trainings alone"
    ask_and_tell(search, 1, value=lambda _: 0.0)
    assert [len(values) for _, values, _ in search.predictor.fits] == [10]
    (completions,) = search.predictor.asked
    assert len(completions) == 7
    (added,) = [node.total for prefix, node in search.nodes.items() if len(prefix) == 2 and node.total]
    assert added == search.nodes[()].total == completions.sum(axis=1).mean() / 2
    assert len(np.unique(completions[:, :2], axis=0)) == 1, "completions of the new prefix"


def test_mcts_proposes_each_network_once_before_any_twice():
    cells = CellSpace("cells", 3, ("none", "skip_connect", "nor_conv_3x3"))
    networks = len(cells.unique())
    rows = ask_and_tell(make(MCTS, cells, predictor=None), 40)
    assert len(np.unique(cells.canonical_key(rows[:networks]))) == networks


# What holds for all.


@pytest.mark.parametrize("strategy", ALL)
@pytest.mark.parametrize("workers", [1, 7])
def test_no_network_is_trained_twice(strategy, workers):
    space = get_space("nb201")
    search = make(strategy, space)
    told = list(drive(search, PlantedOracle(space, (1,)), 150, workers=workers))
    keys = space.canonical_key(np.array([proposal.architecture for proposal, _ in told]))
    assert len(np.unique(keys)) == 150


@pytest.mark.parametrize("strategy", ALL)
@pytest.mark.parametrize("name", ["nb101-v4", "nb101-v5", "transnas-macro", "darts", "nats-size"])
def test_rows_stay_valid_in_every_kind_of_space(strategy, name):
    space = get_space(name)
    assert len(list(drive(make(strategy, space), PlantedOracle(space, (1,)), 120, workers=3))) == 120


@pytest.mark.parametrize("strategy", ALL)
def test_default_predictor_beats_random_search_on_a_real_table(strategy):
    oracle = TableOracle("nb201-digits")
    rows = summarise(compare({"guided": strategy, "random": RandomSearch}, oracle, 80, runs=10))
    report = {row.strategy: row.report for row in rows}
    assert report["guided"] > report["random"]


@pytest.mark.parametrize("strategy", ALL)
def test_predictor_that_is_not_known(strategy):
    with pytest.raises(UnknownNameError, match=r"unknown predictor 'xgbost'; did you mean 'xgboost'\?"):
        make(strategy, predictor="xgbost")
    with pytest.raises(StrategyError, match=r"xgboost.*leafs"):
        make(strategy, predictor="xgboost(leafs=3)")
    with pytest.raises(StrategyError, match=r"made 3, not a strategies\.predictor\.Predictor"):
        make(strategy, predictor=lambda _: 3)


@pytest.mark.parametrize(
    ("strategy", "options", "message"),
    [
        (BANANAS, {"initial": 0}, "bananas: initial must be a whole number of 1 or more; got 0"),
        (BANANAS, {"candidates": 5}, "bananas: candidates (with batch=10) must be a whole number of 10 or more; got 5"),
        (BANANAS, {"incumbents": 0}, "bananas: incumbents must be a whole number of 1 or more; got 0"),
        (NPENAS, {"children": 9}, "npenas: children (with generation=10) must be a whole number of 10 or more; got 9"),
        (NPENAS, {"rank": "means"}, "unknown rank 'means' of strategy 'npenas'; did you mean 'mean'?"),
        (NeuralPredictor, {"top": 0}, "neural-predictor: top must be a whole number of 1 or more; got 0"),
        (NeuralPredictor, {"predicted": 9}, "predicted (with top=20) must be a whole number of 20 or more; got 9"),
        (PNAS, {"beam": True}, "pnas: beam must be a whole number of 1 or more; got True"),
        (PNAS, {"blocks": 0}, "pnas: blocks must be a whole number of 1 or more; got 0"),
        (MCTS, {"c": -1}, "mcts: c must be a number of 0 or more; got -1"),
        (MCTS, {"simulations": 0}, "mcts: simulations must be a whole number of 1 or more; got 0"),
    ],
)
def test_option_out_of_range(strategy, options, message):
    with pytest.raises(NasbenchError) as raised:
        make(strategy, **options)
    assert message in str(raised.value)


QUICK = "xgboost(members=2, trees=6)"
"""The default predictor, but smaller, and asked for larger batches: the suite makes 17,000 proposals."""


class TestBananas(StrategyConformance):
    slow = True
    strategy_class = BANANAS
    trainings = 100
    options: ClassVar = {"predictor": QUICK, "batch": 25, "candidates": 50}


class TestNpenas(StrategyConformance):
    slow = True
    strategy_class = NPENAS
    trainings = 100
    options: ClassVar = {"predictor": QUICK, "generation": 25, "children": 50}


class TestNeuralPredictor(StrategyConformance):
    slow = True
    strategy_class = NeuralPredictor
    trainings = 100
    options: ClassVar = {"predictor": QUICK, "top": 60}


class TestPnas(StrategyConformance):
    slow = True
    strategy_class = PNAS
    trainings = 200
    options: ClassVar = {"predictor": QUICK, "beam": 25}


class TestMcts(StrategyConformance):
    slow = True
    strategy_class = MCTS
    trainings = 100
