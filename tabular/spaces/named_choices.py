"""The choices of a row by names, as other libraries take hyperparameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tabular.spaces.space import Space


def to_named(space: Space, architecture: NDArray[np.uint8]) -> dict[str, str | int]:
    """Return the names of a row's positions, (L,) uint8, with their choices.

    Raises
    ------
    InvalidArchitectureError
        If it is not one row of the space.
    """
    row = space.check(architecture)
    if row.ndim != 1:
        raise InvalidArchitectureError(f"one architecture at a time has names; got an array of shape {row.shape}")
    positions = zip(space.named_choices().items(), row.tolist(), strict=True)
    return {name: choices[choice] for (name, choices), choice in positions}


def from_named(space: Space, named: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return the row, (L,) uint8, that `to_named` wrote.

    Parameters
    ----------
    space : Space
    named : mapping of str to str or int
        Every position, in any order, and nothing else.

    Raises
    ------
    InvalidArchitectureError
        If a name or a choice is missing or unknown, or the space does not admit the row.
    """
    known = space.named_choices()
    row = []
    for name, choices in known.items():
        if name not in named:
            raise InvalidArchitectureError(f"not an architecture of {space.name!r}: {name!r} is missing")
        if named[name] not in choices:
            unknown = UnknownNameError("choice", named[name], choices, of=repr(name))
            raise InvalidArchitectureError(f"not an architecture of {space.name!r}: {unknown}")
        row.append(choices.index(named[name]))
    for name in named:
        if name not in known:
            unknown = UnknownNameError("position", name, known)
            raise InvalidArchitectureError(f"not an architecture of {space.name!r}: {unknown}")
    return space.check(np.array(row, dtype=np.uint8))


def some_architecture(space: Space) -> NDArray[np.uint8]:
    """Return an architecture of the space, always the same one, (L,) uint8."""
    return space.sample(np.random.default_rng(0))
