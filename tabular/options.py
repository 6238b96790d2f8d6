"""Something named with options of its own, as text: ``name(option=value)``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tabular.errors import NasbenchError

_OPENING, _CLOSING, _QUOTES = "([{", ")]}", "'\""


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
    match = re.fullmatch(r"([^()]+)(?:\((.*)\))?", text.strip(), flags=re.DOTALL)
    if match is None:
        raise error(f"cannot read the {kind} {text!r}; write name or name(option=value)")
    options = {}
    for part in filter(None, split_list(match[2] or "")):
        name, separator, given = part.partition("=")
        try:
            options[name.strip()] = value(given.strip())
        except (ValueError, SyntaxError):
            separator = ""
        if not separator:
            raise error(f"cannot read the option {part!r} of {text!r}; write option=value, such as {example}")
    return match[1].strip(), options


def split_list(text: str) -> list[str]:
    """Return the parts of a list with commas between, stripped.

    Commas in brackets or quotes are of their part.
    """
    parts, start, depth, quote = [], 0, 0, ""
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter in _OPENING + _CLOSING:
            depth += 1 if letter in _OPENING else -1
        elif letter == "," and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    return [*parts, text[start:].strip()]
