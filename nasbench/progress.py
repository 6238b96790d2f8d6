"""How long work tells its caller how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with the units done, the units in all, and a short note of what is best or happening now."""


def silent(done: int, total: int, note: str) -> None:
    """Tell nobody."""
