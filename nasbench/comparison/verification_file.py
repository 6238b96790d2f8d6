"""Verifications as JSON files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench.comparison.verification import Verified
from tabular.errors import FileFormatError
from tabular.files import without_nan, write_text_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMAT = "nasbench-verification"
VERSION = 1


class Verification(NamedTuple):
    """What a verification file holds: which oracle had promised, what was reported, and what was measured."""

    oracle: str
    report: str
    verified: list[Verified]


def write_verification(oracle: str, report: str, verified: Sequence[Verified], path: str | Path) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    oracle : str
        That had promised.
    report : str
        The measure.
    verified : sequence of Verified
    path : str or Path

    Raises
    ------
    OutputError
    """
    head = {"format": FORMAT, "version": VERSION, "oracle": oracle, "report": report}
    rows = without_nan([vars(each) for each in verified])
    write_text_file(path, json.dumps({**head, "verified": rows}, indent=2, allow_nan=False) + "\n")


def read_verification(path: str | Path) -> Verification:
    """Read what `write_verification` wrote.

    Raises
    ------
    FileFormatError
        If it is missing, damaged, foreign or newer.
    """
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a str or a Path
            found = json.load(file)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise FileFormatError(f"{path}: cannot be read as a verification: {reason}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise FileFormatError(f"{path}: is not a {FORMAT} file; make one with 'nasbench verify RESULTS --out FILE'")
    if found.get("version") != VERSION:
        raise FileFormatError(
            f"{path}: is of version {found.get('version')}, this program reads {VERSION}; use a newer nasbench"
        )
    try:
        return Verification(str(found["oracle"]), str(found["report"]), [_read(each) for each in found["verified"]])
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: its content is damaged: {error!r}") from None


_NUMBERS = ("promised", "promised_std", "measured", "measured_std")


def _read(row: dict[str, Any]) -> Verified:
    numbers = {name: float("nan") if row[name] is None else float(row[name]) for name in _NUMBERS}
    found_by = {str(name): int(count) for name, count in row["found_by"].items()}
    return Verified(str(row["architecture"]), found_by, seeds=tuple(map(int, row["seeds"])), **numbers)
