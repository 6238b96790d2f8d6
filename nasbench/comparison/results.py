"""The outcome of a comparison, as a data frame and as an HDF5 file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench.comparison.pareto import possible
from nasbench.comparison.protocol import Budget, Constraint, Protocol
from nasbench.comparison.trials import ARRAYS, Trials, take_runs
from tabular.errors import FileFormatError, NasbenchError, QueryError, UnknownNameError
from tabular.lazy import load_optional
from tabular.measures import Digested, Measure, Metric, Reference, metric_of
from tabular.spaces import declared_space
from tabular.storage import open_hdf5, read_array, read_json, write_array, write_hdf5, write_text
from tabular.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import h5py
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from tabular.measures import Oracle
    from tabular.spaces import Space

FORMAT = "nasbench-results"
VERSION = 2
"""Since version 2 there are objectives, constraints, further reports, simple regret and the strategies' own time."""


class Report(NamedTuple):
    """A measure that incumbents are judged by.

    With its metric, and its best and mean over the space where they are known.
    """

    measure: Measure
    metric: Metric
    reference: Reference | None


@dataclass
class Results:
    """Trials of several strategies on one oracle under one protocol.

    Parameters
    ----------
    oracle : str
        The oracle's name.
    space : Space
    protocol : Protocol
    report : Measure
        What incumbents are judged by.
    signal_metric, report_metric : Metric
    reference : Reference or None
        Best and random value of the report over the space, where the oracle knows them.
    trials : dict of str to Trials
        By strategy.
    provenance : dict
        Versions, kind and digest of the oracle, and the origin of each task that the protocol touches.
    further : tuple of Report
        What incumbents are judged by beside the report; see `reported_by`.
    objective_metrics : tuple of Metric
        Of the objectives beside the signal.
    front, worst : (K, 1 + M) and (1 + M,) float64, or None
        Of the space, where it is known: the non-dominated values of the report and the M objectives, and the worst of
        each.
    failed : dict of str to str
        The errors of strategies that broke off, by name.
    """

    oracle: str
    space: Space
    protocol: Protocol
    report: Measure
    signal_metric: Metric
    report_metric: Metric
    reference: Reference | None
    trials: dict[str, Trials]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    further: tuple[Report, ...] = ()
    objective_metrics: tuple[Metric, ...] = ()
    front: NDArray[np.float64] | None = None
    worst: NDArray[np.float64] | None = None
    failed: dict[str, str] = field(default_factory=dict)
    fronts_over_time: dict[tuple[str, str], NDArray[np.float64]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Answers of `nasbench.comparison.fronts.front_over_time`, as several tables and figures ask for them."""

    @classmethod
    def blank(cls, oracle: Oracle, protocol: Protocol, reports: Sequence[Measure]) -> Results:
        """Return results without trials: all that a comparison knows before its first run.

        The mean of the signal over trainings is always among the reports, for the regret by what strategies see.

        Raises
        ------
        QueryError
            If no architecture of the space keeps to the constraints.
        """
        if protocol.signal not in reports:
            reports = [*reports, protocol.signal]
        limits = possible(oracle, reports, protocol.objectives, protocol.constraints)
        origin = {"kind": type(oracle).__name__, "digest": oracle.digest if isinstance(oracle, Digested) else ""}
        touched = dict.fromkeys(measure.task for measure in (protocol.signal, *reports, *protocol.beside))
        tasks = {name: {**oracle.tasks[name].provenance, "seeds": list(oracle.tasks[name].seeds)} for name in touched}
        first, *further = (
            Report(measure, metric_of(oracle, measure), reference)
            for measure, reference in zip(reports, limits.references, strict=True)
        )
        return cls(
            oracle.name,
            oracle.space,
            protocol,
            first.measure,
            metric_of(oracle, protocol.signal),
            first.metric,
            first.reference,
            {},
            {"nasbench": __version__, "numpy": np.__version__, "oracle": origin, "tasks": tasks},
            tuple(further),
            tuple(metric_of(oracle, objective) for objective in protocol.objectives),
            limits.front,
            limits.worst,
        )

    @property
    def reports(self) -> tuple[Measure, ...]:
        """All measures that incumbents are judged by, the report first."""
        return (self.report, *(report.measure for report in self.further))

    def reported_by(self, measure: Measure | str) -> Results:
        """Return the same runs judged by another of `reports`, without fronts, which are of the first.

        Raises
        ------
        UnknownNameError
        """
        if str(measure) == str(self.report):
            return self
        index = next((i for i, report in enumerate(self.further) if str(report.measure) == str(measure)), None)
        if index is None:
            raise UnknownNameError("report", str(measure), self.reports)
        judged = {
            name: replace(
                trials,
                report=trials.further[index],
                report_std=trials.further_std[index],
                further=np.empty((0, len(trials))),
                further_std=np.empty((0, len(trials))),
                best_seen=trials.best_seen[[1 + index]],
                on_front=np.zeros_like(trials.on_front),
            )
            for name, trials in self.trials.items()
        }
        by = self.further[index]
        return replace(
            self,
            report=by.measure,
            report_metric=by.metric,
            reference=by.reference,
            trials=judged,
            further=(),
            front=None,
            worst=None,
        )

    def regret(self, trials: Trials) -> NDArray[np.float64]:
        """Return the inference regret of each trial, (T,): the best report in the space minus the incumbent's.

        The signal picked the incumbent. NaN where the best is not known. Never negative for an oracle that knows all of
        its space.
        """
        return self._gap(trials.report)

    def simple_regret(self, trials: Trials) -> NDArray[np.float64]:
        """Return the simple regret of each trial, (T,): the best report in the space minus the best evaluated so far.

        What a run could have had that tells its finds apart without error; never above the inference regret of a
        network that keeps to the constraints. NaN where the best is not known.
        """
        return self._gap(trials.best_seen[0])

    def _gap(self, reached: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.reference is None:
            return np.full(len(reached), np.nan)
        gap: NDArray[np.float64] = self.report_metric.sign * (self.reference.best - reached)
        return gap

    def to_frame(self) -> pd.DataFrame:
        """Return one row a trial, tidy.

        Columns: strategy, run (its seed), trial (within the run), architecture (text), epochs, value, charged_epochs,
        charged_seconds, finished (simulated seconds), incumbent (trial within the run), report, report_std, regret (of
        the incumbent), simple_regret; then each further report and objective by its measure, and with objectives or
        constraints on_front, violation.
        """
        import pandas as pd

        return pd.concat([self._frame_of(name) for name in self.trials], ignore_index=True)

    def to_xarray(self) -> xr.Dataset:
        """Return the columns of `to_frame` as arrays over the dimensions ``strategy``, ``run`` and ``trial``.

        Numbers carry the attribute ``units`` where they have one. Where a run has fewer trials than another, NaN.

        Raises
        ------
        NasbenchError
            If xarray is not installed.
        """
        load_optional("xarray", "xarray", "labelled arrays")
        arrays: xr.Dataset = self.to_frame().set_index(["strategy", "run", "trial"]).to_xarray()
        report, signal = self.report_metric.unit, self.signal_metric.unit
        units = {"value": signal, "report": report, "report_std": report, "regret": report}
        units["simple_regret"] = report
        units |= {"charged_seconds": "second", "finished": "second", "epochs": "epoch", "charged_epochs": "epoch"}
        for name, unit in units.items():
            arrays[name].attrs["units"] = unit
        arrays.attrs.update(
            oracle=self.oracle, space=self.space.name, signal=str(self.protocol.signal), report=str(self.report)
        )
        return arrays

    def _frame_of(self, name: str) -> pd.DataFrame:
        import pandas as pd

        trials = self.trials[name]
        run = trials.run_of_trial()
        unique, position = np.unique(trials.architectures, axis=0, return_inverse=True)
        texts = np.array(self.space.to_text(unique), dtype=object)
        starts = trials.offsets[:-1][run]
        frame: pd.DataFrame = pd.DataFrame(
            {
                "strategy": name,
                "run": trials.seeds[run],
                "trial": np.arange(len(trials)) - starts,
                "architecture": texts[position.ravel()],
                "epochs": trials.epochs,
                "value": trials.value,
                "charged_epochs": trials.charged_epochs,
                "charged_seconds": trials.charged_seconds,
                "finished": trials.finished,
                "incumbent": trials.incumbent - starts,
                "report": trials.report,
                "report_std": trials.report_std,
                "regret": self.regret(trials),
                "simple_regret": self.simple_regret(trials),
                **{str(by.measure): values for by, values in zip(self.further, trials.further, strict=True)},
                **{
                    str(measure): values
                    for measure, values in zip(self.protocol.objectives, trials.others.T, strict=True)
                },
                **({"on_front": trials.on_front, "violation": trials.violation} if self.protocol.beside else {}),
            }
        )
        return frame

    def save(self, path: str | Path) -> None:
        """Write an HDF5 file, whole or not at all.

        Raises
        ------
        OutputError
        """
        write_hdf5(path, FORMAT, VERSION, partial(_fill, self))

    @classmethod
    def load(cls, path: str | Path) -> Results:
        """Read a file that `save` wrote.

        Raises
        ------
        FileFormatError
            If it is missing, damaged, foreign or newer.
        """
        return _read(path)


def select(results: Results, seeds: Mapping[str, Sequence[int]]) -> Results:
    """Return the runs of these seeds of these strategies, as far as they are there, in the order of ``results``.

    A strategy of which none is there is left out. What failed stays on record.
    """
    trials = {}
    for name, each in results.trials.items():
        positions = np.flatnonzero(np.isin(each.seeds, np.asarray(list(seeds.get(name, ())), dtype=np.int64)))
        if len(positions):
            trials[name] = take_runs(each, positions)
    return replace(results, trials=trials)


def keep_further(results: Results, measures: Sequence[Measure]) -> Results:
    """Return the same runs judged by the report and, of the further reports, by these alone, in this order.

    Parameters
    ----------
    results : Results
    measures : sequence of Measure
        Among the measures of `Results.further`.
    """
    known = [report.measure for report in results.further]
    if known == list(measures):
        return results
    kept = [known.index(measure) for measure in measures]
    seen = [0, *(1 + i for i in kept)]
    trials = {
        name: replace(
            each,
            further=each.further[kept],
            further_std=each.further_std[kept],
            best_seen=each.best_seen[seen],
        )
        for name, each in results.trials.items()
    }
    return replace(results, trials=trials, further=tuple(results.further[i] for i in kept))


def budget_grid(results: Results, points: int = 200) -> NDArray[np.float64]:
    """Return a logarithmic grid from where every run has its first result to the end of the budget.

    Raises
    ------
    QueryError
        If no stretch of the budget is shared by all runs.
    """
    budget = results.protocol.budget
    firsts = [trials.clock(budget.unit)[trials.offsets[:-1]].max() for trials in results.trials.values()]
    start = max(firsts)
    if not 0 < start < budget.amount:
        raise QueryError(
            f"the slowest first evaluation took {start:,.4g} of a budget of {budget}: nothing to draw a curve of; "
            "compare with a larger budget"
        )
    if budget.unit == "seconds":
        return np.geomspace(start, budget.amount, points)
    return np.unique(np.geomspace(start, budget.amount, points).round())


def _fill(results: Results, file: h5py.File) -> None:
    protocol = results.protocol
    head = {
        "oracle": results.oracle,
        "space": results.space.declaration(),
        "signal": str(protocol.signal),
        "report": str(results.report),
        "signal_metric": vars(results.signal_metric),
        "report_metric": vars(results.report_metric),
        "budget": {"amount": protocol.budget.amount, "unit": protocol.budget.unit},
        "workers": protocol.workers,
        "repeats": protocol.repeats,
        "objectives": [str(each) for each in protocol.objectives],
        "constraints": [
            {"measure": str(each.measure), "bound": each.bound, "at_most": each.at_most}
            for each in protocol.constraints
        ],
        "objective_metrics": [vars(each) for each in results.objective_metrics],
        "further": [
            {
                "measure": str(each.measure),
                "metric": vars(each.metric),
                "reference": each.reference._asdict() if each.reference else None,
            }
            for each in results.further
        ],
        "failed": results.failed,
        "reference": results.reference._asdict() if results.reference else None,
        "provenance": results.provenance,
        "strategies": list(results.trials),
    }
    write_text(file, "head", json.dumps(head))
    if results.front is not None and results.worst is not None:
        write_array(file, "front", results.front)
        write_array(file, "worst", results.worst)
    for i, trials in enumerate(results.trials.values()):
        group = file.create_group(f"strategies/{i}")
        for name in ARRAYS:
            write_array(group, name, getattr(trials, name))


def _read(path: str | Path) -> Results:
    """Read a file of this or an earlier version."""
    with open_hdf5(path, FORMAT, VERSION) as file:
        head = read_json(file, "head")
        try:
            return Results(
                head["oracle"],
                declared_space(head["space"]),
                _read_protocol(head),
                _measure(head["report"]),
                Metric(**head["signal_metric"]),
                Metric(**head["report_metric"]),
                _read_reference(head["reference"]),
                {name: _read_trials(file, i, name) for i, name in enumerate(head["strategies"])},
                head["provenance"],
                tuple(
                    Report(_measure(each["measure"]), Metric(**each["metric"]), _read_reference(each["reference"]))
                    for each in head.get("further", ())
                ),
                tuple(Metric(**each) for each in head.get("objective_metrics", ())),
                read_array(file, "front") if "front" in file else None,
                read_array(file, "worst") if "worst" in file else None,
                head.get("failed", {}),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, NasbenchError):
                raise
            raise FileFormatError(f"{path}: its description is damaged: {error!r}") from None


_SINCE_VERSION_2 = {
    "others", "violation", "thinking", "further", "further_std", "best_seen", "on_front", "front_report",
}  # fmt: skip


def _read_trials(file: h5py.File, index: int, name: str) -> Trials:
    group = f"strategies/{index}"
    there = [array for array in ARRAYS if array in file[group] or array not in _SINCE_VERSION_2]
    arrays = {array: read_array(file, f"{group}/{array}") for array in there}
    trials, runs = len(arrays["value"]), len(arrays["seeds"])
    older = {"others": np.empty((trials, 0)), "violation": np.zeros(trials), "thinking": np.full(runs, np.nan)}
    return Trials(name, **{**older, **arrays})


def _read_protocol(head: dict[str, Any]) -> Protocol:
    return Protocol(
        _measure(head["signal"]),
        Budget(**head["budget"]),
        head["workers"],
        head["repeats"],
        tuple(map(_measure, head.get("objectives", ()))),
        tuple(
            Constraint(_measure(each["measure"]), each["bound"], each["at_most"])
            for each in head.get("constraints", ())
        ),
    )


def _read_reference(found: dict[str, float] | None) -> Reference | None:
    return Reference(**found) if found else None


def _measure(text: str) -> Measure:
    task, _, rest = text.rpartition("/")
    metric, _, epochs = rest.rpartition("@")
    return Measure(task, metric, int(epochs))
