"""Spaces by name, by TOML file and by the declaration stored in a file."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tabular.errors import NasbenchError, SpaceError, UnknownNameError
from tabular.files import TomlTable, read_toml

if TYPE_CHECKING:
    from tabular.spaces.space import Space


class _Kind(NamedTuple):
    """A kind of space; its class is imported when a space of it is asked for.

    Parameters
    ----------
    path : str
        The class, as ``module:Class``, the module being one of this folder.
    fields : dict of str to type
        The types of its arguments.
    named : dict of str to dict
        The arguments of its spaces that have a name. A kind without arguments has one space, named as the kind.
    """

    path: str
    fields: dict[str, type] = {}  # noqa: RUF012 - a default that nobody changes
    named: dict[str, dict[str, Any]] = {}  # noqa: RUF012


KINDS = {
    "categorical": _Kind("categorical:CategoricalSpace", {"name": str, "choices": dict}),
    "nb101": _Kind(
        "nb101:NB101",
        {"vertices": int},
        # The 423,624 cells of the benchmark, and its 91 and 2,532 cells with up to 4 and 5 vertices.
        {"nb101": {"vertices": 7}, "nb101-v4": {"vertices": 4}, "nb101-v5": {"vertices": 5}},
    ),
    "nb201": _Kind("nb201:NB201"),
    "cell": _Kind(
        "cell:CellSpace",
        {"name": str, "nodes": int, "operations": list},
        # Three of the operations of `nb201`: 261 networks, trained in minutes.
        {"nb201-mini": {"name": "nb201-mini", "nodes": 4, "operations": ["none", "nor_conv_1x1", "nor_conv_3x3"]}},
    ),
    "nats-size": _Kind("layers:NatsSize"),
    "darts": _Kind("darts:Darts"),
    "transnas-micro": _Kind("nb201:TransNasMicro"),
    "transnas-macro": _Kind("layers:TransNasMacro"),
    "nb-macro": _Kind("layers:NBMacro"),
    "hierarchical": _Kind(
        "hierarchical:HierarchicalSpace",
        {"name": str, "nodes": int, "motifs": int, "motif_nodes": int, "operations": list},
        {
            "hierarchical": {
                "name": "hierarchical",
                "nodes": 4,
                "motifs": 2,
                "motif_nodes": 3,
                "operations": ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"],
            }
        },
    ),
}
"""The kinds of space that a declaration can name."""

SPACES: dict[str, dict[str, Any]] = {
    name: {"kind": kind, **arguments}
    for kind, (_, fields, named) in KINDS.items()
    for name, arguments in (named if fields else {kind: {}}).items()
}
"""The declarations of the spaces that have a name."""


def space_names() -> list[str]:
    """Return the names that `get_space` knows."""
    return list(SPACES)


def get_space(name: str | Path) -> Space:
    """Return a space by its name, or as a TOML file declares it.

    Parameters
    ----------
    name : str or Path
        One of `space_names`, or the path of a TOML file: a cell space with ``name``, ``nodes`` and ``operations``, or
        another ``kind`` with its own fields.

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
        return declared_space(SPACES[str(name)])
    if Path(name).suffix != ".toml":
        raise UnknownNameError("space", str(name), [*SPACES, "a .toml file that declares one"])
    declaration = {"kind": "cell", **read_toml(name, SpaceError)}
    if "name" in KINDS.get(str(declaration["kind"]), KINDS["cell"]).fields:
        declaration = {"name": Path(name).stem, **declaration}
    return declared_space(declaration, where=str(name))


def declared_space(declaration: dict[str, Any], where: str = "declaration") -> Space:
    """Build a space from what `Space.declaration` returned.

    Parameters
    ----------
    declaration : dict
    where : str
        The origin of the declaration, which errors name.

    Raises
    ------
    SpaceError
        If a field is missing, unknown, of the wrong type or cannot make a space.
    """
    fields = dict(declaration)
    kind = fields.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise SpaceError(f"{where}: {UnknownNameError('kind of space', kind, KINDS)}")
    path, types, _ = KINDS[kind]
    table = TomlTable(fields, where, SpaceError)
    table.check_keys(types, "field")
    for field in fields:
        table.read(field, types[field])
    for field in types:
        if field not in fields:
            raise SpaceError(f"{where}: a space of kind {kind!r} needs {field!r}; it has {', '.join(fields) or 'none'}")
    try:
        module, _, class_name = path.partition(":")
        space = getattr(import_module(f"tabular.spaces.{module}"), class_name)(**fields)
    except NasbenchError as error:
        raise SpaceError(f"{where}: {error}") from None
    return cast("Space", space)
