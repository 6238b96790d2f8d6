"""`nasbench merge`: one table out of several, and of journals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.outputs import check_output


def merge(
    out: Annotated[Path, typer.Argument(help="The table to write; what it holds already is kept.")],
    sources: Annotated[list[Path], typer.Argument(help="Tables, .journal files and folders of these.")],
    as_json: AsJson = False,
) -> None:
    """Join tables and journals of one plan to one table.

    They may come from several machines, each with seeds or a share of its own. Of a training that is there twice the
    first is kept.
    """
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
