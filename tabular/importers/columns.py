"""Rows of CSV and Parquet files, and the numbers in their cells.

Rows are read some at a time.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError, UnknownNameError
from tabular.frames import arrow
from tabular.layout import STATUS_WORDS
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.work import Progress

ROWS_AT_ONCE = 16_384
"""How many rows are read before they are worked on."""

EMPTY = {"", "na", "nan", "null", "none"}
"""How files write that a number is not there, in any case of letters."""

NOT_NEGATIVE = {"second", "joule", "byte", "count", "FLOP"}
"""Units in which nothing can be less than zero."""

FIRST_ROW = 2
"""Rows are numbered as a spreadsheet shows them: the header is row 1."""

_NO_ROWS = "{}: has no rows below a line of column names"


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
        indices = np.flatnonzero(wanted)
        cells = {
            name: column[indices] if isinstance(column, np.ndarray) else [column[index] for index in indices]
            for name, column in self.cells.items()
        }
        return Rows(self.source, self.numbers[indices], cells)

    def texts(self, column: str) -> list[str]:
        """Return a column as text."""
        cells = self.cells[column]
        return list(map(str, cells.tolist())) if isinstance(cells, np.ndarray) else cells

    def mistake(self, index: int, column: str, what: str) -> FileFormatError:
        """Return the error that names a cell, its value, and what is wrong with it."""
        where = f"{self.source}: row {self.numbers[index]}, column {column!r}"
        return FileFormatError(f"{where}: {self.cells[column][index]} {what}")

    def values(self, column: str, scale: float, name: str, unit: str) -> NDArray[np.float64]:
        """Return the numbers of a column, each multiplied by ``scale``.

        NaN where there is none.

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
                index = int(outside.argmax())
                hint = "; did you forget scale = 0.01?" if scale == 1 and 1 < values[index] <= 100 else ""
                what = f"x scale {scale:g} is not a fraction in 0..1, as {name} must be{hint}"
                raise self.mistake(index, column, what)
        elif unit in NOT_NEGATIVE and (values < 0).any():
            what = f"is negative, which {name} in the unit {unit} cannot be"
            raise self.mistake(int((values < 0).argmax()), column, what)
        return values

    def _unreadable(self, read: Callable[[str], Any], column: str, what: str) -> FileFormatError:
        """Return the error that names the first cell that is no number."""

        def fails(text: str) -> bool:
            try:
                read(text)
            except (ValueError, OverflowError):
                return read is np.int64 or text.strip().lower() not in EMPTY
            return False

        texts = self.texts(column)
        index = next(index for index, text in enumerate(texts) if fails(text))
        where = f"{self.source}: row {self.numbers[index]}, column {column!r}"
        return FileFormatError(f"{where}: {texts[index]!r} is not {what}")

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
            index = codes.index(-1)
            where = f"{self.source}: row {self.numbers[index]}, column {column!r}"
            raise FileFormatError(f"{where}: {UnknownNameError('status', words[index], STATUS_WORDS)}")
        return np.array(codes, dtype=np.uint8)


def read_csv(
    source: Path, wanted: list[str] | None, mapping: str | Path = "", progress: Progress = silent
) -> Iterator[Rows]:
    """Read the wanted columns of a CSV file, or all, some rows at a time.

    Raises
    ------
    FileFormatError, UnknownNameError
        Naming the row, or the column that the file lacks.
    """
    done = 0
    try:
        with source.open("rb") as raw:
            total = sum(piece.count(b"\n") for piece in iter(lambda: raw.read(1 << 20), b"")) - 1
        with source.open(encoding="utf-8-sig", newline="") as file:
            lines = ((row, line) for row, line in enumerate(csv.reader(file), FIRST_ROW - 1) if line)
            names = [name.strip() for name in next(lines, (0, []))[1]]
            if not names:
                raise FileFormatError(_NO_ROWS.format(source))
            check_columns(names, wanted or names, source, mapping)
            for rows in _in_batches(lines, names, wanted or names, source):
                yield rows
                done += len(rows)
                progress(done, max(done, total), "")
    except OSError as error:
        raise FileFormatError(f"{source}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{source}: is not a CSV file in UTF-8: {error}") from None
    if not done:
        raise FileFormatError(_NO_ROWS.format(source))


def _in_batches(
    lines: Iterator[tuple[int, list[str]]], names: list[str], wanted: list[str], source: Path
) -> Iterator[Rows]:
    indices = [names.index(column) for column in wanted]
    numbers, held = list[int](), list[list[str]]()

    def batch() -> Rows:
        columns = zip(*held, strict=True)
        cells = {column: list(cells) for column, cells in zip(wanted, columns, strict=True)}
        return Rows(source, np.array(numbers, dtype=np.int64), dict(cells))

    for number, line in lines:
        if len(line) != len(names):
            raise FileFormatError(
                f"{source}: row {number} has {len(line)} cells, the header names {len(names)} columns"
            )
        numbers.append(number)
        held.append([line[index] for index in indices])
        if len(held) == ROWS_AT_ONCE:
            yield batch()
            numbers, held = [], []
    if held:
        yield batch()


def read_parquet(source: Path, wanted: list[str], mapping: str | Path, progress: Progress) -> Iterator[Rows]:
    """Read the wanted columns of a Parquet file, some rows at a time.

    Raises
    ------
    FileFormatError, UnknownNameError
        Naming the column that the file lacks.
    """
    pa = arrow()
    try:
        with pa.parquet.ParquetFile(source) as file:
            check_columns(file.schema_arrow.names, wanted, source, mapping)
            total, done = file.metadata.num_rows, 0
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=wanted):
                cells = {column: _cells(batch.column(column), pa) for column in wanted}
                yield Rows(source, np.arange(done + 1, done + 1 + batch.num_rows), cells)
                done += batch.num_rows
                progress(done, total, "")
    except OSError as error:
        raise FileFormatError(f"{source}: cannot be read: {error.strerror or error}") from None
    except pa.ArrowException as error:
        raise FileFormatError(f"{source}: is not a sound Parquet file: {error}") from None
    if not done:
        raise FileFormatError(f"{source}: has no rows")


def _cells(column: Any, pa: Any) -> NDArray[Any] | list[str]:
    """Return numbers as an array, anything else as text.

    NaN stands for a number that is not there.
    """
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        numbers: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return numbers
    return ["" if cell is None else str(cell) for cell in column.to_pylist()]


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


def first_conflict(positions: NDArray[np.int64], values: NDArray[Any]) -> tuple[int, int] | None:
    """Return two indices of ``positions``, (N,), with one position and different values.

    None if there are none.
    """
    if (np.diff(positions) > 0).all():
        return None
    order = np.argsort(positions, kind="stable")
    again = positions[order][1:] == positions[order][:-1]
    differs = np.flatnonzero(again & (values[order][1:] != values[order][:-1]))
    return (int(order[differs[0]]), int(order[differs[0] + 1])) if len(differs) else None
