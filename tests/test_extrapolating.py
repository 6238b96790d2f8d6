"""Trainings that have begun, continued."""

from __future__ import annotations

import numpy as np
import pytest

from surrogates import fit_surrogate
from surrogates.extrapolating import continue_curves
from surrogates.scores import coverage, kendall_tau, mae
from tabular import Table
from tabular.errors import QueryError

EPOCHS = [1, 4, 8, 12]


@pytest.fixture(scope="module")
def table():
    with Table.open("nb201-digits") as opened:
        yield opened


@pytest.fixture(scope="module")
def surrogate(table):
    order = np.random.default_rng(0).permutation(len(table))
    return fit_surrogate(
        table,
        metrics=["validation_accuracy"],
        epochs=EPOCHS,
        train=order[:300],
        held_out=order[300:700],
        features=["graph"],
        options={"members": 2, "trees": 60, "max_depth": 4},
    )


def test_what_was_seen_of_real_trainings_tells_where_they_end(table, surrogate):
    rows = np.random.default_rng(0).permutation(len(table))[700:1700]  # neither fitted nor calibrated on
    curves = table.metric("digits", "validation_accuracy")[rows, 0][:, [each - 1 for each in EPOCHS]].astype(np.float64)
    end, architectures = curves[:, -1], table.architectures[rows]
    before = surrogate.predict(architectures)
    errors, taus = [mae(end, before.mean)], [kendall_tau(end, before.mean)]
    for seen in (1, 2, 3):
        continued = continue_curves(surrogate, architectures, curves[:, :seen], EPOCHS[:seen])
        errors.append(mae(end, continued.mean))
        taus.append(kendall_tau(end, continued.mean))
        assert 0.82 < coverage(end[:, None], continued.mean, continued.std, 0.9) < 0.97
    assert errors[3] < errors[2] < errors[0]
    assert taus[3] > taus[2] > taus[0]
    # What a training has reached after eight of twelve epochs ranks worse than where it is expected to end.
    assert taus[3] > kendall_tau(end, curves[:, 2])


def test_a_training_that_goes_as_expected_ends_as_expected(surrogate):
    rows = surrogate.space.sample(np.random.default_rng(1), 5)
    expected = surrogate.predict(rows)
    begun = np.stack([surrogate.predict(rows, f"validation_accuracy@{each}").mean for each in (1, 4)], axis=1)
    continued = continue_curves(surrogate, rows, begun, (1, 4))
    np.testing.assert_allclose(continued.mean, expected.mean, rtol=1e-6)
    assert (continued.std < expected.std).all()


@pytest.mark.parametrize(
    ("begun", "epochs", "message"),
    [
        (np.full((2, 1), 0.5), [2], "has no epoch 2; it has 1, 4, 8, 12"),
        (np.full((2, 2), 0.5), [1], r"a number for each of them after each of 1 epochs, .* got shape \(2, 2\)"),
        (np.full((2, 1), np.nan), [1], "none of them NaN"),
        (np.zeros((2, 0)), [], "after each of 0 epochs, at least one"),
    ],
)
def test_what_cannot_be_continued_is_refused(surrogate, begun, epochs, message):
    rows = surrogate.space.sample(np.random.default_rng(1), 2)
    with pytest.raises(QueryError, match=message):
        continue_curves(surrogate, rows, begun, epochs)
