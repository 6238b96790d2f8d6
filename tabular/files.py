"""Files: written whole or not at all; TOML read from them, and values as JSON has them."""

from __future__ import annotations

import glob
import math
import os
import re
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabular.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tabular.errors import NasbenchError


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success its content takes the place of ``path`` in one step.

    Raises
    ------
    OutputError
        If the folder cannot be written or the disk is full. The old file, if any, stays as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or _cause_in_hdf5(error)}") from error
    finally:
        with suppress(OSError):  # what went wrong before is worth more than what is left behind
            temporary.unlink(missing_ok=True)


def write_text_file(path: str | Path, text: str) -> None:
    """Write a text file, in UTF-8, whole or not at all.

    Raises
    ------
    OutputError
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_writable(path: str | Path) -> None:
    """Fail now, not after hours of work, if a file cannot be created here.

    Raises
    ------
    OutputError
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file in it")
    if path.parent.is_file():
        raise OutputError(f"{path}: cannot be written: {path.parent} is a file, not a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):  # it has no name, so a kill leaves nothing behind
            pass
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises
    ------
    OutputError
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed: {error.strerror}") from None


def remove_leftovers(path: str | Path) -> None:
    """Remove what writers of ``path`` left that were killed; for a caller who knows that none is at work.

    Raises
    ------
    OutputError
    """
    path = Path(path)
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        remove(temporary)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cause_in_hdf5(error: OSError) -> str:
    """Return the system's reason, which HDF5 buries in several lines of its own."""
    number = re.search(r"errno = (\d+)", str(error))
    return os.strerror(int(number[1])) if number else str(error).partition("\n")[0]


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


def without_nan(value: object) -> object:
    """Return nested dicts, lists and tuples with null, None, for every number that is not finite; keys become text."""
    if isinstance(value, dict):
        return {str(key): without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
