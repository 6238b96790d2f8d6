"""What figures of tables ask of the frames they draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabular.errors import QueryError

if TYPE_CHECKING:
    import pandas as pd


def check_columns(frame: pd.DataFrame, columns: tuple[str, ...], figure: str) -> None:
    """Make sure that a frame has columns and at least one row.

    Raises
    ------
    QueryError
    """
    lacking = [name for name in columns if name not in frame.columns]
    if lacking:
        has = ", ".join(map(str, frame.columns)) or "none"
        raise QueryError(f"{figure} is drawn of the columns {', '.join(columns)}; no {', '.join(lacking)} in {has}")
    if frame.empty:
        raise QueryError(f"{figure} is drawn of at least one row; the frame has none")
