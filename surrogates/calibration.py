"""Turning how far an ensemble's members differ into an honest standard deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FREEDOM = 8.0
"""Degrees of freedom of Student's t distribution: how little one row that is far off may do."""

NARROWER = 0.90089
"""The scale of that t distribution which fits standard normal numbers best, so that normal residuals keep their own."""

PRIOR = 1.0
"""The standard deviation of the logarithms of scale and floor around where they start, before any row was seen."""


@dataclass(frozen=True)
class Calibration:
    """The standard deviation of what a model does not know: ``sqrt((scale * doubt)**2 + floor**2)``.

    Parameters
    ----------
    scale : float
        How much too sure of themselves the members are: they share most of their rows, so they differ too little.
    floor : float
        What no member knows of, in the unit of the residuals.
    """

    scale: float
    floor: float

    def std(self, doubt: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard deviation, (N,), for the model's own doubt (N,)."""
        return np.hypot(self.scale * doubt, self.floor)

    @classmethod
    def fit(
        cls, residual: NDArray[np.float64], doubt: NDArray[np.float64], variance_of_mean: NDArray[np.float64]
    ) -> Calibration:
        """Find scale and floor under which rows held out are likeliest.

        The residuals follow Student's t distribution, whose tails leave room for the few rows that are far off (Lange,
        Little and Taylor 1989); its scale is such that normal residuals give their standard deviation. A weak prior,
        that doubt and floor contribute as much, decides where a few rows cannot.

        Parameters
        ----------
        residual : (N,) float64
            Truth minus prediction, of rows that the model did not see; N at least 1.
        doubt : (N,) float64
        variance_of_mean : (N,) float64
            Of the truth, as a mean over seeds: the squared seed noise divided by the number of seeds; 0 where unknown.
        """
        from scipy.optimize import minimize

        squares = residual**2
        size = float(np.sqrt(np.median(squares))) / 0.6745 or float(np.sqrt(squares.mean()))
        if size == 0:  # predicted to the last bit
            return cls(1.0, 0.0)
        typical = float(np.sqrt(np.mean(doubt**2))) or 1.0
        units = np.stack([(doubt / typical) ** 2, np.ones_like(doubt)])
        squares, known = squares / size**2, variance_of_mean / size**2

        def unlikeliness(logs: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            """Return minus the logarithm of the posterior, and its derivative, by those of scale and floor."""
            parts = 0.5 * np.exp(2 * logs)[:, None] * units
            variance = NARROWER**2 * (parts.sum(axis=0) + known)
            excess = squares / (FREEDOM * variance)
            value = 0.5 * np.log(variance).sum() + 0.5 * (FREEDOM + 1) * np.log1p(excess).sum()
            by_variance = 0.5 * (1 - (FREEDOM + 1) * excess / (1 + excess)) / variance
            slope = 2 * NARROWER**2 * (parts * by_variance).sum(axis=1)
            return value + 0.5 * (logs**2).sum() / PRIOR**2, slope + logs / PRIOR**2

        found = minimize(unlikeliness, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-5, 5)] * 2)
        scale, floor = size * np.sqrt(0.5) * np.exp(found.x)
        return cls(float(scale) / typical, float(floor))


def cross_calibrated(
    residual: NDArray[np.float64], doubt: NDArray[np.float64], variance_of_mean: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Return the standard deviation of each row, calibrated on rows it is not among, so that scores on them are honest.

    Parameters
    ----------
    residual, doubt, variance_of_mean : (N,) float64
        See `Calibration.fit`; N at least 2.
    seed : int
        Deals the rows into two halves.

    Returns
    -------
    (N,) float64
    """
    half = np.random.default_rng(seed).permutation(len(residual)) % 2 == 0
    std = np.empty(len(residual))
    for rows in (half, ~half):
        calibration = Calibration.fit(residual[~rows], doubt[~rows], variance_of_mean[~rows])
        std[rows] = calibration.std(doubt[rows])
    return std
