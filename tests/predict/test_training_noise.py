"""How lucky simulated trainings are at all measures at once."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from surrogates.training_noise import TrainingNoise
from tabular import Table
from tabular.table import shipped_tables

RELEASED = [1.0452437865607533, 0.6940770941899728, 0.5815221681678765]
DRAWS = np.arange(50_000, dtype=np.uint64)


def planted(rng):
    """Correlations of 6 measures: 3 epochs on validation and on test, the first epoch nearly on its own."""
    epochs = np.array([[1, 0.2, 0.1], [0.2, 1, 0.7], [0.1, 0.7, 1]])
    correlations = np.kron(np.array([[1, 0.9], [0.9, 1]]), epochs)
    np.fill_diagonal(correlations, 1)
    return correlations


def trainings(rng, correlations, architectures, seeds):
    """Residuals of trainings: less the mean over seeds, (architectures * seeds, measures)."""
    lucky = rng.multivariate_normal(np.zeros(len(correlations)), correlations, (architectures, seeds))
    return (lucky - lucky.mean(axis=1, keepdims=True)).reshape(-1, len(correlations))


def drawn(luck, draws=DRAWS):
    return np.stack([luck.draw(draws, measure) for measure in range(len(luck.own))], axis=1)


def test_draws_are_as_alike_as_the_trainings_measured():
    rng = np.random.default_rng(0)
    correlations = planted(rng)
    luck = TrainingNoise.measure(trainings(rng, correlations, 3000, 3))
    np.testing.assert_allclose(np.corrcoef(drawn(luck).T), correlations, atol=0.05)


def test_missing_trainings_and_the_unit_of_the_noise_do_not_matter():
    rng = np.random.default_rng(1)
    correlations = planted(rng)
    residuals = trainings(rng, correlations, 3000, 3) * [0.1, 1, 5, 1, 1, 1]
    residuals[rng.random(residuals.shape) < 0.3] = np.nan
    residuals[:100] = 0  # of architectures that were trained once
    luck = TrainingNoise.measure(residuals)
    np.testing.assert_allclose(np.corrcoef(drawn(luck).T), correlations, atol=0.06)


def test_each_measure_is_standard_normal():
    rng = np.random.default_rng(2)
    values = drawn(TrainingNoise.measure(trainings(rng, planted(rng), 1000, 2)))
    assert np.abs(values.mean(axis=0)).max() < 0.025
    assert np.abs(values.std(axis=0) - 1).max() < 0.02
    for column in values.T:
        assert kstest(column, "norm").pvalue > 1e-5


def test_trainings_of_other_numbers_are_independent():
    luck = TrainingNoise.measure(trainings(np.random.default_rng(3), np.eye(2), 500, 2))
    values = luck.draw(DRAWS, 0)
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.025
    far = luck.draw(DRAWS + np.uint64(2**63), 0)
    assert abs(np.corrcoef(values, far)[0, 1]) < 0.025
    assert len(np.unique(values)) == len(DRAWS)


@settings(max_examples=30, deadline=None)
@given(draws=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40), measure=st.integers(0, 5))
def test_a_training_is_as_lucky_alone_as_among_others(draws, measure):
    rng = np.random.default_rng(4)
    luck = TrainingNoise.measure(trainings(rng, planted(rng), 60, 2))
    together = luck.draw(np.array(draws, dtype=np.uint64), measure)
    assert np.isfinite(together).all()
    assert together.tolist() == [luck.draw(np.array([each], dtype=np.uint64), measure)[0] for each in draws]


def test_it_is_the_same_in_another_process():
    rng = np.random.default_rng(5)
    luck = TrainingNoise.measure(trainings(rng, planted(rng), 200, 2))
    code = (
        "import json, sys; import numpy as np; from surrogates.training_noise import TrainingNoise; "
        "luck = TrainingNoise.from_json(json.loads(sys.stdin.read())); "
        "print(json.dumps(luck.draw(np.arange(5, dtype=np.uint64), 3).tolist()))"
    )
    stated = json.dumps(luck.to_json())
    result = subprocess.run([sys.executable, "-c", code], input=stated, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == luck.draw(np.arange(5, dtype=np.uint64), 3).tolist()


def test_the_numbers_are_those_of_every_release():
    luck = TrainingNoise(np.array([[0.6], [0.8]]), np.array([0.8, 0.6]))
    draws = np.array([0, 1, 2**64 - 1], dtype=np.uint64)
    np.testing.assert_allclose(luck.draw(draws, 1), RELEASED, rtol=1e-12)


@pytest.mark.parametrize("residuals", [np.zeros((0, 3)), np.full((5, 3), np.nan), np.zeros((5, 3))])
def test_where_nothing_was_trained_twice_luck_is_shared(residuals):
    luck = TrainingNoise.measure(residuals)
    first, second, third = drawn(luck, DRAWS[:100]).T
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, third)
    assert first.std() > 0.5


def test_a_measure_that_never_scatters_does_not_disturb_the_others():
    rng = np.random.default_rng(6)
    residuals = trainings(rng, planted(rng), 3000, 2)
    luck = TrainingNoise.measure(np.column_stack([residuals, np.full(len(residuals), np.nan)]))
    np.testing.assert_allclose(np.corrcoef(drawn(luck)[:, :6].T), planted(rng), atol=0.05)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    architectures=st.integers(1, 12),
    measures=st.integers(1, 8),
    missing=st.sampled_from([0, 0.3, 0.9]),
)
def test_any_residuals_give_a_luck(seed, architectures, measures, missing):
    rng = np.random.default_rng(seed)
    residuals = trainings(rng, np.eye(measures), architectures, 2)
    residuals[rng.random(residuals.shape) < missing] = np.nan
    luck = TrainingNoise.measure(residuals)
    np.testing.assert_allclose((luck.loadings**2).sum(axis=1) + luck.own**2, 1, atol=1e-5)
    again = TrainingNoise.from_json(json.loads(json.dumps(luck.to_json())))
    np.testing.assert_array_equal(again.loadings, luck.loadings)
    np.testing.assert_array_equal(drawn(again, DRAWS[:5]), drawn(luck, DRAWS[:5]))


def test_many_measures_and_trainings_take_bounded_time_and_keep_neighbours_alike():
    rng = np.random.default_rng(7)
    epochs = np.arange(200)
    factors = np.exp(-0.5 * ((epochs[:, None] - np.array([0, 60, 120, 180])) / 40) ** 2)
    factors *= 0.95 / np.sqrt((factors**2).sum(axis=1))[:, None]
    lucky = rng.normal(size=(12_000, 4)) @ factors.T + np.sqrt(1 - 0.95**2) * rng.normal(size=(12_000, 200))
    luck = TrainingNoise.measure(lucky)
    expected = factors @ factors.T
    np.fill_diagonal(expected, 1)
    found = luck.loadings @ luck.loadings.T + np.diag(luck.own**2)
    assert np.abs(found - expected).max() < 0.08


def test_what_is_no_luck_is_refused():
    with pytest.raises(ValueError, match="do not add up to 1"):
        TrainingNoise.from_json({"loadings": [[0.5]], "own": [0.5]})
    with pytest.raises(KeyError, match="own"):
        TrainingNoise.from_json({"loadings": [[1.0]]})


def test_a_shipped_tables_trainings_are_as_alike_on_validation_and_test_as_it_says():
    table = Table.open(shipped_tables()["nb201-digits"])
    task = next(iter(table.tasks))
    columns = []
    for metric in ("validation_accuracy", "test_accuracy", "train_seconds"):
        values = table.metric(task, metric).astype(np.float64)
        for epoch in (0, 3, 11):
            residual = values[:, :, epoch] - np.nanmean(values[:, :, epoch], axis=1, keepdims=True)
            columns.append(residual.ravel())
    residuals = np.stack(columns, axis=1)
    residuals = residuals[np.isfinite(residuals).all(axis=1)]
    expected = np.corrcoef(residuals.T)
    np.testing.assert_allclose(
        np.corrcoef(drawn(TrainingNoise.measure(residuals), DRAWS[:20_000]).T), expected, atol=0.04
    )
    assert expected[2, 5] > 0.7  # validation and test at the end
    assert abs(expected[2, 8]) < 0.2  # and seconds
