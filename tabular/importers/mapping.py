"""The TOML file by which a user says what the columns of a CSV file mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasbench.errors import FileFormatError, NasbenchError, UnknownNameError
from nasbench.oracle import Metric, standard_metric
from nasbench.spaces import declared_space, get_space
from nasbench.toml import read_toml
from tabular.invariants import REPRESENTS

if TYPE_CHECKING:
    from pathlib import Path

    from nasbench.spaces import Space

WRITTEN = ("text", "index", "row")
MEANING = ("unit", "split", "direction")


@dataclass(frozen=True)
class MetricColumn:
    """A column that holds a metric after some epochs: of one training each, or means if ``seed`` is None."""

    column: str
    meaning: Metric
    epoch: int
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
    """The columns of one task."""

    name: str
    metrics: list[MetricColumn]
    costs: list[CostColumn]
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Mapping:
    """The whole mapping; ``column`` holds the architecture, ``written`` says how."""

    space: Space
    column: str
    written: str
    represents: str
    rows: int | None
    tasks: list[TaskMapping]
    provenance: dict[str, Any]

    def value_columns(self) -> list[str]:
        """Return the columns that hold numbers."""
        metrics = [each.column for task in self.tasks for each in task.metrics]
        return metrics + [each.column for task in self.tasks for each in task.costs]

    def columns(self) -> list[str]:
        """Return all columns that are named."""
        return [self.column, *self.value_columns()]


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
    provenance = top.take("provenance", dict, {})
    architecture = top.inner("architecture")
    tasks = top.inner("tasks")
    top.end()
    mapping = Mapping(
        _space(space, str(path)),
        architecture.take("column", str),
        architecture.one_of("written", WRITTEN),
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


def _task(name: str, fields: _Fields) -> TaskMapping:
    metrics = [_metric(each) for each in fields.list("metrics")]
    costs = []
    for each in fields.list("costs", required=False):
        column, cost, unit = (each.take(key, str) for key in ("column", "name", "unit"))
        costs.append(CostColumn(column, cost, unit, each.number("scale", 1)))
        each.end()
    provenance = fields.take("provenance", dict, {})
    fields.end()
    if not metrics:
        raise FileFormatError(f"{fields.where}: lists no metric")
    places = [(column.meaning.name, column.epoch, column.seed) for column in metrics]
    for place in places:
        if places.count(place) > 1:
            raise FileFormatError(f"{fields.where}: two columns are {place[0]} at epoch {place[1]}, seed {place[2]}")
    if len({column.seed is None for column in metrics}) > 1:
        raise FileFormatError(
            f"{fields.where}: some metrics name a seed and some do not; means go to a task of their own"
        )
    meanings = {column.meaning.name: column.meaning for column in metrics}
    for column in metrics:
        if column.meaning != meanings[column.meaning.name]:
            raise FileFormatError(f"{fields.where}: {column.meaning.name} is declared in two ways")
    return TaskMapping(name, metrics, costs, provenance)


def _metric(fields: _Fields) -> MetricColumn:
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
    column = MetricColumn(
        fields.take("column", str),
        meaning,
        fields.take("epoch", int),
        fields.take("seed", int, None),
        fields.number("scale", 1),
    )
    fields.end()
    return column


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
