"""What a table holds in memory, and how it is laid out in HDF5: format ``nasbench-table``, version 1.

The written specification is ``docs/table-format.md``; this file writes it, `tabular.table` reads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from tabular.errors import FileFormatError
from tabular.invariants import MEANS, find_problems
from tabular.storage import write_array, write_hdf5, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.measures import Task
    from tabular.spaces import Space

FORMAT = "nasbench-table"
VERSION = 1

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
        `tabular.invariants.MISSING`, `DONE` or `DIVERGED`.
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
    """Write a table, whole or not at all; an older file at ``path`` is replaced in one step.

    Raises
    ------
    FileFormatError
        If the data break an invariant of a table; the message names the first.
    OutputError
        If the file cannot be written.
    """
    for name in [n for each in data.tasks for n in (each.task.name, *each.metrics, *each.costs)]:
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
    for each in data.tasks:
        _fill_task(tasks.create_group(each.task.name), each, index_scale)
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
    """Return the SHA-256 over the names, attributes and checksums of everything in the file.

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
