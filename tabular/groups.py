"""Which networks of a table train together: fixed by what is asked for, never by who trains it or when it was cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Group(NamedTuple):
    """Trainings that are done at once.

    Parameters
    ----------
    rows : tuple of int
        The architectures' places in ``space.unique()``.
    seed : int
        Of all of them: networks of one seed see the same images at the same time.
    """

    rows: tuple[int, ...]
    seed: int


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
        All of the space, ``space.unique()``.
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
