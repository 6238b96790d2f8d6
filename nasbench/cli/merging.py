"""`nasbench merge`: one table out of several, and of journals; one results file out of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.merging_results import are_results, merge_results_files
from nasbench.cli.outputs import check_output
from tabular.errors import OutputError


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
