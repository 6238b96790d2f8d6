"""Values out of a table of a TOML file; of one that cannot be used a line says file, key and value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from tabular.errors import NasbenchError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path


class DeclarationError(NasbenchError, ValueError):
    """A study's file with an unknown key or a value that cannot be used; the message names file, key and value."""


class Keys:
    """The keys of one table of a TOML file.

    Parameters
    ----------
    path : Path
        Of the file.
    values : dict
    where : str
        What stands before a key in messages: empty for the file itself, ``figures.`` for that table.
    """

    def __init__(self, path: Path, values: Mapping[str, Any], where: str = "") -> None:
        self._path, self._values, self._where = path, values, where

    def fail(self, key: str, what: str) -> NoReturn:
        """Raise a `DeclarationError` about a key."""
        raise DeclarationError(f"{self._path}: {self._where}{key} {what}")

    def check_keys(self, known: Collection[str]) -> None:
        """Refuse keys that mean nothing."""
        for key in self._values:
            if key not in known:
                raise DeclarationError(
                    f"{self._path}: {UnknownNameError('key', f'{self._where}{key}', self._all(known))}"
                )

    def _all(self, known: Iterable[str]) -> list[str]:
        return [f"{self._where}{each}" for each in known]

    def check_known(self, key: str, kind: str, values: Iterable[str], known: Collection[str]) -> None:
        """Refuse names that are not known."""
        for value in values:
            if value not in known:
                raise DeclarationError(f"{self._path}: {self._where}{key}: {UnknownNameError(kind, value, known)}")

    def text(self, key: str) -> str | None:
        """Return a text that is not empty, None if the key is not there."""
        value = self._values.get(key)
        if value is not None and not (isinstance(value, str) and value.strip()):
            self.fail(key, f"must be a text in quotes, got {value!r}")
        return value

    def texts(self, key: str, *, numbers: bool = False) -> tuple[str, ...]:
        """Return a list of different texts, which may be a single text; empty if the key is not there.

        Parameters
        ----------
        key : str
        numbers : bool
            Whether numbers stand for themselves as text.
        """
        value = self._values.get(key, [])
        several = value if isinstance(value, list) else [value]
        if numbers:
            several = [str(each) if type(each) in {int, float} else each for each in several]
        if not all(isinstance(each, str) and each.strip() for each in several):
            self.fail(key, f"must be a list of texts in quotes, got {value!r}")
        if len(set(several)) < len(several):
            self.fail(key, f"names something twice: {', '.join(several)}; once is enough")
        return tuple(several)

    def whole(self, key: str, default: int, least: int) -> int:
        """Return a whole number."""
        value = self._values.get(key, default)
        if type(value) is not int or value < least:  # isinstance takes true for an int
            self.fail(key, f"must be a whole number of at least {least}, got {value!r}")
        return value

    def number(self, key: str, default: float, least: float) -> float:
        """Return a number."""
        value = self._values.get(key, default)
        if type(value) not in {int, float} or not value >= least:
            self.fail(key, f"must be a number of at least {least:g}, got {value!r}")
        return float(value)

    def table(self, key: str) -> Keys:
        """Return the keys of a table within this one, none if it is not there."""
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            self.fail(key, f"must be a table of its own, [{self._where}{key}], got {value!r}")
        return Keys(self._path, value, f"{self._where}{key}.")

    def tables(self, key: str) -> list[Keys]:
        """Return the tables of a list, in which a text stands for a table with that ``path`` alone."""
        value = self._values.get(key, [])
        several = value if isinstance(value, list) else [value]
        for each in several:
            if not isinstance(each, (str, dict)) or not each:
                self.fail(key, f"must be a list of texts in quotes, or [[{key}]] tables with a path, got {each!r}")
        return [
            Keys(self._path, {"path": each} if isinstance(each, str) else each, f"{self._where}{key}[{place}].")
            for place, each in enumerate(several)
        ]
