"""A surrogate behind the oracle protocol."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from predict.mini_tables import make_table
from surrogates import Surrogate, SurrogateOracle, fit_surrogate
from surrogates import oracle as oracle_module
from surrogates.metric_model import CurveBasis
from tabular import Table
from tabular.errors import InvalidArchitectureError, QueryError, UnknownNameError
from tabular.measures import Measure, Oracle

MEASURES = ["validation_accuracy@1", "validation_accuracy@9", "test_accuracy@9", "train_seconds@3"]


@pytest.fixture(scope="module")
def surrogate(toy_table):
    return fit_surrogate(Table.open(toy_table), options={"members": 2, "trees": 60})


@pytest.fixture(scope="module")
def oracle(surrogate):
    return SurrogateOracle(surrogate)


def weakest(oracle):
    """The architecture farthest from an accuracy of 1, where draws would be cut off."""
    rows = oracle.space.all()
    return rows[np.argmin(oracle.query(rows))]


def test_it_is_an_oracle_of_what_was_fitted(oracle, toy_table):
    assert isinstance(oracle, Oracle)
    assert oracle.name == "toy-surrogate"
    assert oracle.tasks["toy"].epochs == (1, 3, 9)
    assert set(oracle.tasks["toy"].metrics) == {"validation_accuracy", "test_accuracy", "train_seconds"}
    assert oracle.tasks["toy"].seeds == ()
    assert oracle.space == Table.open(toy_table).space


def test_it_reads_a_folder_and_takes_its_name(surrogate, oracle, tmp_path):
    surrogate.save(tmp_path / "toy-model")
    again = SurrogateOracle(tmp_path / "toy-model")
    assert again.name == "toy-model"
    assert SurrogateOracle(tmp_path / "toy-model", name="mine").name == "mine"
    rows = oracle.space.all()
    np.testing.assert_array_equal(again.query(rows, draw=3), oracle.query(rows, draw=3))


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("question", [{}, {"draw": 12345}, {"seed": 2}])
def test_one_by_one_and_all_at_once_are_the_same(oracle, measure, question):
    rows = oracle.space.sample(np.random.default_rng(0), 20)
    together = oracle.query(rows, measure, **question)
    assert together.shape == (20,)
    assert together.dtype == np.float64
    alone = [oracle.query(row, measure, **question) for row in rows]
    assert all(type(each) is float for each in alone)
    assert together.tolist() == alone


@pytest.mark.parametrize("question", [{}, {"draw": 12345}, {"seed": 2}])
def test_a_space_too_large_to_remember_is_answered_alike(surrogate, oracle, monkeypatch, question):
    rows = oracle.space.all()
    remembered = oracle.query(rows, "test_accuracy", **question)
    monkeypatch.setattr(oracle_module, "MOST_REMEMBERED", 0)
    fresh = SurrogateOracle(surrogate)
    np.testing.assert_array_equal(fresh.query(rows, "test_accuracy", **question), remembered)
    assert fresh.reference() is None


def test_the_mean_is_the_surrogates_prediction(surrogate, oracle):
    rows = oracle.space.sample(np.random.default_rng(0), 20)
    for measure in MEASURES:
        np.testing.assert_array_equal(oracle.query(rows, measure), surrogate.predict(rows, measure).mean)


def lucks(surrogate, oracle, rows, measure, **question):
    """How lucky simulated trainings are, in units of the seed noise, in the scale that was learnt."""
    full = Measure("toy", *(f"{measure}@9".split("@")[:2])) if isinstance(measure, str) else measure
    full = full._replace(epochs=int(full.epochs))
    target = surrogate.models[full.metric].target
    mean, _, noise = surrogate.predict_scaled(rows, full)
    return (target.scaled(oracle.query(rows, full, **question)) - target.shifted(noise) - mean) / noise


def test_draws_scatter_by_the_seed_noise_alone(surrogate, oracle):
    row = weakest(oracle)
    predicted = surrogate.predict(row, "validation_accuracy")
    assert predicted.noise[0] < predicted.std[0]
    draws = np.arange(4000, dtype=np.uint64)
    luck = lucks(surrogate, oracle, np.repeat(row[None], 4000, axis=0), "validation_accuracy", draw=draws)
    # Fails once in a million where the draws are normal; consecutive numbers must not be related either.
    assert kstest(luck, "norm").pvalue > 1e-6
    assert abs(np.corrcoef(luck[:-1], luck[1:])[0, 1]) < 5 / np.sqrt(4000)
    values = oracle.query(np.repeat(row[None], 4000, axis=0), draw=draws)
    assert abs(values.mean() - predicted.mean[0]) < 5 * values.std() / np.sqrt(4000)
    assert values.std() == pytest.approx(predicted.noise[0], rel=0.1)


def test_luck_hangs_together_as_it_does_among_the_trainings_of_the_table(tmp_path):
    """Of validation and test accuracy nine tenths of the noise are the same; seconds have a noise of their own."""

    def change(data):
        rng = np.random.default_rng(5)
        shape = data.status.shape
        shared = rng.normal(0, 1, shape)
        for name in ("validation_accuracy", "test_accuracy"):
            noise = 0.9**0.5 * shared + 0.1**0.5 * rng.normal(0, 1, shape)
            data.metrics[name][:] = (data.metrics[name].mean(axis=1, keepdims=True) + 0.01 * noise[:, :, None]).clip(
                0, 1
            )

    surrogate = fit_surrogate(make_table(tmp_path / "t.h5", change=change), options={"members": 2, "trees": 60})
    oracle = SurrogateOracle(surrogate)
    rows = np.repeat(oracle.space.sample(np.random.default_rng(0), 1), 4000, axis=0)
    draws = np.arange(4000, dtype=np.uint64)
    target = surrogate.models["test_accuracy"].target
    first, last, test, seconds = (
        target.scaled(oracle.query(rows, measure, draw=draws))
        if "accuracy" in measure
        else oracle.query(rows, measure, draw=draws)
        for measure in ("validation_accuracy@1", "validation_accuracy@9", "test_accuracy@9", "train_seconds@3")
    )
    assert np.corrcoef(first, last)[0, 1] > 0.95
    assert np.corrcoef(last, test)[0, 1] == pytest.approx(0.9, abs=0.07)
    assert abs(np.corrcoef(last, seconds)[0, 1]) < 0.15


def test_a_seed_is_one_training_of_a_network_however_it_is_drawn(surrogate, oracle):
    rows = oracle.space.all()
    luck = lucks(surrogate, oracle, rows, "validation_accuracy", seed=4)
    _, network = np.unique(oracle.space.canonical_key(rows), return_inverse=True)
    for number in range(network.max() + 1):
        np.testing.assert_allclose(luck[network == number], luck[network == number][0], atol=1e-6)
    assert len(np.unique(luck.round(4))) == network.max() + 1
    assert not np.allclose(luck, lucks(surrogate, oracle, rows, "validation_accuracy", seed=5))


@settings(max_examples=30, deadline=None)
@given(draw=st.integers(0, 2**64 - 1), measure=st.sampled_from(MEASURES))
def test_no_draw_leaves_what_the_unit_allows(oracle, draw, measure):
    values = oracle.query(oracle.space.all(), measure, draw=draw)
    assert np.isfinite(values).all()
    assert values.min() >= 0
    if "accuracy" in measure:
        assert values.max() <= 1


def test_the_reference_is_the_best_and_the_average_of_the_space(oracle):
    rows = oracle.space.all()
    values = oracle.query(rows, "test_accuracy")
    assert oracle.reference("test_accuracy") == pytest.approx((values.max(), values.mean(), values.std()))
    assert oracle.reference("train_seconds").best == oracle.query(rows, "train_seconds").min()


def test_it_travels_to_another_process(surrogate, oracle, tmp_path):
    row = oracle.space.all()[5]
    again = pickle.loads(pickle.dumps(SurrogateOracle(surrogate)))  # noqa: S301 - our own bytes
    assert again.query(row, draw=9) == oracle.query(row, draw=9)
    surrogate.save(tmp_path / "model")
    code = f"import numpy as np; from surrogates import *; o = SurrogateOracle({str(tmp_path / 'model')!r}); "
    code += "print(repr(o.query(o.space.all()[5], draw=9)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(result.stdout) == oracle.query(row, draw=9)


def test_models_are_parsed_only_when_asked_for_and_heavy_libraries_not_before(surrogate, tmp_path):
    surrogate.save(tmp_path / "model")
    code = f"import sys; from surrogates import *; s = Surrogate.load({str(tmp_path / 'model')!r}); "
    code += "print({'xgboost', 'pandas', 'sklearn', 'torch', 'scipy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("question", "error", "message"),
    [
        ({"measure": "test_accuracy@2"}, QueryError, "has no epoch 2; it has 1, 3, 9"),
        ({"measure": "test_acuracy"}, UnknownNameError, "did you mean 'test_accuracy'"),
        ({"seed": 1, "draw": 2}, QueryError, "seed=1 names one training and draw picks one: give either"),
        ({"seed": -1}, QueryError, r"a seed is a whole number from 0 to 2\*\*64 - 1, got -1"),
        ({"draw": 2**64}, QueryError, f"got {2**64}"),
        ({"draw": np.zeros(3, np.uint64)}, QueryError, "2 architectures need one draw or 2 draws, got 3"),
        ({"architectures": np.full((1, 3), 9)}, InvalidArchitectureError, "position 0 has choice 9"),
    ],
)
def test_a_question_without_an_answer_is_refused(oracle, question, error, message):
    question = {"architectures": oracle.space.all()[:2], **question}
    with pytest.raises(error, match=message):
        oracle.query(**question)


def test_predict_takes_rows_of_the_space_only(surrogate):
    assert isinstance(surrogate, Surrogate)
    with pytest.raises(
        InvalidArchitectureError, match=r"expected shape .* \(of another space\? see Surrogate.extrapolate\)"
    ):
        surrogate.predict(np.zeros((2, 7), np.uint8))


@pytest.mark.parametrize("question", [{}, {"draw": 3}, {"seed": 1}])
def test_seconds_of_one_training_never_fall_with_its_epochs_even_if_the_models_say_so(surrogate, question):
    swapped = copy.copy(surrogate)
    model = surrogate.models["train_seconds"]
    backwards = CurveBasis(model.basis.offset[::-1], model.basis.components[:, ::-1])
    swapped.models = {**surrogate.models, "train_seconds": replace(model, basis=backwards)}
    oracle = SurrogateOracle(swapped)
    rows = oracle.space.all()
    assert (swapped.predict(rows, "train_seconds@1").mean > swapped.predict(rows, "train_seconds@9").mean).all()
    costs = [oracle.query(rows, f"train_seconds@{epochs}", **question) for epochs in (1, 3, 9)]
    assert (np.diff(costs, axis=0) >= 0).all()
    assert oracle.reference("train_seconds@9").best == oracle.query(rows, "train_seconds@9").min()


def test_many_rows_are_predicted_piece_by_piece(surrogate, monkeypatch):
    rows = surrogate.space.all()
    whole = surrogate.predict(rows)
    monkeypatch.setattr("surrogates.surrogate.ROWS_AT_ONCE", 10)
    for before, after in zip(whole, surrogate.predict(rows), strict=True):
        np.testing.assert_array_equal(before, after)


def test_where_no_seed_noise_is_known_none_is_made_up(surrogate):
    silent = copy.copy(surrogate)
    silent.models = {
        metric: replace(model, noises=(None,) * len(model.epochs)) for metric, model in surrogate.models.items()
    }
    oracle = SurrogateOracle(silent)
    rows = oracle.space.all()
    np.testing.assert_array_equal(oracle.query(rows, draw=np.arange(len(rows), dtype=np.uint64)), oracle.query(rows))
    assert np.isnan(oracle.spread(rows)).all()
    assert np.isnan(silent.predict(rows).noise).all()
    assert (silent.predict(rows).std > 0).all()
