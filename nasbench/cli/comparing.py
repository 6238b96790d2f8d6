"""`nasbench compare`, `study` and `verify`, and the joining of results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson, check_output
from nasbench.cli.options import open_oracle, strategies_for
from nasbench.comparison.search_run import PATIENCE
from tabular.errors import BudgetError, PlanMismatchError, QueryError, StrategyError
from tabular.storage import file_format_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nasbench.comparison import Results, Verified
    from strategies.strategy import StrategyFactory
    from tabular.measures import Measure, Oracle

DEFAULT_STRATEGIES = "baseline,evolution,multi-fidelity"
"""Families whose strategies take seconds; the others are asked for."""

RESULTS = "nasbench-results"


def compare(
    oracle: Annotated[Path, typer.Argument(help="A table file or a surrogate folder.")],
    out: Annotated[Path, typer.Option("--out", help="The results file to write.")],
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            help="What each run may spend: 300 (evaluations), 600ep (epochs), 20000s, 30m, 12h (simulated time).",
        ),
    ] = None,
    strategies: Annotated[
        str,
        typer.Option(
            "--strategies",
            help="Names or families with commas between, options in parentheses: random-search,hyperband(eta=4), or "
            "all. 'nasbench strategies' lists them; a class of your own is module:Class.",
        ),
    ] = DEFAULT_STRATEGIES,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Runs of each strategy.")] = 500,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the first run; the others count up from it.")] = 0,
    signal: Annotated[
        str | None,
        typer.Option(
            "--signal",
            help="What strategies see, as task/metric@epochs; by default validation_accuracy at the last epoch.",
        ),
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            help="What is reported of what they found; by default test_accuracy at the last epoch. May be given again, "
            "for another data set, say.",
        ),
    ] = None,
    objectives: Annotated[
        list[str] | None,
        typer.Option("--objective", help="What is to be good beside the signal: parameters. May be given again."),
    ] = None,
    constraints: Annotated[
        list[str] | None,
        typer.Option("--constraint", help="What must hold: 'latency_seconds<=0.005'. May be given again."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Simulated asynchronous workers in each run.")] = 1,
    repeats: Annotated[
        str, typer.Option("--repeats", help="charge: a repeat is a new training; cache: it is free.")
    ] = "charge",
    extend: Annotated[
        Path | None,
        typer.Option(
            "--extend",
            help="Results to keep: only the strategies and seeds that they lack are run, under their own protocol.",
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; by default one a core.")] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0.1, help="Seconds that one step of a strategy may take, lest it never ends.")
    ] = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Compare search strategies over many seeds.

    Trainings are looked up in a table or predicted by a surrogate; their seconds count on a simulated clock. A strategy
    that fails is named at the end, and the others' results are kept.
    """
    from nasbench.comparison import compare as run_all
    from nasbench.comparison import extend as run_missing

    check_output(out, RESULTS)
    goals: dict[str, Any] = {"signal": signal, "report": report, "objectives": objectives, "constraints": constraints}
    rules = {"budget": budget, **goals, "workers": workers, "repeats": repeats}
    before = _kept(extend, rules) if extend is not None else None
    if before is None and budget is None:
        raise BudgetError("a comparison needs a --budget for each run, such as 300, 600ep or 20000s")
    source = open_oracle(oracle)
    if before is not None:
        signal, objectives = str(before.protocol.signal), [*map(str, before.protocol.objectives)]
    chosen = strategies_for(strategies, source, signal, several_objectives=bool(objectives))
    with console.progress(f"comparing on {source.name}") as progress:
        how: dict[str, Any] = {"runs": runs, "first_seed": seed, "wait": wait, "progress": progress}
        how["jobs"] = jobs or os.cpu_count() or 1
        if before is not None:
            results = run_missing(before, chosen, source, **how)
        else:
            given = {name: value for name, value in rules.items() if value}
            results = run_all(chosen, source, **given, **how)
        results.save(out)
    if as_json:
        from nasbench.comparison import summarise

        console.print_json(
            {
                "path": str(out),
                "budget": str(results.protocol.budget),
                "summary": summarise(results),
                "reports": {str(each): summarise(results.reported_by(each)) for each in results.reports},
                "failed": results.failed,
            }
        )
    else:
        for each in asked_reports(results):
            print_summary(results.reported_by(each))
        console.say(f"written to {out}")
    if results.failed:
        first, *others = results.failed.values()
        for error in others:
            console.note(error)
        raise StrategyError(f"{first} (the results of the other strategies are in {out})")


def _kept(path: Path, rules: dict[str, Any]) -> Results:
    """Read results that are to be extended, and refuse rules beside theirs."""
    from nasbench.comparison import Results

    usual = {"workers": 1, "repeats": "charge"}
    for name, value in rules.items():
        if value and value != usual.get(name):
            option = name.removesuffix("s") if name in {"objectives", "constraints"} else name
            raise QueryError(f"--extend keeps the protocol of {path}, so that its runs compare; leave out --{option}")
    return Results.load(path)


def asked_reports(results: Results) -> list[Measure]:
    """Return what incumbents are judged by, without the signal, which is always there, unless it is all."""
    return [each for each in results.reports if each == results.report or each != results.protocol.signal]


def print_summary(results: Results) -> None:
    """Print the final table of a comparison."""
    from nasbench.comparison import summarise

    unit, fronts = results.report_metric.unit, bool(results.protocol.objectives) and results.worst is not None
    rows = [
        [
            console.strategy_label(row.strategy),
            str(row.runs) if row.runs else "",
            f"{row.evaluations:.1f}" if row.runs else "",
            console.with_spread(row.report, row.report_std, unit),
            console.number(row.regret, unit),
            *([console.number(row.hypervolume)] if fronts else []),
            f"{1000 * row.own_seconds:.3g}" if row.runs else "",
        ]
        for row in summarise(results)
    ]
    protocol = results.protocol
    goals = "".join(f"Objective: {each}\n" for each in protocol.objectives)
    goals += "".join(f"Constraint: {each}\n" for each in protocol.constraints)
    title = (
        f"Search on {results.oracle}: {protocol.budget} a run, signal {protocol.signal}\n{goals}"
        f"Found by then: mean ± std over runs of {results.report}"
    )
    front = ["hyper-\nvolume"] if fronts else []
    heads = ["strategy", "runs", "evalua-\ntions", "found", "median\nregret", *front, "own ms\na trial"]
    console.print_table(title, heads, rows)


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
    from nasbench.cli.papers import publish
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


def verify(
    results: Annotated[Path, typer.Argument(help="A results file.")],
    top: Annotated[
        int, typer.Option("--top", min=1, help="Architectures to train, the first choice of each strategy first.")
    ] = 5,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each, with seeds no table holds.")] = 3,
    device: Annotated[str, typer.Option("--device", help="A torch device: cpu, cuda, cuda:1, mps.")] = "cpu",
    out: Annotated[
        Path | None, typer.Option("--out", help="A .json file to keep it in, for 'nasbench plot' and the report.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train what was found again, for real.

    The architectures that most runs ended with are trained with fresh seeds, beside what the oracle had promised.
    """
    from nasbench.comparison import Results
    from nasbench.comparison.verification import write_verification
    from tabular.files import check_writable

    loaded = Results.load(results)
    if out is not None:
        check_writable(out)
    verified = verify_results(loaded, top=top, seeds=seeds, device=device)
    if out is not None:
        write_verification(loaded.oracle, str(loaded.report), verified, out)
    if as_json:
        console.print_json({"report": str(loaded.report), "verified": verified})
    else:
        print_verified(loaded, verified)


def verify_results(results: Results, *, top: int, seeds: int, device: str = "cpu") -> list[Verified]:
    """Retrain what runs found, by the recipe and on the data set that the report's task names."""
    from nasbench.comparison import verify as train_again
    from tabular.training import TrainingOracle

    task = results.report.task
    training = TrainingOracle.from_provenance(
        results.space, results.provenance["tasks"][task], seeds=(0,), device=device, task=task
    )
    with console.progress("verifying") as progress:
        return train_again(results, training, top=top, seeds=seeds, progress=progress)


def print_verified(results: Results, verified: list[Verified]) -> None:
    """Print promised against measured, with the seed noise beside it."""
    unit = results.report_metric.unit
    rows = [
        [
            str(i),
            console.with_spread(each.promised, each.promised_std, unit),
            console.with_spread(each.measured, each.measured_std, unit),
            console.number(each.difference, unit),
            "\n".join(f"{count} {console.strategy_label(name)}" for name, count in each.found_by.items()),
        ]
        for i, each in enumerate(verified, start=1)
    ]
    trainings = len(verified[0].seeds)
    title = (
        f"{results.report}, promised by {results.oracle} and measured by "
        f"{trainings} fresh training{'s' if trainings > 1 else ''} each (± is the seed noise)"
    )
    console.print_table(title, ["", "promised", "measured", "difference", "runs that found it"], rows, texts=(4,))
    for i, each in enumerate(verified, start=1):
        console.say(f"{i}  {each.architecture}")  # on a line of its own, whole, to be copied


def are_results(out: Path, sources: Sequence[Path]) -> bool:
    """Return whether results are to be merged, which is so if one of the files holds some.

    Raises
    ------
    PlanMismatchError
        If another one is a table.
    """
    formats = {path: file_format_of(path) for path in [out, *sources] if path.is_file()}
    results = next((path for path, found in formats.items() if found == RESULTS), None)
    table = next((path for path, found in formats.items() if found == "nasbench-table"), None)
    if results and table:
        raise PlanMismatchError(
            f"{results} holds results and {table} is a table: merge results with results and tables with tables"
        )
    return results is not None


def merge_results_files(out: Path, sources: Sequence[Path], *, as_json: bool) -> None:
    """Join results files to one, with what ``out`` holds already."""
    from nasbench.comparison import Results
    from nasbench.comparison.merge import VERSIONS, further_of_all, merge_results

    check_output(out, RESULTS)
    paths = list(dict.fromkeys([*([out] if out.exists() else []), *sources]))
    parts = [Results.load(path) for path in paths]
    merged = merge_results(parts, [str(path) for path in paths])
    merged.save(out)
    kept = {merged.report, *further_of_all(parts)}
    dropped = dict.fromkeys(str(each) for part in parts for each in part.reports if each not in kept)
    repeated = sum(map(_runs, parts)) - _runs(merged)
    if as_json:
        console.print_json(
            {
                "path": out,
                "runs": {name: trials.runs for name, trials in merged.trials.items()},
                "repeated": repeated,
                "reports": [str(each) for each in merged.reports],
                "dropped_reports": list(dropped),
                "failed": merged.failed,
            }
        )
        return
    console.say(f"{out}: {_runs(merged):,} runs of {len(merged.trials)} strategies")
    for name, trials in merged.trials.items():
        console.say(f"  {name}: {trials.runs:,} runs")
    if repeated:
        console.say(f"{repeated:,} runs were there more than once and are the same; each counts once")
    if dropped:
        console.say(f"left out the reports that not all have: {', '.join(dropped)}")
    versions = merged.provenance.get(VERSIONS, [])
    if versions:
        made_with = dict.fromkeys(str(each.get("nasbench", "unknown")) for each in versions)
        console.say(f"made by different versions, which the file lists: nasbench {', '.join(made_with)}")
    for name in merged.failed:
        console.say(f"failed in one of them: {name}")


def _runs(results: Results) -> int:
    return sum(trials.runs for trials in results.trials.values())
