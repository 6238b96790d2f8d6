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
from nasbench.cli.training_options import (
    DatasetOption,
    DeviceOption,
    EpochsOption,
    JobsOption,
    LimitOption,
    RecipeOption,
    SeedsOption,
    SpaceToTrain,
    chosen_recipe,
)
from tabular.spaces import get_space


def generate(
    space: SpaceToTrain,
    out: Annotated[Path, typer.Option("--out", help="The table to write, or to go on with.")],
    dataset: DatasetOption = "digits",
    recipe: RecipeOption = None,
    epochs: EpochsOption = None,
    seeds: SeedsOption = 3,
    limit: LimitOption = None,
    jobs: JobsOption = None,
    device: DeviceOption = "cpu",
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
    from tabular import generate as make_table
    from tabular.training import load_dataset

    seconds = seconds_of(budget)
    trainer = read_engine(engine, jobs)
    chosen = chosen_recipe(recipe, epochs)
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
