"""Features of graphs: what they count, that equal networks have equal ones, and that rows do not touch each other."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench import CellSpace, get_space
from spaces.random_graphs import graphs, walk
from surrogates.features import BINS, KINDS, LETTERS, LONGEST, TERMS, WORDS, graph_feature_names, graph_features
from tabular.spaces.cell import OPERATIONS
from tabular.spaces.darts import CONCAT, Genotype
from tabular.spaces.graph import Graph
from tabular.spaces.registry import SPACES

NAMES = graph_feature_names()


def features(space, rows):
    return np.hstack([graph_features(graph) for graph in space.graphs(rows)])


# What they count.


def letters_of(traits):
    return tuple(itertools.chain(*([letter] * getattr(traits, letter) for letter in LETTERS)))


def slow_features(graph, row):
    """All columns by name, from a walk over all paths and the terms of each node written out."""
    paths = walk(graph, row)
    operations = [graph.traits[label] for label in graph.labels[row]]
    live = sorted(set(itertools.chain(*paths)))
    found = {
        f"{what} on live edges": sum(getattr(operations[edge], what) for edge in live)
        for what in ("weights", "pointwise", "spatial")
    }
    terms = [["input"]] + [[] for _ in range(graph.nodes - 1)]
    into = {(layer, term): 0 for layer in ("pointwise", "spatial") for term in TERMS}
    for edge in live:
        start, end = graph.edges[edge]
        letters = letters_of(operations[edge])
        terms[end] += letters[-1:] or terms[start]
        if operations[edge].weights:
            for term in terms[start]:
                into[letters[0], term] += 1
    found |= {f"{term} in the output": terms[-1].count(term) for term in TERMS}
    found |= {f"{term} into {layer}": count for (layer, term), count in into.items()}
    found["most terms in a node"] = max(map(len, terms))
    words = [tuple(itertools.chain(*(letters_of(operations[edge]) for edge in path))) for path in paths]
    of_kind = {
        "convolutions": ("pointwise", "spatial"),
        "spatial": ("spatial",),
        "pools": ("pools",),
        "layers": LETTERS,
    }
    for kind in KINDS:
        met = [sum(letter in of_kind[kind] for letter in word) for word in words]
        found[f"fewest {kind} on a path"] = min(met, default=-1)
        found[f"most {kind} on a path"] = max(met, default=-1)
        found[f"mean {kind} on a path"] = sum(met) / len(met) if met else -1
        for number in range(BINS - 1):
            found[f"log paths of {number} {kind}"] = math.log1p(met.count(number))
        found[f"log paths of {BINS - 1}+ {kind}"] = math.log1p(sum(each >= BINS - 1 for each in met))
    for word in WORDS:
        found[f"log paths of {' > '.join(word) or 'identities'}"] = math.log1p(words.count(word))
    found[f"log paths of more than {LONGEST} layers"] = math.log1p(sum(len(word) > LONGEST for word in words))
    return found


@settings(max_examples=200, deadline=None)
@given(graph=graphs())
def test_features_are_those_of_a_walk_over_all_paths(graph):
    table = graph_features(graph)
    assert table.dtype == np.float32
    assert table.shape == (len(graph.labels), len(NAMES))
    for row, values in enumerate(table):
        expected = slow_features(graph, row)
        assert expected.keys() == set(NAMES)
        np.testing.assert_allclose(values, [expected[name] for name in NAMES], rtol=1e-6)


def test_each_column_has_a_name_of_its_own():
    assert len(set(NAMES)) == len(NAMES) == 93


def test_the_column_of_identities_tells_residual_cells():
    space = get_space("nb201")
    text = "|{}~0|+|none~0|{}~1|+|{}~0|nor_conv_3x3~1|{}~2|"
    through = ("skip_connect",) * 2
    residual = [
        text.format("nor_conv_3x3", "none", "skip_connect", "none"),
        text.format(*through, "none", "skip_connect"),
    ]
    plain = [text.format(*through, "none", "none"), text.format(*through, "avg_pool_3x3", "nor_conv_1x1")]
    column = features(space, space.from_text(residual + plain))[:, NAMES.index("log paths of identities")]
    np.testing.assert_allclose(column, [math.log(2), math.log(2), 0, 0], rtol=1e-6)


# Rows do not touch each other.


@pytest.mark.parametrize("name", SPACES)
def test_a_row_has_the_same_features_bit_for_bit_alone_and_among_many(name):
    space = get_space(name)
    rows = space.sample(np.random.default_rng(0), 700)
    together = features(space, rows)
    assert np.isfinite(together).all()
    for place in (0, 1, 255, 256, 511, 512, 698, 699):
        np.testing.assert_array_equal(features(space, rows[place : place + 1])[0], together[place])
    for first, last in ((3, 5), (250, 260), (1, 700)):
        np.testing.assert_array_equal(features(space, rows[first:last]), together[first:last])
    assert features(space, rows[:0]).shape == (0, together.shape[1])


# Equal networks.


def network_key(space, rows):
    """The key of the network; NAS-Bench-201's own joins some different networks, see its class."""
    return CellSpace.canonical_key(space, rows) if space.name == "nb201" else space.canonical_key(rows)


def assert_equal_keys_have_equal_features(space, rows):
    _, first, which = np.unique(network_key(space, rows), return_index=True, return_inverse=True)
    table = features(space, rows)
    np.testing.assert_array_equal(table, table[first][which])
    return len(first), len(np.unique(table, axis=0))


@pytest.mark.parametrize(
    ("name", "networks", "told_apart"),
    [
        ("nb101-v4", 91, 91),
        ("nb101-v5", 2532, 2480),
        ("nb201-mini", 261, 261),
        ("nb201", 5260, 5162),
        # Some of its classes differ only where the benchmark has a strided convolution for an identity, 1,011 else.
        ("transnas-micro", 1376, 981),
        # Features of chains know the weights of all layers together.
        ("nb-macro", 3969, 2099),
        ("nats-size", 32768, 7333),
        ("transnas-macro", 3256, 471),
    ],
)
def test_equal_networks_have_equal_features_in_the_whole_space(name, networks, told_apart):
    space = get_space(name)
    assert assert_equal_keys_have_equal_features(space, space.all()) == (networks, told_apart)


@pytest.mark.parametrize("name", ["nb101", "darts", "hierarchical"])
def test_equal_networks_have_equal_features_among_many_neighbours(name):
    space = get_space(name)
    rows = space.sample(np.random.default_rng(5), 2000)
    rows = np.concatenate([rows, *(space.neighbours(row) for row in rows[:60])])
    networks, _ = assert_equal_keys_have_equal_features(space, rows)
    assert networks < len(rows)


def redrawn(space, row, rng):
    """The row of the same DARTS network with the nodes of its cells in another order that their reads allow."""
    genotype = space.to_genotype(row)
    cells = []
    for cell in (genotype.normal, genotype.reduce):
        reads = {node: cell[2 * place : 2 * place + 2] for place, node in enumerate(CONCAT)}
        number = {0: 0, 1: 1}
        while len(number) < 6:
            ready = [node for node in CONCAT if node not in number and all(start in number for _, start in reads[node])]
            number[int(rng.choice(ready))] = len(number)
        order = sorted(CONCAT, key=number.__getitem__)
        cells.append([(operation, number[start]) for node in order for operation, start in reads[node]])
    return space.from_genotype(Genotype(cells[0], CONCAT, cells[1], CONCAT))


def test_nodes_of_darts_in_another_order_leave_the_features_as_they_are():
    space, rng = get_space("darts"), np.random.default_rng(2)
    rows = space.sample(rng, 200)
    others = np.array([redrawn(space, row, rng) for row in rows])
    assert (rows != others).any(axis=1).sum() > 100
    assert_equal_keys_have_equal_features(space, np.concatenate([rows, others]))
    np.testing.assert_array_equal(features(space, rows), features(space, others))


def test_vertices_of_nb101_in_another_order_leave_the_features_as_they_are():
    space, rng, changed = get_space("nb101"), np.random.default_rng(2), 0
    for row in space.sample(rng, 200):
        matrix, operations = space.to_cell(row)
        order = [0, *rng.permutation(np.arange(1, len(matrix) - 1)), len(matrix) - 1]
        moved = matrix[np.ix_(order, order)]
        if not np.tril(moved).any():
            other = space.from_cell(moved, [operations[vertex] for vertex in order])
            changed += (other != space.prune(row)).any()
            np.testing.assert_array_equal(features(space, other[None]), features(space, row[None]))
    assert changed > 10


# What changes a drawing only.


@settings(max_examples=100, deadline=None)
@given(graph=graphs(), data=st.data())
def test_what_carries_nothing_does_not_count(graph, data):
    """Nodes without use, dead edges, and other names or another order of the operations."""
    expected = graph_features(graph)
    labels = graph.labels.copy()
    dead = np.argwhere(~graph.live())
    if len(dead):
        row, edge = data.draw(st.sampled_from(dead.tolist()))
        labels[row, edge] = data.draw(st.integers(0, len(graph.traits) - 1))
    order = data.draw(st.permutations(range(len(graph.traits))))
    changed = Graph(
        graph.nodes,
        graph.edges,
        tuple(graph.traits[label] for label in order),
        np.argsort(order)[labels].astype(np.uint8),
    )
    same = (changed.live() == graph.live()).all(axis=1)
    np.testing.assert_array_equal(graph_features(changed)[same], expected[same])
    # A node between input and all others, which is fed but leads nowhere, and one that leads on but is not fed.
    moved = [0, *range(3, graph.nodes + 2)]
    edges = ((0, 1), (2, graph.nodes + 1), *((moved[start], moved[end]) for start, end in graph.edges))
    idle = np.array([[data.draw(st.integers(0, len(graph.traits) - 1)) for _ in range(2)] for _ in labels])
    larger = Graph(graph.nodes + 2, edges, graph.traits, np.hstack([idle, graph.labels]).astype(np.uint8))
    np.testing.assert_array_equal(graph_features(larger), expected)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_cell_within_a_larger_one_has_the_same_features(data):
    """Its output may stay, and be passed on by an identity, or be the larger cell's; all other new edges are zero."""
    names = data.draw(st.permutations(OPERATIONS))[:4]
    small = CellSpace("small", 4, (*names, *(each for each in OPERATIONS[:2] if each not in names)))
    large = CellSpace("large", 5, data.draw(st.permutations(small.operations)))
    row = [data.draw(st.integers(0, len(small.operations) - 1)) for _ in small.edges]
    through = data.draw(st.sampled_from(["behind", "between"]))
    node = [0, 1, 2, 3] if through == "behind" else [0, *data.draw(st.sampled_from([(1, 2), (1, 3), (2, 3)])), 4]
    written = {
        (node[start], node[end]): small.operations[label] for (start, end), label in zip(small.edges, row, strict=True)
    }
    if through == "behind":
        written[3, 4] = "skip_connect"
    inside = np.array([[large.operations.index(written.get(edge, "none")) for edge in large.edges]], dtype=np.uint8)
    np.testing.assert_array_equal(features(large, inside), features(small, np.array([row], dtype=np.uint8)))
