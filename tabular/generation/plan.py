"""The plan that fixes the numbers of a generated table.

It says what is trained, and which networks train together. Groups are fixed by what is asked for, never by who trains
them or when work was cut; and a run is resumed only with work that belongs to it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import BudgetError, PlanMismatchError
from tabular.recipe import Recipe
from tabular.spaces.space import ENUMERABLE, Space
from tabular.storage import array_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.training.dataset import Dataset

PORTIONS = "portions"
"""The part of a plan that grows with what is asked for."""

SAMPLED = 1 << 16
"""Rows that are drawn of a space that is too large to be enumerated: its tables hold some of these."""


class Group(NamedTuple):
    """Trainings that are done at once.

    Parameters
    ----------
    rows : tuple of int
        The architectures' places in `listed_networks`.
    seed : int
        Of all of them: networks of one seed see the same images at the same time.
    """

    rows: tuple[int, ...]
    seed: int


def listed_networks(space: Space) -> NDArray[np.uint8]:
    """Return the networks that tables of a space are made of.

    They are always the same ones in the same order. These are ``space.unique()``. Of a space that is too large for that
    (see `is_sampled`) they are a sample: the different networks among `SAMPLED` rows drawn uniformly.

    Returns
    -------
    (N, L) uint8
    """
    if not is_sampled(space):
        return space.unique()
    rows = space.sample(np.random.default_rng(0), SAMPLED)
    _, first = np.unique(space.canonical_key(rows), return_index=True)
    return rows[np.sort(first)]


def is_sampled(space: Space) -> bool:
    """Say whether tables of a space are made of a sample of it."""
    return space.size > ENUMERABLE and type(space).unique is Space.unique


def networks_to_train(space: Space, limit: int | None) -> tuple[NDArray[np.uint8], int]:
    """Return `listed_networks`, and how many of them ``limit`` asks for.

    Raises
    ------
    BudgetError
        If the limit is below 1, or where the list is a sample, left out or beyond it.
    """
    if limit is not None and limit < 1:
        raise BudgetError(f"limit must be 1 or more, got {limit}")
    networks = listed_networks(space)
    if is_sampled(space) and (limit is None or limit > len(networks)):
        raise BudgetError(
            f"space {space.name!r} has {space.size:,} architectures, too many to train them all; give a limit of up to "
            f"{len(networks):,} networks, which are then drawn at random; got {limit}"
        )
    return networks, min(limit or len(networks), len(networks))


def drawn_rows(networks: int, limit: int) -> NDArray[np.int64]:
    """Draw rows at random, the same at every call.

    A larger limit adds to those of a smaller one.

    Returns
    -------
    (limit,) int64
    """
    return np.random.default_rng(0).permutation(networks)[:limit]


def make_groups(
    architectures: NDArray[np.uint8], portions: Sequence[int], limit: int, seeds: Sequence[int], together: int
) -> list[Group]:
    """Divide trainings into groups, in the order in which they are to be done.

    One seed comes after the other, so that what a run can finish of a table is every architecture once rather than a
    third of them three times; within a seed the groups come in an order drawn at random, so that it is a fair sample.

    Parameters
    ----------
    architectures : (N, L) uint8
        All of `listed_networks`.
    portions : sequence of int
        Ascending, ``limit`` among them. How many architectures were asked for, one time after the other: a group does
        not reach across one of these numbers, so that what was trained before keeps its groups when a table grows.
    limit : int
        How many of `drawn_rows` are to be trained.
    seeds : sequence of int
    together : int
        The most networks in a group.

    Returns
    -------
    list of Group
        Each architecture once with each seed. Those of a group follow each other in lexicographic order: such share
        most operations.
    """
    drawn = drawn_rows(len(architectures), limit)
    of_one_seed: list[NDArray[np.int64]] = []
    for first, end in zip([0, *portions], portions, strict=False):
        rows = drawn[first:end]
        if len(rows):
            in_order = rows[np.lexsort(architectures[rows].T[::-1])]
            of_one_seed += np.array_split(in_order, -(-len(rows) // together))
    order = np.random.default_rng(0).permutation(len(of_one_seed))
    return [Group(tuple(of_one_seed[number].tolist()), seed) for seed in seeds for number in order]


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
    """Return all that decides what a training gives, JSON-ready.

    Seeds and how many of the networks are trained are left out on purpose: more of them continue the same table.

    Parameters
    ----------
    space : Space
    networks : (N, L) uint8
        All of `tabular.generation.plan.listed_networks`: journals tell a network by its place here.
    recipe, dataset
    device : str
    task : str
    together : int
        The most networks that train at once.
    portions : sequence of int
        How many architectures were asked for, one time after the other; see `tabular.generation.plan.make_groups`.
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
    """Return name, found and wanted value of each field in which two plans differ."""
    differing: list[tuple[str, Any, Any]] = []
    for name in [*wanted, *(own for own in found if own not in wanted)]:
        old, new = found.get(name), wanted.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            differing += [(f"{name}.{inner}", a, b) for inner, a, b in differences(old, new)]
        elif old != new:
            differing.append((name, old, new))
    return differing
