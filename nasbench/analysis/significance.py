"""Which differences between strategies are more than chance: Wilcoxon, Holm, Friedman and Nemenyi."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.aggregation import aggregate
from nasbench.analysis.finals import final_blocks, final_scores, need_two, shared_seeds
from nasbench.analysis.ranks import ranked
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
    """Friedman's test of whether strategies rank alike, with the distance of mean ranks that matters.

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
    """Return the ranks of the sizes of gains, each with its gain's sign; those of 0 are not ranked and stay 0.

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


def not_worse(results: Results, alpha: float = 0.05, center: str = "mean") -> list[str]:
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

    Returns
    -------
    list of str
        The best first, the others in the results' order.

    Raises
    ------
    QueryError
        As `pairwise`.
    """
    _check_alpha(alpha)
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
    tests = pairwise(results)
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

    _check_alpha(alpha)
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


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise QueryError(f"a level of significance is between 0 and 1, such as 0.05; got alpha {alpha:g}")
