"""Looking at where a command is to write before it works for it."""

from __future__ import annotations

from pathlib import Path

from tabular.errors import OutputError
from tabular.files import check_writable
from tabular.storage import file_format_of


def check_output(path: Path, file_format: str) -> None:
    """Make sure that a file can be written and that none of another kind is lost by that.

    Raises
    ------
    OutputError
    """
    check_writable(path)
    if path.exists() and file_format_of(path) != file_format:
        raise OutputError(f"{path}: exists and is not a {file_format} file; it is left as it was, choose another name")
