"""How many runs a difference takes to be seen."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.finals import need_two
from nasbench.analysis.significance import matched_gains
from tabular.errors import QueryError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results


def runs_needed(results: Results, alpha: float = 0.05, power: float = 0.8) -> pd.DataFrame:
    """Return how many runs a Wilcoxon signed-rank test takes to find the difference seen between two strategies.

    ``(z_a + z_b)^2 / (3 (p - 1/2)^2)`` runs (Noether 1987, "Sample size determination for some common nonparametric
    tests"), with p the probability that the sum of two runs' differences is positive, here its share among the runs
    there are; more where runs tie, which the test leaves out. A little too many for large effects. With few runs the
    effect itself is not well known, nor is this.

    Parameters
    ----------
    results : Results
    alpha : float
        Two-sided level of one test; for Holm over many pairs divide it by their number to be on the safe side.
    power : float
        Probability that the test finds the difference.

    Returns
    -------
    DataFrame
        Columns: strategy, other, effect (``2 p - 1``, from -1 to 1, positive if ``strategy`` is better, of the runs
        that do not tie; close to the rank-biserial correlation), runs_needed (float, infinite for no effect), runs (the
        matched ones that there are).

    Raises
    ------
    QueryError
        For one strategy, fewer than two shared seeds, or an alpha or power that is no probability.
    """
    import pandas as pd

    if not 0 < alpha < power < 1:
        raise QueryError(
            f"alpha and power are probabilities, alpha the lower, such as 0.05 and 0.8; got {alpha:g} and {power:g}"
        )
    rows = []
    for one, other in combinations(need_two(results, "a number of runs needed"), 2):
        gains, _ = matched_gains(results, one, other)
        apart = gains[gains != 0]
        effect = _effect(apart)
        needed = _needed(effect, alpha, power) * len(gains) / max(len(apart), 1)
        rows.append(
            {
                "strategy": one,
                "other": other,
                "effect": effect,
                "runs_needed": math.ceil(needed) if math.isfinite(needed) else math.inf,
                "runs": len(gains),
            }
        )
    frame: pd.DataFrame = pd.DataFrame(rows).astype({"runs_needed": float})
    return frame


def _effect(gains: NDArray[np.float64]) -> float:
    """Return how much more often the sum of two gains is positive than negative, from -1 to 1."""
    if len(gains) < 2:
        return float(np.sign(gains).sum())
    first, second = np.triu_indices(len(gains), 1)
    with np.errstate(invalid="ignore"):
        sums = gains[first] + gains[second]
    return float(np.sign(np.nan_to_num(sums, nan=0.0)).mean())  # two infinite ones of opposite sign cancel


def _needed(effect: float, alpha: float, power: float) -> float:
    from scipy.stats import norm

    if effect == 0:
        return math.inf
    noether = (norm.isf(alpha / 2) + norm.ppf(power)) ** 2 / (3 * (effect / 2) ** 2)
    least = 1 + math.log2(1 / alpha)  # of fewer runs not even all wins are significant
    return max(float(noether), least)
