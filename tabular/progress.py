"""How long work tells its caller how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with the units done, the units in all, and a short note of what is best or happening now."""


def silent(done: int, total: int, note: str) -> None:
    """Tell nobody."""


class PartProgress:
    """Shows the progress of one of several pieces of work, all of the same size, as its part of the whole.

    Parameters
    ----------
    progress : callable
        Is told of the whole.
    part, parts : int
        Which piece, from 0, of how many.
    name : str
        The note where the piece gives none.
    """

    def __init__(self, progress: Progress, part: int, parts: int, name: str = "") -> None:
        self._progress, self._part, self._parts, self._name = progress, part, parts, name

    def __call__(self, done: int, total: int, note: str) -> None:
        """Tell the whole's progress."""
        self._progress(self._part * total + done, self._parts * total, note or self._name)
