"""Any benchmark published as Parquet, read by a mapping that its user declares: see `tabular.importers.mapping`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError
from tabular.importers.cells import ROWS_AT_ONCE, Rows, check_columns
from tabular.importers.mapped import import_mapped
from tabular.optional import load_optional
from tabular.progress import silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tabular.progress import Progress
    from tabular.table import Table


def import_parquet(source: str | Path, mapping_path: str | Path, out: str | Path, progress: Progress = silent) -> Table:
    """Turn a Parquet file into a table; what `tabular.importers.csv.import_csv` does, with rows counted from 1.

    Raises
    ------
    NasbenchError
        If pyarrow is not installed.
    FileFormatError, UnknownNameError, OutputError
    """
    arrow()
    return import_mapped(_read_rows, Path(source), mapping_path, out, progress)


def arrow() -> Any:
    """Return the module ``pyarrow``, its half for Parquet loaded.

    Raises
    ------
    NasbenchError
        If it is not installed.
    """
    load_optional("pyarrow.parquet", "parquet", "Parquet files")
    return load_optional("pyarrow", "parquet", "Parquet files")


def _read_rows(source: Path, wanted: list[str], mapping: str | Path, progress: Progress) -> Iterator[Rows]:
    pa = arrow()
    try:
        with pa.parquet.ParquetFile(source) as file:
            check_columns(file.schema_arrow.names, wanted, source, mapping)
            total, done = file.metadata.num_rows, 0
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=wanted):
                cells = {column: _cells(batch.column(column), pa) for column in wanted}
                yield Rows(source, np.arange(done + 1, done + 1 + batch.num_rows), cells)
                done += batch.num_rows
                progress(done, total, "")
    except OSError as error:
        raise FileFormatError(f"{source}: cannot be read: {error.strerror or error}") from None
    except pa.ArrowException as error:
        raise FileFormatError(f"{source}: is not a sound Parquet file: {error}") from None
    if not done:
        raise FileFormatError(f"{source}: has no rows")


def _cells(column: Any, pa: Any) -> NDArray[Any] | list[str]:
    """Return numbers as an array, with NaN for what is not there, and anything else as text."""
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        numbers: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return numbers
    return ["" if cell is None else str(cell) for cell in column.to_pylist()]
