"""Tables as CSV or Parquet, tidy, with the mapping by which importing gives the same table again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tabular.errors import OutputError
from tabular.files import check_writable, replacing
from tabular.frames import KEYS, to_frame
from tabular.importers.parquet import arrow
from tabular.progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from tabular.progress import Progress
    from tabular.table import Table

ROWS_AT_ONCE = 100_000
"""About how many rows are in memory as text at once."""


class Exported(NamedTuple):
    """What `export` wrote: the file, its mapping, and how many rows."""

    path: Path
    mapping: Path
    rows: int


def export(table: Table, out: str | Path, progress: Progress = silent) -> Exported:
    """Write every number of a table, one row for each architecture, task, seed and epoch.

    The columns are those of `tabular.frames.to_frame`; a metric or cost that a task lacks is empty. Beside the file, in
    ``NAME.mapping.toml``, lies the mapping by which `tabular.importers.csv.import_csv` or
    `tabular.importers.parquet.import_parquet` reads it back: every number, name and provenance the same.

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
                "column": each.name,
                "metric": each.name,
                "unit": each.unit,
                "split": each.split,
                "direction": each.direction,
            }
            for each in task.metrics.values()
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
    return "{ " + ", ".join(f"{name} = {_text(each)}" for name, each in value.items()) + " }"


def _text(value: Any) -> str:
    """Write text, a number or a list as TOML, which writes them as JSON does, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
