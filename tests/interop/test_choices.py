"""Rows of choices by readable names, for every space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular.errors import InvalidArchitectureError
from tabular.spaces.named_choices import from_named, to_named
from tabular.spaces.registry import get_space, space_names


@pytest.fixture(scope="module", params=space_names())
def space(request):
    return get_space(request.param)


def test_names_fit_the_rows(space):
    named = space.named_choices()
    assert [len(choices) for choices in named.values()] == space.cardinalities.tolist()
    assert all(len(set(choices)) == len(choices) for choices in named.values())
    assert all(isinstance(choice, (str, int)) for choices in named.values() for choice in choices)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_round_trip(space, seed):
    row = space.sample(np.random.default_rng(seed))
    named = to_named(space, row)
    backwards = dict(reversed(named.items()))
    np.testing.assert_array_equal(from_named(space, backwards), row)


def test_edges_of_a_cell_have_operations():
    space = get_space("nb201")
    named = to_named(
        space, space.from_text("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|")
    )
    assert named == {
        "edge_0_1": "nor_conv_3x3",
        "edge_0_2": "none",
        "edge_1_2": "skip_connect",
        "edge_0_3": "avg_pool_3x3",
        "edge_1_3": "none",
        "edge_2_3": "nor_conv_1x1",
    }


def test_a_space_may_name_its_choices():
    space = get_space("nb201-mini")
    space.named_choices = lambda: {f"place {i}": "abc" for i in range(6)}
    assert to_named(space, np.array([0, 1, 2, 0, 1, 2], dtype=np.uint8)) == {
        "place 0": "a",
        "place 1": "b",
        "place 2": "c",
        "place 3": "a",
        "place 4": "b",
        "place 5": "c",
    }


def test_mistakes_are_named():
    space = get_space("nb201-mini")
    good = to_named(space, np.zeros(6, dtype=np.uint8))
    with pytest.raises(InvalidArchitectureError, match="of 'nb201-mini': 'edge_1_2' is missing"):
        from_named(space, {name: choice for name, choice in good.items() if name != "edge_1_2"})
    with pytest.raises(InvalidArchitectureError, match="unknown position 'edge_1_4'; did you mean 'edge_1_3'"):
        from_named(space, {**good, "edge_1_4": "none"})
    with pytest.raises(InvalidArchitectureError, match="unknown choice 'conv_3x3' of 'edge_0_1'; did you mean 'nor_co"):
        from_named(space, {**good, "edge_0_1": "conv_3x3"})
    with pytest.raises(InvalidArchitectureError, match=r"one architecture at a time has names; got .* \(2, 6\)"):
        to_named(space, np.zeros((2, 6), dtype=np.uint8))
