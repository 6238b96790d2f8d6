"""Tests of differences between strategies: Wilcoxon, Holm, Friedman, Nemenyi."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.curves import aggregate, run_curves
from nasbench.analysis.finals import final_blocks, final_scores, need_two, shared_seeds
from nasbench.comparison.results import budget_grid
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.analysis.finals import Blocks
    from nasbench.comparison.results import Results

FEW = 13
"""Up to so many runs p-values are exact even where sizes tie; scipy draws the line at the same place."""


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of equal ranks, with the critical difference of mean ranks.

    Parameters
    ----------
    statistic : float
        Chi-square, corrected for ties.
    p : float
    ranks : dict of str to float
        Mean rank of each strategy, 1 is best.
    blocks : int
        Runs of one result, or results, that strategies were ranked in.
    critical_difference : float
        Mean ranks that differ by as much differ significantly (Nemenyi).
    """

    statistic: float
    p: float
    ranks: dict[str, float]
    blocks: int
    critical_difference: float


def pairwise(results: Results) -> pd.DataFrame:
    """Return a Wilcoxon signed-rank test of the final report for each pair of strategies.

    Runs are matched by seed; those count that both strategies have. A run without a value loses to every number, by
    more than any other run does, and ties with its like. Two-sided; ties are left out of the test (Wilcoxon 1945), and
    where all runs tie p is 1.

    Returns
    -------
    DataFrame
        Columns: strategy, other, difference (median of the matched differences of which both ends are known, positive
        if ``strategy`` is better, whatever the report), p, p_holm (Holm 1979, over all pairs), wins, ties, losses (of
        ``strategy``), runs (matched), missing (of these, those where one or both have no value).

    Raises
    ------
    QueryError
        For one strategy, or if two have fewer than two seeds in common.
    """
    import pandas as pd
    from statsmodels.stats.multitest import multipletests

    rows = []
    for one, other in combinations(need_two(results, "the Wilcoxon signed-rank test"), 2):
        gains, missing = matched_gains(results, one, other)
        known = gains[np.isfinite(gains) & ~missing]
        ranks = signed_ranks(gains)
        rows.append(
            {
                "strategy": one,
                "other": other,
                "difference": float(np.median(known)) if len(known) else np.nan,
                "p": signed_rank_p(ranks),
                "wins": int((gains > 0).sum()),
                "ties": int((gains == 0).sum()),
                "losses": int((gains < 0).sum()),
                "runs": len(gains),
                "missing": int(missing.sum()),
            }
        )
    frame: pd.DataFrame = pd.DataFrame(rows)
    frame.insert(4, "p_holm", multipletests(frame["p"], method="holm")[1])
    return frame


def matched_gains(results: Results, one: str, other: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return by how much one strategy's final report is better than another's, run by run, matched by seed.

    Returns
    -------
    gains : (N,) float64
        Infinite where one end is not known, which loses, and 0 where neither is.
    missing : (N,) bool
        Where one or both ends are not known.

    Raises
    ------
    QueryError
        If fewer than two seeds are shared.
    """
    seeds, (ours, theirs) = shared_seeds(results, [one, other])
    if len(seeds) < 2:
        raise QueryError(
            f"a test of {one} against {other} needs two runs of each with the same seeds, and they share one; "
            "compare with more --runs"
        )
    ahead = final_scores(results, results.trials[one])[ours]
    behind = final_scores(results, results.trials[other])[theirs]
    missing = np.isinf(ahead) | np.isinf(behind)
    with np.errstate(invalid="ignore"):  # -inf less -inf, of no consequence
        return np.where(ahead == behind, 0.0, ahead - behind), missing


def signed_ranks(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks of the sizes of gains, each with its gain's sign.

    Those of 0 are not ranked and stay 0.

    Wilcoxon's test goes by these alone; unlike the gains, they are finite.
    """
    from scipy.stats import rankdata

    ranks, apart = np.zeros(len(gains)), gains != 0
    ranks[apart] = np.sign(gains[apart]) * rankdata(np.abs(gains[apart]))
    return ranks


def signed_rank_p(ranks: NDArray[np.float64]) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test of `signed_ranks`: scipy's, at once for few runs.

    Up to `FEW` runs all signs are gone through, which scipy does as well where sizes tie, but one by one.
    """
    from scipy.stats import wilcoxon

    if not ranks.any():
        return 1.0
    if len(ranks) > FEW:
        return float(wilcoxon(ranks).pvalue)
    apart = ranks[ranks != 0]
    signs = 1 - 2 * (np.arange(2 ** len(apart))[:, None] >> np.arange(len(apart)) & 1)
    sums = signs @ np.abs(apart)
    return float((np.abs(sums) >= abs(apart.sum()) - 1e-9).mean())


def not_worse(
    results: Results, alpha: float = 0.05, center: str = "mean", *, tests: pd.DataFrame | None = None
) -> list[str]:
    """Return the strategy with the best final report, and those that are not significantly worse than it.

    Worse is what loses to the best with ``p_holm < alpha`` in `pairwise`. A strategy of which no run has a value is
    not among them.

    Parameters
    ----------
    results : Results
        Of a single strategy, it is the best.
    alpha : float
    center : str
        Of a strategy's known final reports, to choose the best by: ``mean``, ``median`` or ``iqm``.
    tests : DataFrame, optional
        `pairwise` of the results, where it is at hand.

    Returns
    -------
    list of str
        The best first, the others in the results' order.

    Raises
    ------
    QueryError
        As `pairwise`.
    """
    check_alpha(alpha)
    sign, middle = results.report_metric.sign, {}
    for name, trials in results.trials.items():
        value = aggregate(trials.report[trials.last][:, None], center)[0][0]
        if np.isfinite(value):
            middle[name] = sign * value
    if not middle:
        return []
    best = max(middle, key=lambda name: middle[name])
    if len(results.trials) == 1:
        return [best]
    tests = pairwise(results) if tests is None else tests
    significant = tests[tests["p_holm"] < alpha]
    pairs = set(zip(significant["strategy"], significant["other"], strict=True))
    worse = {
        name
        for name in middle
        if {(best, name), (name, best)} & pairs and signed_ranks(matched_gains(results, best, name)[0]).sum() > 0
    }
    return [best, *(name for name in middle if name not in {best, *worse})]


def friedman(results: Results | Sequence[Results], alpha: float = 0.05) -> Friedman:
    """Return Friedman's test of three strategies or more, and Nemenyi's critical difference (Demsar 2006).

    Parameters
    ----------
    results : Results or sequence of Results
        Of one, its runs, matched by seed, are the blocks that strategies are ranked in; of several, each result is one
        block, in which strategies are ranked by the median over their runs. One without a value comes last.
    alpha : float
        Of the critical difference: ``q * sqrt(k (k + 1) / (6 N))`` for k strategies in N blocks, q the quantile of the
        studentized range divided by the root of 2.

    Raises
    ------
    QueryError
        For fewer than three strategies or two blocks.
    """
    from scipy.stats import friedmanchisquare, studentized_range

    check_alpha(alpha)
    blocks = _several_blocks(results, "Friedman's test")
    count, strategies = blocks.scores.shape
    if strategies < 3:
        raise QueryError(
            f"Friedman's test needs three strategies, and there are {' and '.join(blocks.strategies)} only; "
            "two are compared by pairwise, the Wilcoxon signed-rank test"
        )
    ranks = ranked(blocks.scores)
    statistic, p = 0.0, 1.0  # what the test tends to where all strategies tie in every block, which it cannot tell of
    if (np.ptp(ranks, axis=1) > 0).any():
        statistic, p = map(float, friedmanchisquare(*ranks.T))
    quantile = float(studentized_range.ppf(1 - alpha, strategies, np.inf)) / np.sqrt(2)
    distance = float(quantile * np.sqrt(strategies * (strategies + 1) / (6 * count)))
    return Friedman(
        statistic, p, dict(zip(blocks.strategies, ranks.mean(axis=0).tolist(), strict=True)), count, distance
    )


def nemenyi(results: Results | Sequence[Results]) -> pd.DataFrame:
    """Return the p-values of Nemenyi's test, which follows Friedman's: for each two strategies, on the same blocks.

    Returns
    -------
    DataFrame
        Square and symmetric, strategies as rows and columns; 1 on the diagonal.

    Raises
    ------
    QueryError
        For fewer than two strategies or two blocks.
    """
    import pandas as pd
    from scikit_posthocs import posthoc_nemenyi_friedman

    blocks = _several_blocks(results, "Nemenyi's test")
    table = posthoc_nemenyi_friedman(pd.DataFrame(ranked(blocks.scores)))
    frame: pd.DataFrame = table.set_axis(blocks.strategies, axis=0).set_axis(blocks.strategies, axis=1)
    return frame


def _several_blocks(results: Results | Sequence[Results], purpose: str) -> Blocks:
    blocks = final_blocks(results, purpose)
    if len(blocks.scores) < 2:
        raise QueryError(
            f"{purpose} needs two runs with the same seeds, or two results, and there is one; compare with more --runs"
        )
    return blocks


def check_alpha(alpha: float) -> None:
    """Refuse a level of significance that is not between 0 and 1.

    Raises
    ------
    QueryError
    """
    if not 0 < alpha < 1:
        raise QueryError(f"a level of significance is between 0 and 1, such as 0.05; got alpha {alpha:g}")


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


def rank_over_time(results: Results, grid: NDArray[np.float64] | None = None) -> pd.DataFrame:
    """Return the mean rank of each strategy at each point of a grid of the budget.

    Strategies are ranked seed by seed by their incumbents' reports: 1 is best, ties share the mean of their ranks, and
    one without a value loses to all that have one. Seeds count that all strategies have.

    Parameters
    ----------
    results : Results
        Of two strategies or more.
    grid : (G,) float64, optional
        In the budget's unit; by default `nasbench.comparison.steps.budget_grid`.

    Returns
    -------
    DataFrame
        Columns: strategy, spent (in the budget's unit), rank, low and high (one standard error, NaN for a single run),
        runs (seeds at which any strategy had a value by then; without one the rank is NaN).

    Raises
    ------
    QueryError
        For one strategy, or if no seed is shared by all.
    """
    import pandas as pd

    names = need_two(results, "a rank over time")
    _, places = shared_seeds(results, names)
    grid = budget_grid(results) if grid is None else np.asarray(grid, dtype=np.float64)
    sign = results.report_metric.sign
    scores = np.stack(
        [sign * run_curves(results, name, "report", grid)[place] for name, place in zip(names, places, strict=True)],
        axis=-1,
    )
    ranks = ranked(np.where(np.isnan(scores), -np.inf, scores))
    ranks[np.isnan(scores).all(axis=-1)] = np.nan
    frames: list[pd.DataFrame] = []
    for i, name in enumerate(names):
        rank, low, high = aggregate(ranks[:, :, i], "mean", "error")
        runs = np.isfinite(ranks[:, :, i]).sum(axis=0)
        frames.append(
            pd.DataFrame({"strategy": name, "spent": grid, "rank": rank, "low": low, "high": high, "runs": runs})
        )
    return pd.concat(frames, ignore_index=True)


def final_ranks(results: Results | Sequence[Results]) -> pd.DataFrame:
    """Return the mean rank of each strategy at the end, as `nasbench.analysis.significance.friedman` takes it.

    Parameters
    ----------
    results : Results or sequence of Results
        Of one, strategies are ranked seed by seed; of several, by their medians in each.

    Returns
    -------
    DataFrame
        Columns: strategy, rank (1 is best).

    Raises
    ------
    QueryError
        For fewer than two strategies (that all results have), or if their runs share no seed.
    """
    import pandas as pd

    blocks = final_blocks(results, "a rank")
    frame: pd.DataFrame = pd.DataFrame({"strategy": blocks.strategies, "rank": ranked(blocks.scores).mean(axis=0)})
    return frame


def ranked(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks along the last axis of scores to be maximised: 1 is best, ties share the mean of their ranks."""
    from scipy.stats import rankdata

    ranks: NDArray[np.float64] = rankdata(-scores, axis=-1)
    return ranks
