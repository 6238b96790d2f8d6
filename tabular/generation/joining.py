"""Joining tables and journals of one plan, so that each training counts once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import PlanMismatchError
from tabular.generation.groups import drawn_rows, listed_networks
from tabular.generation.journal import Journal, JournalHeader, Record
from tabular.generation.ledger import Ledger
from tabular.generation.plan import PORTIONS, completed, differences
from tabular.generation.sources import places_of, plan_of
from tabular.invariants import MISSING
from tabular.layout import TableData
from tabular.spaces.registry import declared_space
from tabular.storage import array_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Parts = dict[Path, TableData | Journal]
"""Tables and journals by their paths; of a training that several hold, the first counts."""


@dataclass(frozen=True)
class Joined:
    """The trainings of tables and journals, each once.

    Parameters
    ----------
    ledger : Ledger
        Has room for every architecture that was asked for, with every seed that one of them knows.
    repeated : int
        Trainings that were left out, as an earlier part holds them too.
    different : int
        Those of them with other numbers than the ones that count, seconds aside.
    """

    ledger: Ledger
    repeated: int
    different: int


def join(parts: Parts) -> Joined | None:
    """Join tables and journals; None if they hold not even a plan.

    Raises
    ------
    PlanMismatchError
        If they were not made with one plan; the message names the first difference.
    SpaceError
    """
    plan = _common_plan(parts)
    if plan is None:
        return None
    where = next(iter(parts))
    space = declared_space(plan["space"], where=str(where))
    networks = listed_networks(space)
    if array_digest(networks) != plan["networks_sha256"]:
        raise PlanMismatchError(
            f"{where}: numbers the networks of {space.name} in another way than this version of nasbench; use the "
            "version that it was made with"
        )
    rows = set(drawn_rows(len(networks), max(plan[PORTIONS], default=0)).tolist())
    seeds: set[int] = set()
    journals: list[tuple[JournalHeader, list[Record]]] = []
    for path, part in parts.items():
        if isinstance(part, TableData):
            places = places_of(networks, part, path)
            rows.update(places)
            seeds.update(part.tasks[0].task.seeds)
            journals.append((_header_of(part), list(_records_of(part, places))))
        elif part.header is not None:
            journals.append((part.header, part.records))
    records = [record for _, those in journals for record in those]
    rows.update(record.row for record in records)
    seeds.update(record.seed for record in records)
    header = replace(
        journals[0][0],
        plan=plan,
        metrics=tuple(dict.fromkeys(name for header, _ in journals for name in header.metrics)),
        costs=tuple(dict.fromkeys(name for header, _ in journals for name in header.costs)),
    )
    ledger = Ledger(space, networks, np.array(sorted(rows), dtype=np.int64), sorted(seeds), header)
    again = [record for own, those in journals for record in _arranged(those, own, header) if not ledger.add(record)]
    return Joined(ledger, len(again), sum(not ledger.agrees(record) for record in again))


def _common_plan(parts: Parts) -> dict[str, Any] | None:
    """Return the plan of all parts, with all portions that were ever asked for; None if none tells of one.

    Raises
    ------
    PlanMismatchError
    """
    first: tuple[Path, dict[str, Any]] | None = None
    portions: set[int] = set()
    for path, part in parts.items():
        if isinstance(part, TableData):
            found = plan_of(part)
        elif part.header is not None:
            found = part.header.plan
        else:
            continue
        if found is None:
            raise PlanMismatchError(f"{path}: is a table that was not generated here; nothing can be merged with it")
        plan = completed(found)
        where, wanted = first = first or (path, plan)
        for name, own, other in differences(plan, wanted):
            if name != PORTIONS:
                raise PlanMismatchError(
                    f"{path}: was made with {name} = {own!r}, {where} with {other!r}; what does not share a plan "
                    "stays in tables of its own"
                )
        portions.update(plan.get(PORTIONS, ()))
    return {**first[1], PORTIONS: sorted(portions)} if first else None


def _header_of(data: TableData) -> JournalHeader:
    task = data.tasks[0].task
    origin = {name: value for name, value in task.provenance.items() if name not in {"plan", "earlier"}}
    return JournalHeader({}, origin, tuple(data.tasks[0].metrics), task.epochs, tuple(data.tasks[0].costs))


def _records_of(data: TableData, places: list[int]) -> Iterator[Record]:
    """Yield the trainings of a table as a journal holds them."""
    (task,) = data.tasks
    metrics = np.stack(list(task.metrics.values()))
    costs = np.array(list(task.costs.values()), dtype=np.float64).reshape(len(task.costs), len(places))
    for row, column in np.argwhere(task.status != MISSING).tolist():
        seed, status = task.task.seeds[column], int(task.status[row, column])
        yield Record(places[row], seed, status, metrics[:, row, column], costs[:, row])


def _arranged(records: list[Record], own: JournalHeader, wanted: JournalHeader) -> Iterator[Record]:
    """Yield records with the metrics and costs of another header; NaN for what they do not tell of."""
    metrics = [wanted.metrics.index(name) for name in own.metrics]
    costs = [wanted.costs.index(name) for name in own.costs]
    for record in records:
        yield record._replace(
            metrics=_spread(record.metrics, metrics, len(wanted.metrics)),
            costs=_spread(record.costs, costs, len(wanted.costs)),
        )


def _spread(values: NDArray[Any], places: list[int], length: int) -> NDArray[Any]:
    spread = np.full((length, *values.shape[1:]), np.nan, dtype=values.dtype)
    spread[places] = values
    return spread
