"""Kernel density estimates over rows of choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST = 1e-300
"""A density below this is taken for this, as products of many small kernels are 0 to a computer."""


class ChoiceDensity:
    """A density over rows of choices: the mean of product kernels of Aitchison and Aitken (Biometrika 1976).

    At a position of c choices with bandwidth lambda, the kernel is ``1 - lambda`` for the choice of the datum and
    ``lambda / (c - 1)`` for each other. The bandwidths are those of the normal reference rule that BOHB's code takes
    from statsmodels, ``1.06 sigma N^(-1 / (4 + L))``. There sigma is the standard deviation of the choices' numbers;
    here it is that of choices without an order, ``sqrt((1 - sum of squared shares) / 2)``, as two choices that differ
    are 1 apart whatever their numbers. A bandwidth is at most ``(c - 1) / c``, where the kernel is uniform.

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
        """Draw ``n`` rows from the density with all bandwidths multiplied by a factor, (n, L) uint8."""
        rows = self._rows[(rng.random(n) * len(self._rows)).astype(np.int64)]
        change = rng.random(rows.shape) < np.minimum(bandwidth_factor * self.bandwidths, self._uniform)
        shifts = 1 + (rng.random(rows.shape) * (self._cardinalities - 1)).astype(np.int64)
        return np.where(change, (rows + shifts) % self._cardinalities, rows).astype(np.uint8)
