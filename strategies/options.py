"""Checks of the options that strategies are made with."""

from __future__ import annotations

from nasbench.errors import StrategyError


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
