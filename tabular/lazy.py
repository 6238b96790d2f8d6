"""Modules that are imported when they are first needed.

They are those of a package's names, and optional libraries.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tabular.errors import NasbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def hand_on(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    modules : dict of str to str
        The module that defines each name.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)  # asked for once
        return value

    return get


def load_optional(module: str, extra: str, purpose: str) -> Any:
    """Import a module of an optional library.

    Parameters
    ----------
    module : str
        Such as ``pyarrow.parquet``.
    extra : str
        The extra of this project that installs it.
    purpose : str
        What needs it, in the plural, to begin the message with.

    Raises
    ------
    NasbenchError
        If it is not installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise NasbenchError(
            f"{purpose} need {module.partition('.')[0]} ({error}); pip install 'nasbench[{extra}]'"
        ) from None
