"""`nasbench demo`: the whole main job on the embedded default."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nasbench.cli import console
from nasbench.cli.comparing import print_summary, print_verified, verify_results
from nasbench.cli.console import AsJson
from nasbench.cli.options import open_oracle, read_strategies
from nasbench.cli.surrogates import print_scorecard
from tabular.errors import NasbenchError
from tabular.files import check_writable
from tabular.spaces import get_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from nasbench.comparison import Results, Verified
    from surrogates import Surrogate

T = TypeVar("T")

SPACE = "nb201-mini"
STRATEGIES = "random-search,regularized-evolution(population=20,sample=5),local-search,hyperband"
SEEDS = 2
TRAININGS = 60
"""Each run may spend as many epochs as this many full trainings have."""


@dataclass
class _Made:
    """A mark that something was made anew: whatever comes after that is made anew too."""

    anew: bool = False


def demo(
    out: Annotated[Path, typer.Option("--out", help="The folder for everything the demo makes.")] = Path("demo"),
    runs: Annotated[int, typer.Option("--runs", min=1, help="Runs of each strategy.")] = 500,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; by default one a core.")] = None,
    as_json: AsJson = False,
) -> None:
    """Do the whole job on a small space, in minutes.

    Trains a table for real, fits a surrogate, compares strategies on both, draws figures, and trains what was found
    again. A second run uses what is there.
    """
    start = time.monotonic()
    check_writable(out / "table.h5")
    processes, made = jobs or os.cpu_count() or 1, _Made()
    table = _train(out / "table.h5", processes, made)
    surrogate = _fit(table, out / "surrogate", made)
    results = {
        name: _compare(path, out / f"{name}-results.h5", runs, processes, made)
        for name, path in (("table", table), ("surrogate", out / "surrogate"))
    }
    figures = [
        _draw(each, out / f"{name}-regret.{ending}") for name, each in results.items() for ending in ("pdf", "png")
    ]
    verified = {name: _verify(each, out / f"{name}-verification.json", made) for name, each in results.items()}
    page = _report(results, verified, table, surrogate, out / "report.html")

    paths = [table, out / "surrogate", *(out / f"{name}-results.h5" for name in results), *figures]
    paths += [*(out / f"{name}-verification.json" for name in results), page]
    seconds = time.monotonic() - start
    if as_json:
        from nasbench.comparison import summarise

        console.print_json(
            {
                "paths": paths,
                "seconds": seconds,
                "scorecard": surrogate.scorecard.rows(),
                "summary": {name: summarise(each) for name, each in results.items()},
                "verified": verified,
            }
        )
        return
    console.say("")
    print_scorecard(surrogate)
    for name, each in results.items():
        console.say("")
        print_summary(each)
        console.say("")
        print_verified(each, verified[name])
    console.say("\nMade:")
    for path in paths:
        console.say(f"  {path}")
    console.say(f"Done in {console.duration(seconds)}.")


def _train(path: Path, jobs: int, made: _Made) -> Path:
    from tabular import generate
    from tabular.training import Recipe, load_dataset

    with console.progress(f"1/6 training {SPACE} on digits") as progress:
        summary = generate(
            get_space(SPACE), Recipe(), load_dataset("digits"), path, seeds=SEEDS, jobs=jobs, progress=progress
        )
    made.anew |= summary.trained > 0
    return path


def _fit(table: Path, path: Path, made: _Made) -> Surrogate:
    from surrogates import Surrogate, fit_surrogate
    from tabular import Table

    kept = _kept(path, lambda: Surrogate.load(path), made)
    if kept is not None:
        return kept
    with console.progress("2/6 fitting a surrogate") as progress:
        surrogate = fit_surrogate(Table.open(table), progress=progress)
        surrogate.save(path)
    return surrogate


def _compare(oracle: Path, path: Path, runs: int, jobs: int, made: _Made) -> Results:
    from nasbench.comparison import Results, compare

    strategies = read_strategies(STRATEGIES)
    kept = _kept(path, lambda: Results.load(path), made)
    if kept is not None and all(trials.runs == runs for trials in kept.trials.values()):
        return kept
    source = open_oracle(oracle)
    epochs = next(iter(source.tasks.values())).epochs[-1]
    with console.progress(f"3/6 comparing on the {oracle.stem}") as progress:
        results = compare(strategies, source, f"{TRAININGS * epochs}ep", runs=runs, jobs=jobs, progress=progress)
        results.save(path)
    made.anew = True
    return results


def _draw(results: Results, path: Path) -> Path:
    from nasbench.analysis import save_figure

    console.note(f"4/6 drawing {path}")
    save_figure(results, path)
    return path


def _verify(results: Results, path: Path, made: _Made) -> list[Verified]:
    from nasbench.comparison.verification import read_verification, write_verification

    kept = _kept(path, lambda: read_verification(path).verified, made)
    if kept is not None:
        return kept
    console.note(f"5/6 training what was found on {results.oracle} again")
    verified = verify_results(results, top=5, seeds=3)
    write_verification(results.oracle, str(results.report), verified, path)
    return verified


def _report(
    results: dict[str, Results], verified: dict[str, list[Verified]], table: Path, surrogate: Surrogate, path: Path
) -> Path:
    from nasbench.report import write_report
    from tabular import Table
    from tabular.card import data_card

    console.note(f"6/6 writing {path}")
    with Table.open(table) as opened:
        cards = {results["table"].oracle: data_card(opened)}
    write_report(
        list(results.values()),
        path,
        verification={each.oracle: verified[name] for name, each in results.items()},
        cards=cards,
        scorecards={results["surrogate"].oracle: surrogate.scorecard.rows()},
        command=console.command_line(),
    )
    return path


def _kept(path: Path, load: Callable[[], T], made: _Made) -> T | None:
    """Return what an earlier demo left, unless something it depends on is new."""
    if not made.anew and path.exists():
        try:
            return load()
        except (NasbenchError, ValueError, TypeError) as error:
            console.note(f"making {path} again: {error}")
    made.anew = True
    return None
