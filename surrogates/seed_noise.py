"""How far trainings of one architecture scatter that differ in nothing but their seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS_PER_LEVEL = 30
MOST_LEVELS = 10


class SeedNoise(NamedTuple):
    """The standard deviation between seeds as a function of the mean: weak networks scatter more than good ones.

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
