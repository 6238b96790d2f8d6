"""The outcome of a comparison: trials, protocol and origin, as a data frame and as an HDF5 file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import UnknownNameError
from tabular.lazy import load_optional
from tabular.measures import Digested, Measure, Metric, Oracle, Reference, metric_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from nasbench.comparison.protocol import Protocol
    from nasbench.comparison.references import Possible
    from nasbench.comparison.trials import Trials
    from tabular.spaces import Space


class Report(NamedTuple):
    """What incumbents are judged by: a measure, what it means, and what it is like over the space, where known."""

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
    """What `nasbench.comparison.fronts.front_over_time` has found, as several tables and figures ask for it."""

    @classmethod
    def of(
        cls,
        oracle: Oracle,
        protocol: Protocol,
        reports: Sequence[Measure],
        limits: Possible,
        trials: dict[str, Trials],
        failed: dict[str, str],
    ) -> Results:
        """Bring together what a comparison made."""
        from tabular.version import __version__

        origin = {"kind": type(oracle).__name__, "digest": oracle.digest if isinstance(oracle, Digested) else ""}
        touched = dict.fromkeys(each.task for each in (protocol.signal, *reports, *protocol.beside))
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
            trials,
            {"nasbench": __version__, "numpy": np.__version__, "oracle": origin, "tasks": tasks},
            tuple(further),
            tuple(metric_of(oracle, each) for each in protocol.objectives),
            limits.front,
            limits.worst,
            failed,
        )

    @property
    def reports(self) -> tuple[Measure, ...]:
        """All measures that incumbents are judged by, the report first."""
        return (self.report, *(each.measure for each in self.further))

    def reported_by(self, measure: Measure | str) -> Results:
        """Return the same runs judged by another of `reports`, without fronts, which are of the first.

        Raises
        ------
        UnknownNameError
        """
        if str(measure) == str(self.report):
            return self
        place = next((i for i, each in enumerate(self.further) if str(each.measure) == str(measure)), None)
        if place is None:
            raise UnknownNameError("report", str(measure), self.reports)
        trials = {
            name: replace(
                each,
                report=each.further[place],
                report_std=each.further_std[place],
                further=np.empty((0, len(each))),
                further_std=np.empty((0, len(each))),
                best_seen=each.best_seen[[1 + place]],
                on_front=np.zeros_like(each.on_front),
            )
            for name, each in self.trials.items()
        }
        by = self.further[place]
        return replace(
            self,
            report=by.measure,
            report_metric=by.metric,
            reference=by.reference,
            trials=trials,
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
        from nasbench.comparison.results_file import write_results

        write_results(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Results:
        """Read a file that `save` wrote.

        Raises
        ------
        FileFormatError
            If it is missing, damaged, foreign or newer.
        """
        from nasbench.comparison.results_file import read_results

        return read_results(path)
