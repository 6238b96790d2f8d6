"""Learning curves in few numbers: what is learnt of an architecture is where its curve lies in a basis.

As in NAS-Bench-x11 (Yan et al., NeurIPS 2021, section 3): curves are compressed by a singular value decomposition, a
model predicts the coefficients, and the curve is read off them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_APART = 5
"""Up to so many epochs each is learnt for itself."""

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
        """Whether each epoch has a coefficient of its own."""
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
        """Return the coefficients that the epoch at this place depends on."""
        return [int(place) for place in np.flatnonzero(self.components[:, epoch])]
