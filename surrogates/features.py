"""Features of architectures: active graph, path encodings, inputs of models.

The features of the active graph describe what is left of an architecture when all that carries nothing is taken away.
They do not depend on how many nodes, cells or operations a space has, so that a model fitted on one space can be asked
about a larger one. They are equal for equal networks: identities only pass on, and zero operations vanish.
"""

from __future__ import annotations

import itertools
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space
    from tabular.spaces.graph import Graph, Traits

Result = TypeVar("Result")


BINS = 6
"""Paths with 0, 1, 2, ... layers of a kind are counted, those with ``BINS - 1`` or more together."""

KINDS = ("convolutions", "spatial", "pools", "layers")
"""The kinds of layers by whose number paths are counted."""

LETTERS = ("pointwise", "spatial", "pools")
LONGEST = 3
TERMS = ("input", *LETTERS)
WEIGHTED = ("pointwise", "spatial")
WORDS = [word for length in range(LONGEST + 1) for word in itertools.product(LETTERS, repeat=length)]
"""Sequences of layers that a path can meet; the paths that meet more are counted together."""

_BLOCK = 256
"""Graphs at a time: what is known of their nodes stays in the processor's cache."""


def graph_features(graph: Graph) -> NDArray[np.float32]:
    """Describe the active part of each graph.

    The columns, named by `graph_feature_names`, are: weights and convolutions on live edges; the terms that are summed
    in the output and before convolutions; for each kind of layer the fewest, most and mean that a path from input to
    output meets (-1 without one) and the paths by their number of such layers; and the paths by the sequence of
    layers that they meet. Numbers of paths, which grow fast, are the logarithm of one more. A cell is residual, its
    input added to its output, exactly where the column of paths of identities is not 0.

    All is worked out in whole numbers, so that a graph has the same features bit for bit alone and among others.

    Returns
    -------
    (N, F) float32, F the same for every graph
    """
    tables = _make_tables(graph.nodes, graph.edges, graph.traits)
    # An edge that carries nothing has the label behind all others, which lets nothing through.
    labels = np.where(graph.live(), graph.labels, np.intp(len(graph.traits)))
    features = np.empty((len(labels), _WIDTH), dtype=np.float32)
    for start in range(0, len(labels), _BLOCK):
        block = slice(start, start + _BLOCK)
        features[block] = _features(graph, tables, labels[block])
    return features


def graph_feature_names() -> list[str]:
    """Return what each column of `graph_features` is."""
    return [
        *(f"{what} on live edges" for what in ("weights", "pointwise", "spatial")),
        *(f"{term} in the output" for term in TERMS),
        *(f"{term} into {layer}" for layer in WEIGHTED for term in TERMS),
        "most terms in a node",
        *(f"{which} {kind} on a path" for which in ("fewest", "most", "mean") for kind in KINDS),
        *(f"log paths of {number}{'+' * (number == BINS - 1)} {kind}" for kind in KINDS for number in range(BINS)),
        *(f"log paths of {' > '.join(word) or 'identities'}" for word in WORDS),
        f"log paths of more than {LONGEST} layers",
    ]


_WIDTH = len(graph_feature_names())


class _Tables(NamedTuple):
    """The meaning of a graph's labels.

    The last row of each table is for edges that carry nothing.

    Of each node a row of whole numbers is known, its state: the paths to it by their number of layers, ``bins`` for
    each of `KINDS`; the paths by `WORDS`; the `TERMS` that it sums. Then come a zero and a one.
    """

    bins: int
    words: int
    """Where in a state the paths by words start."""
    terms: int
    """Where the terms start."""
    starts: list[int]
    """Of the edges."""
    sources: NDArray[np.intp]
    """(E, labels, S): the index, among the states of all nodes, of what each number of an edge's end gets added."""
    on_edge: NDArray[np.float64]
    """(labels, 3): weights, pointwise and spatial layers."""
    reads: NDArray[np.float64]
    """(labels, W): 1 for the first layer, of `WEIGHTED`, of what has weights."""


@lru_cache
def _make_tables(nodes: int, edges: tuple[tuple[int, int], ...], traits: tuple[Traits, ...]) -> _Tables:
    depth = [0] * nodes
    for start, end in edges:
        depth[end] = max(depth[end], 1 + depth[start])
    counted = [_counted(each) for each in traits]
    bins = max(BINS, 1 + depth[-1] * max(map(max, counted)))
    words = bins * len(KINDS)
    terms = words + len(WORDS)
    zero, one = terms + len(TERMS), terms + len(TERMS) + 1
    column = {word: words + index for index, word in enumerate(WORDS)}
    sources = np.full((len(traits) + 1, zero), zero)
    reads = np.zeros((len(traits) + 1, len(WEIGHTED)))
    for source, read, each, layers_of_kind in zip(sources, reads, traits, counted, strict=False):
        if not each.passes:
            continue
        for kind, layers in enumerate(layers_of_kind):
            source[kind * bins + layers : (kind + 1) * bins] = np.arange(kind * bins, (kind + 1) * bins - layers)
        letters = tuple(letter for letter in LETTERS for _ in range(getattr(each, letter)))
        for word in WORDS:
            if word + letters in column:
                source[column[word + letters]] = column[word]
        if not letters:
            source[terms:] = np.arange(terms, zero)
            continue
        source[terms + TERMS.index(letters[-1])] = one
        if each.weights:
            read[WEIGHTED.index(letters[0])] = 1
    on_edge = np.array(
        [*((each.weights, each.pointwise, each.spatial) for each in traits), (0, 0, 0)], dtype=np.float64
    )
    starts = [start for start, _ in edges]
    of_edges = sources + (one + 1) * np.array(starts, dtype=np.intp)[:, None, None]
    return _Tables(bins, words, terms, starts, of_edges, on_edge, reads)


def _counted(traits: Traits) -> tuple[int, int, int, int]:
    """Return how many layers of each of `KINDS` an operation has."""
    convolutions = traits.pointwise + traits.spatial
    return convolutions, traits.spatial, traits.pools, convolutions + traits.pools


def _features(graph: Graph, tables: _Tables, labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the features of a few graphs whose labels, (N, E), tell the edges that carry something."""
    rows, bins, words, terms = len(labels), tables.bins, tables.words, tables.terms
    states = _states(graph, tables, labels)
    by_layers, by_word = states[:, -1, :words].reshape(rows, len(KINDS), bins), states[:, -1, words:terms]
    paths = by_layers[:, 0].sum(axis=1)
    met = by_layers > 0
    mean = by_layers @ np.arange(bins) / np.maximum(paths, 1)[:, None]
    layers_on_a_path = np.hstack([met.argmax(axis=2), bins - 1 - met[:, :, ::-1].argmax(axis=2), mean])
    layers_on_a_path[paths == 0] = -1
    by_layers[:, :, BINS - 1] = by_layers[:, :, BINS - 1 :].sum(axis=2)
    longer = paths - by_word.sum(axis=1)
    summed = states[:, :, terms:-2]
    columns = [
        # What has no weights is left out: one pooling used twice and two poolings of one input are the same function.
        tables.on_edge[labels].sum(axis=1),
        summed[:, -1],
        tables.reads[labels].swapaxes(1, 2) @ summed[:, tables.starts],
        summed.sum(axis=2).max(axis=1),
        layers_on_a_path,
        *(np.log1p(paths_by) for paths_by in (by_layers[:, :, :BINS], by_word, longer)),
    ]
    return np.hstack([each.reshape(rows, -1) for each in columns])


def _states(graph: Graph, tables: _Tables, labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the states of all nodes, (N, nodes, S), worked out node by node, however many paths there are.

    A node sums terms: the input, or results of operations, by the last kind of layer in these; identities pass the
    terms of their start on. No two numbers before an operation add to one behind it, so that an edge is one gathering.
    """
    rows, width = len(labels), tables.sources.shape[2] + 2
    states = np.zeros((rows, graph.nodes, width))
    states[:, :, -1] = 1
    states[:, 0, [*range(0, tables.words + 1, tables.bins), tables.terms]] = 1  # one path, without layers; one term
    numbers, nodes = states.reshape(-1), [states[:, node, :-2] for node in range(graph.nodes)]
    row = np.arange(0, states.size, graph.nodes * width)[:, None]
    for (_, end), of_edge, sources in zip(graph.edges, labels.T, tables.sources, strict=True):
        if rows > 1 or of_edge[0] < len(graph.traits):
            nodes[end] += numbers.take(sources.take(of_edge, axis=0) + row)
    return states


MOST_PATHS = 512
"""Columns that a kind of cell has at most."""


def path_encoding(graph: Graph, most: int = MOST_PATHS) -> NDArray[np.float32]:
    """Return the sequences of operations that paths from input to output read as, each a column.

    Identities are operations like others; an edge with the zero operation is none. Short sequences come first, and
    lengths that do not fit into ``most`` columns as a whole are truncated, as the paper does: random cells seldom have
    long paths. The first column is for the path of no edge, which is 0.

    Parameters
    ----------
    graph : Graph
        Of N architectures.
    most : int

    Returns
    -------
    (N, F) float32
        0 or 1.
    """
    passing = [label for label, traits in enumerate(graph.traits) if traits.passes]
    sequences: list[tuple[int, ...]] = [()]
    for length in range(1, graph.nodes):
        if len(sequences) + len(passing) ** length > most:
            break
        sequences += itertools.product(passing, repeat=length)
    column = {sequence: index for index, sequence in enumerate(sequences)}
    ends_with: dict[int, tuple[list[int], list[int]]] = {label: ([], []) for label in passing}
    for after, sequence in enumerate(sequences[1:], start=1):
        ends_with[sequence[-1]][0].append(column[sequence[:-1]])
        ends_with[sequence[-1]][1].append(after)
    reads = np.zeros((graph.nodes, len(sequences), len(graph.labels)), dtype=bool)
    reads[0, 0] = True
    for (start, end), labels in zip(graph.edges, graph.labels.T, strict=True):
        for label in passing:
            chosen = labels == label
            shorter, longer = ends_with[label]
            reads[end, longer] |= reads[start, shorter] & chosen
    columns: NDArray[np.float32] = reads[-1].T.astype(np.float32)
    return columns


GRAPH = "graph"
"""The block of `graph_features`; every other block is an encoding of the space."""


def feature_blocks(space: Space) -> tuple[str, ...]:
    """Return the names of all blocks of features that a space has."""
    return (GRAPH, *space.encodings) if space.graphs(some_row(space)) else space.encodings


def some_row(space: Space) -> NDArray[np.uint8]:
    """Return an architecture of a space, (1, L) uint8, always the same."""
    return space.sample(np.random.default_rng(0), 1)


class Inputs:
    """Architectures as models see them; each view is made when it is first asked for.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    blocks : sequence of str
        ``graph`` or encodings of the space; the columns of features follow each other in this order.
    """

    def __init__(self, space: Space, architectures: NDArray[np.uint8], blocks: Sequence[str] = (GRAPH,)) -> None:
        self.space = space
        self.architectures = architectures
        self.blocks = tuple(blocks)
        self._results: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self.architectures)

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """Columns for models that take any, (N, F) float32.

        Raises
        ------
        InvalidArchitectureError, UnknownNameError
        """
        return np.hstack([self._block(block) for block in self.blocks])

    def _block(self, block: str) -> NDArray[np.float32]:
        if block == GRAPH:
            return np.hstack([graph_features(graph) for graph in self.graphs])
        return self.space.encode(self.architectures, block)

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """The graphs of the architectures, one for each kind of cell."""
        return self.space.graphs(self.architectures)

    def once(self, function: Callable[[Inputs], Result]) -> Result:
        """Return a function of these inputs, which is called the first time alone."""
        if function not in self._results:
            self._results[function] = function(self)
        result: Result = self._results[function]
        return result

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Inputs:
        """Return the inputs of some of the architectures; features that were made are kept."""
        some = Inputs(self.space, self.architectures[rows], self.blocks)
        if "features" in self.__dict__:
            some.__dict__["features"] = self.features[rows]
        return some


class PathInputs(Inputs):
    """Architectures as their path encoding, one kind of cell after the other."""

    def _block(self, block: str) -> NDArray[np.float32]:  # noqa: ARG002 - there is one block only
        return np.hstack([path_encoding(graph) for graph in self.graphs])
