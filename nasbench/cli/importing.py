"""`nasbench import`: published benchmarks into tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.errors import UnknownNameError

FORMATS = ("csv",)


def import_table(
    source_format: Annotated[str, typer.Argument(metavar="FORMAT", help="csv")],
    source: Annotated[Path, typer.Argument(help="The file to import.")],
    out: Annotated[Path, typer.Option("--out", help="The table to write.")],
    mapping: Annotated[Path, typer.Option("--mapping", help="A .toml file that says what each column means.")],
    as_json: AsJson = False,
) -> None:
    """Import published results: any CSV with a declared mapping."""
    if source_format not in FORMATS:
        raise UnknownNameError("format", source_format, FORMATS)
    from tabular import Table
    from tabular.importers.csv import import_csv

    import_csv(source, mapping, out)
    with Table.open(out) as table:
        tasks, rows, name = list(table.tasks), len(table.architectures), table.space.name
    if as_json:
        console.print_json({"path": out, "space": name, "rows": rows, "tasks": tasks})
    else:
        console.say(f"{out}: {rows:,} architectures of {name}, tasks {', '.join(tasks)}")
