"""Which networks of a table train together: fixed by what is asked for, never by who trains it or when it was cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tabular.errors import BudgetError
from tabular.spaces.space import ENUMERABLE, Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
    """Return the networks that tables of a space are made of, always the same ones in the same order.

    These are ``space.unique()``. Of a space that is too large for that (see `is_sampled`) they are a sample: the
    different networks among `SAMPLED` rows drawn uniformly.

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
    """Draw rows at random, the same at every call; a larger limit adds to those of a smaller one.

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
