"""Cell spaces: keys against slow references, text, features, live edges, and the mistakes of a declaration."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest

from tabular.errors import InvalidArchitectureError, SpaceError, UnknownNameError
from tabular.spaces import CellSpace, get_space
from tabular.spaces.cell import WEIGHTLESS
from tabular.spaces.graph import IDENTITY, ZERO
from tabular.spaces.nb201 import NB201_OPERATIONS

SMALL = [
    CellSpace("three", 3, ["none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3"]),
    CellSpace("mini", 4, ["none", "nor_conv_1x1", "nor_conv_3x3"]),
    CellSpace("mini-skip", 4, ["skip_connect", "none", "nor_conv_3x3"]),
    CellSpace("no-zero", 4, ["skip_connect", "nor_conv_3x3", "max_pool_3x3"]),
    CellSpace("five", 5, ["none", "nor_conv_3x3"]),
    CellSpace("five-skip", 5, ["nor_conv_3x3", "skip_connect"]),
]


def plain_expression(space: CellSpace, row: list[int], names: dict[tuple[int, int], str]) -> list[tuple]:
    """What each node computes, in nested tuples; operations with weights carry the name of their weights."""
    live = dict(zip(space.edges, space.live_edges(np.array(row, dtype=np.uint8)).tolist(), strict=True))
    nodes: list[tuple] = [("input",)]
    for end in range(1, space.nodes):
        terms: list = []
        for start in range(end):
            operation, source = space.operations[row[space.edges.index((start, end))]], nodes[start]
            if live[start, end]:
                named = (operation, names.get((start, end), ""), source)
                terms += source if operation == IDENTITY else [named]
        nodes.append(tuple(sorted(terms, key=repr)))
    return nodes


def network_expression(space: CellSpace, row: list[int]) -> str:
    """What a cell computes with its weights named: the least of all ways to name them, so that names do not matter."""
    nodes = plain_expression(space, row, {})
    live = space.live_edges(np.array(row, dtype=np.uint8))
    alike: dict[str, list[tuple[int, int]]] = {}
    for edge, choice, alive in zip(space.edges, row, live, strict=True):
        if alive and space.operations[choice] not in WEIGHTLESS:
            alike.setdefault(repr((space.operations[choice], nodes[edge[0]])), []).append(edge)
    groups = [alike[key] for key in sorted(alike)]
    namings = itertools.product(*(itertools.permutations(group) for group in groups))
    return min(
        repr(
            plain_expression(
                space, row, {edge: f"{i}.{j}" for i, group in enumerate(naming) for j, edge in enumerate(group)}
            )[-1]
        )
        for naming in namings
    )


@pytest.mark.parametrize("space", [*SMALL, CellSpace("nb201's", 4, NB201_OPERATIONS)], ids=lambda space: space.name)
def test_keys_tell_networks_apart(space):
    """Two cells share a key exactly when they compute the same from the same weights, whatever the weights' names."""
    rows = space.sample(np.random.default_rng(0), 3000) if space.size > 3000 else space.all()
    keys = space.canonical_key(rows).tolist()
    references = [network_expression(space, row) for row in rows.tolist()]
    pairs = set(zip(keys, references, strict=True))
    assert len(pairs) == len(set(keys)) == len(set(references))


def test_two_convolutions_are_not_one_used_twice_but_two_poolings_are():
    space = CellSpace("four", 4, ["none", "skip_connect", "nor_conv_3x3", "avg_pool_3x3"])
    for operation, equal in (("nor_conv_3x3", False), ("avg_pool_3x3", True)):
        two = f"|{operation}~0|+|{operation}~0|none~1|+|none~0|skip_connect~1|skip_connect~2|"
        one_twice = f"|{operation}~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|"
        assert (space.canonical_key(space.from_text(two)) == space.canonical_key(space.from_text(one_twice))) == equal


def live_graph(space: CellSpace, row: list[int]) -> nx.DiGraph:
    """The graph that is left when zero operations, and what only they feed or what feeds only them, are taken out."""
    graph = nx.DiGraph()
    graph.add_nodes_from(
        (node, {"role": {0: "in", space.nodes - 1: "out"}.get(node, "")}) for node in range(space.nodes)
    )
    for choice, (start, end) in zip(row, space.edges, strict=True):
        if space.operations[choice] != ZERO:
            graph.add_edge(start, end, operation=space.operations[choice])
    used = nx.descendants(graph, 0) & nx.ancestors(graph, space.nodes - 1)
    return graph.subgraph(used | {0, space.nodes - 1}).copy()


def are_isomorphic(first: nx.DiGraph, second: nx.DiGraph) -> bool:
    nodes, edges = (
        nx.isomorphism.categorical_node_match("role", ""),
        nx.isomorphism.categorical_edge_match("operation", ""),
    )
    return nx.is_isomorphic(first, second, node_match=nodes, edge_match=edges)


def test_keys_are_graph_isomorphism_where_nothing_is_identity():
    """With four nodes and no identity, cells compute the same exactly when their live graphs are isomorphic."""
    space = get_space("nb201-mini")
    rows = space.all()
    classes: dict[int, list[nx.DiGraph]] = {}
    for key, row in zip(space.canonical_key(rows).tolist(), rows.tolist(), strict=True):
        classes.setdefault(key, []).append(live_graph(space, row))
    assert len(classes) == 261
    for graphs in classes.values():
        assert all(are_isomorphic(graphs[0], other) for other in graphs[1:])
    for first, second in itertools.combinations([graphs[0] for graphs in classes.values()], 2):
        if sorted(o for *_, o in first.edges(data="operation")) == sorted(
            o for *_, o in second.edges(data="operation")
        ):
            assert not are_isomorphic(first, second)


@pytest.mark.parametrize("space", [s for s in SMALL if ZERO in s.operations], ids=lambda space: space.name)
def test_keys_do_not_depend_on_the_order_of_nodes(space):
    """Drawing the inner nodes of a cell in another order keeps its key, where no edge would then run backwards."""
    zero, compared = space.operations.index(ZERO), 0
    for row in space.sample(np.random.default_rng(0), 150):
        kept = {edge: choice for edge, choice in zip(space.edges, row.tolist(), strict=True) if choice != zero}
        for order in itertools.permutations(range(1, space.nodes - 1)):
            place = [0, *order, space.nodes - 1]
            moved = {(place[start], place[end]): choice for (start, end), choice in kept.items()}
            other = np.array([moved.get(edge, zero) for edge in space.edges], dtype=np.uint8)
            if moved.keys() <= set(space.edges) and (other != row).any():
                compared += 1
                assert space.canonical_key(other) == space.canonical_key(row)
    assert compared > 0 or space.nodes == 3


def test_live_edges_are_those_of_the_live_graph():
    space = CellSpace("four", 4, ["none", "skip_connect", "nor_conv_3x3"])
    rows = space.all()
    for row, live in zip(rows, space.live_edges(rows), strict=True):
        assert {edge for edge, alive in zip(space.edges, live, strict=True) if alive} == set(
            live_graph(space, row.tolist()).edges
        )
        np.testing.assert_array_equal(space.live_edges(row), live)


def test_paths_are_counted():
    """Of |conv|+|conv|skip|, one path goes through a conv, one through a conv and a skip, none through two convs."""
    space = CellSpace("three", 3, ["none", "skip_connect", "nor_conv_3x3"])
    row = space.from_text("|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|")
    assert space.path_names() == ["(identity)", "nor_conv_3x3", "nor_conv_3x3 > nor_conv_3x3"]
    assert space.encode(row, "paths").tolist() == [0, 2, 0]
    assert space.encode(space.from_text("|skip_connect~0|+|skip_connect~0|skip_connect~1|"), "paths").tolist() == [
        2,
        0,
        0,
    ]


def test_paths_agree_with_networkx():
    space = CellSpace("five", 5, ["none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3"])
    columns = {name: i for i, name in enumerate(space.path_names())}
    for row in space.sample(np.random.default_rng(3), 40):
        graph = live_graph(space, row.tolist())
        expected = np.zeros(len(columns))
        for path in nx.all_simple_edge_paths(graph, 0, space.nodes - 1):
            operations = [graph.edges[edge]["operation"] for edge in path]
            expected[columns[" > ".join(o for o in operations if o != IDENTITY) or "(identity)"]] += 1
        np.testing.assert_array_equal(space.encode(row, "paths"), expected)


def test_paths_stop_at_a_length_when_too_many():
    space = CellSpace("wide", 16, get_space("nb201").operations)
    assert space.encode(space.sample(np.random.default_rng(0), 3), "paths").shape == (3, len(space.path_names()))
    assert len(space.path_names()) <= 4096


def test_one_hot_marks_each_choice():
    space = CellSpace("three", 3, ["none", "skip_connect", "nor_conv_3x3"])
    assert space.encode(np.array([0, 2, 1], dtype=np.uint8)).tolist() == [1, 0, 0, 0, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("|none~0|+|none~0|", "has 2 edges into 2 nodes, expected 3 into 2, like '|none~0|+|none~0|none~1|'"),
        ("|none~0|none~0|none~1|", "has 3 edges into 1 nodes, expected 3 into 2"),
        ("|none~0|+|none~0|none~2|", "'none~2' in '|none~0|+|none~0|none~2|' should be 'operation~1', the edge from"),
        ("|none~0|+|none~0|none|", "'none' in '|none~0|+|none~0|none|' should be 'operation~1'"),
        ("|none~0|+|none~0|nonne~1|", "has an unknown operation 'nonne'; did you mean 'none'?"),
        ("|none~0|+|none~0|max_pool_3x3~1|", "has an unknown operation 'max_pool_3x3'; known: none, skip_connect"),
    ],
)
def test_text_errors_name_the_place(text, message):
    space = CellSpace("three", 3, ["none", "skip_connect"])
    with pytest.raises(InvalidArchitectureError) as caught:
        space.from_text(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("not an architecture of 'three': ")


@pytest.mark.parametrize(
    ("nodes", "operations", "error", "message"),
    [
        (1, ["none"], SpaceError, "space 's': a cell has 2 to 16 nodes, input and output counted; got 1"),
        (17, ["none"], SpaceError, "got 17"),
        (4, [], SpaceError, "space 's': give each operation once, at least one; got []"),
        (4, ["none", "none"], SpaceError, "give each operation once, at least one; got ['none', 'none']"),
        (4, ["nor_conv_3x4"], UnknownNameError, "unknown operation 'nor_conv_3x4'; did you mean 'nor_conv_3x3'?"),
    ],
)
def test_declaration_errors(nodes, operations, error, message):
    with pytest.raises(error) as caught:
        CellSpace("s", nodes, operations)
    assert message in str(caught.value)
