"""Files: written whole or not at all, and tables of TOML read from them."""

from __future__ import annotations

import glob
import math
import os
import re
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tabular.errors import OutputError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tabular.errors import NasbenchError


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``.

    On success its content takes the place of ``path`` in one step.

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
    """Remove what writers of ``path`` left that were killed.

    For a caller who knows that none is at work.

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


REQUIRED: Any = object()
"""The default of a key that must be there."""


class TomlTable:
    """The keys of one table of a TOML file.

    An error names the file, the key and the value.

    Parameters
    ----------
    values : dict
    where : str
        The file, and which of its tables this is, as errors begin.
    error : type
        What is raised.
    prefix : str
        What stands before a key in errors, such as ``figures.``.
    """

    def __init__(self, values: Mapping[str, Any], where: str, error: type[NasbenchError], prefix: str = "") -> None:
        self.values, self.where = values, where
        self._error, self._prefix = error, prefix
        self._read: list[str] = []

    def fail(self, key: str, what: str) -> NoReturn:
        """Raise an error about a key."""
        raise self._error(f"{self.where}: {self._prefix}{key} {what}")

    def check_keys(self, known: Iterable[str] | None = None, kind: str = "key") -> None:
        """Refuse keys that are not known; by default those that nobody has read."""
        names = self._read if known is None else list(known)
        for key in self.values:
            if key not in names:
                known_names = [f"{self._prefix}{name}" for name in names]
                raise self._error(f"{self.where}: {UnknownNameError(kind, f'{self._prefix}{key}', known_names)}")

    def check_known(self, key: str, kind: str, values: Iterable[str], known: Iterable[str]) -> None:
        """Refuse names, the values of a key, that are not known."""
        names = list(known)
        for value in values:
            if value not in names:
                raise self._error(f"{self.where}: {self._prefix}{key}: {UnknownNameError(kind, value, names)}")

    def read(self, key: str, kind: type | tuple[type, ...], default: Any = REQUIRED) -> Any:
        """Return a value of one of some types; true and false are no numbers."""
        self._read.append(key)
        if key not in self.values:
            if default is REQUIRED:
                held = ", ".join(self.values) or "nothing"
                raise self._error(f"{self.where}: {self._prefix}{key!r} is missing; it has {held}")
            return default
        value = self.values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            kinds = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
            self.fail(key, f"must be of type {kinds}, got {value!r}")
        return value

    def one_of(self, key: str, known: Iterable[str], default: Any = REQUIRED) -> str:
        """Return a text that is among the known ones.

        The key says what kind of name it is.
        """
        value: str = self.read(key, str, default)
        names = list(known)
        if value not in names:
            raise self._error(f"{self.where}: {UnknownNameError(key, value, names)}")
        return value

    def text(self, key: str) -> str | None:
        """Return a text that is not empty, None if the key is not there."""
        value = self.values.get(key)
        if value is not None and not (isinstance(value, str) and value.strip()):
            self.fail(key, f"must be a text in quotes, got {value!r}")
        return value

    def texts(self, key: str, *, numbers: bool = False) -> tuple[str, ...]:
        """Return a list of different texts, which may be a single text.

        Empty if the key is not there.

        Parameters
        ----------
        key : str
        numbers : bool
            Whether numbers stand for themselves as text.
        """
        value = self.values.get(key, [])
        several = value if isinstance(value, list) else [value]
        if numbers:
            several = [str(item) if type(item) in {int, float} else item for item in several]
        if not all(isinstance(item, str) and item.strip() for item in several):
            self.fail(key, f"must be a list of texts in quotes, got {value!r}")
        if len(set(several)) < len(several):
            self.fail(key, f"names something twice: {', '.join(several)}; once is enough")
        return tuple(several)

    def whole(self, key: str, default: int, least: int) -> int:
        """Return a whole number."""
        value = self.values.get(key, default)
        if type(value) is not int or value < least:  # isinstance takes true for an int
            self.fail(key, f"must be a whole number of at least {least}, got {value!r}")
        return value

    def number(self, key: str, default: float, least: float = -math.inf) -> float:
        """Return a number."""
        self._read.append(key)
        value = self.values.get(key, default)
        if type(value) not in {int, float} or not value >= least:
            self.fail(key, f"must be a number{f' of at least {least:g}' if least > -math.inf else ''}, got {value!r}")
        return float(value)

    def table(self, key: str) -> TomlTable:
        """Return a table within this one, which must be there.

        Errors name it in brackets.
        """
        return TomlTable(self.read(key, dict), f"{self.where}: [{key}]", self._error)

    def optional_table(self, key: str) -> TomlTable:
        """Return a table within this one, an empty one if it is not there.

        Errors name it before each key.
        """
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.fail(key, f"must be a table of its own, [{self._prefix}{key}], got {value!r}")
        return TomlTable(value, self.where, self._error, f"{self._prefix}{key}.")

    def tables(self, key: str, default: Any = REQUIRED) -> list[TomlTable]:
        """Return a list of tables in braces; errors name them by number, from 1."""
        values = self.read(key, list, default)
        for number, value in enumerate(values, 1):
            if not isinstance(value, dict):
                self.fail(key, f"number {number} must be a table in braces, got {value!r}")
        where = f"{self.where}: {self._prefix}{key}"
        return [TomlTable(value, f"{where} number {number}", self._error) for number, value in enumerate(values, 1)]

    def tables_or_paths(self, key: str) -> list[TomlTable]:
        """Return a list of tables; a text stands for a table with that ``path`` alone."""
        value = self.values.get(key, [])
        several = value if isinstance(value, list) else [value]
        for item in several:
            if not isinstance(item, (str, dict)) or not item:
                self.fail(key, f"must be a list of texts in quotes, or [[{key}]] tables with a path, got {item!r}")
        return [
            TomlTable(
                {"path": item} if isinstance(item, str) else item,
                self.where,
                self._error,
                f"{self._prefix}{key}[{number}].",
            )
            for number, item in enumerate(several)
        ]


def without_nan(value: object) -> object:
    """Return nested values with None for every number that is not finite.

    Keys become text, and tuples lists.
    """
    if isinstance(value, dict):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
