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
from tabular.files import REQUIRED, TomlTable, read_toml
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
    """The columns of one task.

    ``where`` names columns and what they hold in the rows of this task.
    """

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
        numbers = [*(column.column for column in self.metrics), *(column.column for column in self.costs)]
        return [*filter(None, named), *numbers]


@dataclass(frozen=True)
class Mapping:
    """The whole mapping.

    The columns ``architecture`` hold the architecture, ``written`` says how.
    """

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
    top = TomlTable(read_toml(path, FileFormatError), str(path), FileFormatError)
    space = top.read("space", (str, dict))
    represents = top.one_of("represents", REPRESENTS, REPRESENTS[1])
    rows = top.read("rows", int, None)
    provenance = _origin(top)
    architecture = top.table("architecture")
    tasks = top.table("tasks")
    top.check_keys(kind="field")
    mapping = Mapping(
        _space(space, str(path)),
        _architecture_columns(architecture),
        architecture.one_of("written", READERS),
        represents,
        rows,
        [_task(name, tasks.table(name)) for name in list(tasks.values)],
        provenance,
    )
    architecture.check_keys(kind="field")
    if not mapping.tasks:
        raise FileFormatError(f"{path}: declares no task; add a table [tasks.NAME]")
    return mapping


def _space(declared: str | dict[str, Any], where: str) -> Space:
    try:
        return get_space(declared) if isinstance(declared, str) else declared_space({"kind": "cell", **declared}, where)
    except NasbenchError as error:
        raise FileFormatError(f"{where}: space: {error}") from None


def _architecture_columns(fields: TomlTable) -> list[str]:
    if "columns" not in fields.values:
        return [fields.read("column", str)]
    columns = fields.read("columns", list)
    if not columns or not all(isinstance(column, str) for column in columns):
        raise FileFormatError(f"{fields.where}: columns must be names of columns, got {columns!r}")
    return list(columns)


def _task(name: str, fields: TomlTable) -> TaskMapping:
    where = {column: str(value) for column, value in fields.read("where", dict, {}).items()}
    seed_column, epoch_column, status_column = (
        fields.read(key, str, None) for key in ("seed_column", "epoch_column", "status_column")
    )
    metrics = [_metric(metric, seed_column, epoch_column) for metric in fields.tables("metrics")]
    costs = list[CostColumn]()
    for cost_fields in fields.tables("costs", []):
        column, cost, unit = (cost_fields.read(key, str) for key in ("column", "name", "unit"))
        if cost in {before.name for before in costs}:
            raise FileFormatError(f"{cost_fields.where}: {cost} is the name of a cost before")
        costs.append(CostColumn(column, cost, unit, cost_fields.number("scale", 1)))
        cost_fields.check_keys(kind="field")
    provenance = _origin(fields)
    fields.check_keys(kind="field")
    if not metrics:
        raise FileFormatError(f"{fields.where}: lists no metric")
    keys = [(column.meaning.name, column.epoch, column.seed) for column in metrics]
    for key in keys:
        if keys.count(key) > 1:
            raise FileFormatError(f"{fields.where}: two columns are {_described(*key)}")
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


def _metric(fields: TomlTable, seed_column: str | None, epoch_column: str | None) -> MetricColumn:
    name = fields.read("metric", str)
    declared = [fields.read(key, str, None) for key in MEANING]
    if all(declared):
        meaning = Metric(name, *declared)
        fields.one_of("direction", ("maximize", "minimize"))
    elif any(declared):
        raise FileFormatError(f"{fields.where}: {name} needs all of {', '.join(MEANING)} or none of them")
    else:
        try:
            meaning = standard_metric(name)
        except UnknownNameError as error:
            raise FileFormatError(f"{fields.where}: {error}; or declare {', '.join(MEANING)}") from None
    column = fields.read("column", str)
    epoch = fields.read("epoch", int, None if epoch_column else REQUIRED)
    seed = fields.read("seed", int, None)
    for key, value, instead in (("epoch", epoch, epoch_column), ("seed", seed, seed_column)):
        if instead and value is not None:
            raise FileFormatError(f"{fields.where}: names {key} {value}, but {key}_column = {instead!r} holds it")
    scale = fields.number("scale", 1)
    fields.check_keys(kind="field")
    return MetricColumn(column, meaning, epoch, seed, scale)


def _origin(fields: TomlTable) -> dict[str, Any]:
    """Return the provenance.

    It is a table, or text that holds a JSON object, which can say all that a table's can.
    """
    given = fields.read("provenance", (dict, str), {})
    try:
        found = json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        raise FileFormatError(f"{fields.where}: provenance is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise FileFormatError(f"{fields.where}: provenance must be a JSON object, got {given!r}")
    return found


def _row(space: Space, text: str) -> NDArray[np.uint8]:
    return space.check([int(choice) for choice in text.strip("[]() ").replace(",", " ").split()])


def _upper_triangle(space: Space, text: str) -> NDArray[np.uint8]:
    """Read an adjacency matrix above its diagonal, and the inner vertices' operations.

    The rows of the matrix follow one another. Each edge and operation is one digit: ``111 0`` has three vertices. A
    cell of fewer vertices than the space's has its input first and its output last, and no edge at the vertices that it
    lacks.
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
    vertex = np.array([*range(vertices - 1), most - 1])
    starts, ends = np.triu_indices(vertices, k=1)
    matrix[vertex[starts], vertex[ends]] = [int(edge) for edge in edges]
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
