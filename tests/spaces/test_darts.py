"""The DARTS space: what every space promises, keys against graph isomorphism, genotypes, configurations."""

from __future__ import annotations

import itertools
from collections import Counter
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest

from nasbench.testing import SpaceConformance
from spaces.darts_examples import DARTS_V2, parameters_of
from tabular.errors import InvalidArchitectureError
from tabular.spaces import get_space
from tabular.spaces.darts import NODES, PAIRS, PER_CELL, Darts, parse_genotype

SPACE = Darts()
PREFIX = "NetworkSelectorDatasetInfo:darts:"


class TestDarts(SpaceConformance):
    invariant_encodings = ("paths",)

    @pytest.fixture
    def space(self):
        return get_space("darts")


def test_published_size():
    # Zela et al. 2022: more than 10^18 architectures.
    assert SPACE.size == 1_037_664_180**2
    assert SPACE.size < np.iinfo(np.int64).max
    assert SPACE.from_index(SPACE.size - 1).tolist() == (SPACE.cardinalities - 1).tolist()


# Which rows are the same network.


def every_cell(operations: int) -> np.ndarray:
    """All cells of the first so many operations, (N, 12)."""
    counts = [range(c) if place % 3 == 0 else range(operations) for place, c in enumerate(SPACE.cardinalities[:12])]
    return np.array(list(itertools.product(*counts)), dtype=np.uint8)


def adjacency(cells: np.ndarray) -> np.ndarray:
    """(N, 6, 6): 1 + the operation from a node (last axis) to another, 0 where there is none."""
    matrices = np.zeros((len(cells), 6, 6), dtype=np.int64)
    for place in range(NODES):
        inputs = np.array(PAIRS[place])[cells[:, 3 * place]]
        for which in (0, 1):
            matrices[np.arange(len(cells)), 2 + place, inputs[:, which]] = 1 + cells[:, 3 * place + 1 + which]
    return matrices


def graph_of(cell: np.ndarray) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(
        [(0, {"role": "first"}), (1, {"role": "second"}), *((n, {"role": "node"}) for n in range(2, 6))]
    )
    (matrix,) = adjacency(cell[None])
    graph.add_edges_from((start, end, {"does": matrix[end, start]}) for end, start in np.argwhere(matrix))
    return graph


def isomorphic(first: nx.DiGraph, second: nx.DiGraph) -> bool:
    return nx.is_isomorphic(
        first, second, node_match=lambda a, b: a["role"] == b["role"], edge_match=lambda a, b: a["does"] == b["does"]
    )


def in_both(cells: np.ndarray) -> np.ndarray:
    """Rows with each cell as normal and as reduction cell."""
    return np.hstack([cells, cells])


def test_keys_are_graph_isomorphism_for_all_cells_of_one_operation():
    cells = every_cell(1)
    assert len(cells) == 180
    graphs, keys = [graph_of(cell) for cell in cells], SPACE.canonical_key(in_both(cells))
    for (a, key_a), (b, key_b) in itertools.combinations(zip(graphs, keys, strict=True), 2):
        assert isomorphic(a, b) == (key_a == key_b)


def test_keys_are_graph_isomorphism_for_cells_of_two_operations():
    cells = every_cell(2)[np.random.default_rng(0).permutation(46_080)[:600]]
    keys = SPACE.canonical_key(in_both(cells))
    graphs = [graph_of(cell) for cell in cells]
    alike = [(sorted(dict(graph.out_degree()).values()), graph.size("does")) for graph in graphs]
    compared = [
        (isomorphic(graphs[a], graphs[b]), keys[a] == keys[b])
        for a, b in itertools.combinations(range(len(cells)), 2)
        if alike[a] == alike[b]
    ]
    assert all(same == equal for same, equal in compared)
    assert sum(same for same, _ in compared) >= 10
    assert len(compared) > 5000


def test_keys_are_the_least_drawing_for_all_cells_of_two_operations():
    """Exact and slow: the least of the adjacency matrices under all 24 orders of the four nodes."""
    cells = every_cell(2)
    matrices = adjacency(cells)
    drawings = []
    for order in itertools.permutations(range(2, 6)):
        places = [0, 1, *order]
        entries = matrices[:, places][:, :, places][:, 2:].reshape(len(cells), -1)
        drawings.append(np.ascontiguousarray(entries.astype(np.uint8)).view("S24")[:, 0])
    exact = _least(drawings)
    pairs = set(zip(exact, SPACE.canonical_key(in_both(cells)).tolist(), strict=True))
    assert len(pairs) == len(set(exact)) == 17_531


def _least(drawings: list[np.ndarray]) -> list[bytes]:
    return [min(each) for each in zip(*(column.tolist() for column in drawings), strict=True)]


def test_normal_and_reduction_cell_are_not_exchanged():
    row = SPACE.from_genotype(DARTS_V2)
    other = np.concatenate([row[PER_CELL:], row[:PER_CELL]])
    assert SPACE.canonical_key(row) != SPACE.canonical_key(other)


def test_reordered_nodes_are_the_same_network():
    rng = np.random.default_rng(0)
    for row in SPACE.sample(rng, 50):
        genotype = SPACE.to_genotype(row)
        nodes = [genotype.normal[place : place + 2] for place in range(0, 8, 2)]
        orders = [
            order
            for order in itertools.permutations(range(4))
            if all(
                start < 2 or order.index(start - 2) < order.index(node) for node in range(4) for _, start in nodes[node]
            )
        ]
        again = []
        for order in orders:
            place_of = {0: 0, 1: 1, **{2 + node: 2 + place for place, node in enumerate(order)}}
            normal = [(operation, place_of[start]) for node in order for operation, start in nodes[node]]
            again.append(SPACE.from_genotype(genotype._replace(normal=normal)))
        assert set(SPACE.canonical_key(np.array(again)).tolist()) == {int(SPACE.canonical_key(row))}
        paths = SPACE.encode(np.array(again), "paths")
        np.testing.assert_array_equal(paths, np.repeat(paths[:1], len(again), axis=0))


# Features.


def walks(edges, node, behind=()):
    """What every path from an input of a cell to a node has met, with the input."""
    if node < 2:
        state = " > ".join(behind) if len(behind) <= 2 else f"{len(behind)} operations"
        return [f"input {node}: {state}"]
    return [
        walk
        for operation, start in edges[2 * node - 4 : 2 * node - 2]
        for walk in walks(edges, start, (operation, *behind))
    ]


def test_paths_count_what_a_walk_counts():
    names = SPACE.path_names()
    for row in SPACE.sample(np.random.default_rng(1), 20):
        genotype, seen = SPACE.to_genotype(row), []
        for cell, edges in (("normal", genotype.normal), ("reduction", genotype.reduce)):
            seen += [f"{cell} {operation}" for operation, _ in edges]
            seen += [f"{cell} {walk}" for node in range(2, 6) for walk in walks(edges, node)]
        expected = dict.fromkeys(names, 0) | Counter(seen)
        assert dict(zip(names, SPACE.encode(row, "paths").tolist(), strict=True)) == expected


# Genotypes and their text.


def test_genotype_round_trip_with_inputs_in_either_order():
    row = SPACE.from_genotype(DARTS_V2)
    genotype = SPACE.to_genotype(row)
    assert genotype.normal[4:6] == [("skip_connect", 0), ("sep_conv_3x3", 1)]  # ascending; DARTS wrote 1, then 0
    assert [sorted(genotype.reduce[i : i + 2]) for i in (0, 2, 4, 6)] == [
        sorted(DARTS_V2.reduce[i : i + 2]) for i in (0, 2, 4, 6)
    ]
    np.testing.assert_array_equal(SPACE.from_genotype(genotype), row)
    np.testing.assert_array_equal(SPACE.from_text(str(DARTS_V2)), row)
    assert SPACE.to_text(row) == str(genotype)


def test_anything_with_the_fields_of_a_genotype_will_do():
    other = SimpleNamespace(**DARTS_V2._replace(normal_concat=range(2, 6), reduce_concat=(5, 4, 3, 2))._asdict())
    np.testing.assert_array_equal(SPACE.from_genotype(other), SPACE.from_genotype(DARTS_V2))
    edges = [(operation, np.int64(start)) for operation, start in DARTS_V2.normal]
    np.testing.assert_array_equal(SPACE.from_genotype(DARTS_V2._replace(normal=edges)), SPACE.from_genotype(DARTS_V2))


def test_text_as_darts_prints_it():
    text = str(DARTS_V2).replace("[2, 3, 4, 5]", "range(2, 6)")
    assert parse_genotype(text) == DARTS_V2


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "Genotype(normal=__import__('os'), normal_concat=[], reduce=[], reduce_concat=[])",
        "Genotype(normal=open('x'), normal_concat=[], reduce=[], reduce_concat=[])",
        "Other(normal=[], normal_concat=[], reduce=[], reduce_concat=[])",
        "Genotype(normal=[], normal_concat=range(10**9), reduce=[], reduce_concat=[])",
        "Genotype(normal=[], normal_concat=range(0, 1000000000), reduce=[], reduce_concat=[])",
        "Genotype(normal=[])",
        "Genotype(**{'normal': 1})",
        "(" * 3000,
        "Genotype(" + "[" * 5000,
    ],
)
def test_text_is_read_and_never_run(text):
    with pytest.raises(InvalidArchitectureError, match=r"of 'darts': .* should read Genotype\(normal="):
        SPACE.from_text(text)


def edge(place, value, cell="normal"):
    edges = list(getattr(DARTS_V2, cell))
    edges[place] = value
    return {cell: edges}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normal": DARTS_V2.normal[:-1]}, "its normal cell needs 8 pairs of operation and input"),
        ({"reduce": None}, "its reduce cell needs 8 pairs of operation and input, got None"),
        ({"normal_concat": [3, 4, 5]}, r"the output of its normal cell joins nodes \[2, 3, 4, 5\], got \[3, 4, 5\]"),
        ({"reduce_concat": ["2", 3, 4, 5]}, r"the output of its reduce cell joins nodes .*, got \['2', 3, 4, 5\]"),
        (edge(2, ("sep_conv_3x3", 1)), "node 3 of its normal cell needs two different inputs, got 1 twice"),
        (edge(0, ("sep_conv_3x3", 2)), "node 2 of its normal cell has input 2, allowed are 0 to 1"),
        (edge(0, ("sep_conv_3x3", True)), "node 2 of its normal cell has input True"),
        (edge(0, ("sep_conv_3x3", "0")), "node 2 of its normal cell has input '0'"),
        (
            edge(7, ("sep_conv_3x4", 1), "reduce"),
            "node 5 of its reduce cell has an unknown operation 'sep_conv_3x4'; did",
        ),
        (edge(7, "none", "reduce"), "node 5 of its reduce cell needs pairs of operation and input, got 'none'"),
    ],
)
def test_genotypes_that_are_no_architecture(change, message):
    with pytest.raises(InvalidArchitectureError, match=f"not an architecture of 'darts': {message}"):
        SPACE.from_genotype(DARTS_V2._replace(**change))


# NAS-Bench-301's configurations.


def test_configuration_as_published():
    """The architecture of ``results_0.json`` in NAS-Bench-301's repository; see the test of its importer."""
    normal = {0: "skip_connect", 1: "sep_conv_3x3", 2: "sep_conv_3x3", 3: "skip_connect", 5: "dil_conv_3x3"}
    normal |= {7: "dil_conv_5x5", 10: "sep_conv_3x3", 11: "skip_connect"}
    reduce = {0: "max_pool_3x3", 1: "avg_pool_3x3", 2: "skip_connect", 3: "dil_conv_5x5", 6: "sep_conv_3x3"}
    reduce |= {7: "sep_conv_5x5", 11: "sep_conv_3x3", 12: "dil_conv_3x3"}
    inputs = {"normal_3": "0_1", "normal_4": "0_2", "normal_5": "1_2"}
    inputs |= {"reduce_3": "0_1", "reduce_4": "1_2", "reduce_5": "2_3"}
    configuration = {f"{PREFIX}edge_normal_{number}": operation for number, operation in normal.items()}
    configuration |= {f"{PREFIX}edge_reduce_{number}": operation for number, operation in reduce.items()}
    configuration |= {f"{PREFIX}inputs_node_{node}": pair for node, pair in inputs.items()}
    row = SPACE.from_configuration({**configuration, f"{PREFIX}layers": 20, "CreateImageDataLoader:batch_size": 96})
    assert SPACE.to_configuration(row) == configuration
    assert SPACE.to_genotype(row).reduce[6:] == [("sep_conv_3x3", 2), ("dil_conv_3x3", 3)]
    # The file counts 6,369,358 parameters at 50 channels and 20 layers, the auxiliary head's 505,098 among them.
    assert parameters_of(row, channels=50) == 6_369_358 - 505_098


def test_configuration_round_trip():
    for row in SPACE.sample(np.random.default_rng(0), 100):
        configuration = SPACE.to_configuration(row)
        assert len(configuration) == 22
        np.testing.assert_array_equal(SPACE.from_configuration(configuration), row)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge_normal_0": None}, f"the configuration has no '{PREFIX}edge_normal_0'"),
        ({"inputs_node_reduce_4": None}, f"the configuration has no '{PREFIX}inputs_node_reduce_4'"),
        ({"inputs_node_normal_3": "0"}, f"{PREFIX}inputs_node_normal_3 should be two inputs such as '0_1', got '0'"),
        ({"inputs_node_normal_3": "a_b"}, f"{PREFIX}inputs_node_normal_3 should be two inputs"),
        ({"inputs_node_normal_3": "1_1"}, "node 3 of its normal cell needs two different inputs"),
        ({"edge_reduce_13": "skip_connect"}, f"sets '{PREFIX}edge_reduce_13', which the inputs that it chooses do not"),
        ({"edge_normal_0": "conv"}, "node 2 of its normal cell has an unknown operation 'conv'"),
    ],
)
def test_configurations_that_are_no_architecture(change, message):
    configuration = SPACE.to_configuration(SPACE.from_genotype(DARTS_V2))
    for name, value in change.items():
        configuration[PREFIX + name] = value
        if value is None:
            del configuration[PREFIX + name]
    with pytest.raises(InvalidArchitectureError, match=f"not an architecture of 'darts': .*{message}"):
        SPACE.from_configuration(configuration)
