"""Checks of the options that strategies of other libraries are made with."""

from __future__ import annotations

from nasbench.errors import StrategyError


def check_count(strategy: str, option: str, value: object) -> None:
    """Make sure that an option is a whole number of 1 or more.

    Raises
    ------
    StrategyError
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise StrategyError(f"{strategy}: {option} must be a whole number of 1 or more; got {value!r}")
