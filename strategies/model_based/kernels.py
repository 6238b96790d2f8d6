"""Correlations of architectures by their choices and by their graphs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import StrategyError
from tabular.spaces.hashing import combine, mix, text_hash
from tabular.spaces.space import one_hot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from tabular.spaces.graph import Graph
    from tabular.spaces.space import Space

RELEVANCES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""The grid of each lambda_i, in units of 1 / positions."""


class Kernel(ABC):
    """A correlation of architectures whose hyperparameters lie on grids.

    An architecture has the correlation 1 with itself.

    Attributes
    ----------
    grids : tuple of tuple of float
        The values each hyperparameter can take, ascending.
    start : tuple of int
        The index in its grid at which the search for each starts.
    """

    grids: tuple[tuple[float, ...], ...]
    start: tuple[int, ...]

    @abstractmethod
    def add(self, architectures: NDArray[np.uint8]) -> None:
        """Take in more architectures to learn from, (N, L) uint8."""

    @abstractmethod
    def gram(self, theta: Sequence[float]) -> NDArray[np.float64]:
        """Return the correlations of the N architectures taken in, (N, N).

        Parameters
        ----------
        theta : sequence of float
            A value of each hyperparameter.
        """

    @abstractmethod
    def cross(self, architectures: NDArray[np.uint8], theta: Sequence[float]) -> NDArray[np.float64]:
        """Return the correlations of others with the architectures taken in, (M, N).

        The others are (M, L) uint8; N were taken in.
        """


class OverlapKernel(Kernel):
    """exp(-sum of lambda_i over the positions i at which two rows differ).

    The exponentiated overlap kernel of CASMOPOLITAN (Wan et al., ICML 2021), up to a constant factor; the diffusion
    kernel of COMBO (Oh et al., NeurIPS 2019) on complete graphs is of the same form. Each lambda_i is on a grid in
    units of 1 / positions. Positions of one choice have no part.
    """

    def __init__(self, space: Space) -> None:
        self._cardinalities = space.cardinalities
        self._free = np.flatnonzero(space.cardinalities > 1)
        self.grids = (tuple(relevance / max(len(self._free), 1) for relevance in RELEVANCES),) * len(self._free)
        self.start = (len(RELEVANCES) // 2,) * len(self._free)
        self._marks = self._mark(np.zeros((0, space.length), dtype=np.uint8))

    def _mark(self, architectures: NDArray[np.uint8]) -> NDArray[np.float64]:
        return one_hot(architectures[:, self._free], self._cardinalities[self._free]).astype(np.float64)

    def add(self, architectures: NDArray[np.uint8]) -> None:
        """Take in more architectures to learn from, (N, L) uint8."""
        self._marks = np.concatenate([self._marks, self._mark(architectures)])

    def gram(self, theta: Sequence[float]) -> NDArray[np.float64]:
        """Return the correlations of the architectures taken in, (N, N)."""
        return self._correlate(self._marks, theta)

    def cross(self, architectures: NDArray[np.uint8], theta: Sequence[float]) -> NDArray[np.float64]:
        """Return the correlations of others, (M, L) uint8, with those taken in, (M, N)."""
        return self._correlate(self._mark(architectures), theta)

    def _correlate(self, marks: NDArray[np.float64], theta: Sequence[float]) -> NDArray[np.float64]:
        weights = np.asarray(theta, dtype=np.float64)
        agreement = (marks * np.repeat(weights, self._cardinalities[self._free])) @ self._marks.T
        correlations: NDArray[np.float64] = np.exp(np.minimum(agreement - weights.sum(), 0.0))
        return correlations


class SubtreeKernel(Kernel):
    """The normalised Weisfeiler-Lehman subtree kernel of the graphs of a space.

    Shervashidze et al., JMLR 2011. The cosine of phi(G) and phi(G'), where phi counts the labels of vertices before and
    after 1, ..., H rounds of refinement, see `subtree_labels`. H, the one hyperparameter, is 1 or 2, as in NAS-BOWL.

    Parameters
    ----------
    space : Space
        One that says what its architectures are as graphs.
    strategy : str
        Named by the error.

    Raises
    ------
    StrategyError
        If the space has no graphs.
    """

    grids = ((1.0, 2.0),)
    start = (0,)

    def __init__(self, space: Space, strategy: str = "nas-bowl") -> None:
        if not space.graphs(space.sample(np.random.default_rng(0), 1)):
            raise StrategyError(
                f"{strategy}: space {space.name!r} does not say what its architectures are as graphs; take "
                "bayesian-optimization, which needs their choices only"
            )
        self._space = space
        self._labels: NDArray[np.uint64] | None = None
        self._products = {int(rounds): np.zeros((0, 0)) for rounds in self.grids[0]}

    def add(self, architectures: NDArray[np.uint8]) -> None:
        """Take in more architectures to learn from, (N, L) uint8."""
        new = subtree_labels(self._space, architectures, max(self._products))
        self._labels = new if self._labels is None else np.concatenate([self._labels, new])
        self._known, column = np.unique(self._labels, return_inverse=True)
        self._counts = _sparse(column.reshape(len(self._labels), -1), self._labels != 0, len(self._known))
        for rounds, before in self._products.items():
            old = len(before)
            grown = np.empty((len(self._labels), len(self._labels)))
            grown[:old, :old] = before
            grown[old:] = self._multiply(new[:, : rounds + 1])
            grown[:old, old:] = grown[old:, :old].T
            self._products[rounds] = grown

    def _multiply(self, labels: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the products of the counts of labels with those taken in, (M, N).

        The labels are (M, 1 + rounds, V).
        """
        column = np.minimum(np.searchsorted(self._known, labels), len(self._known) - 1)
        known = (self._known[column] == labels) & (labels != 0)
        counts = _sparse(column.reshape(len(labels), -1), known, len(self._known))
        products: NDArray[np.float64] = (counts @ self._counts.T).toarray()
        return products

    def gram(self, theta: Sequence[float]) -> NDArray[np.float64]:
        """Return the correlations of the architectures taken in, (N, N)."""
        products = self._products[int(theta[0])]
        norms = np.sqrt(products.diagonal())
        return products / norms / norms[:, None]

    def cross(self, architectures: NDArray[np.uint8], theta: Sequence[float]) -> NDArray[np.float64]:
        """Return the correlations of others, (M, L) uint8, with those taken in, (M, N)."""
        rounds = int(theta[0])
        labels = subtree_labels(self._space, architectures, rounds)
        alike = (labels[..., None] == labels[..., None, :]) & (labels != 0)[..., None]
        norms = np.sqrt(alike.sum(axis=(1, 2, 3)))
        cosines: NDArray[np.float64] = (
            self._multiply(labels) / norms[:, None] / np.sqrt(self._products[rounds].diagonal())
        )
        return cosines


def _sparse(columns: NDArray[np.int64], there: NDArray[np.bool_], number: int) -> csr_array:
    """Count how often each column is named where it counts, (N, number).

    There are ``number`` columns and N rows.
    """
    from scipy.sparse import csr_array

    counted = there.reshape(columns.shape)
    ends = np.concatenate([[0], counted.sum(axis=1).cumsum()])
    named = columns[counted]
    return csr_array((np.ones(len(named)), named, ends), shape=(len(columns), number))


def subtree_labels(space: Space, architectures: NDArray[np.uint8], rounds: int) -> NDArray[np.uint64]:
    """Return the labels of all vertices before and after each refinement.

    Source: Shervashidze et al., Alg. 1.

    The operations on the edges of `tabular.spaces.graph.Graph` become vertices, labelled by the operation; the input
    and the output are vertices too. One vertex feeds another as often as identities lead from it there. Operations that
    carry nothing from the input to the output are left out, and so are identities: equal networks get the same labels
    however they are drawn, save that an operation without weights, such as a pooling, may stand once or, for each use,
    once more.

    In a round, a vertex's label becomes a hash of itself, of the multiset of what feeds it and of that of what it
    feeds; a multiset is hashed as a sum modulo 2^64. Labels of different rounds differ, as do those of different kinds
    of cell.

    Returns
    -------
    (N, 1 + rounds, V) uint64
        Of N architectures, (N, L) uint8; 0 where a network lacks a vertex.
    """
    cells = [_refined(graph, cell, rounds) for cell, graph in enumerate(space.graphs(architectures))]
    return np.concatenate(cells, axis=2)


def _refined(graph: Graph, cell: int, rounds: int) -> NDArray[np.uint64]:
    feeds, labels = _operations(graph, cell)
    fed = feeds.swapaxes(1, 2)
    there = labels != 0
    found = [labels]
    for _ in range(rounds):
        hashed = mix(labels)
        around = combine(_total(fed, hashed), _total(feeds, hashed))
        labels = np.where(there, combine(labels, around), np.uint64(0))
        found.append(labels)
    return np.stack(found, axis=1)


def _total(counts: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the sum of each vertex's neighbours' hashes modulo 2^64, (N, V).

    The counts of neighbours are (N, V, V).
    """
    total: NDArray[np.uint64] = (counts * hashes[:, None]).sum(axis=2, dtype=np.uint64)
    return total


def _operations(graph: Graph, cell: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return how often each vertex feeds each, and the vertices' labels.

    Shapes (N, V, V) and (N, V): input, output, edges.
    """
    live = graph.live()
    acts = live & np.array([any(traits[:-1]) for traits in graph.traits])[graph.labels]
    passes = (live & ~acts).astype(np.uint64)

    reached = np.zeros((graph.nodes, graph.nodes, len(live)), dtype=np.uint64)
    reached[np.arange(graph.nodes), np.arange(graph.nodes)] = 1
    for edge, (start, end) in enumerate(graph.edges):
        reached[:, end] += reached[:, start] * passes[:, edge]

    starts, ends = np.array(graph.edges).T
    sources, targets = np.hstack([0, graph.nodes - 1, ends]), np.hstack([0, graph.nodes - 1, starts])
    feeds = reached[np.ix_(sources, targets)].transpose(2, 0, 1)
    feeds[:, 1] = feeds[:, :, 0] = 0  # nothing follows the output, nothing comes before the input

    names = np.array([text_hash(f"{cell} {label}") for label in range(len(graph.traits))], dtype=np.uint64)
    labels = np.zeros((len(live), 2 + len(graph.edges)), dtype=np.uint64)
    labels[:, 0], labels[:, 1] = text_hash(f"{cell} input"), text_hash(f"{cell} output")
    labels[:, 2:] = np.where(acts, names[graph.labels], np.uint64(0))
    feeds = feeds * ((labels != 0)[:, :, None] & (labels != 0)[:, None])
    return feeds, labels
