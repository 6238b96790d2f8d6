"""Predictors of searches: what they learn from few trainings, in which units they answer, and what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from nasbench import get_space
from predict.planted_spaces import SMALL, rule, some_networks
from strategies.predictor import DEFAULT_PREDICTOR, Predictor, make_predictor, predictor_names
from surrogates import predictors
from surrogates.features import path_encoding
from surrogates.predictors import NormalScores
from tabular import TableOracle
from tabular.errors import NasbenchError, QueryError, StrategyError, UnknownNameError
from tabular.spaces.categorical import CategoricalSpace
from tabular.spaces.cell import CellSpace
from tabular.spaces.graph import Graph, Traits

KINDS = {
    "xgboost": "",
    "lightgbm": "",
    "random-forest": "",
    "ridge": "",
    "gaussian-process": "",
    "mlp": "(members=2, steps=60)",
    "path-encoding": "(members=2, steps=60)",
    "gin": "(members=2, steps=30)",
}
NO_GRAPHS = CategoricalSpace("plain", {"a": [1, 2, 3], "b": [1, 2, 3], "c": [1, 2, 3]})


@pytest.fixture(params=KINDS)
def kind(request):
    if request.param == "lightgbm":
        pytest.importorskip("lightgbm")
    return request.param + KINDS[request.param]


@pytest.fixture(scope="module")
def digits():
    """All networks of NAS-Bench-201 on the digits, and their validation accuracy."""
    oracle = TableOracle("nb201-digits")
    rows = oracle.space.unique()
    values = oracle.query(rows)
    known = np.isfinite(values)
    return oracle.space, rows[known], values[known]


def test_every_kind_is_offered_and_the_default_is_one_of_them():
    assert set(KINDS) <= set(predictor_names())
    assert DEFAULT_PREDICTOR in KINDS


# What they learn.


def test_ranks_networks_that_it_has_not_seen(kind):
    rows = some_networks(SMALL, 150)
    values = rule(SMALL, rows)
    predictor = make_predictor(kind, SMALL)
    assert isinstance(predictor, Predictor)
    predictor.fit(rows[:60], values[:60], seed=0)
    belief = predictor.predict(rows[60:])
    assert belief.mean.shape == belief.std.shape == (90,)
    assert belief.mean.dtype == belief.std.dtype == np.float64
    assert kendalltau(belief.mean, values[60:])[0] > 0.3
    assert (belief.std > 0).all()


def test_default_ranks_a_real_table_after_sixty_trainings(digits):
    space, rows, values = digits
    taus, misses = [], []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(rows))
        known, others = order[:60], order[60:]
        predictor = make_predictor(DEFAULT_PREDICTOR, space)
        predictor.fit(rows[known], values[known], seed)
        mean = predictor.predict(rows[others]).mean
        taus.append(kendalltau(mean, values[others])[0])
        baseline = np.abs(values[known].mean() - values[others]).mean()
        misses.append(np.abs(mean - values[others]).mean() / baseline)
    assert np.mean(taus) > 0.75, "0.79 was measured"
    assert np.mean(misses) < 0.5, "it misses by less than half as much as the mean of what was trained"


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_rows_are_answered_by_their_mean(kind, n):
    rows, values = some_networks(SMALL, n), np.array([0.25, 0.75])[:n]
    predictor = make_predictor(kind, SMALL)
    predictor.fit(rows, values, seed=0)
    mean, std = predictor.predict(SMALL.all())
    assert (mean == values.mean()).all()
    assert (std > 0).all()


@pytest.mark.parametrize("rows", [some_networks(SMALL, 20), np.repeat(SMALL.all()[5:6], 20, axis=0)])
def test_equal_values_are_answered_by_that_value(kind, rows):
    predictor = make_predictor(kind, SMALL)
    predictor.fit(rows, np.full(20, -3.5), seed=0)
    mean, std = predictor.predict(SMALL.all())
    np.testing.assert_allclose(mean, -3.5, rtol=1e-12)
    assert (std > 0).all()


@pytest.mark.parametrize("n", [3, 4, 7])
def test_few_rows_are_enough(kind, n):
    predictor = make_predictor(kind, SMALL)
    predictor.fit(some_networks(SMALL, n), np.arange(n) / n, seed=0)
    mean, std = predictor.predict(SMALL.all())
    assert np.isfinite(mean).all()
    assert (std > 0).all()


def test_same_seed_same_belief_whatever_was_learnt_before(kind):
    rows = some_networks(SMALL, 40)
    values = rule(SMALL, rows)
    used, fresh = make_predictor(kind, SMALL), make_predictor(kind, SMALL)
    used.fit(rows[:15], -values[:15], seed=5)
    used.fit(rows, values, seed=1)
    fresh.fit(rows, values, seed=1)
    np.testing.assert_array_equal(used.predict(SMALL.all()), fresh.predict(SMALL.all()))


def test_several_trainings_of_one_network(kind):
    rows = np.repeat(some_networks(SMALL, 10), 3, axis=0)
    values = rule(SMALL, rows) + np.tile([-0.01, 0, 0.01], 10)
    predictor = make_predictor(kind, SMALL)
    predictor.fit(rows, values, seed=0)
    assert np.isfinite(predictor.predict(rows)).all()


def test_drawings_of_one_network_get_one_belief():
    cells = CellSpace("cells", 4, ("none", "skip_connect", "nor_conv_3x3"))
    rows = cells.all()
    predictor = make_predictor(DEFAULT_PREDICTOR, cells)
    predictor.fit(rows[::7], np.random.default_rng(0).random(len(rows[::7])), seed=0)
    mean, std = predictor.predict(rows)
    _, first, network = np.unique(cells.canonical_key(rows), return_index=True, return_inverse=True)
    np.testing.assert_array_equal(mean, mean[first][network])
    np.testing.assert_array_equal(std, std[first][network])


@pytest.mark.parametrize(
    "name", ["nb201", "nb201-mini", "nb101-v5", "nats-size", "transnas-macro", "darts", "nb101-v4"]
)
def test_default_works_in_every_kind_of_space(name):
    space = get_space(name)
    rng = np.random.default_rng(0)
    rows = space.sample(rng, 40)
    predictor = make_predictor(DEFAULT_PREDICTOR, space)
    predictor.fit(rows[:30], rng.random(30), seed=0)
    assert predictor.predict(rows).mean.std() > 0


def test_space_without_graphs_is_learnt_from_its_choices():
    rows = NO_GRAPHS.all()
    predictor = make_predictor(DEFAULT_PREDICTOR, NO_GRAPHS)
    predictor.fit(rows[:20], rows[:20].sum(axis=1).astype(float), seed=0)
    assert kendalltau(predictor.predict(rows).mean, rows.sum(axis=1))[0] > 0.5


# Features that are kept.


@pytest.mark.parametrize("space", [get_space("nb201"), get_space("transnas-macro"), NO_GRAPHS], ids=lambda s: s.name)
def test_kept_features_are_those_of_the_rows(space, monkeypatch):
    rows = space.sample(np.random.default_rng(0), 80)
    values = np.random.default_rng(1).random(80)
    beliefs = []
    for small in (predictors.SMALL_SPACE, 0):
        monkeypatch.setattr(predictors, "SMALL_SPACE", small)
        predictor = make_predictor(DEFAULT_PREDICTOR, space)
        predictor.fit(rows[:60], values[:60], seed=0)
        beliefs.append(predictor.predict(rows))
    np.testing.assert_array_equal(*beliefs)


def test_features_of_a_small_space_are_made_once_in_a_process(monkeypatch):
    made = []
    monkeypatch.setattr(
        predictors, "Inputs", type("Counted", (predictors.Inputs,), {"__init__": _counting(predictors.Inputs, made)})
    )
    for seed in range(3):
        cells = CellSpace("made once", 4, ("none", "nor_conv_1x1", "nor_conv_3x3"))
        predictor = make_predictor(DEFAULT_PREDICTOR, cells)
        predictor.fit(cells.all()[:50], rule(cells, cells.all()[:50]), seed)
        predictor.predict(cells.all()[::3])
    assert made == [cells.size]


def _counting(inputs, made):
    def init(self, space, architectures, blocks):
        made.append(len(architectures))
        inputs.__init__(self, space, architectures, blocks)

    return init


# Units.


def test_belief_is_in_the_units_of_what_was_learnt():
    rows = some_networks(SMALL, 60)
    values = rule(SMALL, rows)
    beliefs = []
    for shifted in (values, 100 * values - 7):
        predictor = make_predictor(DEFAULT_PREDICTOR, SMALL)
        predictor.fit(rows[:50], shifted[:50], seed=0)
        beliefs.append(predictor.predict(rows))
    plain, scaled = beliefs
    assert values.min() <= plain.mean.min() <= plain.mean.max() <= values.max()
    np.testing.assert_allclose(scaled.mean, 100 * plain.mean - 7, rtol=1e-9)
    np.testing.assert_allclose(scaled.std, 100 * plain.std, rtol=1e-9)


def test_how_bad_the_worst_training_was_changes_no_rank():
    rows = some_networks(SMALL, 100)
    values = rule(SMALL, rows) + 1e-6 * np.arange(100)
    worst = np.argmin(values[:50])
    beliefs = []
    for value in (values[worst], -1e9):
        values[worst] = value
        predictor = make_predictor(DEFAULT_PREDICTOR, SMALL)
        predictor.fit(rows[:50], values[:50], seed=0)
        beliefs.append(predictor.predict(rows[50:]).mean)
    np.testing.assert_array_equal(np.argsort(beliefs[0], kind="stable"), np.argsort(beliefs[1], kind="stable"))


def test_normal_scores_by_hand():
    scores = NormalScores(np.array([3.0, 1.0, 2.0, 2.0]))
    # Quantiles 7/8, 1/8 and 1/2, twice, of the normal distribution, brought to standard deviation 1.
    np.testing.assert_allclose(scores.of_values, np.sqrt(2) * np.array([1, -1, 0, 0]), atol=1e-12)
    np.testing.assert_allclose(scores.back(np.array([0, np.sqrt(2) / 2, 2 * np.sqrt(2)])), [2, 2.5, 4])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=30).filter(lambda each: len(set(each)) > 1))
def test_normal_scores_lead_back_and_rise(values):
    values = np.array(values, dtype=float)
    scores = NormalScores(values)
    np.testing.assert_allclose(scores.back(scores.of_values), values, atol=1e-9)
    np.testing.assert_allclose([scores.of_values.mean(), scores.of_values.std()], [0, 1], atol=1e-9)
    assert (np.diff(scores.back(np.linspace(-9, 9, 50))) > 0).all()


# The path encoding.


def test_path_encoding_by_hand():
    zero, identity, convolution = Traits(passes=False), Traits(), Traits(9, spatial=1)
    edges = ((0, 1), (0, 2), (1, 2))
    labels = np.array([[2, 1, 2], [2, 0, 2], [0, 0, 2], [1, 2, 1], [2, 2, 0]], dtype=np.uint8)
    encoded = path_encoding(Graph(3, edges, (zero, identity, convolution), labels))
    # No edge; identity, convolution; and of these every pair, which the only path of two edges can read as.
    expected = [[0, 1, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], [0] * 7, [0, 0, 1, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0]]
    np.testing.assert_array_equal(encoded, expected)
    assert encoded.dtype == np.float32


def test_long_paths_are_truncated():
    rows = SMALL.all()
    (graph,) = SMALL.graphs(rows)
    whole = path_encoding(graph)
    assert whole.shape == (len(rows), 1 + 2 + 4 + 8)
    np.testing.assert_array_equal(path_encoding(graph, most=14), whole[:, :7])


# What they refuse.


def test_unknown_predictor_offers_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown predictor 'xgbost'; did you mean 'xgboost'\?"):
        make_predictor("xgbost", SMALL)


def test_unknown_option_is_named():
    with pytest.raises(StrategyError, match=r"'mlp\(membrs=3\)'.*membrs"):
        make_predictor("mlp(membrs=3)", SMALL)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("xgboost(members=0)", "'xgboost': members must be a whole number of 1 or more; got 0"),
        ("xgboost(trees=2.5)", "'xgboost': trees must be a whole number of 1 or more; got 2.5"),
        ("xgboost(eta=0)", "'xgboost': eta must be a number above 0 and at most 1; got 0"),
        ("random-forest(trees=True)", "'random-forest': trees must be a whole number of 1 or more; got True"),
        ("lightgbm(eta='much')", "'lightgbm': eta must be a number above 0 and at most 1; got 'much'"),
        ("path-encoding(steps=-1)", "'path-encoding': steps must be a whole number of 1 or more; got -1"),
    ],
)
def test_option_out_of_range_is_refused_when_the_predictor_is_made(text, message):
    pytest.importorskip("lightgbm")
    with pytest.raises(NasbenchError) as raised:
        make_predictor(text, SMALL)
    assert message in str(raised.value)


@pytest.mark.parametrize("name", ["gin", "path-encoding"])
def test_graphs_are_needed_by_what_learns_from_them(name):
    with pytest.raises(QueryError, match=f"'{name}' learns from graphs, which space 'plain' does not give; try 'xgb"):
        make_predictor(name, NO_GRAPHS)


def test_option_reaches_the_model():
    rows = some_networks(SMALL, 40)
    predictor = make_predictor("xgboost(members=3, trees=2)", SMALL)
    predictor.fit(rows, rule(SMALL, rows), seed=0)
    boosters = predictor._model.boosters
    assert [booster.num_boosted_rounds() for booster in boosters] == [2, 2, 2]


def test_import_loads_nothing_heavy(tmp_path):
    heavy = ["torch", "xgboost", "lightgbm", "sklearn", "scipy", "pandas"]
    program = (
        f"import json, sys, surrogates.predictors; print(json.dumps([name for name in {heavy} if name in sys.modules]))"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == []
