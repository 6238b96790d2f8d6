"""How far a surrogate can be trusted: its predictions against networks it never saw."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.oracle import mean_of_known

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_ROWS = 3
"""A rank correlation of fewer rows than this says nothing."""


@dataclass(frozen=True)
class Score:
    """The scores of one measure on held-out architectures.

    Parameters
    ----------
    measure : str
        ``task/metric@epochs``.
    train, held_out : int
        Architectures fitted and held out.
    r2 : float
        Share of the held-out variance that is predicted.
    kendall_tau : float
        Rank correlation (tau-b) of prediction and mean over seeds.
    rmse : float
        In the measure's unit.
    coverage : float
        Share of the held-out trainings within 1.96 predicted spreads of the prediction; 0.95 if the spread is honest.
    seed_tau : float
        Rank correlation between the trainings of one seed and the mean of the others, averaged over seeds: how well the
        table predicts itself. NaN if it has one seed.
    """

    measure: str
    train: int
    held_out: int
    r2: float
    kendall_tau: float
    rmse: float
    coverage: float
    seed_tau: float


def score(
    measure: str, train: int, values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]
) -> Score:
    """Score the predictions of one measure.

    Parameters
    ----------
    measure : str
    train : int
        Architectures the model was fitted on.
    values : (N, S) float64
        Held-out trainings, NaN where missing; each row has at least one, and rows differ.
    mean, std : (N,) float64
        The predictions.
    """
    from scipy.stats import kendalltau

    truth = mean_of_known(values)
    residual = truth - mean
    measured = np.isfinite(values)
    inside = np.abs(values - mean[:, None])[measured] <= 1.96 * np.broadcast_to(std[:, None], values.shape)[measured]
    return Score(
        measure=measure,
        train=train,
        held_out=len(truth),
        r2=float(1 - (residual**2).sum() / ((truth - truth.mean()) ** 2).sum()),
        kendall_tau=float(kendalltau(truth, mean).statistic),
        rmse=float(np.sqrt((residual**2).mean())),
        coverage=float(inside.mean()),
        seed_tau=seed_tau(values),
    )


def seed_tau(values: NDArray[np.float64]) -> float:
    """Return Kendall's tau between one seed and the mean of the others, averaged over seeds.

    Parameters
    ----------
    values : (N, S) float64
        NaN where missing; for each seed the rows count that have it and at least one other.
    """
    from scipy.stats import kendalltau

    taus = []
    for seed in range(values.shape[1]):
        one, others = values[:, seed], mean_of_known(np.delete(values, seed, axis=1))
        both = np.isfinite(one) & np.isfinite(others)
        if both.sum() >= FEWEST_ROWS:
            taus.append(float(kendalltau(one[both], others[both]).statistic))
    return float(np.mean(taus)) if taus else math.nan


@dataclass(frozen=True)
class Scorecard:
    """The scores of a surrogate, one for each measure it was fitted on."""

    scores: tuple[Score, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one flat dictionary a measure, ready for a table or for JSON once NaN is None."""
        return [asdict(each) for each in self.scores]
