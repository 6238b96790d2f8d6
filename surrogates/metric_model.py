"""What predicts one metric after any of some epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from surrogates.calibration import Calibration
    from surrogates.curves import CurveBasis
    from surrogates.inputs import Inputs
    from surrogates.models.regressor import Regressor
    from surrogates.seed_noise import SeedNoise
    from surrogates.targets import Target
    from tabular.measures import Metric


class Learnt(NamedTuple):
    """What is expected of some architectures in the scale that was learnt, each ``(N,)`` float64.

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
    """What turns predictions for one space into those for another: ``offset + slope * prediction``."""

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
        Of what is learnt, over ``epochs``.
    regressors : tuple of Regressor
        One a coefficient.
    noises : tuple of (SeedNoise or None)
        After each of the epochs; None where the table has no two trainings of an architecture.
    calibrations : tuple of Calibration
        Of the doubt, after each of the epochs.
    corrections : tuple of Correction
        After each of the epochs; see `surrogates.transferring`.
    trainings : float
        How many trainings the means that were learnt are of, on average.
    agreement : (E, E) float64
        How single trainings of networks held out lay off their predictions, correlated over the epochs.
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
    agreement: NDArray[np.float64]

    def predict(self, inputs: Inputs, epochs: int) -> Learnt:
        """Predict what is learnt after one of the epochs."""
        epoch = self.epochs.index(epochs)
        mean, raw = self.estimate(inputs, epoch)
        doubt, noise = self.calibrations[epoch].std(raw), self.noise(mean, epoch)
        return Learnt(self.expected(mean, doubt, noise), doubt, noise)

    def expected(
        self, mean: NDArray[np.float64], doubt: NDArray[np.float64], noise: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what stands for the metric's own mean, where that of the regressors is one of logarithms.

        Learnt were logarithms of means over few trainings. These scatter around what is predicted by doubt and noise,
        and the mean of a logarithm is not the logarithm of the mean (Duan 1983 calls the way back retransformation).
        """
        return mean - self.target.shifted(np.hypot(doubt, noise / np.sqrt(self.trainings)))

    def noise(self, mean: NDArray[np.float64], epoch: int) -> NDArray[np.float64]:
        """Return the standard deviation between trainings that come to these means after the epoch at this place."""
        noise = self.noises[epoch]
        return np.zeros_like(mean) if noise is None else noise.at(mean)

    def metric_noise(self, learnt: Learnt, epochs: int) -> NDArray[np.float64]:
        """Return the noise of what was predicted after some epochs in the metric's own scale, NaN where unknown."""
        if self.noises[self.epochs.index(epochs)] is None:
            return np.full(len(learnt.mean), np.nan)
        return self.target.slope(learnt.mean) * learnt.noise

    def estimate(self, inputs: Inputs, epoch: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean and the doubt, not calibrated, after the epoch at this place."""
        mean = np.full(len(inputs), self.basis.offset[epoch])
        variance = np.zeros(len(inputs))
        for place in self.basis.used(epoch):
            weight = self.basis.components[place, epoch]
            estimate = inputs.estimate(self.regressors[place])
            mean += weight * estimate.mean
            variance += (weight * estimate.doubt) ** 2
        offset, slope = self.corrections[epoch]
        return offset + slope * mean, abs(slope) * np.sqrt(variance)
