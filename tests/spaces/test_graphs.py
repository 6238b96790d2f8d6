"""Graphs of what architectures compute: what is live in them, and whether they say what the networks are."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from nasbench import CellSpace, get_space
from spaces.random_graphs import graphs, walk
from tabular.errors import InvalidArchitectureError
from tabular.spaces.graph import Graph
from tabular.spaces.registry import SPACES
from tabular.training import Recipe

IMAGE = (3, 8, 8)


@settings(max_examples=150, deadline=None)
@given(graph=graphs())
def test_live_edges_are_those_on_a_path_that_carries_something(graph):
    live = graph.live()
    assert live.shape == graph.labels.shape
    for row in range(len(live)):
        assert set(np.flatnonzero(live[row])) == set(itertools.chain(*walk(graph, row)))
        alone = Graph(graph.nodes, graph.edges, graph.traits, graph.labels[row : row + 1])
        np.testing.assert_array_equal(alone.live(), live[row : row + 1])


def test_no_graph_has_no_live_edges():
    (graph,) = get_space("nb201").graphs(np.zeros((0, 6), dtype=np.uint8))
    assert graph.live().shape == (0, 6)


@pytest.mark.parametrize("name", SPACES)
def test_rows_outside_the_space_are_no_graphs(name):
    space = get_space(name)
    with pytest.raises(InvalidArchitectureError, match=f"not an architecture of '{space.name}': row 0"):
        space.graphs(np.full((1, space.length), 255, dtype=np.uint8))


# Weights, against the networks that are trained.


def weights_of(modules):
    """The weights of all convolutions within, depthwise ones apart."""
    convolutions = [each for module in modules for each in module.modules() if isinstance(each, nn.Conv2d)]
    return sum(each.weight.numel() for each in convolutions if each.groups == 1)


def live_weights(graph):
    """The sum of the weights, in the unit of its traits, of the live edges of a single graph."""
    return sum(graph.traits[label].weights for label in graph.labels[0][graph.live()[0]])


def network_of(space, row, recipe):
    with torch.device("meta"):
        return space.network(row, recipe, IMAGE, 10)


def some_rows(space, count=12):
    return space.sample(np.random.default_rng(3), count)


def test_the_weights_of_cells_are_those_of_their_networks():
    recipe = Recipe(channels=8, stages=2, cells_per_stage=1)
    for space in (CellSpace("all", 4, CellSpace("x", 2, ("none",)).operations), get_space("hierarchical")):
        for row in some_rows(space):
            first, _, second = network_of(space, row, recipe).blocks
            assert weights_of([first]) == 8**2 * live_weights(*space.graphs(row[None]))
            assert weights_of([second]) == 16**2 * live_weights(*space.graphs(row[None]))


@pytest.mark.parametrize(("name", "width"), [("nats-size", 64), ("transnas-macro", 8)])
def test_the_weights_of_layers_are_those_of_their_networks(name, width):
    space = get_space(name)
    for row in some_rows(space):
        network = network_of(space, row, Recipe(channels=width, cells_per_stage=2))
        assert weights_of(network.blocks) == width**2 * live_weights(*space.graphs(row[None]))


def test_the_weights_of_blocks_are_those_of_their_networks():
    space = get_space("nb-macro")
    for row in some_rows(space):
        _, *blocks, _ = network_of(space, row, Recipe(channels=8)).blocks
        assert weights_of(blocks) == 8**2 * live_weights(*space.graphs(row[None]))


def test_the_weights_of_darts_cells_are_those_of_their_networks():
    space = get_space("darts")
    for row in some_rows(space):
        with torch.device("meta"):
            recipe = Recipe(channels=8, stages=2, cells_per_stage=1)
            network = space.network(row, recipe, IMAGE, 10)
        normal, reduction = space.graphs(row[None])
        for cell, graph, width in zip(network.cells, (normal, reduction, normal), (8, 16, 16), strict=True):
            # An identity that has to halve the resolution is a convolution, which no graph shows.
            operations = [each for each in cell.operations if type(each).__name__ != "FactorizedReduce"]
            assert weights_of(operations) == width**2 * live_weights(graph)


# How each space is drawn.


@pytest.mark.parametrize("name", ["nb101", "nb101-v4"])
def test_a_cell_of_nb101_has_as_many_paths_of_each_kind_as_its_graph(name):
    space = get_space(name)
    rows = some_rows(space, 20)
    (graph,) = space.graphs(rows)
    for place, counts in enumerate(space.encode(rows, "paths")):
        drawn = Counter()
        for path in walk(graph, place):
            labels = [int(graph.labels[place, edge]) for edge in path]
            drawn[" > ".join(space.operations[label - 2] for label in labels if label > 1) or "(identity)"] += 1
        assert drawn == {name: count for name, count in zip(space.path_names(), counts, strict=True) if count}


def test_the_graph_of_a_darts_cell_has_the_edges_of_its_genotype():
    space = get_space("darts")
    rows = some_rows(space, 20)
    for place, row in enumerate(rows):
        genotype = space.to_genotype(row)
        for graph, cell in zip(space.graphs(rows), (genotype.normal, genotype.reduce), strict=True):
            live = np.flatnonzero(graph.live()[place])
            ends = [2 + number // 2 for number in range(8)]
            chosen = {(start, end) for end, (_, start) in zip(ends, cell, strict=True)}
            reads_last_cell = {(0, 1)} if any(start == 1 for _, start in cell) else set()
            assert {graph.edges[edge] for edge in live} == chosen | reads_last_cell | {
                (node, 6) for node in range(2, 6)
            }
            expected = {(start, end): operation for end, (operation, start) in zip(ends, cell, strict=True)}
            names = [*space.named_choices()["normal_2_low"]]
            found = {graph.edges[edge]: graph.labels[place, edge] for edge in live if graph.edges[edge] in chosen}
            assert {edge: names[label] for edge, label in found.items()} == expected


def test_chains_tell_all_rows_apart_that_are_different_networks():
    for name in ("nats-size", "transnas-macro"):
        space = get_space(name)
        (graph,) = space.graphs(space.all())
        assert len(np.unique(graph.labels, axis=0)) == space.size
        assert graph.edges == tuple((layer, layer + 1) for layer in range(space.length))


def test_a_hierarchical_cell_is_its_motifs_written_out():
    space = get_space("hierarchical")
    rows = some_rows(space)
    (graph,) = space.graphs(rows)
    assert graph.nodes == space.flat.nodes == 10
    np.testing.assert_array_equal(graph.labels, space.flatten(rows))
