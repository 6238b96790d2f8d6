"""`nasbench spaces`, `strategies`, `info` and `card`."""

from __future__ import annotations

import inspect as python_inspect
import sys
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.surrogates import print_scorecard
from strategies.strategy import MultiObjectiveStrategy
from tabular.errors import FileFormatError, PlanMismatchError
from tabular.files import check_writable, write_text_file
from tabular.spaces import Space, get_space, space_names
from tabular.spaces.space import ENUMERABLE

if TYPE_CHECKING:
    from nasbench.comparison import Results
    from surrogates import Surrogate
    from tabular import Table

_NOT_FOR_PEOPLE = ("plan", "scorecard")
"""Keys that text leaves out of a file's description: the plan repeats the recipe, the scorecard has a table."""


def spaces(
    space: Annotated[str | None, typer.Argument(help="A name or a .toml file; all named ones by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """List search spaces with their sizes.

    Both raw and as the number of different networks: cells that compute the same count once.
    """
    listed: list[dict[str, Any]] = []
    for name in [space] if space else space_names():
        the_space = get_space(name)
        lists_classes = type(the_space).unique is not Space.unique  # without going through all rows
        unique = len(the_space.unique()) if lists_classes or the_space.size <= ENUMERABLE else None
        listed.append(
            {
                **the_space.declaration(),
                "name": the_space.name,
                "architectures": the_space.size,
                "unique": unique,
                "choices": the_space.length,
            }
        )
    if as_json:
        console.print_json(listed)
        return
    rows = [
        [s["name"], f"{s['architectures']:,}", f"{s['unique']:,}" if s["unique"] else "not counted", str(s["choices"])]
        for s in listed
    ]
    console.print_table("Search spaces", ["space", "architectures", "unique networks", "choices each"], rows)


def strategies(as_json: AsJson = False) -> None:
    """List search strategies by family, with their options.

    Each with the paper it comes from; options show their defaults.
    """
    from strategies import get_strategy, strategy_names, strategy_options

    listed: list[dict[str, Any]] = []
    for name in strategy_names():
        strategy = get_strategy(name)
        listed.append(
            {
                "name": name,
                "family": strategy.family,
                "paper": strategy.paper,
                "about": (python_inspect.getdoc(strategy) or "").partition("\n")[0],
                "fidelities": "several" if strategy.multi_fidelity else "one",
                "objectives": "several" if issubclass(strategy, MultiObjectiveStrategy) else "one",
                "options": strategy_options(name),
            }
        )
    if as_json:
        console.print_json(listed)
        return
    for family, members in groupby(listed, key=itemgetter("family")):
        console.say(f"{family}")
        for each in members:
            defaults = ", ".join(f"{key}={value!r}" for key, value in each["options"].items())
            several = [f"several {what}" for what in ("fidelities", "objectives") if each[what] == "several"]
            console.say(f"    {each['name']}({defaults})")
            console.say(f"        {'; '.join(filter(None, [each['paper'], *several]))}\n        {each['about']}")


def info(
    file: Annotated[Path, typer.Argument(help="A table, a results file or a surrogate folder.")],
    check: Annotated[bool, typer.Option("--check", help="Verify every checksum and invariant.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a table, a results file or a surrogate holds."""
    from surrogates import Surrogate
    from tabular.storage import file_format_of
    from tabular.table import located

    surrogate = None
    if file.suffix == ".journal" and file.is_dir():
        file = file.with_suffix("")  # the table whose journals these are
    if file.is_dir():
        surrogate = Surrogate.load(file)
        found = _surrogate_info(file, surrogate)
    elif not located(file).exists():
        found = {"kind": "table under construction", "path": str(file), **_construction_info(file)}
        if len(found) == 2:
            raise FileFormatError(f"{file}: no such file")
    elif file_format_of(located(file)) == "nasbench-results":
        found = _results_info(file)
    else:
        found = _table_info(file, check=check) | _construction_info(file)
    problems = found.pop("problems", [])
    mistake = f"{file}: {len(problems)} problems, first: {problems[0]}; get a fresh copy" if problems else ""
    if as_json:
        console.print_json(found | ({"problems": problems} if check else {}) | ({"error": mistake} if mistake else {}))
        raise typer.Exit(2 if mistake else 0)
    _print_tree(found)
    if surrogate:
        print_scorecard(surrogate)
    if mistake:
        raise FileFormatError(mistake)
    if check:
        console.say("check: every checksum and invariant holds")


def _construction_info(file: Path) -> dict[str, Any]:
    """Say what the journals beside a table add to it, and who works on it; nothing if there are none."""
    from tabular.generation.merge import construction

    try:
        found = construction(file)
    except PlanMismatchError as error:
        if not file.exists():
            raise
        return {"under construction": {"journals": str(error)}}  # which says nothing about the table
    if found is None:
        return {}
    at_work = "none is at work; 'nasbench generate' with the same options goes on"
    described = {
        "space": found.space,
        "task": found.task,
        "trainings": found.trainings,
        "in journals only": found.in_journals,
        "missing": found.missing,
        "diverged": found.diverged,
        "architectures": found.architectures,
        "seeds begun": list(found.seeds),
        "best validation accuracy": found.best_accuracy and round(found.best_accuracy, 4),
        "best architecture": found.best,
        "generator": at_work if found.generator is None else f"process {found.generator} is at work",
        "process": found.generator,
        "damaged": found.problems,
    }
    return {"under construction": described}


def _table_info(file: Path, *, check: bool) -> dict[str, Any]:
    from tabular import Table

    with Table.open(file) as table:
        found: dict[str, Any] = {
            "kind": "table",
            "path": str(file),
            "space": table.space.name,
            "rows": len(table.architectures),
            "a row stands for": "an isomorphism class" if table.represents == "class" else "itself",
            "tasks": {name: _task_info(table, name) for name in table.tasks},
        }
        if check:
            found["problems"] = table.check()
    return found


def _task_info(table: Table, name: str) -> dict[str, Any]:
    task = table.tasks[name]
    status = table.status(name)
    return {
        "epochs": list(task.epochs),
        "seeds": list(task.seeds),
        "trainings": int((status == 1).sum()),
        "diverged": int((status == 2).sum()),
        "missing": int((status == 0).sum()),
        "metrics": {metric.name: f"{metric.unit}, {metric.split}" for metric in task.metrics.values()},
        "costs": table.costs(name),
        "provenance": dict(task.provenance),
    }


def _results_info(file: Path) -> dict[str, Any]:
    from nasbench.comparison import Results

    results: Results = Results.load(file)
    protocol = results.protocol
    return {
        "kind": "results",
        "path": str(file),
        "oracle": results.oracle,
        "space": results.space.name,
        "signal": str(protocol.signal),
        "report": ", ".join(map(str, results.reports)),
        "budget": str(protocol.budget),
        "workers": protocol.workers,
        "repeats": protocol.repeats,
        "objectives": [str(each) for each in protocol.objectives],
        "constraints": [str(each) for each in protocol.constraints],
        "failed": results.failed,
        "strategies": {name: f"{t.runs} runs, {len(t):,} trials" for name, t in results.trials.items()},
        "provenance": dict(results.provenance),
    }


def _surrogate_info(file: Path, surrogate: Surrogate) -> dict[str, Any]:
    return {
        "kind": "surrogate",
        "path": str(file),
        "space": surrogate.space.name,
        "task": surrogate.task.name,
        "provenance": surrogate.provenance,
        "scorecard": surrogate.scorecard.rows(),
    }


def _print_tree(value: dict[str, Any], indent: int = 0) -> None:
    for key, each in value.items():
        if key in _NOT_FOR_PEOPLE or each is None or each in ({}, []):
            continue
        if isinstance(each, dict):
            console.say(" " * indent + f"{key}:")
            _print_tree(each, indent + 2)
        elif isinstance(each, list):
            console.say(" " * indent + f"{key}: {_enumeration(each)}")
        else:
            console.say(" " * indent + f"{key}: {each}")


def _enumeration(values: list[Any]) -> str:
    if len(values) > 2 and type(values[0]) is int and values == list(range(values[0], values[0] + len(values))):
        return f"{values[0]} to {values[-1]}"
    return ", ".join(map(str, values))


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
