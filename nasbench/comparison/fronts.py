"""Fronts of runs with several objectives.

A find is on the front of its run if no other find beats it in all objectives.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.pareto import attainment, hypervolumes, igds_plus, non_dominated
from nasbench.comparison.trials import at_grid
from tabular.errors import QueryError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.comparison.protocol import Terms
    from nasbench.comparison.results import Results
    from nasbench.comparison.trials import Trials

INDICATORS = ("hypervolume", "igd+")


def mark_fronts(trials: Trials, terms: Terms) -> None:
    """Mark the trials that entered the front of their run: by what strategies see, of full trainings alone.

    A trial enters that keeps to the constraints and that no earlier one of the front equals or beats in all objectives.
    """
    if not terms.protocol.objectives:
        return
    signed = np.column_stack([trials.value, trials.others]) * terms.signs
    may = (trials.epochs == terms.protocol.signal.epochs) & (trials.violation == 0) & np.isfinite(signed).all(axis=1)
    for start, stop in zip(trials.offsets[:-1].tolist(), trials.offsets[1:].tolist(), strict=True):
        front = np.empty((0, signed.shape[1]))
        for trial in (start + np.flatnonzero(may[start:stop])).tolist():
            value = signed[trial]
            if not (front >= value).all(axis=1).any():
                front = np.vstack([front[~(front <= value).all(axis=1)], value])
                trials.on_front[trial] = True


def front_over_time(results: Results, strategy: str, indicator: str = "hypervolume") -> NDArray[np.float64]:
    """Return how good each run's front was after each trial, (T,): by the report and the objectives.

    A front is chosen by what the strategy saw, and measured by what is reported. All measures are scaled so that the
    worst of the space is 0 and the best is 1 (where the space is not known: of all that was found).

    Parameters
    ----------
    results : Results
        Of a comparison with objectives.
    strategy : str
    indicator : str
        ``hypervolume`` (Zitzler and Thiele 1998; of the cube from 0 to 1, more is better) or ``igd+`` (Ishibuchi et al.
        2015; distance to the front of the space, less is better).

    Returns
    -------
    (T,) float64
        For an empty front the hypervolume is 0, IGD+ NaN.

    Raises
    ------
    QueryError, UnknownNameError
        If there are no objectives, or for IGD+ the front of the space is not known.
    """
    if indicator not in INDICATORS:
        raise UnknownNameError("indicator", indicator, INDICATORS)
    known = results.fronts_over_time.get((strategy, indicator))
    if known is None:
        known = results.fronts_over_time[strategy, indicator] = _front_over_time(results, strategy, indicator)
    return known


def _front_over_time(results: Results, strategy: str, indicator: str) -> NDArray[np.float64]:
    trials = results.trials[strategy]
    low, high = _scale(results)
    reached = None if results.front is None else (_signed(results, results.front) - low) / (high - low)
    if indicator == "igd+" and reached is None:
        raise QueryError(f"IGD+ needs the front of the space, which {results.oracle} does not know; use hypervolume")
    entered = np.flatnonzero(trials.on_front)
    others, signs = trials.others[entered], [metric.sign for metric in results.objective_metrics]
    seen = np.column_stack([results.signal_metric.sign * trials.value[entered], others * signs])
    judged = (_signed(results, np.column_stack([trials.front_report[entered], others])) - low) / (high - low)
    fronts: list[NDArray[np.int64]] = []
    spans: list[slice] = []
    for (start, stop), end in zip(
        pairwise(np.searchsorted(entered, trials.offsets).tolist()), trials.offsets[1:].tolist(), strict=True
    ):
        members = np.empty(0, dtype=np.int64)
        for index in range(start, stop):
            beaten = (seen[members] <= seen[index]).all(axis=1)
            members = np.append(members[~beaten], index)
            fronts.append(members)
        spans += [slice(*ends) for ends in pairwise([*entered[start:stop].tolist(), end])]
    if indicator == "igd+" and reached is not None:
        worth, worths = np.full(len(trials), np.nan), igds_plus(judged, fronts, reached)
    else:
        worth, worths = np.zeros(len(trials)), hypervolumes(judged, fronts)
    for span, value in zip(spans, worths.tolist(), strict=True):
        worth[span] = value
    return worth


def front_curves(
    results: Results, strategy: str, grid: NDArray[np.float64], indicator: str = "hypervolume"
) -> NDArray[np.float64]:
    """Return `front_over_time` of each run at each point of a grid of the budget, (R, G)."""
    worth = front_over_time(results, strategy, indicator)
    return at_grid(results.trials[strategy], worth, grid, results.protocol.budget.unit)


def final_fronts(results: Results, strategy: str, spent: float | None = None) -> list[NDArray[np.float64]]:
    """Return the front each run ended with: for each an array (K, M) of the report and the objectives, as recorded.

    Parameters
    ----------
    results : Results
    strategy : str
    spent : float, optional
        The front when this much of the budget was spent, in its unit, instead of all of it.
    """
    trials = results.trials[strategy]
    signs = [results.signal_metric.sign, *(metric.sign for metric in results.objective_metrics)]
    there = (
        trials.on_front if spent is None else trials.on_front & (trials.clock(results.protocol.budget.unit) <= spent)
    )
    fronts = []
    for start, stop in zip(trials.offsets[:-1].tolist(), trials.offsets[1:].tolist(), strict=True):
        members = start + np.flatnonzero(there[start:stop])
        kept = members[non_dominated(np.column_stack([trials.value[members], trials.others[members]]) * signs)]
        fronts.append(np.column_stack([trials.front_report[kept], trials.others[kept]]))
    return fronts


def attainment_surfaces(
    results: Results, strategy: str, levels: Sequence[float] = (0.25, 0.5, 0.75), spent: float | None = None
) -> list[NDArray[np.float64]]:
    """Return what shares of the runs have reached of the report and one or two objectives, (P, M) for each level.

    Parameters
    ----------
    results : Results
    strategy : str
    levels : sequence of float
        Shares of the runs: 0.5 is the median surface (Fonseca and Fleming 1996; see `nasbench.comparison.pareto`).
    spent : float, optional
        When this much of the budget was spent, in its unit; by default at the end.

    Raises
    ------
    QueryError
        If there is no objective or more than two, or a level is no share.
    """
    runs = [_signed(results, front) for front in final_fronts(results, strategy, spent)]
    return [_signed(results, surface) for surface in attainment(runs, levels)]


def _signed(results: Results, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values * [results.report_metric.sign, *(metric.sign for metric in results.objective_metrics)]


def _scale(results: Results) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what counts as 0 and as 1 of each measure, (M,) each, to be maximised."""
    if not results.protocol.objectives:
        raise QueryError("a front takes several objectives; compare with --objective, such as parameters")
    if results.front is not None and results.worst is not None:
        low, high = _signed(results, results.worst), _signed(results, results.front).max(axis=0)
    else:
        found = np.vstack([front for name in results.trials for front in final_fronts(results, name)])
        signed = _signed(results, found) if len(found) else np.zeros((1, found.shape[1]))  # no run found anything
        low, high = signed.min(axis=0), signed.max(axis=0)
    return low, np.where(high > low, high, low + 1)
