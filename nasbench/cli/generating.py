"""`nasbench generate`: train a space into a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.engine_option import read_engine
from nasbench.cli.inspecting import summary_when_interrupted
from nasbench.cli.planning import seconds_of
from nasbench.spaces import get_space


def generate(
    space: Annotated[str, typer.Argument(help="A named space or a .toml file that declares one.")],
    out: Annotated[Path, typer.Option("--out", help="The table to write, or to go on with.")],
    dataset: Annotated[
        str, typer.Option("--dataset", help="digits, fashion-mnist:FOLDER, cifar10:FOLDER or FILE.npz (with x and y).")
    ] = "digits",
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", help="A .toml file of training settings: epochs, channels, learning_rate, ..."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Epochs of each training, in place of the recipe's.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each architecture.")] = 3,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="So many unique networks, drawn at random.")
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; by default one a core.")] = None,
    device: Annotated[str, typer.Option("--device", help="A torch device: cpu, cuda, cuda:1, mps.")] = "cpu",
    engine: Annotated[
        str | None,
        typer.Option("--engine", help="Who trains: local (the default), ray(address=auto,gpus=0.25), slurm(shards=8)."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", help="Be done after 90s, 30m, 12h or 2d, with a table of what was finished."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train every unique network of a space into a table.

    Finished trainings are on the disk at once. After an interruption, or with more seeds or a higher limit, the same
    command goes on from what is there.
    """
    from nasbench.training import Recipe, load_dataset
    from tabular import generate as make_table

    seconds = seconds_of(budget)
    trainer = read_engine(engine, jobs)
    chosen = Recipe.from_toml(recipe) if recipe else Recipe()
    if epochs is not None:
        chosen = chosen.replace(epochs=epochs)
    the_space, data = get_space(space), load_dataset(dataset)
    title = f"training {the_space.name} on {data.name}"
    with console.plain_warnings(), summary_when_interrupted(out), console.progress(title) as progress:
        summary = make_table(
            the_space,
            chosen,
            data,
            out,
            seeds=seeds,
            engine=trainer,
            device=device,
            limit=limit,
            budget=seconds,
            progress=progress,
        )
    if as_json:
        console.print_json(summary)
        return
    console.say(
        f"{out}: {summary.trained} trainings made in {console.duration(summary.seconds)}, {summary.reused} were there; "
        f"{summary.diverged} diverged"
    )
    if summary.left:
        console.say(f"{summary.left} trainings are left, for which the budget had no time; the same command goes on")
