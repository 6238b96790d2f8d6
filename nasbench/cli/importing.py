"""`nasbench import`: published benchmarks into tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.outputs import check_output
from tabular.errors import UnknownNameError
from tabular.importers import IMPORTERS

if TYPE_CHECKING:
    from tabular.importers.collecting import Completeness


def import_table(
    source_format: Annotated[str, typer.Argument(metavar="FORMAT", help=f"What the file is: {', '.join(IMPORTERS)}.")],
    source: Annotated[Path, typer.Argument(help="The file, or for some formats the folder, to import.")],
    out: Annotated[Path, typer.Option("--out", help="The table to write.")],
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", help="For csv and parquet: a .toml file that says what each column means."),
    ] = None,
    onto: Annotated[
        Path | None, typer.Option("--onto", help="For hw-nas-bench: the table whose architectures the costs are of.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import published results into a table.

    From a known benchmark's own files, or from any CSV or Parquet with a mapping.

    A mapping says which column holds what; examples/nasbench201.toml is one for NAS-Bench-201, and 'nasbench export'
    writes one beside each file. In the end stands what is on record and what is missing.
    """
    if source_format not in IMPORTERS:
        raise UnknownNameError("format", source_format, IMPORTERS)
    importer = IMPORTERS[source_format]
    for option, given in (("mapping", mapping), ("onto", onto)):
        if given is None and option == importer.needs:
            raise console.USAGE_ERROR(f"Missing option '--{option}'")
        if given is not None and option != importer.needs:
            takers = ", ".join(name for name, each in IMPORTERS.items() if each.needs == option)
            raise console.USAGE_ERROR(f"option '--{option}' is for {takers}; the format {source_format} takes none")
    from tabular import Table
    from tabular.importers.collecting import completeness

    check_output(out, "nasbench-table")
    load = importer.load()
    with console.progress(f"importing {source.name}") as progress:
        if onto is not None:
            with Table.open(onto) as base:
                load(base, source, out, progress)
        elif mapping is not None:
            load(source, mapping, out, progress)
        else:
            load(source, out, progress)
    with Table.open(out) as table:
        rows, space, whole, record = len(table), table.space.name, table.space.size, completeness(table)
    if as_json:
        tasks = [each.task for each in record]
        console.print_json({"path": out, "space": space, "rows": rows, "tasks": tasks, "completeness": record})
        return
    console.say(f"{out}: {rows:,} architectures of {space}, which has {whole:,}")
    for each in record:
        console.say(_line(each))


def _line(found: Completeness) -> str:
    """Say what is on record of a task, and what is missing."""
    what = "means" if found.means else "trainings"
    parts = [f"{found.done:,} of {found.architectures:,} x {found.seeds} {what} done"]
    parts += [f"{found.diverged:,} diverged"] * (found.diverged > 0)
    parts += [f"{found.missing:,} missing"] * (found.missing > 0)
    parts += [f"{name} lacks {gap:,} of {found.done * found.epochs:,}" for name, gap in found.metric_gaps.items()]
    parts += [f"{name} lacks {gap:,} of {found.architectures:,}" for name, gap in found.cost_gaps.items()]
    return f"{found.task}: {', '.join(parts)}"
