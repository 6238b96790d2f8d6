"""Strategies ranked against one another, at the end and over the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.aggregation import aggregate
from nasbench.analysis.curves import run_curves
from nasbench.analysis.finals import final_blocks, need_two, shared_seeds
from nasbench.comparison.results import budget_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results


def rank_over_time(results: Results, grid: NDArray[np.float64] | None = None) -> pd.DataFrame:
    """Return the mean rank of each strategy at each point of a grid of the budget.

    Strategies are ranked seed by seed by their incumbents' reports: 1 is best, ties share the mean of their ranks, and
    one without a value loses to all that have one. Seeds count that all strategies have.

    Parameters
    ----------
    results : Results
        Of two strategies or more.
    grid : (G,) float64, optional
        In the budget's unit; by default `nasbench.comparison.results.budget_grid`.

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
