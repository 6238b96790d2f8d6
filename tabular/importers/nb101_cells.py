"""Cells as NAS-Bench-101's files write them, as rows of its space."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tabular.errors import FileFormatError
from tabular.spaces.nb101 import NB101
from tabular.spaces.nb101_hash import OPERATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SMALLEST, LARGEST = 3, 7
"""Vertices of the smallest space that a table is given, and of the largest cell."""


class Cell(NamedTuple):
    """A cell as a record writes it: its MD5, the digits of its matrix, and the operations between commas."""

    module_hash: str
    adjacency: str
    operations: str


def read_cells(source: Path, cells: list[Cell], first_records: list[int]) -> tuple[NB101, NDArray[np.uint8]]:
    """Return the smallest space that holds all cells, and the row of each, its hash compared.

    Parameters
    ----------
    source : Path
        What errors name.
    cells : list of C Cells
    first_records : list of C ints
        The record in which each cell was met first, for errors.

    Returns
    -------
    space : NB101
    rows : (C, L) uint8

    Raises
    ------
    FileFormatError
        If one is no cell of NAS-Bench-101's space, or its hash is another one.
    """
    largest = max(cell.operations.count(",") + 1 for cell in cells)
    space = NB101(vertices=min(max(SMALLEST, largest), LARGEST))
    choices = bytearray()
    record = 0
    try:
        for cell, record in zip(cells, first_records, strict=True):  # noqa: B007 - an error names it
            choices += _choices(space, cell)
    except ValueError as error:
        raise FileFormatError(f"{source}: record {record} has no cell: {error}") from None
    rows = np.frombuffer(choices, dtype=np.uint8).reshape(len(cells), space.length)
    invalid = np.flatnonzero(~space.is_valid(rows))
    if len(invalid):
        place = int(invalid[0])
        raise FileFormatError(
            f"{source}: record {first_records[place]} has no cell: {space.why_not(rows[place].tolist())}: "
            f"{cells[place].adjacency} {cells[place].operations}"
        )
    for place, module_hash in enumerate(space.module_hash(rows)):
        if module_hash != cells[place].module_hash:
            raise FileFormatError(
                f"{source}: record {first_records[place]}: its hash is {cells[place].module_hash!r}, its cell has "
                f"{module_hash}: {cells[place].adjacency} {cells[place].operations}"
            )
    return space, rows


def _choices(space: NB101, cell: Cell) -> bytes:
    """Return the row of a cell, the same as `NB101.from_cell` gives; there are too many for that."""
    labels = cell.operations.split(",")
    size, matrix = len(labels), cell.adjacency
    more = space.vertices - size  # vertices that dangle, put before the output
    if more < 0 or size < 2:
        raise ValueError(f"it has {size} vertices, expected 2 to {LARGEST}")
    if len(matrix) != size**2 or set(matrix) - {"0", "1"}:
        raise ValueError(f"{matrix!r} is no 0-1 matrix over its {size} vertices")
    later = [matrix[start * size + start + 1 : (start + 1) * size] for start in range(size - 1)]
    if sum(row.count("1") for row in later) != matrix.count("1"):
        raise ValueError(f"{matrix!r} has an edge on or below its diagonal")
    for label in labels[1:-1]:
        if label not in OPERATIONS:
            raise ValueError(f"{label!r} is none of {', '.join(OPERATIONS)}")
    edges = "".join(row[:-1] + "0" * more + row[-1] for row in later).ljust(len(space.edges), "0")
    choices = [OPERATIONS.index(label) for label in labels[1:-1]]
    return bytes(map(int, edges)) + bytes(choices) + bytes(more)
