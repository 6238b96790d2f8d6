"""`nasbench fit`: a surrogate of a table."""

from __future__ import annotations

import math
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
    task: Annotated[
        str | None, typer.Option("--task", help="Which of the table's tasks; may be left out if it has one.")
    ] = None,
    metrics: Annotated[
        str, typer.Option("--metrics", help="What to predict, with commas between.")
    ] = "validation_accuracy,test_accuracy,train_seconds",
    epochs: Annotated[
        str | None,
        typer.Option(
            "--epochs",
            help="After how many epochs, with commas between; by default the table's last, a third of it, a ninth...",
        ),
    ] = None,
    train_fraction: Annotated[
        float,
        typer.Option("--train-fraction", help="Share of the networks to fit; the rest is held out for the scorecard."),
    ] = 0.8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the split and the models.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a surrogate to part of a table, score it on the rest.

    The surrogate answers for every architecture of the space; 'nasbench compare' takes it like a table.
    """
    from surrogates import fit_surrogate
    from surrogates.files import check_replaceable
    from tabular import Table

    check_replaceable(out)
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
        measure = score.measure.rpartition("/")[2]
        unit = surrogate.task.metrics[measure.partition("@")[0]].unit
        rows.append(
            [
                measure,
                f"{score.train} + {score.held_out}",
                f"{score.r2:.3f}",
                f"{score.kendall_tau:.3f}",
                f"{score.seed_tau:.3f}" if math.isfinite(score.seed_tau) else "-",
                console.number(score.rmse, unit),
                console.number(score.coverage, "fraction"),
            ]
        )
    columns = ["measure", "networks", "R2", "tau", "seed tau", "RMSE", "in 95 %"]
    console.print_table(
        f"Surrogate of {surrogate.task.name} on {surrogate.space.name}, scored on networks it has not seen",
        columns,
        rows,
    )
    console.say(
        "networks: fitted + held out. tau: Kendall's rank correlation of prediction and\n"
        "measurement; seed tau: that of the trainings of one seed and the others.\n"
        "in 95 %: share of the held-out trainings inside the predicted 95 % interval."
    )


def _whole_numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise QueryError(f"--epochs takes whole numbers with commas between, got {text!r}") from None
