"""`nasbench plan`, `generate`, `merge`, `import` and `export`."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import console
from nasbench.cli.comparing import are_results, merge_results_files
from nasbench.cli.console import AsJson, check_output
from nasbench.cli.options import (
    DatasetOption,
    DeviceOption,
    EpochsOption,
    JobsOption,
    LimitOption,
    RecipeOption,
    SeedsOption,
    SpaceToTrain,
    chosen_recipe,
    read_engine,
)
from tabular.errors import BudgetError, NasbenchError, OutputError, UnknownNameError
from tabular.importers import IMPORTERS
from tabular.spaces import get_space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tabular.generation.forecast import Option
    from tabular.importers.collecting import Completeness


def plan(
    space: SpaceToTrain,
    dataset: DatasetOption = "digits",
    recipe: RecipeOption = None,
    epochs: EpochsOption = None,
    seeds: SeedsOption = 3,
    limit: LimitOption = None,
    budget: Annotated[str | None, typer.Option("--budget", help="What it may take: 90s, 30m, 12h or 2d.")] = None,
    jobs: JobsOption = None,
    device: DeviceOption = "cpu",
    as_json: AsJson = False,
) -> None:
    """Measure this device and say what it can train in a budget.

    Nothing is kept. 'nasbench generate' with the same options and --budget does what is marked with a star.
    """
    from tabular.generation.forecast import forecast
    from tabular.training import load_dataset

    seconds = _seconds_of(budget)
    chosen = chosen_recipe(recipe, epochs)
    the_space, data = get_space(space), load_dataset(dataset)
    processes = jobs or os.cpu_count() or 1
    console.note(f"measuring how fast {the_space.name} trains on {data.name}, for a few seconds")
    found = forecast(the_space, chosen, data, seeds=seeds, budget=seconds, jobs=processes, device=device, limit=limit)
    if as_json:
        console.print_json(found)
        return
    within = f" within {console.duration(found.budget)}" if found.budget else ""
    columns = ["plan", "epochs", "seeds", "architectures", "trainings", "time", "bytes", *["fits"] * bool(within)]
    rows = [_row(option)[: len(columns)] for option in found.options]
    console.print_table(f"{the_space.name} on {data.name}, {device}, --jobs {found.jobs}{within}", columns, rows)
    console.say(
        f"Measured on {found.measured} groups of {found.together} networks: a training keeps a process busy for "
        f"{console.with_spread(found.training, found.error)} s. ± is half a 95% interval; what else the machine may do "
        "is not in it. Bytes are before compression."
    )
    if within:
        console.say("* is what 'nasbench generate --budget' does. Time left over goes into the next seed.")


def _row(option: Option) -> list[str]:
    return [
        option.name + " *" * option.picked,
        str(option.epochs),
        str(option.seeds),
        f"{option.architectures:,}",
        f"{option.architectures * option.seeds:,}",
        f"{console.duration(option.seconds)} ± {console.duration(option.error)}",
        f"{option.bytes / 1e6:,.2f} MB",
        "yes" if option.fits else "no",
    ]


def generate(
    space: SpaceToTrain,
    out: Annotated[Path, typer.Option("--out", help="The table to write, or to go on with.")],
    dataset: DatasetOption = "digits",
    recipe: RecipeOption = None,
    epochs: EpochsOption = None,
    seeds: SeedsOption = 3,
    limit: LimitOption = None,
    jobs: JobsOption = None,
    device: DeviceOption = "cpu",
    engine: Annotated[
        str | None,
        typer.Option("--engine", help="Who trains: local (the default), ray(address=auto,gpus=0.25), slurm(shards=8)."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", help="Be done after 90s, 30m, 12h or 2d, with a table of what was finished."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train every unique network of a space into a table.

    Finished trainings are on the disk at once. After an interruption, or with more seeds or a higher limit, the same
    command goes on from what is there.
    """
    from tabular import generate as make_table
    from tabular.training import load_dataset

    seconds = _seconds_of(budget)
    trainer = read_engine(engine, jobs)
    chosen = chosen_recipe(recipe, epochs)
    the_space, data = get_space(space), load_dataset(dataset)
    title = f"training {the_space.name} on {data.name}"
    with console.plain_warnings(), _summary_when_interrupted(out), console.progress(title) as progress:
        summary = make_table(
            the_space,
            chosen,
            data,
            out,
            seeds=seeds,
            engine=trainer,
            device=device,
            limit=limit,
            budget=seconds,
            progress=progress,
        )
    if as_json:
        console.print_json(summary)
        return
    console.say(
        f"{out}: {summary.trained} trainings made in {console.duration(summary.seconds)}, {summary.reused} were there; "
        f"{summary.diverged} diverged"
    )
    if summary.left:
        console.say(f"{summary.left} trainings are left, for which the budget had no time; the same command goes on")


@contextmanager
def _summary_when_interrupted(table: Path) -> Iterator[None]:
    """Say what is on record of a table when Ctrl-C ends the work on it."""
    from tabular.generation.merge import on_record

    try:
        yield
    except KeyboardInterrupt:
        with suppress(NasbenchError):  # that the work was interrupted is what counts
            found = on_record(table)
            console.note(
                f"{table}: {found.trainings:,} trainings on record, {found.missing:,} missing, "
                f"{found.diverged:,} diverged"
                if found.trainings
                else f"{table}: no training was finished"
            )
            if found.best_accuracy is not None:
                console.note(f"best so far: validation accuracy {found.best_accuracy:.4f} by {found.best}")
        raise


def _seconds_of(budget: str | None) -> float | None:
    """Read a budget of time, such as ``90s``, ``30m``, ``12h`` or ``2d``."""
    if budget is None:
        return None
    from nasbench.comparison.protocol import Budget

    try:
        read = Budget.parse(budget)
    except BudgetError:
        read = None
    if read is None or read.unit != "seconds":
        raise BudgetError(f"--budget {budget!r} is not a time above zero; write 90s, 30m, 12h or 2d")
    return read.amount


def merge(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="The file to write, unless --out names it, and then what is joined: tables, .journal files and "
            "folders of these; or results files.",
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; what it holds already is kept.")] = None,
    as_json: AsJson = False,
) -> None:
    """Join tables of one plan, or results on one oracle.

    They may come from several machines, each with seeds or a share of its own. Of a training that is there twice the
    first is kept; a run that is there twice must be the same.
    """
    target, sources = (files[0], files[1:]) if out is None else (out, files)
    if not sources:
        raise OutputError(f"only {target} is named: write nasbench merge OUT SOURCES..., or SOURCES... --out OUT")
    if are_results(target, sources):
        merge_results_files(target, sources, as_json=as_json)
    else:
        _merge_tables(target, sources, as_json=as_json)


def _merge_tables(out: Path, sources: list[Path], *, as_json: bool) -> None:
    from tabular import merge as join

    check_output(out, "nasbench-table")
    with console.plain_warnings():
        summary = join(out, sources)
    if as_json:
        console.print_json(summary)
        return
    console.say(f"{out}: {summary.trainings:,} trainings, {summary.missing:,} missing, {summary.diverged:,} diverged")
    if summary.repeated:
        console.say(
            f"{summary.repeated:,} trainings were there more than once, the first counts; "
            f"{summary.different:,} of them had other numbers, seconds aside"
        )
    if summary.missing:
        console.say("'nasbench generate' with the options that the sources were made with trains what is missing")


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
            takers = ", ".join(name for name, other in IMPORTERS.items() if other.needs == option)
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
