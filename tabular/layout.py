"""The contents of a table in memory, and their layout in HDF5.

The format is ``nasbench-table``, version 1. The written specification is ``docs/table-format.md``; this file writes it,
`tabular.table` reads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from tabular.errors import FileFormatError, InvalidArchitectureError
from tabular.storage import write_array, write_hdf5, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.measures import Task
    from tabular.spaces import Space

FORMAT = "nasbench-table"
VERSION = 1

MISSING, DONE, DIVERGED = 0, 1, 2
"""Status of a training: not there, went through, or its loss stopped being a finite number."""

STATUS_WORDS = ("missing", "done", "diverged")
"""How files write a status: the words in the places of the numbers that tables hold."""

MEANS = (-1,)
"""The seeds of a task whose numbers are means over trainings that are not recorded one by one."""

REPRESENTS = ("class", "row")

RESERVED = ("index", "seed", "epoch")
"""Names of the coordinates that lie beside the metrics; no metric or cost may take one."""

SCALE_ATTRIBUTES = ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST")
"""Attributes by which HDF5 links dimension scales. They are not values of ours, so the digest leaves them out."""

DEEPEST = 3
"""Groups are nested this deep at most: ``/tasks/<task>/metrics``."""


@dataclass
class TaskData:
    """Everything recorded of one task.

    Parameters
    ----------
    task : Task
        ``task.seeds`` is ``(-1,)`` where the numbers are means over seeds.
    metrics : dict of str to (N, S, E) float32
        NaN where nothing was measured.
    status : (N, S) uint8
        `tabular.layout.MISSING`, `DONE` or `DIVERGED`.
    costs : dict of str to (N,) float
        What an architecture costs whatever the seed: parameters, FLOPs, ...
    cost_units : dict of str to str
    """

    task: Task
    metrics: dict[str, NDArray[np.float32]]
    status: NDArray[np.uint8]
    costs: dict[str, NDArray[Any]] = field(default_factory=dict)
    cost_units: dict[str, str] = field(default_factory=dict)


@dataclass
class TableData:
    """Everything a table holds.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    represents : str
        ``class``: a row stands for all rows of the space with its canonical key; ``row``: for itself alone.
    tasks : list of TaskData
    provenance : dict
        JSON-ready: licence, citation, source, whatever names the origin of the whole table.
    """

    space: Space
    architectures: NDArray[np.uint8]
    represents: str
    tasks: list[TaskData]
    provenance: dict[str, Any] = field(default_factory=dict)


def write_table(path: str | Path, data: TableData) -> None:
    """Write a table, whole or not at all.

    An older file at ``path`` is replaced in one step.

    Raises
    ------
    FileFormatError
        If the data break an invariant of a table; the message names the first.
    OutputError
        If the file cannot be written.
    """
    for name in [n for held in data.tasks for n in (held.task.name, *held.metrics, *held.costs)]:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name) or name in RESERVED:
            raise FileFormatError(
                f"{path}: cannot be written: {name!r} is no name for a task, metric or cost; use letters, digits, "
                f"'_', '-' and '.', but not {', '.join(RESERVED)}"
            )
    problems = find_problems(data)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise FileFormatError(f"{path}: cannot be written: {problems[0]}{more}")
    write_hdf5(path, FORMAT, VERSION, lambda file: _fill(file, data))


def _fill(file: h5py.File, data: TableData) -> None:
    write_text(file, "space", json.dumps(data.space.declaration()))
    write_text(file, "represents", data.represents)
    write_text(file, "provenance", json.dumps(data.provenance))
    rows = np.ascontiguousarray(data.architectures)
    numbered = data.space.size <= np.iinfo(np.int64).max
    index = np.asarray(data.space.index(rows), dtype=np.int64) if numbered else np.arange(len(rows))
    index_scale = _write_scale(file, "index", index)
    position_scale = _write_scale(file, "position", np.arange(data.space.length))
    _link(write_array(file, "architectures", rows), index_scale, position_scale)
    keys = np.asarray(data.space.canonical_key(rows), dtype=np.uint64)
    _link(write_array(file, "canonical_keys", keys), index_scale)
    tasks = file.create_group("tasks")
    for task_data in data.tasks:
        _fill_task(tasks.create_group(task_data.task.name), task_data, index_scale)
    write_text(file, "digest", content_digest(file))


def _fill_task(group: h5py.Group, data: TaskData, index_scale: h5py.Dataset) -> None:
    task = data.task
    write_text(group, "values", "means" if task.seeds == MEANS else "trainings")
    write_text(group, "provenance", json.dumps(dict(task.provenance)))
    epoch_scale = _write_scale(group, "epoch", np.asarray(task.epochs, dtype=np.int64))
    seed_scale = _write_scale(group, "seed", np.asarray(task.seeds, dtype=np.int64))
    group["index"] = index_scale
    _link(write_array(group, "status", data.status), index_scale, seed_scale)
    metrics = group.create_group("metrics")
    for name, scale in (("index", index_scale), ("seed", seed_scale), ("epoch", epoch_scale)):
        metrics[name] = scale  # the same data set under a second name: readers of one group find its coordinates there
    for name, values in data.metrics.items():
        meaning = task.metrics[name]
        dataset = write_array(
            metrics, name, values, unit=meaning.unit, split=meaning.split, direction=meaning.direction
        )
        _link(dataset, index_scale, seed_scale, epoch_scale)
    costs = group.create_group("costs")
    costs["index"] = index_scale
    for name, values in data.costs.items():
        _link(write_array(costs, name, values, unit=data.cost_units[name]), index_scale)


def _write_scale(group: h5py.Group, name: str, values: NDArray[np.int64]) -> h5py.Dataset:
    scale = write_array(group, name, values)
    scale.make_scale(name)
    return scale


def _link(dataset: h5py.Dataset, *scales: h5py.Dataset) -> None:
    for dimension, scale in zip(dataset.dims, scales, strict=True):
        dimension.attach_scale(scale)


def content_digest(file: h5py.File) -> str:
    """Return the SHA-256 over all names, attributes and checksums of a file.

    Each data set's own checksum is among its attributes, so this one number stands for the whole content.
    """
    described = {path: _described_attributes(item) for path, item in _walk(file)}
    text = json.dumps(described, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _walk(group: h5py.Group, depth: int = 0) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    if depth > DEEPEST:
        raise FileFormatError(f"{group.file.filename}: {group.name}: groups are nested too deep for a table")
    path = group.name.rstrip("/")
    yield path or "/", group
    for name in group:
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _walk(item, depth + 1)
        else:
            yield f"{path}/{name}", item


def _described_attributes(item: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    skipped = {*SCALE_ATTRIBUTES, "digest"} if item.name == "/" else SCALE_ATTRIBUTES
    return {name: _plain(item.attrs[name]) for name in item.attrs if name not in skipped}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return int(value) if isinstance(value, np.integer) else str(value)


def find_problems(data: TableData) -> list[str]:
    """Return one line for each invariant that the data break; none if they are sound."""
    return list(_table_problems(data))


def _table_problems(data: TableData) -> Iterator[str]:
    if data.represents not in REPRESENTS:
        yield f"represents is {data.represents!r}, expected one of {', '.join(REPRESENTS)}"
    rows = data.architectures
    try:
        if np.ndim(rows) != 2 or data.space.check(rows).dtype != np.asarray(rows).dtype:
            yield f"architectures must be (N, {data.space.length}) uint8, they are {rows.shape} {rows.dtype}"
            return
    except InvalidArchitectureError as error:
        yield f"architectures: {error}"
        return
    identity = data.space.canonical_key(rows) if data.represents == "class" else row_bytes(rows)
    order = np.argsort(identity, kind="stable")
    repeated = np.flatnonzero(identity[order][1:] == identity[order][:-1])
    if len(repeated):
        first, second = (int(i) for i in order[repeated[0] : repeated[0] + 2])
        yield f"architectures: rows {first} and {second} are the same network: {data.space.to_text(rows[first])}"
    if not len(rows):
        yield "architectures: there are none"
    if not data.tasks:
        yield "there is no task"
    for task_data in data.tasks:
        for problem in _task_problems(task_data, len(rows)):
            yield f"task {task_data.task.name}: {problem}"


def _task_problems(data: TaskData, rows: int) -> Iterator[str]:
    task, status = data.task, data.status
    if not task.epochs or list(task.epochs) != sorted(set(task.epochs)) or task.epochs[0] < 0:
        yield f"epochs must ascend from 0 or more, they are {task.epochs}"
    if not task.seeds or len(set(task.seeds)) != len(task.seeds) or (min(task.seeds) < 0 and task.seeds != MEANS):
        yield f"seeds must differ and not be negative (or be -1 alone, for means), they are {task.seeds}"
    if set(task.metrics) != set(data.metrics):
        yield f"its metrics are declared as {sorted(task.metrics)} and recorded as {sorted(data.metrics)}"
        return
    if status.shape != (rows, len(task.seeds)) or status.dtype != np.uint8:
        yield f"status must be ({rows}, {len(task.seeds)}) uint8, it is {status.shape} {status.dtype}"
        return
    if not np.isin(status, (MISSING, DONE, DIVERGED)).all():
        yield f"status has a value other than {MISSING}, {DONE}, {DIVERGED}"
    yield from _cost_problems(data, rows)
    shape = (rows, len(task.seeds), len(task.epochs))
    measured = np.zeros(status.shape, dtype=bool)
    for name, values in data.metrics.items():
        if values.shape != shape or values.dtype != np.float32:
            yield f"metric {name} must be {shape} float32, it is {values.shape} {values.dtype}"
            continue
        measured |= ~np.isnan(values).all(axis=2)
        yield from (f"metric {name}: {problem}" for problem in _metric_problems(values, data, name))
    yield from _first(measured & (status == MISSING), "has numbers though its status is missing")
    if data.metrics:
        yield from _first(~measured & (status == DONE), "is done and has no number")


def _metric_problems(values: NDArray[np.float32], data: TaskData, name: str) -> Iterator[str]:
    meaning = data.task.metrics[name]
    if meaning.direction not in {"maximize", "minimize"}:
        yield f"its direction is {meaning.direction!r}, expected 'maximize' or 'minimize'"
    yield from _first(np.isinf(values), "is infinite")
    if meaning.unit == "fraction":
        yield from _first((values < 0) | (values > 1), "is not in 0..1")
    if meaning.unit == "second":
        yield from _first(values < 0, "is negative")
        if not data.task.restarts:
            so_far = np.fmax.accumulate(values, axis=2)
            yield from _first(so_far > values, "is less than at an earlier epoch")
        yield from _first(np.isnan(values[:, :, -1]) & (data.status == DIVERGED), "is not known of a diverged training")


def _cost_problems(data: TaskData, rows: int) -> Iterator[str]:
    if set(data.costs) != set(data.cost_units):
        yield f"its costs are {sorted(data.costs)} and have units for {sorted(data.cost_units)}"
    for name, values in data.costs.items():
        if values.shape != (rows,):
            yield f"cost {name} must be ({rows},), it is {values.shape}"


def _first(bad: NDArray[np.bool_], what: str) -> Iterator[str]:
    """Yield one line that names the first place where ``bad`` holds, if there is one."""
    indices: Any = np.argwhere(bad)
    if len(indices):
        names = ("row", "seed number", "epoch number")
        where = ", ".join(f"{name} {int(index)}" for name, index in zip(names, indices[0], strict=False))
        count = f" ({len(indices)} such)" if len(indices) > 1 else ""
        yield f"{where} {what}{count}"


def row_bytes(architectures: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return each row as one sortable value.

    Parameters
    ----------
    architectures : (N, L) uint8

    Returns
    -------
    (N,) bytes of length L
    """
    return np.ascontiguousarray(architectures).view(f"S{architectures.shape[1]}")[:, 0]
