"""Checks of the options that strategies are made with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tabular.errors import StrategyError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_whole(strategy: str, option: str, value: object, least: int, most: int | None = None) -> None:
    """Make sure that an option is a whole number in its range.

    Parameters
    ----------
    strategy, option : str
        What the error names.
    value : object
    least, most : int
        The range, both ends allowed; no ``most`` leaves it open.

    Raises
    ------
    StrategyError
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        span = f"of {least} or more" if most is None else f"from {least} to {most}"
        raise StrategyError(f"{strategy}: {option} must be a whole number {span}; got {value!r}")


def check_flag(strategy: str, option: str, value: object) -> None:
    """Make sure that an option is true or false: the text ``"false"`` would count as true.

    Raises
    ------
    StrategyError
    """
    if not isinstance(value, bool):
        raise StrategyError(f"{strategy}: {option} must be true or false; got {value!r}")


def check_number(
    strategy: str,
    option: str,
    value: object,
    least: float,
    most: float = math.inf,
    *,
    above: bool = False,
    below: bool = False,
) -> None:
    """Make sure that an option is a number in its range.

    Parameters
    ----------
    strategy, option : str
        What the error names.
    value : object
    least, most : float
        The range, both ends allowed; no ``most`` leaves it open.
    above, below : bool
        Whether ``least``, or ``most``, itself is too little, or too much.

    Raises
    ------
    StrategyError
    """
    fits = (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (value > least if above else value >= least)
        and (value < most if below else value <= most)
    )
    if not fits:
        lower = f"above {least:g}" if above else f"of {least:g} or more"
        upper = "" if most == math.inf else f" and {'below' if below else 'at most'} {most:g}"
        raise StrategyError(f"{strategy}: {option} must be a number {lower}{upper}; got {value!r}")


def check_choice(strategy: str, option: str, value: object, known: Sequence[str]) -> None:
    """Make sure that an option is one of a few words; the error offers the nearest.

    Raises
    ------
    UnknownNameError
    """
    if value not in known:
        raise UnknownNameError(option, value, known, of=f"strategy {strategy!r}")
