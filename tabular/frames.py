"""Tables as data frames and as labelled arrays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError
from tabular.importers.cells import STATUS_WORDS
from tabular.optional import load_optional

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from tabular.table import Table

KEYS = ("architecture", "index", "task", "seed", "epoch", "status")
"""The columns of a frame that say what a row is of."""


def to_frame(table: Table, task: str, rows: slice = slice(None)) -> pd.DataFrame:
    """Return one row for each architecture, seed and epoch of a task, tidy.

    Columns: architecture (text), index (in the order of the space), task, seed (-1 for means), epoch, status (missing,
    done or diverged), the metrics as float32 and the architecture's costs as float64. What was not measured is NaN.

    Parameters
    ----------
    table : Table
    task : str
    rows : slice, optional
        Of these architectures only, by their place in the table.

    Raises
    ------
    UnknownNameError
        If there is no such task.
    FileFormatError
        If two columns would have one name.
    """
    import pandas as pd

    costs, status = table.costs(task), table.status(task)[rows]  # first, as they name a task that is not there
    seen, architectures = table.tasks[task], table.architectures[rows]
    _check_names(table, task)
    each, seed, epoch = (places.ravel() for places in np.indices((*status.shape, len(seen.epochs))))
    columns: dict[str, Any] = {
        "architecture": pd.Categorical.from_codes(each, pd.Index(table.space.to_text(architectures))),
        "index": _index(table, architectures)[each],
        "task": pd.Categorical.from_codes(np.zeros(len(each), dtype=np.int64), pd.Index([task])),
        "seed": np.array(seen.seeds, dtype=np.int64)[seed],
        "epoch": np.array(seen.epochs, dtype=np.int64)[epoch],
        "status": pd.Categorical.from_codes(status[each, seed], pd.Index(STATUS_WORDS)),
    }
    columns.update((name, table.metric(task, name)[rows].ravel()) for name in seen.metrics)
    columns.update((name, table.cost(task, name)[rows].astype(np.float64)[each]) for name in costs)
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame


def to_xarray(table: Table, task: str) -> xr.Dataset:
    """Return a task as arrays with named dimensions and units.

    Parameters
    ----------
    table : Table
    task : str

    Returns
    -------
    xarray.Dataset
        Each metric over ``index``, ``seed`` and ``epoch``, ``status`` (0 missing, 1 done, 2 diverged) over the first
        two, each cost over the first, with the attribute ``units``, and for metrics ``split`` and ``direction``. The
        coordinate ``architecture`` along ``index`` is text. The provenance of task and table are attributes, as JSON.

    Raises
    ------
    NasbenchError
        If xarray is not installed.
    UnknownNameError, FileFormatError
        As `to_frame`.
    """
    xarray = load_optional("xarray", "xarray", "labelled arrays")
    costs = table.costs(task)
    seen = table.tasks[task]
    _check_names(table, task)
    arrays: dict[str, Any] = {
        "status": (("index", "seed"), table.status(task), {"flag_meanings": " ".join(STATUS_WORDS)})
    }
    for name, meaning in seen.metrics.items():
        attributes = {"units": meaning.unit, "split": meaning.split, "direction": meaning.direction}
        arrays[name] = (("index", "seed", "epoch"), table.metric(task, name), attributes)
    for name, unit in costs.items():
        arrays[name] = ("index", table.cost(task, name), {"units": unit})
    coordinates = {
        "index": _index(table, table.architectures),
        "seed": list(seen.seeds),
        "epoch": list(seen.epochs),
        "architecture": ("index", table.space.to_text(table.architectures)),
    }
    attributes = {
        "task": task,
        "space": table.space.name,
        "represents": table.represents,
        "provenance": json.dumps(dict(seen.provenance)),
        "table_provenance": json.dumps(table.provenance),
    }
    dataset: xr.Dataset = xarray.Dataset(arrays, coordinates, attributes)
    return dataset


def _check_names(table: Table, task: str) -> None:
    """Make sure that metrics, costs and what says which row it is have different names."""
    names = [*KEYS, *table.tasks[task].metrics, *table.costs(task)]
    for name in names:
        if names.count(name) > 1:
            raise FileFormatError(f"{table.path}: task {task!r}: {name!r} would be the name of two columns")


def _index(table: Table, architectures: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the architectures' places in the order of the space, (N,); -1 in spaces too large to number."""
    if table.space.size > np.iinfo(np.int64).max:
        return np.full(len(architectures), -1)
    return np.asarray(table.space.index(architectures), dtype=np.int64)
