"""Rows of NAS-Bench-101's space in other forms: text, and the matrix with operations that the benchmark's API takes.

Errors say what is wrong; the space that calls puts its name before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import InvalidArchitectureError, UnknownNameError
from tabular.spaces.nb101_keys import OPERATIONS
from tabular.spaces.nb101_matrices import edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

INPUT, OUTPUT = "input", "output"


def write_row(vertices: int, row: list[int]) -> str:
    """Write a row like ``conv3x3-bn-relu(0)|maxpool3x3(0+1)|output(2)``: vertices 1, 2 and 3, the output, of 4."""
    places = edges(vertices)
    reads: list[list[str]] = [[] for _ in range(vertices)]
    for (start, end), there in zip(places, row, strict=False):
        if there:
            reads[end].append(str(start))
    labels = [*(OPERATIONS[choice] for choice in row[len(places) :]), OUTPUT]
    return "|".join(f"{label}({'+'.join(read)})" for label, read in zip(labels, reads[1:], strict=True))


def read_row(vertices: int, text: str) -> list[int]:
    """Read a row that `write_row` wrote; whether the space admits it is not looked at.

    Raises
    ------
    InvalidArchitectureError
    """
    places, last = edges(vertices), vertices - 1
    parts = text.strip().split("|")
    if len(parts) != last:
        like = write_row(vertices, [1] * len(places) + [0] * (vertices - 2))
        raise InvalidArchitectureError(f"it has {len(parts)} vertices behind the input, expected {last}, like {like!r}")
    row = [0] * (len(places) + vertices - 2)
    for end, part in enumerate(parts, start=1):
        match = re.fullmatch(r"([^()]*)\((\d+(?:\+\d+)*)?\)", part)
        starts = [int(start) for start in match[2].split("+")] if match and match[2] else []
        if match is None or max(starts, default=0) >= end:
            raise InvalidArchitectureError(
                f"{part!r} should be like 'maxpool3x3({'+'.join(map(str, range(end)))})', what vertex {end} does and "
                f"which of the vertices 0 to {end - 1} it reads"
            )
        known = OPERATIONS if end < last else (OUTPUT,)
        if match[1] not in known:
            raise InvalidArchitectureError(f"vertex {end} has an {UnknownNameError('operation', match[1], known)}")
        if end < last:
            row[len(places) + end - 1] = OPERATIONS.index(match[1])
        for start in starts:
            row[places.index((start, end))] = 1
    return row


def write_cell(vertices: int, row: list[int]) -> tuple[NDArray[np.int64], list[str]]:
    """Return matrix, (n, n), and n operations of a pruned row, without the vertices that have no edge."""
    places = edges(vertices)
    matrix = np.zeros((vertices, vertices), dtype=np.int64)
    matrix[tuple(np.transpose(places))] = row[: len(places)]
    labels = [INPUT, *(OPERATIONS[choice] for choice in row[len(places) :]), OUTPUT]
    kept = np.flatnonzero(matrix.any(axis=0) | matrix.any(axis=1))
    return matrix[np.ix_(kept, kept)], [labels[vertex] for vertex in kept]


def read_cell(vertices: int, matrix: ArrayLike, operations: Sequence[str]) -> list[int]:
    """Return the row of a cell of up to ``vertices`` vertices; whether the space admits it is not looked at.

    Raises
    ------
    InvalidArchitectureError
    """
    try:
        given = np.asarray(matrix)
    except ValueError:
        raise InvalidArchitectureError("the rows of its matrix differ in length") from None
    if given.ndim != 2 or len(set(given.shape)) != 1 or not 2 <= len(given) <= vertices:
        raise InvalidArchitectureError(f"a matrix is square, over 2 to {vertices} vertices; got shape {given.shape}")
    if not np.isin(given, (0, 1)).all() or np.tril(given).any():
        raise InvalidArchitectureError("a matrix is of 0 and 1, and 0 on and below its diagonal")
    if len(operations) != len(given):
        raise InvalidArchitectureError(
            f"{len(given)} vertices need as many operations, input and output counted; got {len(operations)}"
        )
    places = edges(vertices)
    row = [0] * (len(places) + vertices - 2)
    for vertex, operation in enumerate(operations[1:-1]):
        if operation not in OPERATIONS:
            raise InvalidArchitectureError(f"it has an {UnknownNameError('operation', operation, OPERATIONS)}")
        row[len(places) + vertex] = OPERATIONS.index(operation)
    # What is missing are vertices that dangle before the output.
    numbers = [*range(len(given) - 1), vertices - 1]
    for start, end in np.argwhere(given).tolist():
        row[places.index((numbers[start], numbers[end]))] = 1
    return row
