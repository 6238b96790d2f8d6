"""Published results in JSON: files read whole, and the numbers in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def parse_json(content: bytes, path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises
    ------
    FileFormatError
        If it is not JSON, or not one object, or names a field twice.
    """
    try:
        document = json.loads(content, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:  # JSON's and Unicode's errors are both ValueErrors
        raise FileFormatError(f"{path}: is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise FileFormatError(f"{path}: should hold one JSON object, it holds {type(document).__name__} instead")
    return document


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def read_file(path: Path) -> bytes:
    """Return what a file holds.

    Raises
    ------
    FileFormatError
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror}") from None


def numbers(value: Any, where: str) -> NDArray[np.float64]:
    """Return a number, or a list of them, as an array, (); or (E,); null becomes NaN.

    Parameters
    ----------
    value : object
        As JSON gave it.
    where : str
        The file and the field, for errors.

    Raises
    ------
    FileFormatError
    """
    items = value if isinstance(value, list) else [value]
    for item in items:
        if item is not None and (isinstance(item, bool) or not isinstance(item, (int, float))):
            raise FileFormatError(f"{where}: should be {'numbers' if value is items else 'a number'}, got {item!r}")
    found = np.array([np.nan if item is None else item for item in items], dtype=np.float64)
    return found if value is items else found[0]
