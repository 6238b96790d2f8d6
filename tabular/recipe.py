"""The recipe, which fixes a training run.

It is everything besides architecture, data set and seed.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tabular.errors import RecipeError, UnknownNameError
from tabular.files import TomlTable, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHOICES = {
    "optimizer": ("sgd", "adamw"),
    "schedule": ("cosine", "constant"),
    "augmentation": ("none", "flip", "crop", "flip_crop"),
    "precision": ("float32", "bfloat16"),
}
"""What each text field may be."""

LEAST_WHOLE = {"epochs": 1, "batch_size": 4, "channels": 1, "cells_per_stage": 1, "stages": 1, "image_size": 1}
"""The smallest value of each whole-number field. A batch is at least 4, so that no step has one image: batch
normalisation needs two."""


@dataclass(frozen=True)
class Recipe:
    """The scale of a network, and how it is trained.

    The defaults suit 8x8 images and half a second on one processor core.

    Parameters
    ----------
    epochs : int
        Passes over the training images.
    batch_size : int
        The most images in a step; an epoch is cut into equal steps.
    learning_rate : float
        At the first step.
    optimizer : str
        ``sgd`` (with Nesterov momentum) or ``adamw`` (Loshchilov and Hutter 2019).
    momentum : float
        Of SGD; for AdamW the decay of the first moment.
    weight_decay : float
    schedule : str
        ``cosine`` falls to zero over all steps (Loshchilov and Hutter 2017); ``constant`` does not change.
    label_smoothing : float
        Share of each target that is spread over all classes (Szegedy et al. 2016); in the training loss only.
    augmentation : str
        ``none``; ``flip`` mirrors each image with probability 1/2; ``crop`` moves it by up to an eighth of its size,
        its edges filled with the mean colour; ``flip_crop`` does both.
    channels : int
        Width of the first stage; each reduction doubles it.
    cells_per_stage : int
    stages : int
        Each after the first halves the resolution.
    image_size : int
        Images are resized to this height and width.
    precision : str
        ``float32``; ``bfloat16`` computes convolutions and matrix products with half the bits, weights and sums of
        gradients keeping all of theirs (mixed precision, Micikevicius et al. 2018).

    Raises
    ------
    RecipeError
        Naming the field, its value and what is allowed.

    Examples
    --------
    >>> Recipe().replace(epochs=3).epochs
    3
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 0.1
    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    label_smoothing: float = 0.1
    augmentation: str = "none"
    channels: int = 8
    cells_per_stage: int = 1
    stages: int = 1
    image_size: int = 8
    precision: str = "float32"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = _checked(field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        smallest = 2 ** (self.stages - 1)
        if self.image_size < smallest:
            raise RecipeError(
                f"recipe: image_size {self.image_size} is too small for stages = {self.stages}, which halve it "
                f"{self.stages - 1} times; take image_size {smallest} or more, or fewer stages"
            )

    @cached_property
    def hash(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the fields as canonical JSON."""
        canonical = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-ready."""
        return asdict(self)

    def replace(self, **changes: Any) -> Recipe:
        """Return a recipe with some fields changed.

        Raises
        ------
        RecipeError
        """
        return Recipe.from_dict({**self.to_dict(), **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """Build a recipe; fields left out keep their default.

        Parameters
        ----------
        values : dict
        where : str
            What an error names as the place of the mistake.

        Raises
        ------
        RecipeError
        """
        known = [field.name for field in fields(cls)]
        TomlTable(values, where, RecipeError).check_keys(known, "field")
        try:
            return cls(**values)
        except RecipeError as error:
            raise RecipeError(str(error).replace("recipe", where, 1)) from None

    @classmethod
    def from_toml(cls, path: str | Path) -> Recipe:
        """Read a recipe from a TOML file of ``field = value`` lines.

        Fields left out keep their default.

        Raises
        ------
        RecipeError
        """
        return cls.from_dict(read_toml(path, RecipeError), where=str(path))


def _checked(name: str, value: Any) -> Any:
    """Return a field's value, floats as such, or say what is wrong with it."""
    if name in CHOICES:
        if not isinstance(value, str) or value not in CHOICES[name]:
            raise RecipeError(f"recipe: {UnknownNameError(name, value, CHOICES[name])}")
        return value
    if name in LEAST_WHOLE:
        if isinstance(value, bool) or not isinstance(value, int) or value < LEAST_WHOLE[name]:
            raise RecipeError(f"recipe: {name} must be a whole number of at least {LEAST_WHOLE[name]}, got {value!r}")
        return value
    allowed = {
        "learning_rate": "above 0",
        "momentum": "from 0 to below 1",
        "weight_decay": "0 or more",
        "label_smoothing": "from 0 to below 1",
    }[name]
    if not _is_number(value) or not _in_range(value, allowed):
        raise RecipeError(f"recipe: {name} must be a number {allowed}, got {value!r}")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _in_range(value: float, allowed: str) -> bool:
    if allowed == "from 0 to below 1":
        return 0 <= value < 1
    return value > 0 if allowed == "above 0" else value >= 0
