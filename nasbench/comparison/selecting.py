"""Some of the runs of a comparison, as results of their own."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.trials import TRIALS_LAST, Trials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nasbench.comparison.results import Results
    from tabular.measures import Measure

OF_RUNS = frozenset({"seeds", "thinking"})
"""Fields of `Trials` with one entry a run."""


def take_runs(trials: Trials, places: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]) -> Trials:
    """Return some runs, in the order of their places.

    Parameters
    ----------
    trials : Trials
    places : (N,) int
        Positions among the runs.
    """
    chosen = np.asarray(places, dtype=np.int64)
    starts, stops = trials.offsets[:-1][chosen], trials.offsets[1:][chosen]
    offsets = np.concatenate([[0], np.cumsum(stops - starts)]).astype(np.int64)
    moved = np.repeat(starts - offsets[:-1], stops - starts)
    kept = np.arange(offsets[-1]) + moved
    arrays = {"offsets": offsets, "incumbent": trials.incumbent[kept] - moved}
    for each in fields(Trials):
        if each.name != "strategy" and each.name not in arrays:
            values = getattr(trials, each.name)
            if each.name in TRIALS_LAST:
                arrays[each.name] = values[:, kept]
            else:
                arrays[each.name] = values[chosen if each.name in OF_RUNS else kept]
    return Trials(trials.strategy, **arrays)


def select(results: Results, seeds: Mapping[str, Sequence[int]]) -> Results:
    """Return the runs of these seeds of these strategies, as far as they are there, in the order of ``results``.

    A strategy of which none is there is left out. What failed stays on record.

    Parameters
    ----------
    results : Results
    seeds : dict of str to sequence of int
        By strategy.
    """
    trials = {}
    for name, each in results.trials.items():
        places = np.flatnonzero(np.isin(each.seeds, np.asarray(list(seeds.get(name, ())), dtype=np.int64)))
        if len(places):
            trials[name] = take_runs(each, places)
    return replace(results, trials=trials)


def keep_further(results: Results, measures: Sequence[Measure]) -> Results:
    """Return the same runs judged by the report and, of the further reports, by these alone, in this order.

    Parameters
    ----------
    results : Results
    measures : sequence of Measure
        Among the measures of `Results.further`.
    """
    known = [each.measure for each in results.further]
    if known == list(measures):
        return results
    places = [known.index(measure) for measure in measures]
    seen = [0, *(1 + place for place in places)]
    trials = {
        name: replace(
            each,
            further=each.further[places],
            further_std=each.further_std[places],
            best_seen=each.best_seen[seen],
        )
        for name, each in results.trials.items()
    }
    return replace(results, trials=trials, further=tuple(results.further[place] for place in places))
