"""The tables that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "data"


def shipped_tables() -> dict[str, Path]:
    """Return the name and the file of each table that comes with the package."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.h5"))}


def located(path: str | Path) -> Path:
    """Return the file that a path or the name of a shipped table means; a file of that name comes first."""
    path = Path(path)
    return path if path.exists() else shipped_tables().get(str(path), path)
