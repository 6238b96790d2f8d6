"""Several benchmarks on one scale: regret in units of what a random architecture has, and gains over random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.aggregation import aggregate
from nasbench.analysis.curves import known_reference
from nasbench.comparison.results import budget_grid
from nasbench.comparison.trials import at_grid
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results


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
        See `nasbench.analysis.aggregation.aggregate`.
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
