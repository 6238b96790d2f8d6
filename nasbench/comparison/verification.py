"""Train for real what the strategies found, and hold it against what the oracle had promised."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nasbench.errors import QueryError
from nasbench.progress import silent

if TYPE_CHECKING:
    from nasbench.comparison.results import Results
    from nasbench.oracle import Oracle
    from nasbench.progress import Progress

FRESH_SEED = 1_000_000
"""Verification trains with seeds from here on, which no table of ours uses."""


@dataclass(frozen=True)
class Verified:
    """Promise and measurement of one architecture.

    Parameters
    ----------
    architecture : str
    found_by : dict of str to int
        Runs of each strategy that ended with it.
    promised, promised_std : float
        The oracle's report: mean and spread of single trainings.
    measured, measured_std : float
        Of the fresh trainings.
    seeds : tuple of int
        Their seeds.
    """

    architecture: str
    found_by: dict[str, int]
    promised: float
    promised_std: float
    measured: float
    measured_std: float
    seeds: tuple[int, ...]

    @property
    def difference(self) -> float:
        """Measured minus promised."""
        return self.measured - self.promised


def verify(
    results: Results, training: Oracle, *, top: int = 5, seeds: int = 3, progress: Progress = silent
) -> list[Verified]:
    """Retrain the best architectures that runs ended with, with seeds that no run has seen.

    Architectures are taken by the signal their runs saw, as a user without test data would; isomorphic ones count
    as one.

    Parameters
    ----------
    results : Results
    training : Oracle
        Really trains, on the task that the report names.
    top : int
        Architectures to train, the best of each strategy before the second best of any.
    seeds : int
        Fresh trainings of each.
    progress : callable

    Returns
    -------
    list of Verified
        Best promised first.

    Raises
    ------
    QueryError
        If nothing is to be trained, or the training does not give what the report measures.
    """
    if top < 1 or seeds < 1:
        raise QueryError(f"verification needs at least 1 architecture and 1 seed, got {top} and {seeds}")
    if results.space != training.space:
        raise QueryError(f"the results are of space {results.space.name!r}, the training of {training.space.name!r}")
    task = next(iter(training.tasks.values()))
    if results.report.metric not in task.metrics or results.report.epochs not in task.epochs:
        raise QueryError(f"training on {task.name!r} for {task.epochs[-1]} epochs does not give {results.report}")
    measure = results.report._replace(task=task.name)
    fresh = tuple(range(FRESH_SEED, FRESH_SEED + seeds))

    chosen = _best_found(results, top)
    found = []
    for i, (row, found_by, promised, promised_std) in enumerate(chosen):
        values = []
        for j, seed in enumerate(fresh):
            values.append(float(training.query(row, measure, seed=seed)))
            progress(i * seeds + j + 1, len(chosen) * seeds, results.space.to_text(row))
        spread = float(np.std(values, ddof=1)) if seeds > 1 else np.nan
        text = results.space.to_text(row)
        found.append(Verified(text, found_by, promised, promised_std, float(np.mean(values)), spread, fresh))
    sign = 1 if results.report_metric.direction == "maximize" else -1
    return sorted(found, key=lambda each: -sign * each.promised)


def _best_found(results: Results, top: int) -> list[tuple[np.ndarray, dict[str, int], float, float]]:
    """Return up to ``top`` distinct final incumbents, strategies taking turns, each giving its best by the signal."""
    sign = 1 if results.signal_metric.direction == "maximize" else -1
    found_by: dict[int, Counter[str]] = {}
    ranked: dict[str, list[tuple[int, int]]] = {}
    for name, trials in results.trials.items():
        finals = trials.incumbent[trials.last]
        keys = results.space.canonical_key(trials.architectures[finals]).tolist()
        for key in keys:
            found_by.setdefault(key, Counter())[name] += 1
        value = np.nan_to_num(sign * trials.value[finals], nan=-np.inf)
        order = np.lexsort((-value, -trials.epochs[finals]))
        ranked[name] = [(keys[i], int(finals[i])) for i in order]
    chosen: dict[int, tuple[np.ndarray, dict[str, int], float, float]] = {}
    turns = [(place, name) for name, each in ranked.items() for place in range(len(each))]
    for place, name in sorted(turns, key=lambda turn: turn[0]):
        if len(chosen) == top:
            break
        key, trial = ranked[name][place]
        trials = results.trials[name]
        if key not in chosen:
            row, promise = trials.architectures[trial], float(trials.report[trial])
            chosen[key] = (row, dict(found_by[key]), promise, float(trials.report_std[trial]))
    return list(chosen.values())
