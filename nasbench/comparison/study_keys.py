"""The error of a study's file that cannot be used."""

from __future__ import annotations

from tabular.errors import NasbenchError


class DeclarationError(NasbenchError, ValueError):
    """A study's file with an unknown key or a value that cannot be used; the message names file, key and value."""
