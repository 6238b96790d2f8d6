"""Results with given reports, for facts that take fixed numbers."""

from __future__ import annotations

import numpy as np

from nasbench import CellSpace
from nasbench.comparison import Budget, Results, Trials
from nasbench.comparison.protocol import Protocol
from tabular.measures import Measure, Reference, standard_metric

SPACE = CellSpace("made", 3, ("none", "skip_connect"))
REFERENCE = Reference(1.0, 0.5, 0.1)


def made_results(
    reports,
    *,
    seeds=None,
    metric="test_accuracy",
    reference=REFERENCE,
    spent=None,
    budget=None,
    unit="evaluations",
):
    """Return results of runs with given reports.

    Parameters
    ----------
    reports : dict of str to (R,) or (R, T) array
        Of each strategy: of each run its incumbent's report at the end, or after each of T trials.
    seeds : dict of str to (R,) array, optional
    metric : str
    reference : Reference, optional
    spent : (T,) array, optional
        When each trial of a run ends; by default 1, 2, ...
    budget : float, optional
        By default what a run spends.
    unit : str
    """
    trials = {}
    for name, each in reports.items():
        values = np.asarray(each, dtype=float)
        values = values[:, None] if values.ndim == 1 else values
        runs, length = values.shape
        total = values.size
        offsets = np.arange(runs + 1) * length
        clock = np.arange(1.0, length + 1) if spent is None else np.asarray(spent, dtype=float)
        trials[name] = Trials(
            name,
            np.arange(runs) if seeds is None else np.asarray(seeds[name]),
            offsets,
            np.zeros((total, 3), dtype=np.uint8),
            np.full(total, 9),
            values.ravel(),
            np.full(total, 9),
            np.tile(np.diff(clock, prepend=0), runs),
            np.tile(clock, runs),
            np.arange(total),
            np.empty((total, 0)),
            np.zeros(total),
            np.zeros(runs),
            report=values.ravel(),
            report_std=np.zeros(total),
        )
    amount = budget or float(clock[-1])
    return Results(
        "made",
        SPACE,
        Protocol(Measure("made", "validation_accuracy", 9), Budget(amount, unit)),
        Measure("made", metric, 9),
        standard_metric("validation_accuracy"),
        standard_metric(metric),
        reference,
        trials,
    )
