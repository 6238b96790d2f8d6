"""Results as an HDF5 file."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.comparison.budget import Budget
from nasbench.comparison.protocol import Constraint, Protocol
from nasbench.comparison.results import Report, Results
from nasbench.comparison.trials import Trials
from tabular.errors import FileFormatError, NasbenchError
from tabular.measures import Measure, Metric, Reference
from tabular.spaces import declared_space
from tabular.storage import open_hdf5, read_array, read_json, write_array, write_hdf5, write_text

if TYPE_CHECKING:
    from pathlib import Path

    import h5py

FORMAT = "nasbench-results"
VERSION = 2
"""Since version 2 there are objectives, constraints, further reports, simple regret and the strategies' own time."""


def write_results(results: Results, path: str | Path) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    OutputError
    """
    write_hdf5(path, FORMAT, VERSION, partial(_fill, results))


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
        for name in _ARRAYS:
            write_array(group, name, getattr(trials, name))


def read_results(path: str | Path) -> Results:
    """Read a file of this or an earlier version.

    Raises
    ------
    FileFormatError
        If it is missing, damaged, foreign or newer.
    """
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


_ARRAYS = [each.name for each in fields(Trials) if each.name != "strategy"]


def _read_trials(file: h5py.File, place: int, name: str) -> Trials:
    group = f"strategies/{place}"
    there = [each for each in _ARRAYS if each in file[group] or each not in _SINCE_VERSION_2]
    arrays = {each: read_array(file, f"{group}/{each}") for each in there}
    trials, runs = len(arrays["value"]), len(arrays["seeds"])
    older = {"others": np.empty((trials, 0)), "violation": np.zeros(trials), "thinking": np.full(runs, np.nan)}
    return Trials(name, **{**older, **arrays})


_SINCE_VERSION_2 = {
    "others", "violation", "thinking", "further", "further_std", "best_seen", "on_front", "front_report",
}  # fmt: skip


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
