"""A state of the global generators of Python and numpy for a library's own use."""

from __future__ import annotations

import random
from typing import Any

import numpy as np


class GlobalState:
    """Another state for the global generators, as long as a ``with`` lasts.

    The generators are those of `random` and `numpy.random`. The next ``with`` goes on where the last one ended.

    Parameters
    ----------
    seed : int
        In 0..2^32-1, of the state lent.
    """

    def __init__(self, seed: int) -> None:
        python = random.Random(seed)  # noqa: S311 - no secret
        self._inside: tuple[Any, Any] = python.getstate(), np.random.RandomState(seed).get_state()
        self._outside = self._inside

    def __enter__(self) -> None:
        self._outside = _current()
        _set(self._inside)

    def __exit__(self, *_: object) -> None:
        self._inside = _current()
        _set(self._outside)


def _current() -> tuple[Any, Any]:
    return random.getstate(), np.random.get_state()  # noqa: NPY002 - these are what is lent


def _set(states: tuple[Any, Any]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
