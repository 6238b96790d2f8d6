"""The architectures that a table's rows stand for: the same network can be drawn as several cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from surrogates.inputs import GRAPH
from tabular.spaces.space import ENUMERABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.table import Table

MOST_DRAWINGS = 8
"""Of each network as many are learnt from; a cell that passes nothing on has thousands."""


class Drawings(NamedTuple):
    """Architectures, the row of the table that answers for each, and its number among those of that row.

    Parameters
    ----------
    architectures : (M, L) uint8
    rows : (M,) int64
        Ascending.
    numbers : (M,) int64
        From 0 for each row.
    """

    architectures: NDArray[np.uint8]
    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]


def drawings_of(table: Table, blocks: Sequence[str], rng: np.random.Generator) -> Drawings:
    """Return what each row of a table stands for, as far as features tell drawings apart.

    In a table of classes these are up to `MOST_DRAWINGS` of the space's rows, taken at random, that are the same
    network: a model that saw one drawing of each alone would be at a loss with the others. In any other table and where
    the space is too large to be enumerated, each row stands for itself; so it does where all features are those of the
    active graph, which are the same for all drawings.

    Parameters
    ----------
    table : Table
    blocks : sequence of str
        The blocks of features, see `surrogates.inputs`.
    rng : numpy.random.Generator
    """
    if set(blocks) == {GRAPH} or table.represents != "class" or table.space.size > ENUMERABLE:
        itself = np.arange(len(table))
        return Drawings(table.architectures, itself, np.zeros_like(itself))
    everything = rng.permutation(table.space.all())
    rows = table.rows(everything)
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    rows = rows[order]
    numbers = np.arange(len(rows)) - np.searchsorted(rows, rows)
    few = numbers < MOST_DRAWINGS
    return Drawings(everything[order][few], rows[few], numbers[few])
