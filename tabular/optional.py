"""Libraries that are installed for some purposes only."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tabular.errors import NasbenchError


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
