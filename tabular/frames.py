"""Tables as data frames, labelled arrays, CSV and Parquet.

A file that was exported imports as the same table again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import FileFormatError, OutputError
from tabular.files import check_writable, replacing
from tabular.layout import STATUS_WORDS
from tabular.lazy import load_optional
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from tabular.table import Table
    from tabular.work import Progress

KEYS = ("architecture", "index", "task", "seed", "epoch", "status")
"""The columns of a frame that say what a row is of."""

ROWS_AT_ONCE = 100_000
"""About how many rows are in memory as text at once."""


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
    row, seed, epoch = (axis.ravel() for axis in np.indices((*status.shape, len(seen.epochs))))
    columns: dict[str, Any] = {
        "architecture": pd.Categorical.from_codes(row, pd.Index(table.space.to_text(architectures))),
        "index": _index(table, architectures)[row],
        "task": pd.Categorical.from_codes(np.zeros(len(row), dtype=np.int64), pd.Index([task])),
        "seed": np.array(seen.seeds, dtype=np.int64)[seed],
        "epoch": np.array(seen.epochs, dtype=np.int64)[epoch],
        "status": pd.Categorical.from_codes(status[row, seed], pd.Index(STATUS_WORDS)),
    }
    columns.update((name, table.metric(task, name)[rows].ravel()) for name in seen.metrics)
    columns.update((name, table.cost(task, name)[rows].astype(np.float64)[row]) for name in costs)
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame


def to_xarray(table: Table, task: str) -> xr.Dataset:
    """Return a task as arrays with named dimensions and units.

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
    """Make sure that no metric, cost or key of a frame has the name of another."""
    names = [*KEYS, *table.tasks[task].metrics, *table.costs(task)]
    for name in names:
        if names.count(name) > 1:
            raise FileFormatError(f"{table.path}: task {task!r}: {name!r} would be the name of two columns")


def _index(table: Table, architectures: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the architectures' places in the order of the space, (N,).

    -1 in spaces too large to number.
    """
    if table.space.size > np.iinfo(np.int64).max:
        return np.full(len(architectures), -1)
    return np.asarray(table.space.index(architectures), dtype=np.int64)


class Exported(NamedTuple):
    """The file that `export` wrote, its mapping, and its number of rows."""

    path: Path
    mapping: Path
    rows: int


def export(table: Table, out: str | Path, progress: Progress = silent) -> Exported:
    """Write every number of a table as a tidy file.

    There is a row for each architecture, task, seed and epoch. The columns are those of `tabular.frames.to_frame`; a
    metric or cost that a task lacks is empty. Beside the file, in ``NAME.mapping.toml``, lies the mapping by which
    `tabular.importers.mapped.import_csv` or `tabular.importers.mapped.import_parquet` reads it back: every number, name
    and provenance the same.

    Parameters
    ----------
    table : Table
    out : str or Path
        Ends in .csv or .parquet. It and its mapping are written whole or not at all.
    progress : callable
        Told how many rows are written.

    Raises
    ------
    OutputError
        If the file cannot be written or has another ending.
    FileFormatError
        If two columns would have one name.
    NasbenchError
        If Parquet is asked for and pyarrow is not installed.
    """
    out = Path(out)
    if out.suffix not in _WRITERS:
        raise OutputError(f"{out}: ends in {out.suffix or 'nothing'}, not in {' or '.join(_WRITERS)}")
    mapping = out.with_suffix(".mapping.toml")
    check_writable(out)
    total = sum(len(table) * len(task.seeds) * len(task.epochs) for task in table.tasks.values())
    with replacing(mapping) as beside, replacing(out) as temporary:
        beside.write_text("\n".join(_mapping(table, out.name, total)) + "\n", encoding="utf-8")
        _WRITERS[out.suffix](table, temporary, lambda done: progress(done, total, ""))
    return Exported(out, mapping, total)


def _numbers(table: Table) -> dict[str, str]:
    """Return the columns of numbers of all tasks, metrics first, each with its type."""
    metrics = dict.fromkeys(name for task in table.tasks.values() for name in task.metrics)
    costs = dict.fromkeys(name for task in table.tasks for name in table.costs(task))
    return {name: "float64" if name in costs else "float32" for name in [*metrics, *costs]}


def _frames(table: Table) -> Iterator[pd.DataFrame]:
    """Yield the rows of every task in pieces of the same columns."""
    columns = [*KEYS, *_numbers(table)]
    for name, task in table.tasks.items():
        step = max(1, ROWS_AT_ONCE // (len(task.seeds) * len(task.epochs)))
        for start in range(0, len(table), step):
            yield to_frame(table, name, slice(start, start + step)).reindex(columns=columns)


def _write_csv(table: Table, path: Path, tell: Callable[[int], None]) -> None:
    done = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for frame in _frames(table):
            frame.to_csv(file, header=not done, index=False, lineterminator="\n")
            done += len(frame)
            tell(done)


def _write_parquet(table: Table, path: Path, tell: Callable[[int], None]) -> None:
    pa: Any = arrow()
    texts = {name: pa.dictionary(pa.int32(), pa.string()) for name in ("architecture", "task", "status")}
    types = {**dict.fromkeys(KEYS, pa.int64()), **texts}
    types.update((name, pa.type_for_alias(kind)) for name, kind in _numbers(table).items())
    schema, done = pa.schema(types.items()), 0
    with pa.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for frame in _frames(table):
            writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))
            done += len(frame)
            tell(done)


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet}


def _mapping(table: Table, name: str, rows: int) -> Iterator[str]:
    """Yield the lines of the mapping that reads what was exported."""
    yield f"# What the columns of {name} mean, for nasbench import."
    yield f"space = {_inline(table.space.declaration())}"
    yield f"rows = {rows}"
    yield f"represents = {_text(table.represents)}"
    yield f"provenance = {_text(json.dumps(table.provenance))}"
    yield "\n[architecture]\ncolumn = 'architecture'\nwritten = 'text'"
    for task in table.tasks.values():
        yield f"\n[tasks.{_text(task.name)}]"
        yield f"where = {_inline({'task': task.name})}"
        yield "seed_column = 'seed'\nepoch_column = 'epoch'\nstatus_column = 'status'"
        yield f"provenance = {_text(json.dumps(dict(task.provenance)))}"
        metrics = (
            {
                "column": metric.name,
                "metric": metric.name,
                "unit": metric.unit,
                "split": metric.split,
                "direction": metric.direction,
            }
            for metric in task.metrics.values()
        )
        yield from _list("metrics", metrics)
        units = table.costs(task.name).items()
        yield from _list("costs", ({"column": cost, "name": cost, "unit": unit} for cost, unit in units))


def _list(name: str, items: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f"{name} = ["
    yield from (f"    {_inline(item)}," for item in items)
    yield "]"


def _inline(value: dict[str, Any]) -> str:
    """Write a table of text, numbers and lists of them as TOML does in one line."""
    return "{ " + ", ".join(f"{name} = {_text(item)}" for name, item in value.items()) + " }"


def _text(value: Any) -> str:
    """Write text, a number or a list as TOML.

    TOML writes them as JSON does, but for one character.
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def arrow() -> Any:
    """Return the module ``pyarrow``, its half for Parquet loaded.

    Raises
    ------
    NasbenchError
        If it is not installed.
    """
    load_optional("pyarrow.parquet", "parquet", "Parquet files")
    return load_optional("pyarrow", "parquet", "Parquet files")
