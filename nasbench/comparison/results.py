"""The outcome of a comparison: trials, protocol and origin, as a data frame and as an HDF5 file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.comparison.budget import Budget
from nasbench.comparison.search_run import Protocol
from nasbench.comparison.trials import Trials
from nasbench.errors import FileFormatError, NasbenchError
from nasbench.optional import load_optional
from nasbench.oracle import Measure, Metric, Oracle, Reference
from nasbench.spaces import Space, declared_space
from nasbench.storage import open_hdf5, read_array, read_json, write_array, write_hdf5, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import h5py
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

FORMAT = "nasbench-results"
VERSION = 1


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
        Versions, and the origin of each task that the protocol touches.
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

    @classmethod
    def of(cls, oracle: Oracle, protocol: Protocol, report: Measure, trials: dict[str, Trials]) -> Results:
        """Bring together what a comparison made."""
        from nasbench import __version__

        tasks = {name: dict(oracle.tasks[name].provenance) for name in (protocol.signal.task, report.task)}
        return cls(
            oracle.name,
            oracle.space,
            protocol,
            report,
            oracle.tasks[protocol.signal.task].metrics[protocol.signal.metric],
            oracle.tasks[report.task].metrics[report.metric],
            oracle.reference(report),
            trials,
            {"nasbench": __version__, "numpy": np.__version__, "tasks": tasks},
        )

    def regret(self, trials: Trials) -> NDArray[np.float64]:
        """Return the simple regret of each trial's incumbent, (T,): the best report in the space minus the incumbent's.

        NaN where the best is not known. Never negative for an oracle that knows all of its space.
        """
        if self.reference is None:
            return np.full(len(trials), np.nan)
        gap = self.reference.best - trials.report
        return gap if self.report_metric.direction == "maximize" else -gap

    def to_frame(self) -> pd.DataFrame:
        """Return one row a trial, tidy.

        Columns: strategy, run (its seed), trial (within the run), architecture (text), epochs, value, charged_epochs,
        charged_seconds, finished (simulated seconds), incumbent (trial within the run), report, report_std, regret.
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
            }
        )
        return frame

    def save(self, path: str | Path) -> None:
        """Write an HDF5 file, whole or not at all.

        Raises
        ------
        OutputError
        """
        write_hdf5(path, FORMAT, VERSION, self._fill)

    def _fill(self, file: h5py.File) -> None:
        protocol = self.protocol
        head = {
            "oracle": self.oracle,
            "space": self.space.declaration(),
            "signal": str(protocol.signal),
            "report": str(self.report),
            "signal_metric": vars(self.signal_metric),
            "report_metric": vars(self.report_metric),
            "budget": {"amount": protocol.budget.amount, "unit": protocol.budget.unit},
            "workers": protocol.workers,
            "repeats": protocol.repeats,
            "reference": self.reference._asdict() if self.reference else None,
            "provenance": self.provenance,
            "strategies": list(self.trials),
        }
        write_text(file, "head", json.dumps(head))
        for i, trials in enumerate(self.trials.values()):
            group = file.create_group(f"strategies/{i}")
            for name in _ARRAYS:
                write_array(group, name, getattr(trials, name))

    @classmethod
    def load(cls, path: str | Path) -> Results:
        """Read a file that `save` wrote.

        Raises
        ------
        FileFormatError
            If it is missing, damaged, foreign or newer.
        """
        with open_hdf5(path, FORMAT, VERSION) as file:
            head = read_json(file, "head")
            try:
                protocol = Protocol(
                    _measure(head["signal"]), Budget(**head["budget"]), head["workers"], head["repeats"]
                )
                trials = {}
                for i, name in enumerate(head["strategies"]):
                    arrays = {array: read_array(file, f"strategies/{i}/{array}") for array in _ARRAYS}
                    trials[name] = Trials(name, **arrays)
                return cls(
                    head["oracle"],
                    declared_space(head["space"]),
                    protocol,
                    _measure(head["report"]),
                    Metric(**head["signal_metric"]),
                    Metric(**head["report_metric"]),
                    Reference(**head["reference"]) if head["reference"] else None,
                    trials,
                    head["provenance"],
                )
            except (KeyError, TypeError, ValueError) as error:
                if isinstance(error, NasbenchError):
                    raise
                raise FileFormatError(f"{path}: its description is damaged: {error!r}") from None


_ARRAYS = [name for name in Trials.__dataclass_fields__ if name != "strategy"]


def _measure(text: str) -> Measure:
    task, _, rest = text.rpartition("/")
    metric, _, epochs = rest.rpartition("@")
    return Measure(task, metric, int(epochs))
