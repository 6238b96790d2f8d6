"""Options of the command line that name something with options of its own: ``name(option=value)``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from nasbench.errors import NasbenchError


def read_named(
    text: str, kind: str, *, value: Callable[[str], Any], example: str, error: type[NasbenchError]
) -> tuple[str, dict[str, Any]]:
    """Return the name, and its options.

    Parameters
    ----------
    text : str
    kind : str
        What is named, for messages.
    value : callable
        Reads the value of an option; raises ValueError or SyntaxError if it cannot.
    example : str
        An option with its value, for messages.
    error : type
        What is raised, naming the part that cannot be read.
    """
    match = re.fullmatch(r"([^()]+)(?:\((.*)\))?", text)
    if match is None:
        raise error(f"cannot read the {kind} {text!r}; write name or name(option=value)")
    options = {}
    for part in filter(None, (each.strip() for each in (match[2] or "").split(","))):
        name, separator, given = part.partition("=")
        try:
            options[name.strip()] = value(given.strip())
        except (ValueError, SyntaxError):
            separator = ""
        if not separator:
            raise error(f"cannot read the option {part!r} of {text!r}; write option=value, such as {example}")
    return match[1].strip(), options
