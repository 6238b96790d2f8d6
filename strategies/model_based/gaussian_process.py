"""Exact regression with Gaussian processes.

Algorithm 2.1 of Rasmussen and Williams, Gaussian Processes for Machine Learning (2006).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strategies.predictor import Belief
from tabular.work import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strategies.model_based.kernels import Kernel

NOISES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""The grid of the variance of the noise, in parts of that of the signal."""

TRIES = 20
"""The settings of the hyperparameters that one fit tries."""

GROWTH = 1.1
"""The factor by which the results must have grown before hyperparameters are looked at again."""


class _Factors(NamedTuple):
    """The factors of a fit: L, alpha, scale of the signal, likelihood.

    L L^T = R + noise I, alpha = (R + noise I)^-1 y.
    """

    lower: NDArray[np.float64]
    alpha: NDArray[np.float64]
    signal: float
    likelihood: float


class GaussianProcess:
    """A Gaussian process: y = mean + signal * (f + noise), f ~ GP(0, kernel).

    Targets are standardised. The variance of the signal is the one of greatest marginal likelihood, which has a closed
    form. The noise and the kernel's hyperparameters lie on grids; a fit moves one of them at a time to a neighbouring
    value where that raises the marginal likelihood (eq. 5.8), going round from where the last fit stopped.

    Parameters
    ----------
    kernel : Kernel
        Used by this process alone.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._grids = (*kernel.grids, NOISES)
        self._indices = [*kernel.start, len(NOISES) // 2]
        self._turn = 0
        self._known = 0
        self._due = 0.0

    @property
    def theta(self) -> tuple[float, ...]:
        """The kernel's hyperparameters, then the noise."""
        return tuple(grid[index] for grid, index in zip(self._grids, self._indices, strict=True))

    def fit(self, architectures: NDArray[np.uint8], values: NDArray[np.float64]) -> None:
        """Fit the process.

        Parameters
        ----------
        architectures : (N, L) uint8
            At least one; first those of the fit before, in the same order.
        values : (N,) float64
            Finite.
        """
        with one_thread():
            self._fit(architectures, values)

    def _fit(self, architectures: NDArray[np.uint8], values: NDArray[np.float64]) -> None:
        if len(architectures) > self._known:
            self._kernel.add(architectures[self._known :])
            self._known = len(architectures)
        self._mean, self._scale = float(values.mean()), float(values.std()) or 1.0
        self._targets = (values - self._mean) / self._scale
        self._factors = self._factorise(self.theta)
        if len(values) >= self._due and self._targets.any():
            self._choose_theta()
            self._due = GROWTH * len(values)

    def _choose_theta(self) -> None:
        for _ in range(TRIES):
            which, step = divmod(self._turn, 2)
            self._turn = (self._turn + 1) % (2 * len(self._grids))
            index = self._indices[which] + 2 * step - 1
            if not 0 <= index < len(self._grids[which]):
                continue
            before, self._indices[which] = self._indices[which], index
            factors = self._factorise(self.theta)
            if factors.likelihood > self._factors.likelihood:
                self._factors = factors
            else:
                self._indices[which] = before

    def _factorise(self, theta: tuple[float, ...]) -> _Factors:
        from scipy.linalg.lapack import dpotrf, dpotrs

        matrix = self._kernel.gram(theta[:-1])
        matrix[np.diag_indices_from(matrix)] += theta[-1]
        lower, _ = dpotrf(matrix, lower=True, clean=True)  # Alg. 2.1, line 2
        alpha, _ = dpotrs(lower, self._targets, lower=True)  # line 3
        number = len(alpha)
        variance = max(float(self._targets @ alpha) / number, 1e-12)
        log_determinant = 2 * float(np.log(lower.diagonal()).sum())
        likelihood = -0.5 * (number * (math.log(2 * math.pi * variance) + 1) + log_determinant)  # line 7, eq. 2.30
        return _Factors(lower, alpha, math.sqrt(variance), likelihood)

    @property
    def log_marginal_likelihood(self) -> float:
        """The log p(y | X, theta) of the standardised targets, eq. 2.30."""
        return self._factors.likelihood

    def predict(self, architectures: NDArray[np.uint8]) -> Belief:
        """Return the distribution of f, without noise, at architectures, (M, L) uint8."""
        from scipy.linalg.blas import dtrsm

        lower, alpha, signal, _ = self._factors
        with one_thread():
            cross = self._kernel.cross(architectures, self.theta[:-1])
            mean = self._mean + self._scale * (cross @ alpha)  # line 4, eq. 2.25
            v = dtrsm(1.0, lower, cross.T, lower=True)  # line 5
        variance = np.maximum(1.0 - np.einsum("nm,nm->m", v, v), 0.0)  # line 6, eq. 2.26
        return Belief(mean, self._scale * signal * np.sqrt(variance))
