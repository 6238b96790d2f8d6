"""`nasbench import`: published benchmarks into tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.outputs import check_output
from nasbench.errors import UnknownNameError

FORMATS = ("csv",)


def import_table(
    source_format: Annotated[str, typer.Argument(metavar="FORMAT", help="What the file is: csv.")],
    source: Annotated[Path, typer.Argument(help="The file to import.")],
    out: Annotated[Path, typer.Option("--out", help="The table to write.")],
    mapping: Annotated[Path, typer.Option("--mapping", help="A .toml file that says what each column means.")],
    as_json: AsJson = False,
) -> None:
    """Import published results: any CSV with a mapping.

    The mapping says which column holds what; examples/nasbench201.toml is one for NAS-Bench-201.
    """
    if source_format not in FORMATS:
        raise UnknownNameError("format", source_format, FORMATS)
    from tabular import Table
    from tabular.importers.csv import import_csv

    check_output(out, "nasbench-table")
    import_csv(source, mapping, out)
    with Table.open(out) as table:
        tasks, rows, name = list(table.tasks), len(table.architectures), table.space.name
    if as_json:
        console.print_json({"path": out, "space": name, "rows": rows, "tasks": tasks})
    else:
        console.say(f"{out}: {rows:,} architectures of {name}, tasks {', '.join(tasks)}")
