"""Graphs drawn by hypothesis, and their paths one by one."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

from tabular.spaces.graph import Graph, Traits

LAYERS = st.integers(0, 2)
TRAITS = st.builds(
    lambda weight, pointwise, spatial, pools: Traits(weight * (pointwise + spatial), pointwise, spatial, pools),
    st.integers(0, 9),
    LAYERS,
    LAYERS,
    LAYERS,
)


@st.composite
def graphs(draw):
    """A few graphs over nodes some of which are not joined, some joined twice; zero and identity among the labels."""
    nodes = draw(st.integers(2, 5))
    pairs = list(itertools.combinations(range(nodes), 2))
    edges = tuple(sorted(draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=8))))
    traits = draw(st.permutations([Traits(passes=False), Traits(), *draw(st.lists(TRAITS, min_size=1, max_size=3))]))
    label = st.integers(0, len(traits) - 1)
    labels = [[draw(label) for _ in edges] for _ in range(draw(st.integers(1, 3)))]
    return Graph(nodes, edges, tuple(traits), np.array(labels, dtype=np.uint8))


def walk(graph, row):
    """Every path from input to output that carries something, as the list of the places of its edges."""
    paths = []

    def step(node, taken):
        if node == graph.nodes - 1:
            paths.append(taken)
        for place, (start, end) in enumerate(graph.edges):
            if start == node and graph.traits[graph.labels[row, place]].passes:
                step(end, [*taken, place])

    step(0, [])
    return paths
