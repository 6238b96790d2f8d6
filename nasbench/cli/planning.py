"""`nasbench plan`: what of a table fits into a budget of time, measured on the device at hand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
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
from tabular.errors import BudgetError
from tabular.spaces import get_space

if TYPE_CHECKING:
    from tabular.generation.planner import Option


def plan(
    space: SpaceToTrain,
    dataset: DatasetOption = "digits",
    recipe: RecipeOption = None,
    epochs: EpochsOption = None,
    seeds: SeedsOption = 3,
    limit: LimitOption = None,
    budget: Annotated[str | None, typer.Option("--budget", help="What it may take: 90s, 30m, 12h or 2d.")] = None,
    jobs: JobsOption = None,
    device: DeviceOption = "cpu",
    as_json: AsJson = False,
) -> None:
    """Measure this device and say what it can train in a budget.

    Nothing is kept. 'nasbench generate' with the same options and --budget does what is marked with a star.
    """
    from tabular.generation.planner import forecast
    from tabular.training import load_dataset

    seconds = seconds_of(budget)
    chosen = chosen_recipe(recipe, epochs)
    the_space, data = get_space(space), load_dataset(dataset)
    processes = jobs or os.cpu_count() or 1
    console.note(f"measuring how fast {the_space.name} trains on {data.name}, for a few seconds")
    found = forecast(the_space, chosen, data, seeds=seeds, budget=seconds, jobs=processes, device=device, limit=limit)
    if as_json:
        console.print_json(found)
        return
    within = f" within {console.duration(found.budget)}" if found.budget else ""
    columns = ["plan", "epochs", "seeds", "architectures", "trainings", "time", "bytes", *["fits"] * bool(within)]
    rows = [_row(option)[: len(columns)] for option in found.options]
    console.print_table(f"{the_space.name} on {data.name}, {device}, --jobs {found.jobs}{within}", columns, rows)
    console.say(
        f"Measured on {found.measured} groups of {found.together} networks: a training keeps a process busy for "
        f"{console.with_spread(found.training, found.error)} s. ± is half a 95% interval; what else the machine may do "
        "is not in it. Bytes are before compression."
    )
    if within:
        console.say("* is what 'nasbench generate --budget' does. Time left over goes into the next seed.")


def seconds_of(budget: str | None) -> float | None:
    """Read a budget of time, such as ``90s``, ``30m``, ``12h`` or ``2d``.

    Raises
    ------
    BudgetError
    """
    if budget is None:
        return None
    from nasbench.comparison.protocol import Budget

    try:
        read = Budget.parse(budget)
    except BudgetError:
        read = None
    if read is None or read.unit != "seconds":
        raise BudgetError(f"--budget {budget!r} is not a time above zero; write 90s, 30m, 12h or 2d")
    return read.amount


def _row(option: Option) -> list[str]:
    return [
        option.name + " *" * option.picked,
        str(option.epochs),
        str(option.seeds),
        f"{option.architectures:,}",
        f"{option.architectures * option.seeds:,}",
        f"{console.duration(option.seconds)} ± {console.duration(option.error)}",
        f"{option.bytes / 1e6:,.2f} MB",
        "yes" if option.fits else "no",
    ]
