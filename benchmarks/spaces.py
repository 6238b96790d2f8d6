"""How long it takes to tell equal networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timing import Figure, measure

from nasbench import CellSpace, get_space
from tabular.spaces import nb201

if TYPE_CHECKING:
    from pathlib import Path


def figures(folder: Path) -> list[Figure]:  # noqa: ARG001
    """Measure the canonical keys of all 15,625 cells, by NAS-Bench-201's string and by function."""
    space = get_space("nb201")
    cells = CellSpace("as functions", 4, nb201.NB201_OPERATIONS)
    rows = space.all()

    def afresh() -> None:
        nb201._keys_by_rank.cache_clear()
        space.canonical_key(rows)

    return [
        Figure("canonical keys of all 15,625 nb201 cells", measure(afresh), aim="0.1 s"),
        Figure("the same as functions (CellSpace)", measure(lambda: cells.canonical_key(rows)), aim="0.1 s"),
    ]
