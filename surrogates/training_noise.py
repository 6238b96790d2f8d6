"""The noise of simulated trainings at every measure at once.

Measures are as alike as a table's trainings are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.spaces.hashing import combine, text_hash
from tabular.work import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_FACTORS = 16
"""Four do for three metrics after three epochs; for 24 measures of the table that is shipped it takes twelve to tell
that validation and test hang together at each epoch, for all its 84 some more."""

FAINT = 0.05
"""Factors without a loading beyond this are left to the measures' own noise."""

MOST_NUMBERS = 4_000_000
"""The most residuals that are used; of more trainings a part is drawn, which bounds time and memory."""

ROUNDS = 30
SETTLED = 0.01
"""The change of a share that ends the principal factor method, which takes at most `ROUNDS` rounds."""

ALIKE = 10
"""The correlations start out as if so many trainings had had the same noise at every measure."""


@dataclass(frozen=True)
class TrainingNoise:
    """Standard normal noise at M measures.

    It is ``z[m] = sum over r of loadings[m, r] * f[r] + own[m] * e[m]``.

    The factors f are shared by all measures of one training, and each measure has an e of its own; all are independent
    and standard normal. So two measures correlate by the product of their loadings.

    Parameters
    ----------
    loadings : (M, R) float64
    own : (M,) float64
        At least 0; with the squares of the loadings its square adds up to 1.
    """

    loadings: NDArray[np.float64]
    own: NDArray[np.float64]

    @classmethod
    def measure(cls, residuals: NDArray[np.float64]) -> TrainingNoise:
        """Find loadings by the principal factor method (Harman 1976, section 8.3) from correlations.

        A correlation takes all trainings that have both measures. It is drawn towards 1 as if `ALIKE` more were on
        record, so that where nothing was trained twice, noise is shared entirely: curves of simulated trainings are
        smooth, and what is picked by its validation accuracy has the same noise on test.

        Parameters
        ----------
        residuals : (K, M) float64
            Of each training, how far it lies from the mean over the seeds of its architecture in units of the noise;
            NaN where that is not known.
        """
        tells = np.zeros(len(residuals), dtype=bool)
        for column in residuals.T:  # one by one, as there may be many numbers
            tells |= np.isfinite(column) & (column != 0)  # a lone training lies 0 from its own mean
        rows = np.random.default_rng(0).permutation(np.flatnonzero(tells))
        residuals = residuals[np.sort(rows[: max(1, MOST_NUMBERS // max(1, residuals.shape[1]))])]
        residuals = np.where(np.isfinite(residuals), residuals, np.nan)
        scatters = (np.nan_to_num(residuals) != 0).any(axis=0)
        with one_thread():
            found = _principal_factors(_correlations(residuals[:, scatters]))
        loadings = np.zeros((residuals.shape[1], max(1, found.shape[1])))
        loadings[~scatters, 0] = 1
        loadings[scatters, : found.shape[1]] = found
        return cls(loadings, np.sqrt(np.maximum(0, 1 - (loadings**2).sum(axis=1))))

    def draw(self, draws: NDArray[np.uint64], measure: int) -> NDArray[np.float64]:
        """Return the noise of some trainings at one measure, standard normal.

        It depends on the number of the training and on the measure alone.

        Parameters
        ----------
        draws : (N,) uint64
            Numbers of trainings.
        measure : int
            From 0 to M - 1.

        Returns
        -------
        (N,) float64
        """
        from scipy.special import ndtri

        weights = [*self.loadings[measure], self.own[measure]]
        used = np.flatnonzero(weights)
        keys = np.append(self._factors, np.uint64(text_hash(f"measure {measure}")))[used]
        bits = combine(draws[None], keys[:, None]) >> np.uint64(11)
        terms = np.array(weights)[used, None] * ndtri((bits + 0.5) * 2.0**-53)
        # Summed one after the other, whereas the order of a plain sum may depend on the number of trainings.
        noise: NDArray[np.float64] = np.cumsum(terms, axis=0)[-1]
        return noise

    @cached_property
    def _factors(self) -> NDArray[np.uint64]:
        return np.array([text_hash(f"factor {number}") for number in range(self.loadings.shape[1])], dtype=np.uint64)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists."""
        return {"loadings": self.loadings.tolist(), "own": self.own.tolist()}

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> TrainingNoise:
        """Read what `to_json` returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not that.
        """
        loadings, own = (np.array(stated[name], dtype=np.float64) for name in ("loadings", "own"))
        if not np.allclose((loadings**2).sum(axis=1) + own**2, 1):
            raise ValueError("the squares of a measure's training noise do not add up to 1")
        return cls(loadings, own)


def _correlations(residuals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlations of all pairs of measures, (M, M), drawn towards 1.

    No mean is subtracted: over the seeds of an architecture it is 0 already.
    """
    there = np.isfinite(residuals).astype(np.float64)
    values = np.nan_to_num(residuals)
    pairs = there.T @ there
    squares = (values**2).T @ there
    products = values.T @ values
    sizes = np.sqrt(squares * squares.T)
    correlations = np.divide(products, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    drawn: NDArray[np.float64] = (pairs * correlations + ALIKE) / (pairs + ALIKE)
    return drawn


def _principal_factors(correlations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return loadings (M, R), the squares of each row adding up to at most 1."""
    from scipy.linalg import eigh

    measures = len(correlations)
    most = min(measures, MOST_FACTORS)
    loadings = np.ones((measures, most))
    shared = np.abs(correlations - np.eye(measures)).max(axis=1, initial=0)
    reduced = correlations.copy()
    for _ in range(ROUNDS if measures > 1 else 0):
        np.fill_diagonal(reduced, shared)
        sizes, directions = eigh(reduced, subset_by_index=(measures - most, measures - 1))
        loadings = (directions * np.sqrt(np.maximum(0, sizes)))[:, ::-1]
        before, shared = shared, np.minimum(1, (loadings**2).sum(axis=1))
        if np.abs(shared - before).max() < SETTLED:
            break
    # The method may overshoot 1 (a Heywood case), and leaves open which way round a factor is.
    loadings = loadings / np.sqrt(np.maximum(1, (loadings**2).sum(axis=1)))[:, None]
    loadings = np.where(loadings.sum(axis=0) < 0, -loadings, loadings)
    tells: NDArray[np.float64] = loadings[:, np.abs(loadings).max(axis=0, initial=0) > FAINT]
    return tells
