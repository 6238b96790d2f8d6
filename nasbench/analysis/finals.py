"""Final incumbents of runs, and strategies compared by them seed by seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench.analysis.curves import aggregate, known_reference
from nasbench.comparison.results import Results, budget_grid
from nasbench.comparison.trials import at_grid
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.trials import Trials


class Blocks(NamedTuple):
    """Final scores of strategies under equal conditions, to be ranked block by block.

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
    """Return the last incumbent's report of each run, (R,), to be maximised.

    ``-inf`` where it is not known.
    """
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
    """Return what to rank strategies by: of one result its runs, matched by seed.

    Of several their medians over runs.

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


def normalised_regret(results: Results) -> dict[str, NDArray[np.float64]]:
    """Return the regret of each trial's incumbent on the scale of its space, (T,) by strategy.

    0 is the best of the space and 1 what a random architecture has on average; worse than that is more than 1.

    Raises
    ------
    QueryError
        If the best of the space is not known, or its architectures are all alike.
    """
    reference = known_reference(results, "normalised regret")
    scale = abs(reference.best - reference.random_mean)
    if scale == 0:
        raise QueryError(
            f"{results.report} is {reference.best:g} for every architecture of {results.oracle}: "
            "there is no scale to normalise regret by"
        )
    return {name: results.regret(trials) / scale for name, trials in results.trials.items()}


def pooled_curves(
    results: Sequence[Results], center: str = "mean", band: str | None = None, *, points: int = 200
) -> pd.DataFrame:
    """Return how normalised regret fell over the share of the budget that was spent, over the runs of all results.

    Every result weighs the same: of each, as many runs of a strategy count, from the first on, as the result with the
    fewest has. Strategies count that all results have.

    Parameters
    ----------
    results : sequence of Results
        With budgets in the same unit.
    center, band : str
        See `nasbench.analysis.curves.aggregate`.
    points : int
        Of the logarithmic grid, which begins where every run has its first trial.

    Returns
    -------
    DataFrame
        Columns: strategy, share (of each result's budget, to 1), center, low, high (normalised regret), runs (with a
        value there).

    Raises
    ------
    QueryError
        If the results have no strategy in common, or budgets in different units, or see `normalised_regret`.
    """
    import pandas as pd

    if not results:
        raise QueryError("pooled curves need results; none were given")
    units = sorted({each.protocol.budget.unit for each in results})
    if len(units) > 1:
        raise QueryError(f"curves are pooled over budgets of one unit, and these are in {' and in '.join(units)}")
    names = [name for name in results[0].trials if all(name in each.trials for each in results)]
    if not names:
        listed = "; ".join(f"{each.oracle}: {', '.join(each.trials)}" for each in results)
        raise QueryError(f"curves are pooled of strategies that all results have, and there is none ({listed})")
    start = max(budget_grid(each, 2)[0] / each.protocol.budget.amount for each in results)
    shares = np.geomspace(start, 1, points)
    shares[-1] = 1
    reached = shares * (1 + 1e-12)  # a share of a budget may fall short of the trial that ends there by rounding
    normalised = [normalised_regret(each) for each in results]
    frames: list[pd.DataFrame] = []
    for name in names:
        runs = min(each.trials[name].runs for each in results)
        values = np.vstack(
            [
                at_grid(each.trials[name], regret[name], reached * each.protocol.budget.amount, units[0])[:runs]
                for each, regret in zip(results, normalised, strict=True)
            ]
        )
        middle, low, high = aggregate(values, center, band)
        known = np.isfinite(values).sum(axis=0)
        frames.append(
            pd.DataFrame(
                {"strategy": name, "share": shares, "center": middle, "low": low, "high": high, "runs": known},
            )
        )
    return pd.concat(frames, ignore_index=True)


def relative_improvement(results: Results) -> pd.DataFrame:
    """Return by how many percent each strategy's final report is better than that of a random architecture.

    ``100 (a - r) / r`` with a the mean over runs and r the mean over the space (Yang, Esperanca and Carlucci 2020,
    "NAS evaluation is frustratingly hard"); for a report that is to be minimised, ``100 (r - a) / r``.

    Returns
    -------
    DataFrame
        Columns: strategy, improvement (percent), error (one standard error over runs, percent; NaN for one run).

    Raises
    ------
    QueryError
        If the mean over the space is not known, or is 0.
    """
    import pandas as pd

    random = known_reference(results, "a relative improvement").random_mean
    if random == 0:
        raise QueryError(
            f"a random architecture of {results.oracle} has {results.report} of 0 on average: nothing can be relative "
            "to it"
        )
    rows = []
    for name, trials in results.trials.items():
        percent = 100 * results.report_metric.sign * (trials.report[trials.last] - random) / abs(random)
        center, low, _ = aggregate(percent[:, None], "mean", "error")
        rows.append({"strategy": name, "improvement": float(center[0]), "error": float(center[0] - low[0])})
    frame: pd.DataFrame = pd.DataFrame(rows)
    return frame
