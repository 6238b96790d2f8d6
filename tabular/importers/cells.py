"""Rows of a file of columns, and the numbers in their cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ROWS_AT_ONCE = 16_384
"""How many rows are read before they are worked on."""

EMPTY = {"", "na", "nan", "null", "none"}
"""How files write that a number is not there, in any case of letters."""

NOT_NEGATIVE = {"second", "joule", "byte", "count", "FLOP"}
"""Units in which nothing can be less than zero."""

STATUS_WORDS = ("missing", "done", "diverged")
"""How files write a status: the words in the places of the numbers that tables hold."""


@dataclass(frozen=True)
class Rows:
    """Some rows of a file: what each column of interest holds.

    Parameters
    ----------
    source : str or Path
        What errors name.
    numbers : (N,) int64
        The number of each row in the file, as its readers count.
    cells : dict of str to N cells
        A list of text, or numbers if the file has types.
    """

    source: str | Path
    numbers: NDArray[np.int64]
    cells: dict[str, list[str] | NDArray[Any]]

    def __len__(self) -> int:
        return len(self.numbers)

    def where(self, wanted: NDArray[np.bool_]) -> Rows:
        """Return the wanted rows, (N,) bool."""
        if wanted.all():
            return self
        places = np.flatnonzero(wanted)
        cells = {
            name: column[places] if isinstance(column, np.ndarray) else [column[place] for place in places]
            for name, column in self.cells.items()
        }
        return Rows(self.source, self.numbers[places], cells)

    def texts(self, column: str) -> list[str]:
        """Return a column as text."""
        cells = self.cells[column]
        return list(map(str, cells.tolist())) if isinstance(cells, np.ndarray) else cells

    def mistake(self, place: int, column: str, what: str) -> FileFormatError:
        """Return the error that names a cell, its value, and what is wrong with it."""
        where = f"{self.source}: row {self.numbers[place]}, column {column!r}"
        return FileFormatError(f"{where}: {self.cells[column][place]} {what}")

    def values(self, column: str, scale: float, name: str, unit: str) -> NDArray[np.float64]:
        """Return the numbers of a column, each multiplied by ``scale``; NaN where there is none.

        Parameters
        ----------
        name, unit : str
            Of the metric or cost that the column holds.

        Raises
        ------
        FileFormatError
            If a cell is not a number, or none that the unit allows.
        """
        values = self._numbers(column) * scale
        with np.errstate(over="ignore"):
            infinite = np.isinf(values.astype(np.float32))
        if infinite.any():
            raise self.mistake(int(infinite.argmax()), column, f"is infinite; {name} must be a number or empty")
        if unit == "fraction":
            outside = (values < 0) | (values > 1)
            if outside.any():
                place = int(outside.argmax())
                hint = "; did you forget scale = 0.01?" if scale == 1 and 1 < values[place] <= 100 else ""
                what = f"x scale {scale:g} is not a fraction in 0..1, as {name} must be{hint}"
                raise self.mistake(place, column, what)
        elif unit in NOT_NEGATIVE and (values < 0).any():
            what = f"is negative, which {name} in the unit {unit} cannot be"
            raise self.mistake(int((values < 0).argmax()), column, what)
        return values

    def _unreadable(self, read: Callable[[str], Any], column: str, what: str) -> FileFormatError:
        """Return the error that names the first cell of a column of text that is no number."""

        def fails(text: str) -> bool:
            try:
                read(text)
            except (ValueError, OverflowError):
                return read is np.int64 or text.strip().lower() not in EMPTY
            return False

        texts = self.texts(column)
        place = next(place for place, text in enumerate(texts) if fails(text))
        where = f"{self.source}: row {self.numbers[place]}, column {column!r}"
        return FileFormatError(f"{where}: {texts[place]!r} is not {what}")

    def _numbers(self, column: str) -> NDArray[np.float64]:
        cells = self.cells[column]
        if isinstance(cells, np.ndarray):
            return cells.astype(np.float64)
        try:
            return np.array([float(text) if text.strip().lower() not in EMPTY else np.nan for text in cells])
        except ValueError:
            raise self._unreadable(float, column, "a number") from None

    def whole_numbers(self, column: str, least: int) -> NDArray[np.int64]:
        """Return the whole numbers of a column, each at least ``least``.

        Raises
        ------
        FileFormatError
        """
        cells = self.cells[column]
        if isinstance(cells, np.ndarray):
            values = cells.astype(np.float64)
            bad = ~(np.isfinite(values) & (values == np.floor(values)))
            if bad.any():
                raise self.mistake(int(bad.argmax()), column, "is not a whole number")
            whole = cells.astype(np.int64)
        else:
            try:
                whole = np.array([int(text) for text in cells], dtype=np.int64)
            except (ValueError, OverflowError):
                raise self._unreadable(np.int64, column, "a whole number") from None
        if (whole < least).any():
            raise self.mistake(int((whole < least).argmax()), column, f"is less than {least}")
        return whole

    def status(self, column: str) -> NDArray[np.uint8]:
        """Return what became of each training, from the words missing, done and diverged.

        Raises
        ------
        FileFormatError
        """
        words = self.texts(column)
        code_of = {word: code for code, word in enumerate(STATUS_WORDS)}
        codes = [code_of.get(word, -1) for word in words]
        if -1 in codes:
            place = codes.index(-1)
            where = f"{self.source}: row {self.numbers[place]}, column {column!r}"
            raise FileFormatError(f"{where}: {UnknownNameError('status', words[place], STATUS_WORDS)}")
        return np.array(codes, dtype=np.uint8)


def check_columns(names: Sequence[str], wanted: Iterable[str], source: str | Path, mapping: str | Path) -> None:
    """Make sure that a file has all columns that a mapping names, and none twice.

    Raises
    ------
    FileFormatError, UnknownNameError
    """
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise FileFormatError(f"{source}: has more than one column {min(repeated)!r}")
    for column in wanted:
        if column not in names:
            raise UnknownNameError(f"column of {source} (named in {mapping})", column, names)


def first_conflict(places: NDArray[np.int64], values: NDArray[Any]) -> tuple[int, int] | None:
    """Return two numbers in ``places``, (N,), that name one place with different values, (N,), if there are any."""
    if (np.diff(places) > 0).all():
        return None
    order = np.argsort(places, kind="stable")
    again = places[order][1:] == places[order][:-1]
    differs = np.flatnonzero(again & (values[order][1:] != values[order][:-1]))
    return (int(order[differs[0]]), int(order[differs[0] + 1])) if len(differs) else None
