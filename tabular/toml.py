"""Reading the TOML files that users write."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from tabular.errors import NasbenchError


def read_toml(path: str | Path, error: type[NasbenchError]) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    path : str or Path
    error : type
        What to raise if the file is missing or not TOML; the message names the file and the line.
    """
    try:
        with Path(path).open("rb") as file:
            declared: dict[str, Any] = tomllib.load(file)
            return declared
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise error(f"{path}: not valid TOML: {problem}") from None
