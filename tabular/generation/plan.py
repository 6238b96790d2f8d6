"""What fixes the numbers of a generated table, so that a run is resumed only with work that belongs to it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from tabular.errors import PlanMismatchError
from tabular.recipe import Recipe
from tabular.storage import array_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space
    from tabular.training.dataset import Dataset


PORTIONS = "portions"
"""The part of a plan that grows with what is asked for."""


def make_plan(
    space: Space,
    networks: NDArray[np.uint8],
    recipe: Recipe,
    dataset: Dataset,
    device: str,
    task: str,
    *,
    together: int,
    portions: Sequence[int],
) -> dict[str, Any]:
    """Return all that decides what a training gives, besides seed and place in the list of networks; JSON-ready.

    Seeds and how many of the networks are trained are left out on purpose: more of them continue the same table.

    Parameters
    ----------
    space : Space
    networks : (N, L) uint8
        All of `tabular.generation.groups.listed_networks`: journals tell a network by its place here.
    recipe, dataset
    device : str
    task : str
    together : int
        The most networks that train at once.
    portions : sequence of int
        How many architectures were asked for, one time after the other; see `tabular.generation.groups.make_groups`.
    """
    return {
        "task": task,
        "space": space.declaration(),
        "networks_sha256": array_digest(networks),
        "recipe": recipe.to_dict(),
        "dataset": {"digest": dataset.digest},
        "device": device.partition(":")[0],
        "together": together,
        PORTIONS: list(portions),
    }


def check_same_plan(found: Mapping[str, Any] | None, wanted: Mapping[str, Any], where: Path, table: Path) -> None:
    """Refuse to continue what was begun with another plan.

    Parameters
    ----------
    found : dict or None
        The plan that ``where`` was made with; None if it tells of none.
    wanted : dict
    where : Path
        The table or journal.
    table : Path
        The table that is asked for.

    Raises
    ------
    PlanMismatchError
        Naming the first field that differs, with both values.
    """
    way_out = f"give another file name, or remove {table} and {table.name}.journal to start anew"
    if found is None:
        raise PlanMismatchError(
            f"{where}: is a table that was not generated here, so it cannot be continued; {way_out}"
        )
    for name, old, new in differences(completed(found), wanted):
        if name == PORTIONS:
            continue
        raise PlanMismatchError(f"{where}: was made with {name} = {old!r}, asked for is {new!r}; {way_out}")


def completed(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan with what it left unsaid before there was a choice."""
    recipe = {field.name: field.default for field in fields(Recipe)} | dict(plan.get("recipe", {}))
    return {"together": 1, **plan, "recipe": recipe}


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return the name, the found and the wanted value of each field in which two plans differ."""
    differing: list[tuple[str, Any, Any]] = []
    for name in [*wanted, *(each for each in found if each not in wanted)]:
        old, new = found.get(name), wanted.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            differing += [(f"{name}.{inner}", a, b) for inner, a, b in differences(old, new)]
        elif old != new:
            differing.append((name, old, new))
    return differing
