"""The median run of each strategy: the architectures it would have returned as it went on, drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.finals import final_scores
from nasbench.figures.cell import cell_svg
from nasbench.report.wording import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results
    from nasbench.comparison.trials import Trials

MOST_STEPS = 12
"""Incumbents shown of a run; of more, the first, the last, and some from between."""


@dataclass(frozen=True)
class Step:
    """An incumbent, and what was spent when it became that.

    Parameters
    ----------
    spent, value, report, regret : str
        Written out, the latter two as judged at the end.
    architecture : str
    drawing : int
        Which of all drawings shows it.
    """

    spent: str
    value: str
    report: str
    regret: str
    architecture: str
    drawing: int


@dataclass(frozen=True)
class MedianRun:
    """The run of a strategy that ended in the middle.

    Parameters
    ----------
    seed : int
    of : int
        Incumbents it had; more than there are steps where some are left out.
    steps : list of Step
        None if it never had a valid incumbent.
    """

    seed: int
    of: int
    steps: list[Step]


def median_runs(results: Results) -> tuple[dict[str, MedianRun], list[str]]:
    """Return the median run of each strategy, and the drawings of all their incumbents as SVG, each once."""
    drawings: dict[bytes, int] = {}
    svgs: list[str] = []
    runs = {}
    for name, trials in results.trials.items():
        run = middle_run(results, trials)
        places = _changes(trials, run)
        shown = np.linspace(0, len(places) - 1, min(MOST_STEPS, len(places))).round().astype(np.int64)
        steps = []
        for place in places[shown].tolist():
            row = trials.architectures[trials.incumbent[place]]
            if row.tobytes() not in drawings:
                drawings[row.tobytes()] = len(svgs)
                svgs.append(cell_svg(results.space, row))
            steps.append(_step(results, trials, place, drawings[row.tobytes()]))
        runs[name] = MedianRun(int(trials.seeds[run]), len(places), steps)
    return runs, svgs


def middle_run(results: Results, trials: Trials) -> int:
    """Return the place of the run whose final report is the median, the lower one of two; of equals the first.

    Runs without a known report count as worse than all others.
    """
    scores = final_scores(results, trials)
    order = np.argsort(scores)
    middle = scores[order[(len(order) - 1) // 2]]
    return int(np.flatnonzero(scores == middle)[0])


def _changes(trials: Trials, run: int) -> NDArray[np.int64]:
    """Return the trials after which a run's incumbent was another architecture than before."""
    start, stop = trials.offsets[run : run + 2].tolist()
    places = np.arange(start, stop)
    held = trials.incumbent[start:stop]
    valid = (trials.violation[held] == 0) & np.isfinite(trials.value[held])
    rows = trials.architectures[held[valid]]
    other = np.ones(len(rows), dtype=bool)
    other[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    changes: NDArray[np.int64] = places[valid][other]
    return changes


def _step(results: Results, trials: Trials, place: int, drawing: int) -> Step:
    unit = results.protocol.budget.unit
    incumbent = trials.incumbent[place]
    regret = float(results.regret(trials)[place])
    return Step(
        f"{trials.clock(unit)[place]:,.4g} {unit}",
        number(float(trials.value[incumbent]), results.signal_metric.unit),
        number(float(trials.report[place]), results.report_metric.unit),
        number(regret, results.report_metric.unit),
        results.space.to_text(trials.architectures[incumbent]),
        drawing,
    )
