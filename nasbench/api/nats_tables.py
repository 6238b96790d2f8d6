"""Finds the table that NATS-Bench's or NAS-Bench-201's API is asked to open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.errors import FileFormatError, QueryError
from tabular.spaces.cell import CellSpace
from tabular.table import Table

if TYPE_CHECKING:
    from tabular.spaces import Space

ARCHIVES = {".pbz2": "nats-bench", ".pickle": "nats-bench", ".tar": "nats-bench", ".pth": "nasbench201"}
"""How the files of the original packages end, and the format as which each is imported."""

TOPOLOGY, SIZE = ("tss", "topology"), ("sss", "size")
"""What the originals call their search spaces."""


def open_table(source: str | Path | Table | None, default: str, names: tuple[str, ...]) -> Table:
    """Open a table and see that it is of the right kind of space.

    Parameters
    ----------
    source : str, Path, Table or None
        A file, the name of a table that comes with the package, or an open table. None is the original's default name
        with the ending ``.h5``, in ``$TORCH_HOME`` or else ``~/.torch``.
    default : str
        That name, without ending.
    names : tuple of str
        `TOPOLOGY` or `SIZE`.

    Raises
    ------
    FileFormatError
        If there is no table there; an archive of the original package is refused with the command that imports it.
    QueryError
        If the table is of another kind of space.
    """
    table = source if isinstance(source, Table) else Table.open(_path(source, default))
    if _names(table.space) != names:
        raise QueryError(f"{table.path}: is a table of {table.space.name!r}, which {_advice(table.space)}")
    return table


def _path(source: object, default: str) -> str | Path:
    if source is None:
        path = Path(os.environ.get("TORCH_HOME", Path.home() / ".torch")) / f"{default}.h5"
        if not path.exists():
            raise FileFormatError(
                f"{path}: is not there, where a table is looked for if none is named; name one, or make it with "
                f"'nasbench import nats-bench ARCHIVE --out {path}'"
            )
        return path
    if not isinstance(source, (str, Path)):
        raise QueryError(f"expected the path of a table or an open Table, got {type(source).__name__}")
    path = Path(source)
    if path.is_dir() or path.suffix in ARCHIVES:
        raise FileFormatError(
            f"{path}: is an archive of the original package, not a table; turn it into one, once, with "
            f"'nasbench import {ARCHIVES.get(path.suffix, 'nats-bench')} {path} --out {default}.h5'"
        )
    return source


def _names(space: Space) -> tuple[str, ...] | None:
    if isinstance(space, CellSpace):
        return TOPOLOGY
    return SIZE if space.declaration()["kind"] == "nats-size" else None


def _advice(space: Space) -> str:
    names = _names(space)
    if names is None:
        return "neither NATS-Bench nor NAS-Bench-201 has; use tabular.TableOracle"
    return f"is opened by nasbench.api.nats_bench.create(..., {names[0]!r})"
