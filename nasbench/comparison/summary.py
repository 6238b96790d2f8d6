"""The final table of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.fronts import front_over_time
from tabular.measures import mean_of_known, std_of_known

if TYPE_CHECKING:
    from nasbench.comparison.results import Results


@dataclass(frozen=True)
class SummaryRow:
    """One line of the final table.

    Parameters
    ----------
    strategy : str
        Or ``random architecture`` or ``optimum``.
    runs : int
        0 for the two reference rows.
    evaluations : float
        Mean per run.
    report, report_std : float
        Mean and standard deviation over runs of the last incumbent's report.
    regret : float
        Its median regret over runs.
    own_seconds : float
        Seconds of computing of the strategy itself, mean per trial.
    hypervolume : float
        Mean over runs of the last front's, see `nasbench.comparison.fronts.front_over_time`; NaN without objectives.
    """

    strategy: str
    runs: int
    evaluations: float
    report: float
    report_std: float
    regret: float
    own_seconds: float = np.nan
    hypervolume: float = np.nan


def summarise(results: Results) -> list[SummaryRow]:
    """Return one row a strategy, best first, between the optimum and a random architecture where these are known."""
    sign = results.report_metric.sign
    rows, fronts = [], any(trials.on_front.any() for trials in results.trials.values())
    for name, trials in results.trials.items():
        final, regret = trials.report[trials.last], results.regret(trials)[trials.last]
        mean, spread = (float(over(final[None])[0]) for over in (mean_of_known, std_of_known))
        middle = float(np.nanmedian(regret)) if np.isfinite(regret).any() else np.nan
        volume = front_over_time(results, name)[trials.last].mean() if fronts else np.nan
        own = float(trials.thinking.sum() / len(trials))
        rows.append(SummaryRow(name, trials.runs, len(trials) / trials.runs, mean, spread, middle, own, float(volume)))
    rows.sort(key=lambda row: (np.isnan(row.report), -sign * row.report))
    reference = results.reference
    if reference is None:
        return rows
    gap = sign * (reference.best - reference.random_mean)
    return [
        SummaryRow("optimum", 0, np.nan, reference.best, np.nan, 0.0),
        *rows,
        SummaryRow("random architecture", 0, np.nan, reference.random_mean, reference.random_std, gap),
    ]
