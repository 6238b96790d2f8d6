"""Ladders of fidelities."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.errors import QueryError
from tabular.measures import rungs


@pytest.mark.parametrize(
    ("fidelities", "eta", "ladder"),
    [
        (range(1, 82), 3, (1, 3, 9, 27, 81)),  # the example of the Hyperband paper
        (range(1, 13), 3, (1, 4, 12)),
        (range(1, 201), 3, (1, 3, 7, 22, 67, 200)),
        ([12, 200], 3, (12, 200)),  # NAS-Bench-201's two recipes
        ([4, 12, 36, 108], 3, (4, 12, 36, 108)),  # NAS-Bench-101's four
        ([10, 12], 3, (12,)),
        ([200], 3, (200,)),
        ([16, 1, 4, 2, 8], 2, (1, 2, 4, 8, 16)),
    ],
)
def test_ladders_of_known_benchmarks(fidelities, eta, ladder):
    assert rungs(fidelities, eta) == ladder


@given(st.sets(st.integers(1, 1000), min_size=1).map(sorted), st.integers(2, 5))
def test_a_ladder_is_made_of_recorded_fidelities_and_ends_with_the_longest(fidelities, eta):
    ladder = rungs(fidelities, eta)
    assert list(ladder) == sorted(set(ladder) & set(fidelities))
    assert ladder[-1] == fidelities[-1]
    steps_there_are = math.log(fidelities[-1] / fidelities[0], eta)
    assert len(ladder) - 1 <= steps_there_are + 0.5 + 1e-9


@given(st.integers(1, 5), st.integers(2, 4), st.integers(1, 3))
def test_a_geometric_record_is_its_own_ladder(steps, eta, shortest):
    record = tuple(shortest * eta**i for i in range(steps + 1))
    assert rungs(record, eta) == record


@pytest.mark.parametrize(
    ("fidelities", "eta", "message"),
    [([], 3, "at least one; got"), ([0, 3], 3, "1 epoch or more"), ([1, 3], 1, "at least 2; got 1")],
)
def test_what_makes_no_ladder_is_said(fidelities, eta, message):
    with pytest.raises(QueryError, match=message):
        rungs(fidelities, eta)
