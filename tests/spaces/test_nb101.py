"""NAS-Bench-101's space: the paper's counts, its cells as matrices and as text, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.testing import SpaceConformance, architectures
from tabular.errors import InvalidArchitectureError, SpaceError, UnknownNameError
from tabular.spaces import Space, declared_space, get_space
from tabular.spaces.nb101 import NB101

SMALL, MIDDLE, SPACE = NB101(3), NB101(5), NB101()
CONV3, CONV1, POOL = SPACE.operations
CHAIN = np.eye(3, k=1, dtype=int)


class TestConformance(SpaceConformance):
    invariant_encodings = ("paths",)

    @pytest.fixture(params=[3, 5, 7])
    def space(self, request):
        return {3: SMALL, 5: MIDDLE, 7: SPACE}[request.param]


@pytest.mark.parametrize(("vertices", "cells"), [(3, 7), (4, 91), (5, 2_532), (6, 64_542), (7, 423_624)])
def test_unique_cells_are_those_of_the_paper(vertices, cells):
    """Ying et al. (2019), section 2.1: 423,624 unique cells; EC-NAS counts those of up to 4 and 5 vertices, too."""
    space = NB101(vertices)
    rows = space.unique()
    assert len(rows) == len(np.unique(space.canonical_key(rows))) == cells
    assert (np.diff(space.index(rows)) > 0).all()
    np.testing.assert_array_equal(space.prune(rows), rows)


@pytest.mark.parametrize("vertices", [3, 4, 5])
def test_unique_is_what_going_through_all_rows_gives(vertices):
    space = NB101(vertices)
    np.testing.assert_array_equal(space.unique(), Space.unique(space))


@pytest.mark.parametrize("vertices", [3, 4, 5, 6, 7])
def test_size_is_the_number_of_rows_that_are_admitted(vertices):
    space = NB101(vertices)
    assert space.size == len(space._admitted_heads) * 3 ** (vertices - 2)
    assert space.index(space.from_index(space.size - 1)) == space.size - 1


@settings(max_examples=100, deadline=None)
@given(bits=st.lists(st.integers(0, 1), min_size=21, max_size=21))
def test_validity_is_that_of_the_paper_by_walking_the_graph(bits):
    """At most 9 edges on paths from input to output, and one path at least."""
    there = [edge for edge, bit in zip(SPACE.edges, bits, strict=True) if bit]

    def reaches(start, end):
        return start == end or any(reaches(b, end) for a, b in there if a == start)

    live = [(a, b) for a, b in there if reaches(0, a) and reaches(b, 6)]
    row = np.array([*bits, 0, 1, 2, 0, 1], dtype=np.uint8)
    assert SPACE.is_valid(row) == (1 <= len(live) <= 9)
    if SPACE.is_valid(row):
        pruned = SPACE.prune(row)
        assert [edge for edge, bit in zip(SPACE.edges, pruned, strict=False) if bit] == live
        assert all(pruned[20 + v] == (row[20 + v] if any(v in edge for edge in live) else 0) for v in range(1, 6))
        np.testing.assert_array_equal(SPACE.prune(pruned), pruned)
        assert SPACE.canonical_key(pruned) == SPACE.canonical_key(row)
    else:
        with pytest.raises(InvalidArchitectureError) as caught:
            SPACE.check(row)
        reason = f"{len(live)} edges are left when dangling vertices are cut off, at most 9 are allowed"
        expected = reason if live else "no path leads from the input to the output"
        assert str(caught.value) == f"not an architecture of 'nb101': {expected}"


@settings(max_examples=50, deadline=None)
@given(row=architectures(SPACE))
def test_cells_come_back_as_the_same_network(row):
    matrix, operations = SPACE.to_cell(row)
    assert (operations[0], operations[-1]) == ("input", "output")
    assert matrix.sum() <= 9
    assert matrix[:-1].any(axis=1).all()  # no vertex dangles
    assert matrix[:, 1:].any(axis=0).all()
    again = SPACE.from_cell(matrix, operations)
    assert SPACE.canonical_key(again) == SPACE.canonical_key(row)
    matrix_again, operations_again = SPACE.to_cell(again)
    np.testing.assert_array_equal(matrix_again, matrix)
    assert operations_again == operations


def test_smaller_cells_have_dangling_vertices_before_the_output():
    row = SPACE.from_cell(CHAIN, ["input", POOL, "output"])
    assert SPACE.to_text(row) == "maxpool3x3(0)|" + "conv3x3-bn-relu()|" * 4 + "output(1)"
    matrix, operations = SPACE.to_cell(row)
    np.testing.assert_array_equal(matrix, CHAIN)
    assert operations == ["input", POOL, "output"]
    edge = SPACE.from_cell([[0, 1], [0, 0]], ["input", "output"])
    assert SPACE.to_text(edge) == "conv3x3-bn-relu()|" * 5 + "output(0)"


def test_a_cell_has_the_same_key_in_spaces_of_all_sizes():
    small, large = NB101(4), NB101(7)
    for row in small.unique():
        again = large.from_cell(*small.to_cell(row))
        assert large.canonical_key(again) == small.canonical_key(row)
        assert large.module_hash(again) == small.module_hash(row)


def test_positions_and_their_order():
    assert SPACE.edges[:7] == ((0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (0, 6), (1, 2))
    named = SPACE.named_choices()
    assert list(named) == [*(f"edge_{a}_{b}" for a, b in SPACE.edges), *(f"vertex_{v}" for v in range(1, 6))]
    assert (named["edge_0_1"], named["vertex_5"]) == ((0, 1), (CONV3, CONV1, POOL))
    assert [len(choices) for choices in named.values()] == SPACE.cardinalities.tolist()


def test_paths_are_counted_by_sequence():
    text = "conv3x3-bn-relu(0)|conv3x3-bn-relu(0)|maxpool3x3(1+2)|output(0+1+3)"
    space = NB101(5)
    counted = dict(zip(space.path_names(), space.encode(space.from_text(text), "paths").tolist(), strict=True))
    assert {name: count for name, count in counted.items() if count} == {
        "(identity)": 1,
        CONV3: 1,
        f"{CONV3} > {POOL}": 2,
    }
    assert len(SPACE.path_names()) == sum(3**length for length in range(6))


def test_keys_take_what_is_no_row_of_bytes_and_refuse_what_is_outside():
    row = SPACE.unique()[1000]
    for same in (row.astype(np.int64), row.tolist()):
        assert SPACE.canonical_key(same) == SPACE.canonical_key(row[None])[0] == SPACE.canonical_key(row)
    for place, choice, message in [(0, 2, "position 0 has choice 2"), (25, 3, "position 25 has choice 3")]:
        bad = row.copy()
        bad[place] = choice
        with pytest.raises(InvalidArchitectureError, match=message):
            SPACE.canonical_key(bad)
    with pytest.raises(InvalidArchitectureError, match=r"expected shape \(26,\)"):
        SPACE.canonical_key(row[:-1])
    with pytest.raises(InvalidArchitectureError, match="no path leads"):
        SPACE.canonical_key(np.zeros(26, dtype=np.uint8))


@pytest.mark.parametrize("vertices", [2, 8])
def test_numbers_of_vertices_that_no_space_has(vertices):
    with pytest.raises(SpaceError, match=f"a cell has 3 to 7 vertices, input and output counted; got {vertices}"):
        NB101(vertices)
    with pytest.raises(SpaceError, match=f"declaration: .*got {vertices}"):
        declared_space({"kind": "nb101", "vertices": vertices})


def test_names():
    assert [get_space(name).name for name in ("nb101", "nb101-v4", "nb101-v5")] == ["nb101", "nb101-v4", "nb101-v5"]
    assert get_space("nb101-v5") == NB101(5) != NB101(4)


@pytest.mark.parametrize(
    ("matrix", "operations", "message"),
    [
        ([[0, 1], [0]], ["input", "output"], "the rows of its matrix differ in length"),
        (np.zeros((2, 3)), ["input", "output"], "a matrix is square, over 2 to 7 vertices; got shape (2, 3)"),
        (0, [], "a matrix is square, over 2 to 7 vertices; got shape ()"),
        (np.zeros((8, 8)), ["input"] * 8, "a matrix is square, over 2 to 7 vertices; got shape (8, 8)"),
        (CHAIN.T, ["input", POOL, "output"], "a matrix is of 0 and 1, and 0 on and below its diagonal"),
        (2 * CHAIN, ["input", POOL, "output"], "a matrix is of 0 and 1, and 0 on and below its diagonal"),
        (CHAIN, [POOL], "3 vertices need as many operations, input and output counted; got 1"),
        (CHAIN, ["input", "maxpool", "output"], "it has an unknown operation 'maxpool'; did you mean 'maxpool3x3'?"),
        (np.zeros((3, 3)), ["input", POOL, "output"], "no path leads from the input to the output"),
        (np.triu(np.ones((5, 5)), 1), ["input", *[POOL] * 3, "output"], "10 edges are left when dangling vertices"),
    ],
)
def test_what_is_no_cell(matrix, operations, message):
    with pytest.raises(InvalidArchitectureError) as caught:
        SPACE.from_cell(matrix, operations)
    assert str(caught.value).startswith(f"not an architecture of 'nb101': {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("output(0)", "it has 1 vertices behind the input, expected 2, like 'conv3x3-bn-relu(0)|output(0+1)'"),
        ("maxpool3x3(0|output(1)", "'maxpool3x3(0' should be like 'maxpool3x3(0)', what vertex 1 does and which of"),
        ("maxpool3x3(0)|output(2)", "'output(2)' should be like 'maxpool3x3(0+1)', what vertex 2 does and which of"),
        ("maxpool3x3(0)|output(1+)", "'output(1+)' should be like"),
        ("maxpool3x4(0)|output(1)", "vertex 1 has an unknown operation 'maxpool3x4'; did you mean 'maxpool3x3'?"),
        ("maxpool3x3(0)|maxpool3x3(1)", "vertex 2 has an unknown operation 'maxpool3x3'; known: output"),
        ("maxpool3x3()|output(1)", "no path leads from the input to the output"),
    ],
)
def test_what_is_no_text(text, message):
    with pytest.raises(InvalidArchitectureError) as caught:
        NB101(3).from_text(text)
    assert str(caught.value).startswith(f"not an architecture of 'nb101-v3': {text!r}: {message}")


def test_an_unknown_encoding_is_refused():
    with pytest.raises(UnknownNameError, match="unknown encoding 'path'; did you mean 'paths'"):
        SPACE.encode(SPACE.unique()[:2], "path")
