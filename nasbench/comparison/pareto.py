"""Fronts of several measures and how good they are; of all measures more is better."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def non_dominated(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows no other row equals or beats in all measures and beats in one, (N,)."""
    import moocore

    return np.asarray(moocore.is_nondominated(values, maximise=True, keep_weakly=True), dtype=bool)


def hypervolume(values: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the volume between a front, (N, M), and a point, (M,), that is worse in every measure."""
    import moocore

    return float(moocore.hypervolume(values, ref=reference, maximise=True))


def igd_plus(values: NDArray[np.float64], front: NDArray[np.float64]) -> float:
    """Return the mean distance IGD+ of a front, (K, M), to the values, (N, M), found."""
    import moocore

    return float(moocore.igd_plus(values, ref=front, maximise=True))
