"""The trials of one strategy's runs: flat arrays, one entry a trial."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.comparison.search_run import SearchRun

TRIALS_LAST = frozenset({"further", "further_std", "best_seen"})
"""Fields of `Trials` of which trials are the last dimension, not the first."""

OF_RUNS = frozenset({"seeds", "thinking"})
"""Fields of `Trials` with one entry a run."""


@dataclass
class Trials:
    """All trials of a strategy's ``R`` runs, ``T`` in total.

    They stand run after run, in each run in order of finish.

    Parameters
    ----------
    strategy : str
    seeds : (R,) int64
    offsets : (R + 1,) int64
        Trials of run r are ``offsets[r]:offsets[r + 1]``.
    architectures : (T, L) uint8
        What was trained: as the strategy proposed it, or, where its run had trained an isomorphic one and went on with
        that or served it from its cache, that one.
    epochs : (T,) int64
        Trained in all.
    value : (T,) float64
        The signal as recorded; NaN if the training diverged.
    charged_epochs, charged_seconds : (T,)
        What the trial cost beyond what its run had paid for that training before.
    finished : (T,) float64
        Simulated seconds since the start of the run.
    incumbent : (T,) int64
        Trial, counted within all, that the run would return if it stopped here: the best value among those trained
        longest so far, of those that keep to the constraints. The run's first trial as long as there is none such.
    others : (T, M) float64
        The objectives beside the signal, as recorded.
    violation : (T,) float64
        By how much constraints are broken, see `nasbench.comparison.protocol.Constraint`.
    thinking : (R,) float64
        Seconds of computing that each run's strategy took for itself; the one thing here that no seed decides.
    report, report_std : (T,) float64
        The incumbent's report measure, mean and standard deviation over trainings; NaN until reported, and where the
        incumbent breaks a constraint.
    further, further_std : (K, T) float64
        The same of further reports.
    best_seen : (1 + K, T) float64
        The best report, and of each further one, among all networks that the run had evaluated by then, for however
        many epochs, and that keep to the constraints; NaN where the best of the space is not known.
    on_front : (T,) bool
        Whether the trial entered the front of its run when it finished; all false where there are no objectives.
    front_report : (T,) float64
        The report of the trials that did, NaN of the others.
    """

    strategy: str
    seeds: NDArray[np.int64]
    offsets: NDArray[np.int64]
    architectures: NDArray[np.uint8]
    epochs: NDArray[np.int64]
    value: NDArray[np.float64]
    charged_epochs: NDArray[np.int64]
    charged_seconds: NDArray[np.float64]
    finished: NDArray[np.float64]
    incumbent: NDArray[np.int64]
    others: NDArray[np.float64]
    violation: NDArray[np.float64]
    thinking: NDArray[np.float64]
    report: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    report_std: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    further: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    further_std: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    best_seen: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    on_front: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))
    front_report: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        count = len(self.value)
        if len(self.report) != count:
            self.report, self.report_std = np.full(count, np.nan), np.full(count, np.nan)
        if self.further.shape[1:] != (count,):
            self.further, self.further_std = np.empty((0, count)), np.empty((0, count))
        if self.best_seen.shape != (1 + len(self.further), count):
            self.best_seen = np.full((1 + len(self.further), count), np.nan)
        if len(self.on_front) != count:
            self.on_front, self.front_report = np.zeros(count, dtype=bool), np.full(count, np.nan)

    def __len__(self) -> int:
        return len(self.value)

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.seeds)

    @property
    def last(self) -> NDArray[np.int64]:
        """The last trial of each run, (R,)."""
        return self.offsets[1:] - 1

    def run_of_trial(self) -> NDArray[np.int64]:
        """Return the position of the run that each trial belongs to, (T,)."""
        return np.repeat(np.arange(self.runs), np.diff(self.offsets))

    def clock(self, unit: str) -> NDArray[np.float64]:
        """Return what each trial's run had spent when it finished, in a budget's unit, (T,)."""
        if unit == "seconds":
            return self.finished
        prices = (self.charged_epochs > 0 if unit == "evaluations" else self.charged_epochs).astype(np.float64)
        total = np.cumsum(prices)
        before = np.concatenate([[0.0], total])[self.offsets[:-1]]
        spent: NDArray[np.float64] = total - before[self.run_of_trial()]
        return spent

    @classmethod
    def from_runs(cls, strategy: str, length: int, runs: Sequence[SearchRun], sign: int) -> Trials:
        """Gather runs that have ended, each with a trial at least.

        Parameters
        ----------
        strategy : str
        length : int
            Choices in an architecture.
        runs : sequence of SearchRun
        sign : int
            Of the signal: 1 if it is maximised, -1 if minimised.
        """
        everything = [trial for run in runs for trial in run.trials]
        rows, epochs, value, charged_epochs, charged_seconds, finished, others, violation = zip(
            *everything, strict=True
        )
        offsets = np.concatenate([[0], np.cumsum([len(run.trials) for run in runs])])
        incumbents: list[int] = []
        for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            incumbents += _incumbents(epochs, value, violation, start, stop, sign)
        return cls(
            strategy,
            np.array([run.seed for run in runs], dtype=np.int64),
            offsets,
            np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, length),
            np.array(epochs, dtype=np.int64),
            np.array(value, dtype=np.float64),
            np.array(charged_epochs, dtype=np.int64),
            np.array(charged_seconds, dtype=np.float64),
            np.array(finished, dtype=np.float64),
            np.array(incumbents, dtype=np.int64),
            np.array(others, dtype=np.float64).reshape(len(everything), -1),
            np.array(violation, dtype=np.float64),
            np.array([run.thinking for run in runs]),
        )

    @classmethod
    def joined(cls, parts: Sequence[Trials]) -> Trials:
        """Put the runs of several pieces of work one after the other."""
        starts = np.cumsum([0] + [len(part) for part in parts[:-1]])
        moved = {
            "offsets": np.concatenate([[0], *(p.offsets[1:] + s for p, s in zip(parts, starts, strict=True))]),
            "incumbent": np.concatenate([p.incumbent + s for p, s in zip(parts, starts, strict=True)]),
        }
        same = {
            name: np.concatenate([getattr(part, name) for part in parts], axis=int(name in TRIALS_LAST))
            for name in ARRAYS
            if name not in moved
        }
        return cls(parts[0].strategy, **same, **moved)


ARRAYS = tuple(array.name for array in fields(Trials) if array.name != "strategy")
"""The fields of `Trials` that are arrays."""


def _incumbents(
    epochs: Sequence[int], value: Sequence[float], violation: Sequence[float], start: int, stop: int, sign: int
) -> list[int]:
    """Return the incumbent after each trial: only trainings of equal length are compared, longer ones win."""
    best, best_trial, incumbents = (-1, -np.inf), start, []
    for trial in range(start, stop):
        rank = (epochs[trial], sign * value[trial])
        if value[trial] == value[trial] and violation[trial] == 0 and rank > best:
            best, best_trial = rank, trial
        incumbents.append(best_trial)
    return incumbents


def take_runs(trials: Trials, positions: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]) -> Trials:
    """Return some runs, in the order of their positions.

    Parameters
    ----------
    trials : Trials
    positions : (N,) int
        Positions among the runs.
    """
    chosen = np.asarray(positions, dtype=np.int64)
    starts, stops = trials.offsets[:-1][chosen], trials.offsets[1:][chosen]
    offsets = np.concatenate([[0], np.cumsum(stops - starts)]).astype(np.int64)
    moved = np.repeat(starts - offsets[:-1], stops - starts)
    kept = np.arange(offsets[-1]) + moved
    arrays = {"offsets": offsets, "incumbent": trials.incumbent[kept] - moved}
    for name in ARRAYS:
        if name not in arrays:
            values = getattr(trials, name)
            if name in TRIALS_LAST:
                arrays[name] = values[:, kept]
            else:
                arrays[name] = values[chosen if name in OF_RUNS else kept]
    return Trials(trials.strategy, **arrays)


def at_grid(trials: Trials, values: NDArray[np.float64], grid: NDArray[np.float64], unit: str) -> NDArray[np.float64]:
    """Return each run's last value at or before each point of a grid, (R, G); NaN before a run's first trial.

    Parameters
    ----------
    trials : Trials
    values : (T,) float64
        One per trial, such as its incumbent's regret.
    grid : (G,) float64
    unit : str
        Of the grid.
    """
    clock = trials.clock(unit)
    curves = np.full((trials.runs, len(grid)), np.nan)
    for run, (start, stop) in enumerate(zip(trials.offsets[:-1], trials.offsets[1:], strict=True)):
        seen = np.searchsorted(clock[start:stop], grid, side="right")
        curves[run, seen > 0] = values[start:stop][seen[seen > 0] - 1]
    return curves
