"""The TOML file by which a user says what the columns of a file mean.

It says what the space is, which column holds the architecture, and what every other column of interest means::

    space = "nb201"                      # a name, or a table as in a space's own file: kind, name, nodes, operations
    rows = 15625                         # optional: how many rows there must be
    represents = "row"                   # or "class": a row stands for all of its isomorphism class

    [architecture]
    column = "arch"                      # or columns = [...], joined by a blank
    written = "text"                     # "text", "index" in the space, "row": choices such as 3 0 1, or
                                         # "upper_triangle": edges and operations of a cell such as 111 0

    [provenance]                         # licence, citation, source, ...: kept as it is; or text that holds JSON
    licence = "MIT"

    [tasks.cifar10-12]
    metrics = [
        { column = "valid12", metric = "validation_accuracy", epoch = 12, scale = 0.01 },
        { column = "energy", metric = "energy", epoch = 12, unit = "joule", split = "none", direction = "minimize" },
    ]
    costs = [{ column = "params_M", name = "parameters", unit = "count", scale = 1e6 }]

A metric may name the ``seed`` of its trainings; without seeds the numbers are means. Empty cells stay missing.

Where a file has a row for each training, or for each of its epochs, a task names the columns that say which::

    [tasks.digits]
    where = { task = "digits" }          # only rows whose column "task" holds "digits"
    seed_column = "seed"                 # no metric names a seed then
    epoch_column = "epoch"               # no metric names an epoch then
    status_column = "status"             # missing, done or diverged; without it what has a number is done
    metrics = [{ column = "validation_accuracy", metric = "validation_accuracy" }]
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError, InvalidArchitectureError, NasbenchError, SpaceError, UnknownNameError
from tabular.files import read_toml
from tabular.layout import REPRESENTS
from tabular.measures import Metric, standard_metric
from tabular.spaces import declared_space, get_space

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.spaces import Space

MEANING = ("unit", "split", "direction")

JOINED_BY = " "
"""What is put between the cells of an architecture that several columns hold."""


@dataclass(frozen=True)
class MetricColumn:
    """A column that holds a metric.

    ``epoch`` is None if another column holds it; ``seed`` is None in that case, and for means.
    """

    column: str
    meaning: Metric
    epoch: int | None
    seed: int | None
    scale: float


@dataclass(frozen=True)
class CostColumn:
    """A column that holds a cost per architecture."""

    column: str
    name: str
    unit: str
    scale: float


@dataclass(frozen=True)
class TaskMapping:
    """The columns of one task; ``where`` names columns and what they hold in the rows of this task."""

    name: str
    metrics: list[MetricColumn]
    costs: list[CostColumn]
    provenance: dict[str, Any]
    where: dict[str, str]
    seed_column: str | None
    epoch_column: str | None
    status_column: str | None

    def columns(self) -> list[str]:
        """Return all columns that are named."""
        named = [*self.where, self.seed_column, self.epoch_column, self.status_column]
        numbers = [*(each.column for each in self.metrics), *(each.column for each in self.costs)]
        return [*filter(None, named), *numbers]


@dataclass(frozen=True)
class Mapping:
    """The whole mapping; the columns ``architecture`` hold the architecture, ``written`` says how."""

    space: Space
    architecture: list[str]
    written: str
    represents: str
    rows: int | None
    tasks: list[TaskMapping]
    provenance: dict[str, Any]

    def columns(self) -> list[str]:
        """Return all columns that are named, each once."""
        return list(dict.fromkeys([*self.architecture, *(name for task in self.tasks for name in task.columns())]))


def read_mapping(path: str | Path) -> Mapping:
    """Read a mapping.

    Raises
    ------
    FileFormatError
        Naming the field that is missing, unknown or of the wrong type.
    """
    top = _Fields(read_toml(path, FileFormatError), str(path))
    space = top.take("space", (str, dict))
    represents = top.take("represents", str, REPRESENTS[1])
    rows = top.take("rows", int, None)
    provenance = top.origin()
    architecture = top.inner("architecture")
    tasks = top.inner("tasks")
    top.end()
    mapping = Mapping(
        _space(space, str(path)),
        _architecture_columns(architecture),
        architecture.one_of("written", tuple(READERS)),
        _known("represents", represents, REPRESENTS, str(path)),
        rows,
        [_task(name, tasks.inner(name)) for name in list(tasks.values)],
        provenance,
    )
    architecture.end()
    if not mapping.tasks:
        raise FileFormatError(f"{path}: declares no task; add a table [tasks.NAME]")
    return mapping


def _space(declared: str | dict[str, Any], where: str) -> Space:
    try:
        return get_space(declared) if isinstance(declared, str) else declared_space({"kind": "cell", **declared}, where)
    except NasbenchError as error:
        raise FileFormatError(f"{where}: space: {error}") from None


def _architecture_columns(fields: _Fields) -> list[str]:
    if "columns" not in fields.values:
        return [fields.take("column", str)]
    columns = fields.take("columns", list)
    if not columns or not all(isinstance(column, str) for column in columns):
        raise FileFormatError(f"{fields.where}: columns must be names of columns, got {columns!r}")
    return list(columns)


def _task(name: str, fields: _Fields) -> TaskMapping:
    where = {column: str(value) for column, value in fields.take("where", dict, {}).items()}
    seed_column, epoch_column, status_column = (
        fields.take(key, str, None) for key in ("seed_column", "epoch_column", "status_column")
    )
    metrics = [_metric(each, seed_column, epoch_column) for each in fields.list("metrics")]
    costs = list[CostColumn]()
    for each in fields.list("costs", required=False):
        column, cost, unit = (each.take(key, str) for key in ("column", "name", "unit"))
        if cost in {before.name for before in costs}:
            raise FileFormatError(f"{each.where}: {cost} is the name of a cost before")
        costs.append(CostColumn(column, cost, unit, each.number("scale", 1)))
        each.end()
    provenance = fields.origin()
    fields.end()
    if not metrics:
        raise FileFormatError(f"{fields.where}: lists no metric")
    places = [(column.meaning.name, column.epoch, column.seed) for column in metrics]
    for place in places:
        if places.count(place) > 1:
            raise FileFormatError(f"{fields.where}: two columns are {_described(*place)}")
    if len({column.seed is None for column in metrics}) > 1:
        raise FileFormatError(
            f"{fields.where}: some metrics name a seed and some do not; means go to a task of their own"
        )
    meanings = {column.meaning.name: column.meaning for column in metrics}
    for column in metrics:
        if column.meaning != meanings[column.meaning.name]:
            raise FileFormatError(f"{fields.where}: {column.meaning.name} is declared in two ways")
    return TaskMapping(name, metrics, costs, provenance, where, seed_column, epoch_column, status_column)


def _described(metric: str, epoch: int | None, seed: int | None) -> str:
    known = [f" at epoch {epoch}" if epoch is not None else "", f" of seed {seed}" if seed is not None else ""]
    return metric + "".join(known)


def _metric(fields: _Fields, seed_column: str | None, epoch_column: str | None) -> MetricColumn:
    name = fields.take("metric", str)
    declared = [fields.take(key, str, None) for key in MEANING]
    if all(declared):
        meaning = Metric(name, *declared)
        _known("direction", meaning.direction, ("maximize", "minimize"), fields.where)
    elif any(declared):
        raise FileFormatError(f"{fields.where}: {name} needs all of {', '.join(MEANING)} or none of them")
    else:
        try:
            meaning = standard_metric(name)
        except UnknownNameError as error:
            raise FileFormatError(f"{fields.where}: {error}; or declare {', '.join(MEANING)}") from None
    column = fields.take("column", str)
    epoch = fields.take("epoch", int, None if epoch_column else _REQUIRED)
    seed = fields.take("seed", int, None)
    for key, value, instead in (("epoch", epoch, epoch_column), ("seed", seed, seed_column)):
        if instead and value is not None:
            raise FileFormatError(f"{fields.where}: names {key} {value}, but {key}_column = {instead!r} holds it")
    scale = fields.number("scale", 1)
    fields.end()
    return MetricColumn(column, meaning, epoch, seed, scale)


def _known(kind: str, value: str, known: tuple[str, ...], where: str) -> str:
    if value not in known:
        raise FileFormatError(f"{where}: {UnknownNameError(kind, value, known)}")
    return value


_REQUIRED: Any = object()


class _Fields:
    """A TOML table whose fields are taken one by one; what is left at the end is unknown."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self.values, self.where, self._known = dict(values), where, list[str]()

    def take(self, name: str, kind: type | tuple[type, ...], default: Any = _REQUIRED) -> Any:
        self._known.append(name)
        if name not in self.values:
            if default is _REQUIRED:
                raise FileFormatError(
                    f"{self.where}: {name!r} is missing; it has {', '.join(self.values) or 'nothing'}"
                )
            return default
        value = self.values.pop(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            kinds = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
            raise FileFormatError(f"{self.where}: {name} must be of type {kinds}, got {value!r}")
        return value

    def number(self, name: str, default: float) -> float:
        return float(self.take(name, (int, float), default))

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        return _known(name, self.take(name, str), known, self.where)

    def origin(self) -> dict[str, Any]:
        """Take the provenance: a table, or text that holds a JSON object, which can say all that a table's can."""
        given = self.take("provenance", (dict, str), {})
        try:
            found = json.loads(given) if isinstance(given, str) else given
        except ValueError as error:
            raise FileFormatError(f"{self.where}: provenance is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise FileFormatError(f"{self.where}: provenance must be a JSON object, got {given!r}")
        return found

    def inner(self, name: str) -> _Fields:
        return _Fields(self.take(name, dict), f"{self.where}: [{name}]")

    def list(self, name: str, *, required: bool = True) -> list[_Fields]:
        values = self.take(name, list, _REQUIRED if required else [])
        for number, value in enumerate(values, 1):
            if not isinstance(value, dict):
                raise FileFormatError(f"{self.where}: {name} number {number} must be a table in braces, got {value!r}")
        return [_Fields(value, f"{self.where}: {name} number {number}") for number, value in enumerate(values, 1)]

    def end(self) -> None:
        for name in self.values:
            raise FileFormatError(f"{self.where}: {UnknownNameError('field', name, self._known)}")


def _row(space: Space, text: str) -> NDArray[np.uint8]:
    return space.check([int(choice) for choice in text.strip("[]() ").replace(",", " ").split()])


def _upper_triangle(space: Space, text: str) -> NDArray[np.uint8]:
    """Read the rows of an adjacency matrix above its diagonal, one after the other, and the inner vertices' operations.

    Each edge and operation is one digit: ``111 0`` has three vertices. A cell of fewer vertices than the space's has
    its input first and its output last, and no edge at the vertices that it lacks.
    """
    most = round(np.sqrt(2 * space.length + 4.25) - 0.5)  # of V (V - 1) / 2 + V - 2 choices
    if most * (most - 1) // 2 + most - 2 != space.length:
        raise SpaceError(f"{space.name!r} does not consist of such cells")
    edges, _, operations = text.partition(JOINED_BY)
    vertices = len(operations) + 2
    if vertices > most or len(edges) != vertices * (vertices - 1) // 2:
        raise InvalidArchitectureError(
            f"{len(edges)} edges and {len(operations)} operations do not make a cell of 2 to {most} vertices"
        )
    matrix = np.zeros((most, most), dtype=np.uint8)
    place = np.array([*range(vertices - 1), most - 1])
    starts, ends = np.triu_indices(vertices, k=1)
    matrix[place[starts], place[ends]] = [int(edge) for edge in edges]
    choices = np.zeros(most - 2, dtype=np.uint8)
    choices[: vertices - 2] = [int(operation) for operation in operations]
    return space.check(np.concatenate([matrix[np.triu_indices(most, k=1)], choices]))


READERS: dict[str, Callable[[Space, str], NDArray[np.uint8]]] = {
    "text": lambda space, text: space.from_text(text),
    "index": lambda space, text: space.from_index(int(text)),
    "row": _row,
    "upper_triangle": _upper_triangle,
}
"""What `written` in a mapping can be, and what reads it."""
