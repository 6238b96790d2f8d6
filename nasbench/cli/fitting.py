"""`nasbench fit`: a surrogate of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.errors import QueryError

if TYPE_CHECKING:
    from surrogates import Surrogate


def fit(
    table: Annotated[Path, typer.Argument(help="The table to learn from.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write the surrogate into.")],
    task: Annotated[str | None, typer.Option("--task", help="Needed where the table has several.")] = None,
    metrics: Annotated[
        str, typer.Option("--metrics", help="Comma-separated.")
    ] = "validation_accuracy,test_accuracy,train_seconds",
    epochs: Annotated[
        str | None, typer.Option("--epochs", help="Comma-separated; by default the last, a third, a ninth...")
    ] = None,
    train_fraction: Annotated[
        float, typer.Option("--train-fraction", help="The rest is held out for the scorecard.")
    ] = 0.8,
    seed: Annotated[int, typer.Option("--seed", help="Of the split and the models.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a surrogate to part of a table and score it on the rest."""
    from surrogates import fit_surrogate
    from tabular import Table

    with console.progress("fitting") as progress:
        surrogate = fit_surrogate(
            Table.open(table),
            task=task,
            metrics=tuple(name.strip() for name in metrics.split(",")),
            epochs=_whole_numbers(epochs),
            train_fraction=train_fraction,
            seed=seed,
            progress=progress,
        )
        surrogate.save(out)
    if as_json:
        console.print_json({"path": str(out), "scorecard": surrogate.scorecard.rows()})
        return
    print_scorecard(surrogate)
    console.say(f"written to {out}")


def print_scorecard(surrogate: Surrogate) -> None:
    """Print how far to trust a surrogate."""
    rows = []
    for score in surrogate.scorecard.scores:
        unit = surrogate.task.metrics[score.measure.rpartition("/")[2].partition("@")[0]].unit
        rows.append(
            [
                score.measure,
                f"{score.train} / {score.held_out}",
                f"{score.r2:.3f}",
                f"{score.kendall_tau:.3f}",
                console.number(score.seed_tau),
                console.number(score.rmse, unit),
                console.number(score.coverage, "fraction"),
            ]
        )
    columns = ["measure", "fitted / held out", "R2", "Kendall tau", "tau between seeds", "RMSE", "in 95 % interval"]
    console.print_table(f"Surrogate of {surrogate.space.name}, on architectures it has not seen", columns, rows)


def _whole_numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise QueryError(f"--epochs takes whole numbers with commas between, got {text!r}") from None
