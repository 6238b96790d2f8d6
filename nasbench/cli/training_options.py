"""The options of every command that trains a space: what is trained, how, and on what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tabular.training import Recipe

SpaceToTrain = Annotated[str, typer.Argument(help="A named space or a .toml file that declares one.")]
DatasetOption = Annotated[
    str, typer.Option("--dataset", help="digits, fashion-mnist:FOLDER, cifar10:FOLDER or FILE.npz (with x and y).")
]
RecipeOption = Annotated[
    Path | None,
    typer.Option("--recipe", help="A .toml file of training settings: epochs, channels, learning_rate, ..."),
]
EpochsOption = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Epochs of each training, in place of the recipe's.")
]
SeedsOption = Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each architecture.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="So many unique networks, drawn at random.")]
JobsOption = Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; by default one a core.")]
DeviceOption = Annotated[str, typer.Option("--device", help="A torch device: cpu, cuda, cuda:1, mps.")]


def chosen_recipe(path: Path | None, epochs: int | None) -> Recipe:
    """Return the recipe of a file, or the default, with other epochs if they are given.

    Raises
    ------
    RecipeError
    """
    from tabular.training import Recipe

    recipe = Recipe.from_toml(path) if path else Recipe()
    return recipe if epochs is None else recipe.replace(epochs=epochs)
