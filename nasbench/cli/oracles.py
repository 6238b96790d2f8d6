"""Opening whatever a path holds as an oracle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tabular.errors import FileFormatError

if TYPE_CHECKING:
    from tabular.measures import Oracle


def open_oracle(path: str | Path) -> Oracle:
    """Open a table file, a table that comes with the package, or a surrogate folder.

    Raises
    ------
    FileFormatError
        If it is neither.
    """
    path = Path(path)
    if path.is_dir():
        from surrogates import SurrogateOracle

        return SurrogateOracle(path)
    from tabular import TableOracle, shipped_tables

    shipped = shipped_tables()
    if not path.exists() and str(path) not in shipped:
        raise FileFormatError(
            f"{path}: no such file; make a table with 'nasbench generate' or 'nasbench import', or name one that comes "
            f"with the package: {', '.join(shipped)}"
        )
    return TableOracle(path)
