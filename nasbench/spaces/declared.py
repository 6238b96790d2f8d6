"""Spaces by name, by TOML file and by the declaration stored in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.errors import NasbenchError, SpaceError, UnknownNameError
from nasbench.spaces.cell import CellSpace
from nasbench.spaces.nb201 import NB201
from nasbench.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Callable

    from nasbench.spaces.space import Space

SPACES: dict[str, Callable[[], Space]] = {
    "nb201": NB201,
    "nb201-mini": lambda: CellSpace("nb201-mini", 4, ("none", "nor_conv_1x1", "nor_conv_3x3")),
}
"""The spaces that have a name.

`nb201-mini` is `nb201` with three of its operations: 261 networks, trained in minutes.
"""


def space_names() -> list[str]:
    """Return the names that `get_space` knows."""
    return list(SPACES)


def get_space(name: str | Path) -> Space:
    """Return a space by its name, or as a TOML file declares it.

    Parameters
    ----------
    name : str or Path
        One of `space_names`, or the path of a TOML file with ``name``, ``nodes`` and ``operations``.

    Raises
    ------
    UnknownNameError
        If there is no such space; the message offers the nearest name.
    SpaceError
        If the file does not declare one.

    Examples
    --------
    >>> get_space("nb201").size
    15625
    """
    if str(name) in SPACES:
        return SPACES[str(name)]()
    if Path(name).suffix != ".toml":
        raise UnknownNameError("space", str(name), [*SPACES, "a .toml file that declares one"])
    declaration = read_toml(name, SpaceError)
    return declared_space({"kind": "cell", "name": Path(name).stem, **declaration}, where=str(name))


def declared_space(declaration: dict[str, Any], where: str = "declaration") -> Space:
    """Build a space from what `Space.declaration` returned.

    Parameters
    ----------
    declaration : dict
    where : str
        What an error names as the place of the mistake.

    Raises
    ------
    SpaceError
        If a field is missing, unknown, of the wrong type or cannot make a space.
    """
    kind = declaration.get("kind")
    if kind == "nb201":
        return NB201()
    if kind != "cell":
        raise SpaceError(f"{where}: {UnknownNameError('kind of space', kind, ['cell', 'nb201'])}")
    types = {"kind": str, "name": str, "nodes": int, "operations": list}
    for field, value in declaration.items():
        if field not in types:
            raise SpaceError(f"{where}: {UnknownNameError('field', field, types)}")
        if type(value) is not types[field]:  # isinstance takes true for an int
            raise SpaceError(f"{where}: {field} must be of type {types[field].__name__}, got {value!r}")
    for field in types:
        if field not in declaration:
            raise SpaceError(f"{where}: a cell space needs {field!r}; it has {', '.join(declaration)}")
    try:
        return CellSpace(declaration["name"], declaration["nodes"], declaration["operations"])
    except NasbenchError as error:
        raise SpaceError(f"{where}: {error}") from None
