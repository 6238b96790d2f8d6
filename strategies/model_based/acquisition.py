"""What makes a candidate worth a training, given what a model believes of it. All are to be maximised."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench.predictor import Belief

_SMALLEST = 1e-12
"""A standard deviation below this is taken for this, so that certainty divides by nothing."""


def expected_improvement(belief: Belief, best: float) -> NDArray[np.float64]:
    """Return by how much each candidate is expected to exceed the best, (N,) (Jones et al. 1998, eq. 15).

    Parameters
    ----------
    belief : Belief
        Of N candidates.
    best : float
        f_max, the best value so far.
    """
    std = np.maximum(belief.std, _SMALLEST)
    z = (belief.mean - best) / std
    return std * (z * _normal_cdf(z) + np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))


def upper_confidence_bound(belief: Belief, beta: float) -> NDArray[np.float64]:
    """Return mean + beta * std, (N,) (Srinivas et al. 2010)."""
    return belief.mean + beta * belief.std


def thompson_sample(belief: Belief, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a value for each candidate by itself, (N,) (independent Thompson sampling, White et al. 2021)."""
    return belief.mean + belief.std * rng.standard_normal(len(belief.mean))


def _normal_cdf(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    return np.asarray(ndtr(z), dtype=np.float64)
