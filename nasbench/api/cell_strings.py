"""NAS-Bench-201's strings of cells as lists, as a matrix and as unique strings.

A cell is written ``|op~0|+|op~0|op~1|+...``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import InvalidArchitectureError, UnknownNameError
from tabular.spaces.graph import IDENTITY, ZERO
from tabular.spaces.nb201 import NB201_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
    """Return, for each node after the input, the ``(operation, start)`` of every edge into it.

    Parameters
    ----------
    arch_str : str
        Such as ``|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|``.

    Raises
    ------
    InvalidArchitectureError
        Naming the edge that is not written as ``operation~start`` or does not start at an earlier node.

    Examples
    --------
    >>> str2lists("|nor_conv_1x1~0|+|none~0|skip_connect~1|")
    [(('nor_conv_1x1', 0),), (('none', 0), ('skip_connect', 1))]
    """
    groups = str(arch_str).split("+")
    return [
        tuple(_edge(entry, end, arch_str) for entry in group.split("|") if entry) for end, group in enumerate(groups, 1)
    ]


def _edge(entry: str, end: int, arch_str: str) -> tuple[str, int]:
    operation, _, start = entry.partition("~")
    if not (start.isdecimal() and int(start) < end):
        raise InvalidArchitectureError(
            f"not a cell: {entry!r} in {arch_str!r} should be 'operation~start', its start a node from 0 to {end - 1}"
        )
    return operation, int(start)


def str2matrix(arch_str: str, search_space: Sequence[str] = NB201_OPERATIONS) -> NDArray[np.float64]:
    """Return the cell as a matrix: at ``[end, start]`` the place in ``search_space`` of that edge's operation.

    Parameters
    ----------
    arch_str : str
    search_space : sequence of str
        The operations, by default those of NAS-Bench-201 in its order.

    Returns
    -------
    (nodes, nodes) float64
        The lower triangle counts; where there is no edge, and where the operation is the first, it holds 0.

    Raises
    ------
    InvalidArchitectureError
    UnknownNameError
        For an operation that ``search_space`` lacks.
    """
    lists = str2lists(arch_str)
    matrix = np.zeros((len(lists) + 1, len(lists) + 1))
    for end, edges in enumerate(lists, 1):
        for operation, start in edges:
            if operation not in search_space:
                raise UnknownNameError("operation", operation, search_space, of=repr(arch_str))
            matrix[end, start] = search_space.index(operation)
    return matrix


def unique_str(arch_str: str) -> str:
    """Return the string by which NAS-Bench-201 tells whether two cells are the same network.

    A node is the sorted sum of its terms, an identity passes on what its source is, and ``#`` stands for zero. See
    `tabular.spaces.nb201.NB201` for what this string does not see; `NB201.unique_text` gives the same from a row.

    Raises
    ------
    InvalidArchitectureError
    """
    nodes = ["0"]
    for edges in str2lists(arch_str):
        nodes.append("+".join(sorted(_term(operation, nodes[start]) for operation, start in edges)))
    return nodes[-1]


def _term(operation: str, source: str) -> str:
    if operation == ZERO or source == "#":
        return "#"
    return source if operation == IDENTITY else f"({source})@{operation}"
