"""`nasbench fit`, `examine` and `transfer`: surrogates of tables."""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.options import read_strategies
from tabular.errors import QueryError
from tabular.measures import SECONDS
from tabular.options import read_named
from tabular.spaces import get_space

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nasbench.comparison import Results
    from strategies.strategy import StrategyFactory
    from surrogates import Surrogate
    from surrogates.examining import HeldOut
    from surrogates.scorecard import Score, Scorecard
    from tabular import Table
    from tabular.measures import Measure, Oracle

STRATEGIES = "random-search,regularized-evolution(population=20,sample=5),local-search"
"""With its default population, evolution would spend all of a short run on random architectures."""

FIGURES = ("scatter", "calibration", "learning-curve", "error-by-size")

ASKED = 1000
"""Architectures of the other space, drawn at random, that tell how familiar it is."""

SCORES = ("R2", "tau (seed)", "MAE (seed)", "50/90 %")
"""The columns of `score_cells`."""

SCORES_EXPLAINED = (
    "tau: Kendall's rank correlation of prediction and mean over seeds; MAE: mean\n"
    "absolute error; (seed): what one training scores against the mean of the others.\n"
    "50/90 %: share of the held-out trainings inside these intervals."
)


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
    return [own[i] for own in by_metric.values() for i in sorted({0, len(own) // 2, len(own) - 1})]


def examine(
    surrogate: Annotated[Path, typer.Argument(help="A surrogate folder; its scorecard gains what comes out.")],
    table: Annotated[
        Path | None,
        typer.Option("--table", help="The table it was fitted to; without, what is on its scorecard is printed."),
    ] = None,
    strategies: Annotated[
        str, typer.Option("--strategies", help="At least two, with commas between, as for 'nasbench compare'.")
    ] = STRATEGIES,
    runs: Annotated[
        int, typer.Option("--runs", min=1, help="Runs of each strategy on the table, and on the surrogate.")
    ] = 5,
    evaluations: Annotated[int, typer.Option("--evaluations", min=1, help="What each run may spend.")] = 100,
    sizes: Annotated[
        str, typer.Option("--sizes", help="Networks to fit for the learning curve, with commas between.")
    ] = "100,300,1000",
    train: Annotated[
        bool, typer.Option("--train", help="Train what was found on the surrogate, rather than look it up.")
    ] = False,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="A folder for pictures of all this, each as PDF and PNG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Test a surrogate: less data, new strategies, their finds.

    It is fitted anew some more times, by its leading measure alone: the first metric, after the last epoch.
    """
    from surrogates import Surrogate
    from surrogates.examining import check_fitted_to, held_out_again
    from tabular import Table

    loaded = Surrogate.load(surrogate)
    drawn: list[Path] = []
    if table is not None:
        opened = Table.open(table)
        check_fitted_to(loaded, opened)
        held_out = None if figures is None else held_out_again(loaded, opened)
        if figures is not None:
            _check_folder(figures)
        counted = whole_numbers(sizes, "--sizes") or ()
        truth = _truth(loaded, opened, train=train)
        with console.plain_warnings():
            loaded.scorecard = _examined(
                loaded, opened, read_strategies(strategies), truth, runs=runs, evaluations=evaluations, sizes=counted
            )
        measured_by = "training" if train else "table"
        loaded.provenance["examined"] = {"runs": runs, "evaluations": evaluations, "measured_by": measured_by}
        if figures is not None and held_out is not None:
            drawn = _draw(loaded, held_out, figures)
        loaded.save(surrogate.resolve())  # a link stays one
    elif train or figures is not None:
        raise QueryError("--train and --figures need --table, the table that the surrogate was fitted to")
    if as_json:
        console.print_json({"path": str(surrogate), **loaded.scorecard.to_json(), "figures": drawn})
        return
    if table is None:
        print_scorecard(loaded)
        console.say("")
    print_examined(loaded)
    for each in drawn:
        console.say(f"drawn {each}")


def _check_folder(folder: Path) -> None:
    from tabular.files import check_writable

    for name in FIGURES:
        check_writable(folder / name)


def _truth(surrogate: Surrogate, table: Table, *, train: bool) -> Oracle:
    """Return what promises are held against, trained with a seed that no table holds."""
    from nasbench.comparison.verification import FRESH_SEED
    from tabular import TableOracle

    if not train:
        return TableOracle(table)
    from tabular.training import TrainingOracle

    task = surrogate.task
    return TrainingOracle.from_provenance(surrogate.space, task.provenance, seeds=(FRESH_SEED,), task=task.name)


def _examined(
    surrogate: Surrogate,
    table: Table,
    strategies: Mapping[str, StrategyFactory],
    truth: Oracle,
    *,
    runs: int,
    evaluations: int,
    sizes: Sequence[int],
) -> Scorecard:
    """Return the scorecard with a learning curve, strategies left out, and exploits."""
    from nasbench.comparison import compare
    from surrogates import SurrogateOracle
    from surrogates.examining import exploits, leading_measure, leave_one_strategy_out, scores_by_size
    from tabular import TableOracle

    measure = leading_measure(surrogate)
    if surrogate.task.metrics[measure.metric].split == "test" or SECONDS not in surrogate.models:
        raise QueryError(
            f"strategies cannot search on a surrogate of {', '.join(surrogate.models)}: what they see is its first "
            f"metric, which may be no test metric, and they need {SECONDS}; fit one with "
            f"--metrics validation_accuracy,{SECONDS}"
        )
    stated = surrogate.provenance["model"]
    options = {"model": stated["kind"], "options": stated["options"], "features": stated["features"]}
    seed = surrogate.provenance["split"]["seed"]

    def search(oracle: Oracle, title: str) -> Results:
        with console.progress(title) as progress:
            return compare(
                strategies, oracle, evaluations, runs=runs, signal=measure, report=measure, progress=progress
            )

    found = search(SurrogateOracle(surrogate), "searching the surrogate").trials
    visited = {}
    try:
        visited = {
            name: trials.architectures
            for name, trials in search(TableOracle(table), "searching the table").trials.items()
        }
    except QueryError as error:  # it holds a part of the space
        console.note(f"no strategy is left out: {error}")
    with console.progress("fitting less data") as progress:
        learning_curve = scores_by_size(table, measure, sizes, seed=seed, progress=progress, **options)
    left_out = {}
    if visited:
        with console.progress("leaving strategies out") as progress:
            left_out = leave_one_strategy_out(table, measure, visited, seed=seed, progress=progress, **options)
    winners = {name: trials.architectures[trials.incumbent[trials.last]] for name, trials in found.items()}
    with console.progress("measuring what was found") as progress:
        exploited = exploits(surrogate, measure, winners, truth, progress=progress)
    return replace(surrogate.scorecard, learning_curve=learning_curve, left_out=left_out, exploits=exploited)


def _draw(surrogate: Surrogate, held_out: HeldOut, folder: Path) -> list[Path]:
    """Draw what a scorecard says into a folder."""
    from nasbench.figures import surrogates as figures
    from surrogates.examining import leading_measure
    from tabular.measures import mean_of_known

    measure = leading_measure(surrogate)
    label = measure.metric.replace("_", " ")
    scores = [each for each in surrogate.scorecard.scores if each.measure == str(measure)]
    curve = [*surrogate.scorecard.learning_curve, *scores]
    truth = mean_of_known(held_out.values)
    draws = (
        partial(figures.predicted_against_measured, truth=truth, mean=held_out.mean, label=label),
        partial(figures.calibration, values=held_out.values, mean=held_out.mean, std=held_out.std),
        partial(figures.learning_curve, scores=curve),
        partial(figures.error_by_size, scores=curve, values=held_out.values, label=label),
    )
    title = f"{label} after {measure.epochs} epochs ({measure.task})"
    titles = (*[f"{title}: {len(truth):,} networks held out"] * 2, title, title)
    drawn: list[Path] = []
    with console.progress("drawing") as progress:
        for number, (name, each, draw) in enumerate(zip(FIGURES, titles, draws, strict=True)):
            drawn += figures.save_picture(folder / name, each, draw)
            progress(number + 1, len(FIGURES), name)
    return drawn


def print_examined(surrogate: Surrogate) -> None:
    """Print what an examination added to a scorecard."""
    from surrogates.examining import leading_measure

    card, measure = surrogate.scorecard, leading_measure(surrogate)
    if not (card.learning_curve or card.left_out or card.exploits):
        console.say("not examined yet: name the table it was fitted to with --table")
        return
    name = f"{measure.metric}@{measure.epochs}"
    if card.learning_curve:
        console.print_table(
            f"{name}, fitted anew to fewer networks and scored on all others",
            ["networks", *SCORES],
            [[networks_of(score), *score_cells(surrogate, score)] for score in card.learning_curve],
            texts=(),
        )
        console.say(f"{SCORES_EXPLAINED}\n")
    if card.left_out:
        console.print_table(
            f"{name}, fitted to what other strategies visited, scored on what this one did",
            ["left out", "networks", *SCORES],
            [
                [console.strategy_label(strategy), networks_of(score), *score_cells(surrogate, score)]
                for strategy, score in card.left_out.items()
            ],
        )
        console.say("Networks that both visited are held out.\n")
    if card.exploits:
        _print_exploits(surrogate, measure)


def _print_exploits(surrogate: Surrogate, measure: Measure) -> None:
    unit = surrogate.task.metrics[measure.metric].unit
    rows = [
        [
            console.strategy_label(each.strategy),
            str(each.runs),
            console.with_spread(each.promised, each.promised_std, unit),
            console.number(each.measured, unit),
            console.number(each.difference, unit),
            console.number(each.unfamiliar, "fraction"),
        ]
        for each in surrogate.scorecard.exploits
    ]
    console.print_table(
        f"{measure.metric}@{measure.epochs} of what strategies found on the surrogate",
        ["strategy", "runs", "promised", "measured", "difference", "unfamiliar"],
        rows,
    )
    (score,) = (each for each in surrogate.scorecard.scores if each.measure == str(measure))
    by_training = surrogate.provenance["examined"]["measured_by"] == "training"
    console.say(
        f"Means over the runs' winners, measured by {'one fresh training each' if by_training else 'the table'}.\n"
        "±: how far one training may be off, by the surrogate's account"
        + (f"; on record it is {console.number(score.seed_error, unit)}." if math.isfinite(score.seed_error) else ".")
        + "\nMeasured far worse than promised: the strategy exploits errors of the surrogate.\n"
        "unfamiliar: share of winners unlike what it was fitted to."
    )


def transfer(
    surrogate: Annotated[Path, typer.Argument(help="A surrogate folder, fitted with --features graph.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write the new surrogate into.")],
    space: Annotated[
        str | None, typer.Option("--space", help="The space to ask it about: a name or a .toml file.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--table", help="A table of the other space, or of another recipe, to score it on.")
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="Which of the table's tasks; may be left out if it has one.")
    ] = None,
    train_size: Annotated[
        int,
        typer.Option(
            "--train-size", min=0, help="So many networks of the table correct the predictions: 0, or 5 and more."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of which networks these are.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Carry a surrogate over to a larger space or another recipe.

    With a few trainings of that, a table of them, it is corrected by some and scored on the others.
    """
    from surrogates import Surrogate
    from surrogates.folder import check_replaceable

    if (space is None) == (table is None):
        raise QueryError("give --space, the space to ask about, or --table, a table of trainings there: one of them")
    if table is None and (train_size or task is not None):
        raise QueryError("--train-size and --task speak of a table; give --table instead of --space")
    loaded = Surrogate.load(surrogate)
    check_replaceable(out)
    if table is not None:
        carried = _transfer(loaded, table, task, train_size, seed)
    else:
        carried = loaded.extrapolate(get_space(str(space)))
    strangers = _unfamiliar(carried)
    carried.save(out)
    if as_json:
        scorecard = [] if table is None else carried.scorecard.rows()
        console.print_json({"path": str(out), "scorecard": scorecard, "unfamiliar": strangers})
        return
    if table is not None:
        print_scorecard(carried)
    share = f"{100 * strangers:.0f} % of the architectures in {carried.space.name} lie outside of what it was fitted to"
    console.say(f"{share} (of {ASKED:,} drawn)")
    if table is None:
        console.say("Nothing says how well it predicts these; a table of some, with --table, would.")
    console.say(f"written to {out}")


def _transfer(surrogate: Surrogate, table: Path, task: str | None, train_size: int, seed: int) -> Surrogate:
    from surrogates.transferring import transfer
    from tabular import Table

    return transfer(surrogate, Table.open(table), task=task, train_size=train_size, seed=seed)


def _unfamiliar(surrogate: Surrogate) -> float:
    """Return the share of random architectures of its space that a surrogate takes for unfamiliar."""
    rows = surrogate.space.sample(np.random.default_rng(0), ASKED)
    return float(surrogate.familiarity.unfamiliar(surrogate.inputs(rows).features).mean())
