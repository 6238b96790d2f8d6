"""Cells of cells: how motifs are written out, and what follows for keys, features and networks."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.testing import SpaceConformance, architectures
from spaces.space_networks import assert_equal_keys_cost_the_same, assert_trains
from tabular.errors import InvalidArchitectureError, SpaceError, UnknownNameError
from tabular.spaces import CellSpace, get_space
from tabular.spaces.hierarchical import HierarchicalSpace

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
SPACE = get_space("hierarchical")
TINY = HierarchicalSpace("tiny", 3, motifs=1, motif_nodes=3, operations=("none", "nor_conv_3x3"))
SPACES = [
    SPACE,
    TINY,
    HierarchicalSpace("plain", 4, motifs=3, motif_nodes=2, operations=("nor_conv_3x3", "avg_pool_3x3")),
    HierarchicalSpace("deep", 3, motifs=1, motif_nodes=5, operations=("skip_connect", "nor_conv_1x1", "none")),
]


class TestHierarchical(SpaceConformance):
    invariant_encodings = ("paths",)

    @pytest.fixture(params=SPACES, ids=lambda space: space.name)
    def space(self, request):
        return request.param


def extend(paths, operation):
    """Return what becomes of the paths to a node, counted, on an edge."""
    if operation == "none":
        return Counter()
    return (
        Counter(paths) if operation == "skip_connect" else Counter({(*path, operation): n for path, n in paths.items()})
    )


def nested_paths(space, row):
    """Count the paths through a cell by their operations, motif within cell, from what the text says."""
    cell, *motifs = space.to_text(row).split("; ")
    definitions = dict(motif.split(" = ") for motif in motifs)

    def through(text, paths):
        nodes = [paths]
        for group in text.split("/"):
            arrived = Counter()
            for source, word in zip(nodes, group.split(","), strict=True):
                arrived += through(definitions[word], source) if word in definitions else extend(source, word)
            nodes.append(arrived)
        return nodes[-1]

    return through(cell, Counter({(): 1}))


def flat_paths(cells, row):
    nodes = [Counter({(): 1})] + [Counter() for _ in range(cells.nodes - 1)]
    for (start, end), choice in zip(cells.edges, row.tolist(), strict=True):
        nodes[end] += extend(nodes[start], cells.operations[choice])
    return nodes[-1]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(data=st.data())
def test_a_cell_of_cells_has_the_paths_of_the_flat_one(space, data):
    row = data.draw(architectures(space))
    paths = nested_paths(space, row)
    assert flat_paths(space.flat, space.flatten(row)) == paths
    shown = dict(zip(space.flat.path_names(), space.encode(row, "paths").tolist(), strict=True))
    for path, count in paths.items():
        assert shown.get(" > ".join(path) or "(identity)", count) == count


def test_size_of_the_named_space():
    assert SPACE.size == 4**6 * 5**6 == 64_000_000
    assert SPACE.flat.nodes == 4 + 6
    assert len(SPACE.flat.path_names()) == 1 + 3 + 9 + 27 + 81 + 243


def key(text):
    return int(SPACE.canonical_key(SPACE.from_text(text)))


NOTHING = "none/none,none"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # Motifs change their numbers.
        (
            f"m1/none,m2/m1,none,m2; m1 = {NOTHING[:-4]}nor_conv_3x3; m2 = nor_conv_1x1/none,nor_conv_1x1",
            f"m2/none,m1/m2,none,m1; m1 = nor_conv_1x1/none,nor_conv_1x1; m2 = {NOTHING[:-4]}nor_conv_3x3",
            True,
        ),
        # A motif that is not used, and one that is an identity.
        (
            f"none/none,none/m1,none,none; m1 = none/skip_connect,none; m2 = {NOTHING}",
            "none/none,none/skip_connect,none,none; m1 = none/none,none; m2 = nor_conv_3x3/none,none",
            True,
        ),
        # Two convolutions in one motif, or in two that follow each other.
        (
            f"none/none,none/m1,none,none; m1 = nor_conv_3x3/none,nor_conv_3x3; m2 = {NOTHING}",
            f"m1/none,none/none,m1,none; m1 = none/nor_conv_3x3,none; m2 = {NOTHING}",
            True,
        ),
        # Each use of a motif has weights of its own: twice on one input is not once, whose result is used twice.
        (
            f"m1/m1,none/none,skip_connect,skip_connect; m1 = none/nor_conv_3x3,none; m2 = {NOTHING}",
            f"m1/none,skip_connect/none,skip_connect,skip_connect; m1 = none/nor_conv_3x3,none; m2 = {NOTHING}",
            False,
        ),
    ],
)
def test_which_rows_are_the_same(one, other, same):
    assert (key(one) == key(other)) == same


def test_equal_keys_cost_the_same():
    # Renaming motifs gives each row a partner.
    rows = SPACE.sample(np.random.default_rng(0), 8)
    renamed = np.hstack([np.array([0, 1, 3, 2], dtype=np.uint8)[rows[:, :6]], rows[:, 9:], rows[:, 6:9]])
    np.testing.assert_array_equal(SPACE.canonical_key(renamed), SPACE.canonical_key(rows))
    assert_equal_keys_cost_the_same(SPACE, np.concatenate([rows, renamed]))


def test_networks_train():
    assert_trains(SPACE)


def test_motifs_of_two_nodes_are_operations():
    """Then the space is that of plain cells, each operation by another name."""
    plain = HierarchicalSpace("plain", 3, motifs=2, motif_nodes=2, operations=("nor_conv_1x1", "nor_conv_3x3"))
    rows = plain.all()
    rows = rows[(rows[:, 3] == 0) & (rows[:, 4] == 1)]
    cells = CellSpace("cells", 3, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    np.testing.assert_array_equal(plain.canonical_key(rows), cells.canonical_key(cells.all()))


def test_choices_have_names():
    names = SPACE.named_choices()
    assert len(names) == SPACE.length
    assert names["edge_2_3"] == ("none", "skip_connect", "m1", "m2")
    assert names["m2_edge_0_1"] == OPERATIONS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m1/m1,m1", " has 1 parts, expected the cell and 1 motifs, like 'none/none,none; m1 = none/none,none'"),
        ("m1/m1; m1 = none/none,none", ": 'm1/m1' should be like 'none/none,none'"),
        ("m1/m1,m1; m2 = none/none,none", ": 'm2 = none/none,none' should be like 'm1 = none/none,none'"),
        ("m1/m1,m3; m1 = none/none,none", " has an unknown operation 'm3'; did you mean 'm1'?"),
        ("m1/m1,m1; m1 = none/none,m1", " has an unknown operation 'm1'; known: none, nor_conv_3x3"),
    ],
)
def test_what_is_wrong_with_a_text(text, message):
    message = f"not an architecture of 'tiny': {text!r}{message}"
    with pytest.raises(InvalidArchitectureError, match=f"^{re.escape(message)}$"):
        TINY.from_text(text)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((1, 1, 3), "it needs nodes from 2, motifs from 1 and motif_nodes from 2; got 1, 1 and 3"),
        ((3, 0, 3), "got 3, 0 and 3"),
        ((5, 2, 4), "with motifs of 4 nodes on all edges a cell of 5 nodes has 25, more than 16; take fewer nodes or"),
    ],
)
def test_sizes_that_do_not_fit(sizes, message):
    with pytest.raises(SpaceError, match=f"^space 's': .*{message}"):
        HierarchicalSpace("s", *sizes, operations=OPERATIONS)


def test_operations_that_cannot_be_used():
    with pytest.raises(UnknownNameError, match="unknown operation 'conv'"):
        HierarchicalSpace("s", 3, 1, 3, operations=("none", "conv"))
    with pytest.raises(SpaceError, match="give each operation once"):
        HierarchicalSpace("s", 3, 1, 3, operations=("none", "none"))
