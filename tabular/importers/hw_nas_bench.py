"""Hardware costs of NAS-Bench-201's networks, joined onto a table.

The costs are those of HW-NAS-Bench (Li et al., ICLR 2021: six devices, three data sets, latency in ms and energy in mJ)
and of HELP (Lee et al., NeurIPS 2021: latency in ms on more devices; where both have a device, HELP's are CIFAR-10's),
as one CSV with a row for each architecture, which the column ``arch`` holds, and the columns
``hwnasbench_<data set>_<device>_<quantity>`` and ``help_<device>[_<batch size>]_latency_ms``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import FileFormatError, InvalidArchitectureError, UnknownNameError
from tabular.files import check_writable
from tabular.importers.columns import Rows, first_conflict, read_csv
from tabular.layout import write_table
from tabular.spaces import get_space
from tabular.table import Table
from tabular.work import silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tabular.measures import Task
    from tabular.work import Progress

ORIGIN = {
    "licence": "MIT",
    "citation": [
        "C. Li et al.: HW-NAS-Bench: Hardware-Aware Neural Architecture Search Benchmark. ICLR 2021",
        "H. Lee et al.: HELP: Hardware-Adaptive Efficient Latency Prediction for NAS via Meta-Learning. NeurIPS 2021",
    ],
    "source": ["https://github.com/GATECH-EIC/HW-NAS-Bench", "https://github.com/HayeonLee/HELP"],
}

ARCHITECTURE, IGNORED = "arch", ("index",)

QUANTITIES = {
    "latency": ("latency_seconds", "second", 1e-3),
    "energy": ("energy_joules", "joule", 1e-3),
    "arithmetic_intensity": ("arithmetic_intensity", "unstated", 1.0),
}
"""Of each quantity in the file the end of the cost's name, the unit, and how many units one is."""

NOT_MEASURED = {"-1", "-1.0"}
"""How HW-NAS-Bench writes that there is no latency of a network on the Edge TPU."""

WIDTH = {"channels": 16, "cells_per_stage": 5, "stages": 3}
"""The networks that were measured; a task that records another recipe is of other networks."""

_DATASETS = {
    "cifar10": r"cifar-?10(?!\d)",
    "cifar100": r"cifar-?100(?!\d)",
    "ImageNet16-120": r"imagenet-?16-?120(?!\d)",
}
_HW_NAS_BENCH = re.compile(rf"hwnasbench_({'|'.join(_DATASETS)})_([a-z0-9]+)_({'|'.join(QUANTITIES)})")
_HELP = re.compile(r"help_(?:(1080ti|2080ti|titan_rtx|titanx|titanxp)_(1|32|256)|(\w+))_latency_ms")


class _Cost(NamedTuple):
    dataset: str
    name: str
    unit: str
    scale: float


def join_costs(table: Table, source: str | Path, out: str | Path, progress: Progress = silent) -> Table:
    """Write a table again, with hardware costs beside its tasks.

    They are beside the tasks of the data set that they belong to.

    Parameters
    ----------
    table : Table
        Of NAS-Bench-201's space. Its numbers and provenance are kept; ``provenance["hardware_costs"]`` says where the
        costs are from and of how many architectures of each task they are known. The others stay NaN.
    source : str or Path
        The CSV file.
    out : str or Path
        The table to write.
    progress : callable
        Told how many rows are read.

    Returns
    -------
    Table
        Opened.

    Raises
    ------
    FileFormatError
        If the file has a column that is not known or a number that cannot be; if the table is of another space, has no
        task of the file's data sets, or has these costs already; or if its rows stand for classes whose members cost
        different amounts, as isomorphic networks do.
    OutputError
    """
    check_writable(out)
    source = Path(source)
    space = get_space("nb201")
    if table.space != space:
        raise FileFormatError(f"{table.path}: is of the space {table.space.name!r}; {source} is of {space.name!r}")
    rows = _read(source, progress)
    meanings = _meanings(list(rows.cells), source)
    table_rows = table.rows(_architectures(rows))
    if (table_rows < 0).all():
        raise FileFormatError(f"{source}: has none of the architectures of {table.path}")
    data = table.load()
    coverage, tasks = {}, []
    for task_data in data.tasks:
        dataset = _dataset(task_data.task)
        of_dataset = {column: cost for column, cost in meanings.items() if cost.dataset == dataset}
        costs = _costs(rows, of_dataset, table_rows, table)
        for name in task_data.costs.keys() & costs.keys():
            raise FileFormatError(f"{table.path}: task {task_data.task.name!r} has the cost {name!r} already")
        units = {cost.name: cost.unit for cost in of_dataset.values()}
        tasks.append(
            replace(task_data, costs={**task_data.costs, **costs}, cost_units={**task_data.cost_units, **units})
        )
        if costs:
            known = np.any([~np.isnan(values) for values in costs.values()], axis=0)
            coverage[task_data.task.name] = {"costs": len(costs), "architectures": int(known.sum()), "of": len(table)}
    if not coverage:
        raise FileFormatError(
            f"{table.path}: no task is of NAS-Bench-201's networks on {', '.join(_DATASETS)}; it has "
            f"{', '.join(table.tasks)}"
        )
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    origin = {**ORIGIN, "file": source.name, "sha256": digest, "coverage": coverage}
    write_table(out, replace(data, tasks=tasks, provenance={**data.provenance, "hardware_costs": origin}))
    return Table.open(out)


def _read(source: Path, progress: Progress) -> Rows:
    pieces = list(read_csv(source, None, progress=progress))
    cells: dict[str, list[str] | NDArray[Any]] = {}
    for name in pieces[0].cells:
        texts = [text for piece in pieces for text in piece.texts(name)]
        cells[name] = ["" if text in NOT_MEASURED else text for text in texts] if "_edgetpu_" in name else texts
    return Rows(source, np.concatenate([piece.numbers for piece in pieces]), cells)


def _meanings(names: list[str], source: Path) -> dict[str, _Cost]:
    """Return what each column of costs means."""
    if ARCHITECTURE not in names:
        raise UnknownNameError(f"column of {source}", ARCHITECTURE, names)
    meanings = {}
    for name in names:
        if found := _HW_NAS_BENCH.fullmatch(name):
            dataset, device, quantity = found.groups()
            ending, unit, scale = QUANTITIES[quantity]
            meanings[name] = _Cost(dataset, f"{device}_{ending}", unit, scale)
        elif found := _HELP.fullmatch(name):
            gpu, batch, device = found.groups()
            ending, unit, scale = QUANTITIES["latency"]
            meanings[name] = _Cost("cifar10", f"{device or f'{gpu}_batch{batch}'}_{ending}", unit, scale)
        elif name not in {ARCHITECTURE, *IGNORED}:
            raise FileFormatError(
                f"{source}: column {name!r} is not known; they are called hwnasbench_<data set>_<device>_<quantity>, "
                f"the quantity being {', '.join(QUANTITIES)}, or help_<device>_latency_ms"
            )
    return meanings


def _architectures(rows: Rows) -> NDArray[np.uint8]:
    space = get_space("nb201")

    def architecture(number: int, text: str) -> NDArray[np.uint8]:
        try:
            return space.from_text(text)
        except InvalidArchitectureError as error:
            where = f"{rows.source}: row {number}, column {ARCHITECTURE!r}"
            raise FileFormatError(f"{where}: {text!r} is not an architecture of {space.name}: {error}") from None

    return np.stack(list(map(architecture, rows.numbers.tolist(), rows.texts(ARCHITECTURE))))


def _dataset(task: Task) -> str | None:
    """Return the data set whose costs are those of a task's networks, if there is one."""
    recipe, recorded = (task.provenance.get(name) for name in ("recipe", "dataset"))
    if isinstance(recipe, dict) and any(recipe.get(name, value) != value for name, value in WIDTH.items()):
        return None
    name = str(recorded.get("name") if isinstance(recorded, dict) else recorded or task.name)
    return next((dataset for dataset, pattern in _DATASETS.items() if re.match(pattern, name, re.IGNORECASE)), None)


def _costs(
    rows: Rows, meanings: dict[str, _Cost], table_rows: NDArray[np.int64], table: Table
) -> dict[str, NDArray[np.float64]]:
    """Return each cost of the table's rows, (N,).

    The i-th row of the file is of the table's row ``table_rows[i]``.
    """
    held = np.flatnonzero(table_rows >= 0)
    costs: dict[str, NDArray[np.float64]] = {}
    for cost in dict.fromkeys(meanings.values()):
        columns = [column for column in meanings if meanings[column] == cost]
        values = np.stack([rows.values(column, cost.scale, cost.name, cost.unit)[held] for column in columns])
        there, known = np.broadcast_to(table_rows[held], values.shape).ravel(), ~np.isnan(values).ravel()
        conflict = first_conflict(there[known], values.ravel()[known])
        if conflict:
            pair = np.flatnonzero(known)[list(conflict)]
            first, second = (
                f"row {rows.numbers[held[index]]}, column {columns[column]!r}"
                for column, index in zip(*np.unravel_index(pair, values.shape), strict=True)
            )
            way_out = "give each architecture and cost once"
            if table.represents == "class":
                way_out = (
                    f"both are of one isomorphism class, for which one row of {table.path} stands, so no one cost is "
                    "true of it; join costs onto a table whose rows stand for themselves"
                )
            raise FileFormatError(f"{rows.source}: {first} and {second} give different {cost.name}; {way_out}")
        costs[cost.name] = np.full(len(table), np.nan)
        costs[cost.name][there[known]] = values.ravel()[known]
    return costs
