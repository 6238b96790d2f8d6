"""What runs ended with, and the same of several strategies side by side, run by run or result by result."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench.comparison.results import Results
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.trials import Trials


class Blocks(NamedTuple):
    """What strategies reached under equal conditions, to be ranked block by block.

    Parameters
    ----------
    strategies : list of str
    scores : (B, S) float64
        To be maximised, whatever the report; ``-inf`` where it is not known, which loses to every number.
    """

    strategies: list[str]
    scores: NDArray[np.float64]


def finals(results: Results) -> pd.DataFrame:
    """Return the last incumbent of each run.

    Returns
    -------
    DataFrame
        Columns: strategy, run (its seed), report and regret (inference regret). NaN where a run found nothing valid or
        a measure is not known.
    """
    import pandas as pd

    frames: list[pd.DataFrame] = [
        pd.DataFrame(
            {
                "strategy": name,
                "run": trials.seeds,
                "report": trials.report[trials.last],
                "regret": results.regret(trials)[trials.last],
            }
        )
        for name, trials in results.trials.items()
    ]
    return pd.concat(frames, ignore_index=True)


def final_scores(results: Results, trials: Trials) -> NDArray[np.float64]:
    """Return the last incumbent's report of each run, (R,), to be maximised; ``-inf`` where it is not known."""
    final = results.report_metric.sign * trials.report[trials.last]
    return np.where(np.isnan(final), -np.inf, final)


def shared_seeds(results: Results, strategies: Sequence[str]) -> tuple[NDArray[np.int64], list[NDArray[np.intp]]]:
    """Return the seeds that all of some strategies have, (N,), and where each strategy's runs with them are, (N,) each.

    Raises
    ------
    QueryError
        If no seed is shared.
    """
    seeds = results.trials[strategies[0]].seeds
    for name in strategies[1:]:
        seeds = np.intersect1d(seeds, results.trials[name].seeds)
    if not len(seeds):
        listed = [f"{name} ({_span(results.trials[name].seeds)})" for name in strategies[:4]]
        more = f" and {len(strategies) - 4} more" if len(strategies) > 4 else ""
        raise QueryError(
            f"runs are matched by seed, and no seed is shared by {', '.join(listed)}{more}; "
            "compare them with the same --seed"
        )
    places = []
    for name in strategies:
        order = np.argsort(results.trials[name].seeds)
        places.append(order[np.searchsorted(results.trials[name].seeds, seeds, sorter=order)])
    return seeds, places


def need_two(results: Results, purpose: str) -> list[str]:
    """Return the names of the strategies.

    Raises
    ------
    QueryError
        If there are fewer than two.
    """
    names = list(results.trials)
    if len(names) < 2:
        raise QueryError(f"{purpose} needs two strategies, and these results have {names[0] if names else 'none'} only")
    return names


def final_blocks(results: Results | Sequence[Results], purpose: str) -> Blocks:
    """Return what to rank strategies by: of one result its runs, matched by seed; of several their medians over runs.

    Strategies come in the order of the (first) result. Of several results those count that all of them have.

    Parameters
    ----------
    results : Results or sequence of Results
    purpose : str
        What it is for, to begin an error with.

    Raises
    ------
    QueryError
        If fewer than two strategies are there, or their runs share no seed.
    """
    several = [results] if isinstance(results, Results) else list(results)
    if not several:
        raise QueryError(f"{purpose} needs results; none were given")
    if len(several) == 1:
        (only,) = several
        names = need_two(only, purpose)
        _, places = shared_seeds(only, names)
        scores = [final_scores(only, only.trials[name])[place] for name, place in zip(names, places, strict=True)]
        return Blocks(names, np.column_stack(scores))
    names = [name for name in several[0].trials if all(name in each.trials for each in several)]
    if len(names) < 2:
        raise QueryError(
            f"{purpose} needs two strategies that all {len(several)} results have, and they share "
            f"{', '.join(names) or 'none'}{' only' if names else ''}"
        )
    medians = [[_median(final_scores(each, each.trials[name])) for name in names] for each in several]
    return Blocks(names, np.array(medians))


def _median(scores: NDArray[np.float64]) -> float:
    """Return the median of scores of which some may be ``-inf``, without the warning of numpy's."""
    middle = np.sort(scores)[(len(scores) - 1) // 2 : len(scores) // 2 + 1]
    return float(middle.mean())


def _span(seeds: NDArray[np.int64]) -> str:
    return f"seed {seeds.min()}" if len(seeds) == 1 else f"seeds {seeds.min()} to {seeds.max()}"
