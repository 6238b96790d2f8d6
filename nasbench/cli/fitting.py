"""`nasbench fit`: a surrogate of a table."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from tabular.errors import QueryError
from tabular.options import read_named

if TYPE_CHECKING:
    from surrogates import Surrogate
    from surrogates.scorecard import Score


def fit(
    table: Annotated[Path, typer.Argument(help="The table to learn from.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write the surrogate into.")],
    task: Annotated[
        str | None, typer.Option("--task", help="Which of the table's tasks; may be left out if it has one.")
    ] = None,
    metrics: Annotated[
        str,
        typer.Option("--metrics", help="What to predict, with commas between: metrics, or costs such as parameters."),
    ] = "validation_accuracy,test_accuracy,train_seconds",
    epochs: Annotated[
        str | None,
        typer.Option(
            "--epochs",
            help="After how many epochs, with commas between, or all: whole learning curves. By default the table's "
            "last, a third of it, a ninth...",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="xgboost, lightgbm, random-forest, ridge, gaussian-process, mlp or gin, options in parentheses: "
            "xgboost(members=8).",
        ),
    ] = "xgboost",
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            help="Blocks of features, with commas between: graph, and the space's encodings; by default what suits the "
            "table. With graph alone the surrogate can be asked about larger spaces.",
        ),
    ] = None,
    train_fraction: Annotated[
        float,
        typer.Option("--train-fraction", help="Share of the networks to fit; the rest is held out for the scorecard."),
    ] = 0.8,
    train_size: Annotated[
        int | None, typer.Option("--train-size", min=1, help="So many networks instead of a share of them.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the split and the models.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a surrogate to part of a table, score it on the rest.

    The surrogate answers for every architecture of the space; 'nasbench compare' takes it like a table.
    """
    from surrogates import fit_surrogate
    from surrogates.folder import check_replaceable
    from tabular import Table

    check_replaceable(out)
    opened = Table.open(table)
    kind, options = read_named(model, "model", value=ast.literal_eval, example="members=8", error=QueryError)
    if epochs == "all":
        recorded = opened.tasks[task] if task in opened.tasks else next(iter(opened.tasks.values()))
        chosen: tuple[int, ...] | None = recorded.epochs
    else:
        chosen = whole_numbers(epochs, "--epochs")
    with console.progress("fitting") as progress:
        surrogate = fit_surrogate(
            opened,
            task=task,
            metrics=_names(metrics),
            epochs=chosen,
            model=kind,
            options=options,
            features=None if features is None else _names(features),
            train_fraction=train_fraction,
            train_size=train_size,
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
    scores = surrogate.scorecard.scores
    shown = _few(scores)
    note = "" if surrogate.fitted_to is None else f" (fitted to {surrogate.fitted_to})"
    counts = sorted({networks_of(score) for score in scores})
    console.print_table(
        f"Surrogate of {surrogate.task.name} on {surrogate.space.name}{note},\n"
        f"networks fitted and, not seen before, scored: {', '.join(counts)}",
        ["measure", *SCORES],
        [[score.measure.rpartition("/")[2], *score_cells(surrogate, score)] for score in shown],
    )
    if len(scores) > len(shown):
        console.say(f"({len(scores) - len(shown)} epochs in between are not shown; --json prints them)")
    console.say(SCORES_EXPLAINED)


SCORES = ("R2", "tau (seed)", "MAE (seed)", "50/90 %")
"""The columns of `score_cells`."""

SCORES_EXPLAINED = (
    "tau: Kendall's rank correlation of prediction and mean over seeds; MAE: mean\n"
    "absolute error; (seed): what one training scores against the mean of the others.\n"
    "50/90 %: share of the held-out trainings inside these intervals."
)


def networks_of(score: Score) -> str:
    """Return how many networks were fitted, and how many scored."""
    return f"{score.train:,} + {score.held_out:,}"


def score_cells(surrogate: Surrogate, score: Score) -> list[str]:
    """Return a score as the cells of a printed table."""
    unit = surrogate.task.metrics[score.measure.rpartition("/")[2].partition("@")[0]].unit
    inside = [f"{100 * share:.0f}" if math.isfinite(share) else "-" for share in (score.coverage_50, score.coverage_90)]
    return [
        _rank(score.r2),
        f"{_rank(score.kendall_tau)} ({_rank(score.seed_tau)})",
        f"{console.number(score.mae, unit)} ({console.number(score.seed_error, unit)})",
        "/".join(inside),
    ]


def _rank(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _few(scores: tuple[Score, ...], most: int = 12) -> list[Score]:
    """Return the scores to print: of many epochs each metric's first, middle and last."""
    if len(scores) <= most:
        return list(scores)
    by_metric: dict[str, list[Score]] = {}
    for score in scores:
        by_metric.setdefault(score.measure.partition("@")[0], []).append(score)
    return [each[place] for each in by_metric.values() for place in sorted({0, len(each) // 2, len(each) - 1})]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def whole_numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    """Read what an option takes: whole numbers with commas between.

    Raises
    ------
    QueryError
    """
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise QueryError(f"{option} takes whole numbers with commas between, got {text!r}") from None
