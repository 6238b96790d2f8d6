"""Candidates among which a model chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strategies.history import History

TRIES = 3
"""How often random candidates are drawn again where all were asked for before."""

DRAWN_FOR_ONE = 10
"""How many are drawn for a single one: in some spaces one network owns many rows."""


def new_random(history: History, rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
    """Return at most ``n`` random architectures of networks not asked for yet, (M, L) uint8.

    At least one: where no new one is found, as in a space that is all but searched through, some that were.
    """
    for _ in range(TRIES):
        drawn = history.space.sample(rng, n)
        new = history.new(drawn)
        if len(new):
            return new
    return drawn


def new_children(history: History, rng: np.random.Generator, parents: NDArray[np.uint8], n: int) -> NDArray[np.uint8]:
    """Return at most ``n`` mutations of parents, each of as many, of networks not asked for yet, (M, L) uint8.

    At least one: where no child is new, random architectures stand in, see `new_random`.

    Parameters
    ----------
    history : History
    rng : numpy.random.Generator
    parents : (P, L) uint8
    n : int
    """
    children = history.space.mutate(parents[np.arange(n) % len(parents)], rng)
    new = history.new(children)
    return new if len(new) else new_random(history, rng, n)


def one_new(history: History, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random architecture, (L,) uint8, of a network not asked for yet, where one of a few is."""
    one: NDArray[np.uint8] = new_random(history, rng, DRAWN_FOR_ONE)[0]
    return one
