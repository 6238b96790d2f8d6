"""`nasbench card`: the data card of a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from tabular.files import check_writable, write_text_file


def card(
    table: Annotated[Path, typer.Argument(help="A table that was generated, or the name of one that is shipped.")],
    task: Annotated[str | None, typer.Option("--task", help="Which task, where there are several.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A Markdown file to write in place of printing.")] = None,
    as_json: AsJson = False,
) -> None:
    """Describe a table in Markdown: its data card.

    How it was made, how far to trust its ranks, its best architectures, its terms. Rank correlations between seeds,
    between validation and test and between epochs are computed from the table.
    """
    from tabular import Table
    from tabular.card import data_card, only_task
    from tabular.reliability import reliability

    with Table.open(table) as opened:
        if as_json:
            console.print_json(reliability(opened, task or only_task(opened)))
            return
        text = data_card(opened, task)
    if out is None:
        sys.stdout.write(text + "\n")
        return
    check_writable(out)
    write_text_file(out, text + "\n")
    console.say(f"{out}: written")
