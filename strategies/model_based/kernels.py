"""How alike architectures are: correlations between choices, and between graphs (Weisfeiler-Lehman)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from strategies.model_based.subtrees import subtree_labels
from tabular.errors import StrategyError
from tabular.spaces.space import one_hot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from tabular.spaces import Space

RELEVANCES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""What lambda_i times the number of positions can be."""


class Kernel(ABC):
    """A correlation of architectures, 1 of each with itself, whose hyperparameters lie on grids.

    Attributes
    ----------
    grids : tuple of tuple of float
        The values each hyperparameter can take, ascending.
    start : tuple of int
        The place in its grid at which the search for each starts.
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
        """Return the correlations of others, (M, L) uint8, with the N architectures taken in, (M, N)."""


class OverlapKernel(Kernel):
    """exp(-sum of lambda_i over the positions i at which two rows differ).

    The exponentiated overlap kernel of CASMOPOLITAN (Wan et al., ICML 2021), up to a constant factor; the diffusion
    kernel of COMBO (Oh et al., NeurIPS 2019) on complete graphs is of the same form. Each lambda_i is on a grid in
    units of 1 / positions. Positions of one choice have no part.

    Parameters
    ----------
    space : Space
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
    """The Weisfeiler-Lehman subtree kernel of the graphs of a space (Shervashidze et al., JMLR 2011), normalised.

    The cosine of phi(G) and phi(G'), where phi counts the labels of vertices before and after 1, ..., H rounds of
    refinement, see `strategies.model_based.subtrees`. H, the one hyperparameter, is 1 or 2, as in NAS-BOWL.

    Parameters
    ----------
    space : Space
        One that says what its architectures are as graphs.
    strategy : str
        What the error names.

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
        """Return the products of the counts of labels, (M, 1 + rounds, V), with those taken in, (M, N)."""
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
    """Count in each of N rows how often each of ``number`` columns is named where it counts, (N, number)."""
    from scipy.sparse import csr_array

    counted = there.reshape(columns.shape)
    ends = np.concatenate([[0], counted.sum(axis=1).cumsum()])
    named = columns[counted]
    return csr_array((np.ones(len(named)), named, ends), shape=(len(columns), number))
