"""The scale in which a metric is learnt, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tabular.measures import Metric

FLOOR = 0.001
"""Of errors, so that a perfect accuracy has a logarithm, too."""


class Target:
    """A rising function of a metric's values, in which differences mean the same everywhere.

    Accuracies and errors are learnt as the logarithm of the error: a step from 94 to 95 % weighs as much as one from 70
    to 75 %, and a failed training does not outweigh all others. Times and other positive costs are learnt as their
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

    def learnt(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn values of the metric into what is learnt."""
        if self.kind == "log_accuracy":
            return -np.log(1 - values + FLOOR)
        if self.kind == "log_error":
            return np.log(values + FLOOR)
        return np.log(values) if self.kind == "log" else values

    def metric(self, learnt: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn back what was learnt, within what the metric can be."""
        if self.kind == "log_accuracy":
            return np.clip(1 + FLOOR - np.exp(-learnt), 0, 1)
        if self.kind == "log_error":
            return np.clip(np.exp(learnt) - FLOOR, 0, 1)
        return np.exp(learnt) if self.kind == "log" else learnt

    def slope(self, learnt: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how much the metric changes with what is learnt: the first-order factor of a spread."""
        if self.kind == "log_accuracy":
            return np.exp(-learnt)
        return np.ones_like(learnt) if self.kind == "plain" else np.exp(learnt)

    def shifted(self, spread: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what to add to a draw of this standard deviation, so that the metric has the mean of no draw at all.

        The mean of exp(x) exceeds exp of the mean by half the variance of a normal x (log-normal distribution).
        """
        if self.kind == "plain":
            return np.zeros_like(spread)
        half = 0.5 * spread**2
        return half if self.kind == "log_accuracy" else -half
