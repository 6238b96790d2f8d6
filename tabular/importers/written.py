"""The ways in which files write an architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import InvalidArchitectureError, SpaceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tabular.spaces import Space

JOINED_BY = " "
"""What is put between the cells of an architecture that several columns hold."""


def _row(space: Space, text: str) -> NDArray[np.uint8]:
    return space.check([int(choice) for choice in text.strip("[]() ").replace(",", " ").split()])


def _upper_triangle(space: Space, text: str) -> NDArray[np.uint8]:
    """Read the rows of an adjacency matrix above its diagonal, one after the other, and the inner vertices' operations.

    Each edge and operation is one digit: ``111 0`` has three vertices. A cell of fewer vertices than the space's has
    its input first and its output last, and no edge at the vertices that it lacks.
    """
    most = round(np.sqrt(2 * space.length + 4.25) - 0.5)  # of V (V - 1) / 2 + V - 2 choices
    if most * (most - 1) // 2 + most - 2 != space.length:
        raise SpaceError(f"{space.name!r} does not consist of such cells")
    edges, _, operations = text.partition(JOINED_BY)
    vertices = len(operations) + 2
    if vertices > most or len(edges) != vertices * (vertices - 1) // 2:
        raise InvalidArchitectureError(
            f"{len(edges)} edges and {len(operations)} operations do not make a cell of 2 to {most} vertices"
        )
    matrix = np.zeros((most, most), dtype=np.uint8)
    place = np.array([*range(vertices - 1), most - 1])
    starts, ends = np.triu_indices(vertices, k=1)
    matrix[place[starts], place[ends]] = [int(edge) for edge in edges]
    choices = np.zeros(most - 2, dtype=np.uint8)
    choices[: vertices - 2] = [int(operation) for operation in operations]
    return space.check(np.concatenate([matrix[np.triu_indices(most, k=1)], choices]))


READERS: dict[str, Callable[[Space, str], NDArray[np.uint8]]] = {
    "text": lambda space, text: space.from_text(text),
    "index": lambda space, text: space.from_index(int(text)),
    "row": _row,
    "upper_triangle": _upper_triangle,
}
"""What `written` in a mapping can be, and what reads it."""
