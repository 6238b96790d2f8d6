"""BOHB, Hyperband with a model of where good architectures lie.

Falkner, Klein and Hutter, ICML 2018.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from strategies.multi_fidelity.brackets import Bracket, OverlappingBrackets, first_candidates
from strategies.strategy import check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from strategies.strategy import Proposal
    from tabular.spaces.space import Space

RANDOM_TRIES = 10
"""The random rows among which a new network is looked for."""

_SMALLEST = 1e-300
"""The density that stands for any below it, as products of many small kernels are 0 to a computer."""


class BOHB(OverlappingBrackets):
    """Hyperband whose candidates come from a Parzen estimator.

    The estimator is tree-structured (Algorithm 2).

    The model is of the most epochs with N_b >= N_min + 2 results, N_min = d + 1 for d choices. The best
    ``N_l = max(N_min, good N_b)`` of them make the density l, the worst ``N_g = max(N_min, N_b - N_l)`` the density g
    (eq. 3), see `ChoiceDensity`. Of N_s rows drawn from l with wider kernels, the one with
    the largest l / g is proposed; without a model, and in a share of the draws, a random one. A diverged training is
    as bad as any. When all brackets under way wait, the next begins.

    Unlike in the paper, networks that were asked for before are passed over, and a random one takes their place if all
    that were drawn are such: in a finite space the model would come back to them, and learn nothing.

    Parameters
    ----------
    eta : int
        One in ``eta`` goes on to the next rung. The defaults are all the paper's.
    good : float
        q, the share of results that the density of good architectures is made of.
    samples : int
        N_s, the rows drawn from the density of good ones.
    random_fraction : float
        rho, the share of random proposals.
    bandwidth_factor : float
        b_w, by which the bandwidths are multiplied to draw from the density.
    least_bandwidth : float

    Raises
    ------
    StrategyError
        If the fidelities make one rung only.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = BOHB(space, np.random.default_rng(0), [1, 3, 9])
    >>> best, trainings = 0.0, dict.fromkeys(search.fidelities, 0)
    >>> for _ in range(132):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3)) * (1 - 0.1 / proposal.epochs)  # made up
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    ...     trainings[proposal.epochs] += 1
    >>> round(best, 2), trainings
    (0.99, {1: 54, 3: 48, 9: 30})
    """

    name = "bohb"
    paper = "Falkner et al., ICML 2018"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        eta: int = 3,
        good: float = 0.15,
        samples: int = 64,
        random_fraction: float = 1 / 3,
        bandwidth_factor: float = 3.0,
        least_bandwidth: float = 1e-3,
    ) -> None:
        super().__init__(space, rng, fidelities, eta)
        check_number(self.name, "good", good, 0, 1)
        check_whole(self.name, "samples", samples, least=1)
        check_number(self.name, "random_fraction", random_fraction, 0, 1)
        check_number(self.name, "bandwidth_factor", bandwidth_factor, 0, above=True)
        check_number(self.name, "least_bandwidth", least_bandwidth, 0, 1, above=True)
        self.good, self.samples, self.random_fraction = good, samples, random_fraction
        self.bandwidth_factor, self.least_bandwidth = bandwidth_factor, least_bandwidth
        self._next_s = itertools.cycle(reversed(range(len(self.rungs))))
        self._asked: set[int] = set()
        self._keys: dict[bytes, int] = {}
        self._results: dict[int, list[tuple[float, NDArray[np.uint8]]]] = {}
        self._model: tuple[ChoiceDensity, ChoiceDensity] | None = None
        self._model_epochs = 0

    def next_bracket(self) -> Bracket:
        """Return the next of Hyperband's brackets.

        Its candidates are drawn when they are proposed.
        """
        s, s_max = next(self._next_s), len(self.rungs) - 1
        return Bracket(self._candidates(), first_candidates(s, s_max, self.eta), self.rungs[s_max - s :], self.eta)

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Take a result to its bracket, and to those that the model is fitted to."""
        super().tell(proposal, value, seconds)
        results = self._results.setdefault(proposal.epochs, [])
        results.append((value, proposal.architecture))
        if proposal.epochs >= self._model_epochs and len(results) >= self.space.length + 3:
            self._model, self._model_epochs = None, proposal.epochs

    def _candidates(self) -> Iterator[NDArray[np.uint8]]:
        while True:
            random = not self._model_epochs or self.rng.random() < self.random_fraction
            promising = None if random else self._first_new(self._promising())
            if promising is None:
                rows = self.space.sample(self.rng, RANDOM_TRIES)
                promising = self._first_new(rows)
                promising = rows[0] if promising is None else promising
            yield promising

    def _promising(self) -> NDArray[np.uint8]:
        """Return rows drawn from the density of good ones, (M, L).

        The largest l / g comes first.
        """
        if self._model is None:
            self._model = self._fit(self._results[self._model_epochs])
        good, bad = self._model
        drawn = good.sample(self.rng, self.samples, self.bandwidth_factor)
        drawn = drawn[self.space.is_valid(drawn)]
        ranked: NDArray[np.uint8] = drawn[np.argsort(bad.log_density(drawn) - good.log_density(drawn), kind="stable")]
        return ranked

    def _first_new(self, rows: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """Return the first row whose network was not asked for yet, and note it.

        The shape is (L,); None if all were.
        """
        for row in rows:
            key = self._keys.get(row.tobytes())
            if key is None:
                key = self._keys[row.tobytes()] = int(self.space.canonical_key(row))
            if key not in self._asked:
                self._asked.add(key)
                return np.array(row)
        return None

    def _fit(self, results: list[tuple[float, NDArray[np.uint8]]]) -> tuple[ChoiceDensity, ChoiceDensity]:
        """Return l and g of eq. 3."""
        rows = np.array([row for _, row in sorted(results, key=lambda result: -result[0])])
        least = self.space.length + 1  # N_min
        good = max(least, int(self.good * len(rows)))  # N_l
        bad = max(least, len(rows) - good)  # N_g
        cardinalities = self.space.cardinalities
        return (
            ChoiceDensity(rows[:good], cardinalities, self.least_bandwidth),
            ChoiceDensity(rows[-bad:], cardinalities, self.least_bandwidth),
        )


class ChoiceDensity:
    """A density over rows of choices: the mean of product kernels.

    The kernels are those of Aitchison and Aitken (Biometrika 1976). At a position of c choices with bandwidth lambda,
    the kernel is ``1 - lambda`` for the choice of the datum and ``lambda / (c - 1)`` for each other. The bandwidths are
    those of the normal reference rule that BOHB's code takes from statsmodels, ``1.06 sigma N^(-1 / (4 + L))``. There
    sigma is the standard deviation of the choices' numbers; here it is that of choices without an order, ``sqrt((1 -
    sum of squared shares) / 2)``, as two choices that differ are 1 apart whatever their numbers. A bandwidth is at most
    ``(c - 1) / c``, where the kernel is uniform.

    Parameters
    ----------
    rows : (N, L) uint8
        The data, at least one row.
    cardinalities : (L,) int64
        c of each position.
    least_bandwidth : float
    """

    def __init__(self, rows: NDArray[np.uint8], cardinalities: NDArray[np.int64], least_bandwidth: float) -> None:
        self._rows, self._cardinalities = rows, cardinalities
        count, length = rows.shape
        squared_shares = np.array([np.square(np.bincount(column) / count).sum() for column in rows.T])
        sigma = np.sqrt(np.maximum(1 - squared_shares, 0) / 2)
        self._uniform = 1 - 1 / cardinalities
        ruled = np.maximum(1.06 * sigma * count ** (-1 / (4 + length)), least_bandwidth)
        self.bandwidths = np.minimum(ruled, self._uniform)
        """lambda of each position, (L,)."""
        self._kernels = []
        for column, choices, bandwidth in zip(rows.T, cardinalities.tolist(), self.bandwidths, strict=True):
            same = np.arange(choices)[:, None] == column
            self._kernels.append(np.where(same, 1 - bandwidth, bandwidth / max(choices - 1, 1)))

    def log_density(self, rows: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the log of the density of each row, (M, L), as (M,)."""
        products = self._kernels[0].take(rows[:, 0], axis=0)
        for kernel, column in zip(self._kernels[1:], rows.T[1:], strict=True):
            products *= kernel.take(column, axis=0)
        densities: NDArray[np.float64] = np.maximum(products.mean(axis=1), _SMALLEST)
        return np.log(densities)

    def sample(self, rng: np.random.Generator, n: int, bandwidth_factor: float) -> NDArray[np.uint8]:
        """Draw ``n`` rows from the density, (n, L) uint8.

        All bandwidths are multiplied by a factor.
        """
        rows = self._rows[(rng.random(n) * len(self._rows)).astype(np.int64)]
        change = rng.random(rows.shape) < np.minimum(bandwidth_factor * self.bandwidths, self._uniform)
        shifts = 1 + (rng.random(rows.shape) * (self._cardinalities - 1)).astype(np.int64)
        return np.where(change, (rows + shifts) % self._cardinalities, rows).astype(np.uint8)
