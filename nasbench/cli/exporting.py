"""`nasbench export`: a table as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson


def export_table(
    table: Annotated[Path, typer.Argument(help="A table, or the name of one that is shipped.")],
    out: Annotated[Path, typer.Option("--out", help="The .csv or .parquet file to write.")],
    as_json: AsJson = False,
) -> None:
    """Write every number of a table as CSV or Parquet.

    One row for each architecture, task, seed and epoch. Beside it a mapping is written by which 'nasbench import' makes
    the same table of it again.
    """
    from tabular import Table
    from tabular.frames import export

    with Table.open(table) as opened, console.progress(f"exporting {table.name}") as progress:
        written = export(opened, out, progress)
    if as_json:
        console.print_json(written._asdict())
        return
    console.say(f"{written.path}: {written.rows:,} rows; their meaning is in {written.mapping}")
