"""A model of one metric at every fitted epoch, and the parts it is made of.

These are the scale that a metric is fitted in, a basis of its learning curves, the noise between seeds, and the
calibration of what the regressors do not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from surrogates.features import Inputs
    from surrogates.models.regressor import Regressor
    from tabular.measures import Metric


FLOOR = 0.001
"""The number added to errors, so that a perfect accuracy has a logarithm, too."""


class Target:
    """A rising function of a metric in which differences mean the same everywhere.

    Accuracies and errors are fitted as the logarithm of the error: a step from 94 to 95 % weighs as much as one from 70
    to 75 %, and a failed training does not outweigh all others. Times and other positive costs are fitted as their
    logarithm, as they span a wide range; anything else as it is.

    Parameters
    ----------
    kind : str
        ``log_accuracy``, ``log_error``, ``log`` or ``plain``.
    """

    KINDS = ("log_accuracy", "log_error", "log", "plain")

    def __init__(self, kind: str) -> None:
        if kind not in self.KINDS:
            raise ValueError(f"a target is one of {', '.join(self.KINDS)}, got {kind!r}")
        self.kind = kind

    @classmethod
    def of(cls, metric: Metric, values: NDArray[np.float64]) -> Target:
        """Return the scale that suits a metric with these values (NaN where missing)."""
        if metric.unit == "fraction":
            return cls("log_accuracy" if metric.direction == "maximize" else "log_error")
        return cls("log" if bool((values[np.isfinite(values)] > 0).all()) else "plain")

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring values of the metric to the fitted scale."""
        if self.kind == "log_accuracy":
            return -np.log(1 - values + FLOOR)
        if self.kind == "log_error":
            return np.log(values + FLOOR)
        return np.log(values) if self.kind == "log" else values

    def unscaled(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring values of the fitted scale back to the metric, within what it can be."""
        if self.kind == "log_accuracy":
            return np.clip(1 + FLOOR - np.exp(-scaled), 0, 1)
        if self.kind == "log_error":
            return np.clip(np.exp(scaled) - FLOOR, 0, 1)
        return np.exp(scaled) if self.kind == "log" else scaled

    def slope(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how much the metric changes with its scaled value: the first-order factor of a spread."""
        if self.kind == "log_accuracy":
            return np.exp(-scaled)
        return np.ones_like(scaled) if self.kind == "plain" else np.exp(scaled)

    def shifted(self, spread: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what to add to a draw of this standard deviation, so that the metric has the mean of no draw at all.

        The mean of exp(x) exceeds exp of the mean by half the variance of a normal x (log-normal distribution).
        """
        if self.kind == "plain":
            return np.zeros_like(spread)
        half = 0.5 * spread**2
        return half if self.kind == "log_accuracy" else -half


MOST_APART = 5
"""Up to so many epochs, each has a coefficient of its own."""

MOST_COMPONENTS = 6
EXPLAINED = 0.999
"""Components are taken until they explain so much of the variance of the curves, or `MOST_COMPONENTS` are."""


class CurveBasis(NamedTuple):
    """Curves over E epochs as K coefficients.

    Parameters
    ----------
    offset : (E,) float64
    components : (K, E) float64
        A curve is ``offset + coefficients @ components``.
    """

    offset: NDArray[np.float64]
    components: NDArray[np.float64]

    @classmethod
    def fit(cls, curves: NDArray[np.float64]) -> CurveBasis:
        """Find a basis for curves.

        Parameters
        ----------
        curves : (N, E) float64
            Rows with a NaN are left out.
        """
        epochs = curves.shape[1]
        whole = curves[np.isfinite(curves).all(axis=1)]
        if epochs <= MOST_APART or len(whole) < 2:
            return cls(np.zeros(epochs), np.eye(epochs))
        offset = whole.mean(axis=0)
        _, sizes, directions = np.linalg.svd(whole - offset, full_matrices=False)
        explained = np.cumsum(sizes**2) / max((sizes**2).sum(), np.finfo(float).tiny)
        count = min(int(np.searchsorted(explained, EXPLAINED)) + 1, MOST_COMPONENTS, len(sizes))
        return cls(offset, directions[:count])

    @classmethod
    def constant(cls, epochs: int) -> CurveBasis:
        """Return the basis of curves that never change: costs."""
        return cls(np.zeros(epochs), np.full((1, epochs), epochs**-0.5))

    def standardised(self, coefficients: NDArray[np.float64]) -> CurveBasis:
        """Return this basis in units in which these coefficients, (N, K), have mean 0 and standard deviation 1.

        XGBoost would not split for gains below an absolute size, whatever the target's.
        """
        centre, unit = np.nanmean(coefficients, axis=0), np.nanstd(coefficients, axis=0)
        unit = np.where(unit > 0, unit, 1)
        return CurveBasis(self.offset + centre @ self.components, unit[:, None] * self.components)

    @property
    def apart(self) -> bool:
        """True if each epoch has a coefficient of its own."""
        return len(self.components) == len(self.offset)

    def coefficients(self, curves: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the coefficients, (N, K), of curves (N, E); NaN where one needs an epoch that is NaN."""
        sizes = (self.components**2).sum(axis=1)
        if self.apart:  # each epoch by itself, as another may be missing
            apart: NDArray[np.float64] = (curves - self.offset) * self.components.sum(axis=1) / sizes
            return apart
        coefficients: NDArray[np.float64] = (curves - self.offset) @ self.components.T / sizes
        return coefficients

    def used(self, epoch: int) -> list[int]:
        """Return the coefficients that the epoch at this index depends on."""
        return [int(index) for index in np.flatnonzero(self.components[:, epoch])]


ROWS_PER_LEVEL = 30
MOST_LEVELS = 10


class SeedNoise(NamedTuple):
    """The standard deviation between seeds as a function of the mean.

    Weak networks scatter more than good ones.

    Parameters
    ----------
    levels : tuple of float
        Means, ascending.
    stds : tuple of float
        The standard deviation between seeds at each; linear in between, constant beyond.
    """

    levels: tuple[float, ...]
    stds: tuple[float, ...]

    @classmethod
    def measure(cls, values: NDArray[np.float64]) -> SeedNoise | None:
        """Pool the variance between seeds over architectures of like mean.

        Parameters
        ----------
        values : (N, S) float64
            NaN where a training is missing.

        Returns
        -------
        SeedNoise or None
            None if no architecture was trained twice: then nothing is known of the noise.
        """
        repeated = values[np.isfinite(values).sum(axis=1) >= 2]
        if not len(repeated):
            return None
        means, variances = np.nanmean(repeated, axis=1), np.nanvar(repeated, axis=1, ddof=1)
        order = np.argsort(means, kind="stable")
        groups = np.array_split(order, min(MOST_LEVELS, max(1, len(order) // ROWS_PER_LEVEL)))
        return cls(
            tuple(float(means[group].mean()) for group in groups),
            tuple(float(np.sqrt(variances[group].mean())) for group in groups),
        )

    def at(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard deviation between seeds of architectures with these means, ``(N,)``."""
        return np.interp(means, self.levels, self.stds)


FREEDOM = 8.0
"""Degrees of freedom of Student's t distribution: how little one row that is far off may do."""

NARROWER = 0.90089
"""The scale of that t distribution which fits standard normal numbers best, so that normal residuals keep their own."""

PRIOR = 1.0
"""The standard deviation of the logarithms of scale and floor around where they start, before any row was seen."""


@dataclass(frozen=True)
class Calibration:
    """The standard deviation of a model's error.

    It is ``sqrt((scale * doubt)**2 + floor**2)``.

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


class ScaledPrediction(NamedTuple):
    """Predictions in the fitted scale, each ``(N,)`` float64.

    Parameters
    ----------
    mean : array
        Over trainings.
    doubt : array
        The standard deviation of what the model does not know.
    noise : array
        The standard deviation between trainings; 0 where the table cannot tell it.
    """

    mean: NDArray[np.float64]
    doubt: NDArray[np.float64]
    noise: NDArray[np.float64]


class Correction(NamedTuple):
    """A line from predictions for one space to those for another.

    It is ``offset + slope * prediction``.
    """

    offset: float = 0.0
    slope: float = 1.0


@dataclass(frozen=True)
class MetricModel:
    """Regressors of the coefficients of a metric's curves.

    Parameters
    ----------
    metric : Metric
    epochs : tuple of int
    target : Target
    basis : CurveBasis
        Of curves over ``epochs`` in the fitted scale.
    regressors : tuple of Regressor
        One a coefficient.
    noises : tuple of (SeedNoise or None)
        After each of the epochs; None where the table has no two trainings of an architecture.
    calibrations : tuple of Calibration
        Of the doubt, after each of the epochs.
    corrections : tuple of Correction
        After each of the epochs; see `surrogates.transferring`.
    trainings : float
        The number of trainings that the fitted means are of, on average.
    """

    metric: Metric
    epochs: tuple[int, ...]
    target: Target
    basis: CurveBasis
    regressors: tuple[Regressor, ...]
    noises: tuple[SeedNoise | None, ...]
    calibrations: tuple[Calibration, ...]
    corrections: tuple[Correction, ...]
    trainings: float

    def predict(self, inputs: Inputs, epochs: int) -> ScaledPrediction:
        """Predict the metric after one of the epochs, in the fitted scale."""
        epoch = self.epochs.index(epochs)
        mean, raw = self.estimate(inputs, epoch)
        doubt, noise = self.calibrations[epoch].std(raw), self.noise(mean, epoch)
        return ScaledPrediction(self.expected(mean, doubt, noise), doubt, noise)

    def expected(
        self, mean: NDArray[np.float64], doubt: NDArray[np.float64], noise: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the scaled value of the metric's mean, where that of the regressors is a mean of logarithms.

        Fitted were logarithms of means over few trainings. These scatter around what is predicted by doubt and noise,
        and the mean of a logarithm is not the logarithm of the mean (Duan 1983 calls the way back retransformation).
        """
        return mean - self.target.shifted(np.hypot(doubt, noise / np.sqrt(self.trainings)))

    def noise(self, mean: NDArray[np.float64], epoch: int) -> NDArray[np.float64]:
        """Return the standard deviation between trainings that come to these means after the epoch at this index."""
        noise = self.noises[epoch]
        return np.zeros_like(mean) if noise is None else noise.at(mean)

    def metric_noise(self, scaled: ScaledPrediction, epochs: int) -> NDArray[np.float64]:
        """Return the noise of what was predicted after some epochs in the metric's own scale, NaN where unknown."""
        if self.noises[self.epochs.index(epochs)] is None:
            return np.full(len(scaled.mean), np.nan)
        return self.target.slope(scaled.mean) * scaled.noise

    def estimate(self, inputs: Inputs, epoch: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean and the doubt, not calibrated, after the epoch at this index."""
        mean = np.full(len(inputs), self.basis.offset[epoch])
        variance = np.zeros(len(inputs))
        for index in self.basis.used(epoch):
            weight = self.basis.components[index, epoch]
            estimate = inputs.once(self.regressors[index].predict)
            mean += weight * estimate.mean
            variance += (weight * estimate.doubt) ** 2
        offset, slope = self.corrections[epoch]
        return offset + slope * mean, abs(slope) * np.sqrt(variance)
