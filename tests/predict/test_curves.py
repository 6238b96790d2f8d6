"""Learning curves as few numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surrogates.metric_model import MOST_APART, MOST_COMPONENTS, CurveBasis

SPIKENAS = Path(__file__).parents[2] / "../shared/data/spikenas/spikenas_CIFAR10.npz"


@given(epochs=st.integers(1, MOST_APART), seed=st.integers(0, 100))
def test_few_epochs_are_learnt_as_they_are(epochs, seed):
    curves = np.random.default_rng(seed).random((7, epochs))
    curves[0, 0] = np.nan
    basis = CurveBasis.fit(curves)
    np.testing.assert_array_equal(basis.coefficients(curves), curves)
    assert [basis.used(each) for each in range(epochs)] == [[each] for each in range(epochs)]


@given(rank=st.integers(1, MOST_COMPONENTS), seed=st.integers(0, 100))
def test_curves_of_few_shapes_come_back_as_they_were(rank, seed):
    rng = np.random.default_rng(seed)
    shapes = np.linalg.qr(rng.normal(size=(40, rank)))[0].T
    curves = rng.normal(size=(100, rank)) @ shapes + rng.normal(size=40)
    curves[3, 5] = np.nan
    basis = CurveBasis.fit(curves)
    assert len(basis.components) <= rank
    coefficients = basis.coefficients(curves)
    assert np.isnan(coefficients[3]).all()
    back = basis.offset + coefficients @ basis.components
    lost = ((back - curves)[np.isfinite(curves).all(axis=1)] ** 2).sum()
    assert lost <= 0.002 * ((curves - np.nanmean(curves, axis=0))[np.isfinite(curves).all(axis=1)] ** 2).sum() + 1e-18


@given(epochs=st.integers(1, 12), size=st.sampled_from([1e-6, 1.0, 1e6]), seed=st.integers(0, 50))
def test_what_is_learnt_has_the_size_that_models_expect(epochs, size, seed):
    curves = size * (3 + np.random.default_rng(seed).normal(size=(20, epochs)))
    plain = CurveBasis.fit(curves)
    basis = plain.standardised(plain.coefficients(curves))
    coefficients = basis.coefficients(curves)
    np.testing.assert_allclose(coefficients.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(coefficients.std(axis=0), 1, rtol=1e-6)
    before, after = (each.offset + each.coefficients(curves) @ each.components for each in (plain, basis))
    np.testing.assert_allclose(after, before, rtol=1e-6)


@given(epochs=st.integers(1, 30))
def test_a_cost_is_one_number(epochs):
    basis = CurveBasis.constant(epochs)
    curves = np.repeat(np.array([[3.0], [5.0]]), epochs, axis=1)
    coefficients = basis.coefficients(curves)
    assert coefficients.shape == (2, 1)
    np.testing.assert_allclose(basis.offset + coefficients @ basis.components, curves)


@pytest.mark.skipif(not SPIKENAS.exists(), reason=f"the published curves are not at {SPIKENAS}")
def test_published_curves_of_a_hundred_epochs_need_few_numbers():
    with np.load(SPIKENAS) as data:
        curves = data["curves"][:3000, :100, list(data["curve_columns"]).index("val_acc")].astype(np.float64) / 100
    basis = CurveBasis.fit(curves)
    back = basis.offset + basis.coefficients(curves) @ basis.components
    assert len(basis.components) <= MOST_COMPONENTS
    assert np.sqrt(((back - curves) ** 2).mean()) < 0.02
