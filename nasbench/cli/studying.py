"""`nasbench study`: everything that one file declares, from runs to figures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import console
from nasbench.cli.comparing import asked_reports, print_summary
from nasbench.cli.console import AsJson
from nasbench.cli.oracles import open_oracle
from nasbench.cli.strategy_option import strategies_for
from tabular.errors import StrategyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strategies.strategy import StrategyFactory
    from tabular.measures import Oracle


def study(
    declaration: Annotated[
        Path, typer.Argument(help="A TOML file that names strategies, oracles, budgets and the number of runs.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder for all that is made; by default named as the study.")
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; by default one a core.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run several comparisons from one file, and publish them.

    What was run before is kept: a study that was interrupted goes on, and one whose file was edited runs what is new
    in it. Results, figures, tables and the report are written to one folder.
    """
    from nasbench.analysis.figures import KINDS
    from nasbench.cli.publishing import publish
    from nasbench.comparison.study import run_study
    from nasbench.comparison.study_file import read_declaration

    declared = read_declaration(declaration, KINDS)
    folder = out or Path(declared.name)

    with console.plain_warnings(), console.progress(f"study {declared.name}") as progress:
        done = run_study(
            declared, folder, open_oracle, _make_strategies, jobs=jobs or os.cpu_count() or 1, progress=progress
        )
    published = publish(done.results, folder, declared.style, declared.kinds)
    if as_json:
        from nasbench.comparison import summarise

        console.print_json(
            {
                "path": str(folder),
                "results": done.paths,
                "published": published,
                "cells": done.cells,
                "runs_made": done.made,
                "runs_reused": done.reused,
                "summary": {name: summarise(results) for name, results in done.results.items()},
                "failed": done.failed,
            }
        )
    else:
        for results in done.results.values():
            for each in asked_reports(results):
                print_summary(results.reported_by(each))
                console.say("")
        console.say(f"{done.made:,} runs made, {done.reused:,} were there before")
        console.say(f"results, figures, tables, checklist and report.html are in {folder}")
    if done.failed:
        first, *others = _by_error(done.failed)
        for line in others:
            console.note(line)
        raise StrategyError(f"{first} (all other results are in {folder})")


def _by_error(failed: Mapping[str, str]) -> list[str]:
    """Return one line for each error: where it came up first, and how often."""
    where: dict[str, list[str]] = {}
    for name, error in failed.items():
        where.setdefault(error, []).append(name)
    return [
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {error}"
        for error, names in where.items()
    ]


def _make_strategies(
    texts: Sequence[str], oracle: Oracle, signal: str | None, *, several_objectives: bool
) -> Mapping[str, StrategyFactory]:
    return strategies_for(",".join(texts), oracle, signal, several_objectives=several_objectives)
