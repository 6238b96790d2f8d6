"""Values of any signal made fit for a model that assumes normal ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a standard normal has at the same ranks, (N,): the quantile (rank - 1/2) / N, equal values sharing.

    A few networks that hardly learn lie far below all others, whose differences a model of the values themselves would
    take for noise. The authors of the algorithms take the logarithm of errors or costs, which not every signal has;
    ranks need no unit (a Gaussian copula, as Salinas, Shen and Perrone, ICML 2020, take).

    Parameters
    ----------
    values : (N,) float64
        At least one.
    """
    from scipy.special import ndtri

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = counts.cumsum() - counts / 2
    return np.asarray(ndtri(middle / len(values))[place.reshape(-1)], dtype=np.float64)
