"""What holds in every sound table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tabular.layout import TableData, TaskData

MISSING, DONE, DIVERGED = 0, 1, 2
"""Status of a training: not there, went through, or its loss stopped being a finite number."""

MEANS = (-1,)
"""The seeds of a task whose numbers are means over trainings that are not recorded one by one."""

REPRESENTS = ("class", "row")


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
    for each in data.tasks:
        for problem in _task_problems(each, len(rows)):
            yield f"task {each.task.name}: {problem}"


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
    places: Any = np.argwhere(bad)
    if len(places):
        names = ("row", "seed number", "epoch number")
        where = ", ".join(f"{name} {int(place)}" for name, place in zip(names, places[0], strict=False))
        count = f" ({len(places)} such)" if len(places) > 1 else ""
        yield f"{where} {what}{count}"
