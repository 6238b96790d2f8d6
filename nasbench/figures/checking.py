"""What figures ask of the frames they draw, and the line that says what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray


def check_frame(frame: pd.DataFrame, columns: Sequence[str], figure: str) -> list[str]:
    """Make sure that a frame can be drawn, and return its strategies in the order in which they come.

    Parameters
    ----------
    frame : DataFrame
        With a column ``strategy``.
    columns : sequence of str
        What the figure draws beside it: columns of numbers.
    figure : str
        What it is called, for the message: ``regret curves``, say.

    Raises
    ------
    QueryError
        If a column is missing or is not of numbers, or there are no rows.
    """
    needed = ("strategy", *columns)
    lacking = [name for name in needed if name not in frame.columns]
    if lacking:
        raise QueryError(
            f"{figure} need a frame with the columns {', '.join(needed)}; this one lacks {', '.join(lacking)} "
            f"(it has {', '.join(map(str, frame.columns)) or 'none'})"
        )
    if frame.empty:
        raise QueryError(f"{figure} need at least one row, and the frame is empty; give one with a row for each point")
    try:
        frame.astype(dict.fromkeys(columns, np.float64))
    except (TypeError, ValueError) as error:
        raise QueryError(f"{figure} need numbers in the columns {', '.join(columns)}; {error}") from error
    return list(dict.fromkeys(frame["strategy"].astype(str)))


def numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column of a checked frame as an array, (N,)."""
    return frame[column].to_numpy(dtype=np.float64)
