"""What ensembles of separately fitted members share."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

Item = TypeVar("Item")
Result = TypeVar("Result")


def deal_parts(groups: NDArray[np.int64], parts: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal groups into parts of nearly equal size, at random.

    Parameters
    ----------
    groups : (N,) int64
        From 0.
    parts : int
    rng : numpy.random.Generator

    Returns
    -------
    (N,) int64
        The part of each row, in 0..parts-1; rows of one group are in one part.
    """
    order: NDArray[np.int64] = rng.permutation(groups.max() + 1)
    return order[groups] % parts


def deal_members(groups: NDArray[np.int64], members: int, seed: int) -> tuple[NDArray[np.int64], list[int]]:
    """Return the part, (N,), that is left out by the member of its number, and a seed for each member.

    Raises
    ------
    QueryError
        If there is no member.
    """
    if members < 1:
        raise QueryError(f"an ensemble needs at least 1 member, got {members}")
    rng = np.random.default_rng(seed)
    part = deal_parts(groups, members, rng)
    return part, rng.integers(1 << 31, size=members).tolist()


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call ``work`` on each item, in threads: for libraries that let go of the interpreter while they compute."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))
