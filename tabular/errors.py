"""Errors that a user can cause. Each names the value, the place and the way out.

The command line prints any of these as one line and exits with code 2; everything else is a bug and shows a traceback.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class NasbenchError(Exception):
    """Base of every error that a user's input can cause."""


class UnknownNameError(NasbenchError):
    """A name that is not among the known ones; the message offers the nearest."""

    def __init__(self, kind: str, name: object, known: Iterable[object], of: str = "") -> None:
        self.kind, self.name, self.known, self.of = kind, name, [str(choice) for choice in known], of
        near = difflib.get_close_matches(str(name), self.known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {_listing(self.known)}"
        super().__init__(f"unknown {kind} {name!r}{of and f' of {of}'}; {hint}")

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, object, list[str], str]]:
        """Let the error travel between processes."""
        return type(self), (self.kind, self.name, self.known, self.of)


class InvalidArchitectureError(NasbenchError, ValueError):
    """An architecture that is not in the space."""


class SpaceError(NasbenchError, ValueError):
    """A space that cannot be declared or asked for in this way."""


class QueryError(NasbenchError, ValueError):
    """An epoch, seed, metric or architecture that the oracle cannot answer."""


class FileFormatError(NasbenchError):
    """A file that is missing, damaged, foreign or of a newer format."""


class DataError(NasbenchError):
    """A data set that is missing, damaged or not usable for training."""


class RecipeError(NasbenchError, ValueError):
    """A recipe with an unknown field or a value that cannot train a network."""


class PlanMismatchError(NasbenchError):
    """Work that does not belong to the file it was asked to continue."""


class BudgetError(NasbenchError, ValueError):
    """A budget that cannot be read or that pays for nothing."""


class StrategyError(NasbenchError):
    """A strategy that breaks the ask/tell protocol.

    The message names it and the trial.
    """


class OutputError(NasbenchError):
    """A path that cannot be written."""


def _listing(names: list[str], most: int = 12) -> str:
    if not names:
        return "none"
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
