"""The path encoding of NAS-Bench-101's cells (BANANAS, White et al. 2021)."""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from tabular.spaces.nb101_keys import OPERATIONS
from tabular.spaces.nb101_matrices import edges

if TYPE_CHECKING:
    from numpy.typing import NDArray


@cache
def path_sequences(vertices: int) -> list[tuple[str, ...]]:
    """Return all sequences of operations that a path can show, short ones first."""
    return [each for length in range(vertices - 1) for each in itertools.product(OPERATIONS, repeat=length)]


def count_paths(vertices: int, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Count, for each sequence of operations, the paths from input to output that show it.

    Parameters
    ----------
    vertices : int
    rows : (N, L) uint8

    Returns
    -------
    (N, S) float32
        The columns are `path_sequences`.
    """
    places = edges(vertices)
    column = {sequence: place for place, sequence in enumerate(path_sequences(vertices))}
    shorter = [sequence for sequence in column if len(sequence) < vertices - 2]
    # A vertex appends its operation to every sequence that reaches it: column i goes to column longer[operation, i].
    longer = np.array([[column[each + (operation,)] for each in shorter] for operation in OPERATIONS])  # noqa: RUF005
    counts = np.zeros((vertices, len(rows), len(column)), dtype=np.float32)
    counts[0, :, 0] = 1
    arrived: NDArray[np.float32] = counts[0]
    for end in range(1, vertices):
        arrived = np.zeros_like(arrived)
        for start in range(end):
            there = np.flatnonzero(rows[:, places.index((start, end))])
            arrived[there] += counts[start, there]
        if end < vertices - 1:
            targets = longer[rows[:, len(places) + end - 1]]
            np.put_along_axis(counts[end], targets, arrived[:, : len(shorter)], axis=1)
    return arrived
