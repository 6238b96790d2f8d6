"""Looking for the candidate that an acquisition function values most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.model_based.candidates import one_new

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strategies.history import History
    from tabular.spaces import Space

    Score = Callable[[NDArray[np.uint8]], NDArray[np.float64]]

STARTS = 10
"""How many of the best a step of a climb goes on from: SMAC's local searches."""

STEPS = 10
"""Steps after which a climb ends, wherever it is."""


def climb(history: History, rng: np.random.Generator, score: Score, candidates: int) -> NDArray[np.uint8]:
    """Return the best candidate found, (L,) uint8: of a network not asked for yet, where one is found.

    Random candidates are scored, and as many random neighbours of the best architectures told. Then as many random
    neighbours of the best candidates so far are scored, again and again until none is better: local search in a random
    one-exchange neighbourhood, from ten places at a time.

    Parameters
    ----------
    history : History
        With at least one architecture told.
    rng : numpy.random.Generator
    score : callable
        What is to be maximised, of rows (N, L): (N,) float64.
    candidates : int
        How many are scored at a time.
    """
    space = history.space
    rows = np.concatenate([space.sample(rng, candidates), _neighbours(space, rng, history.best(STARTS), candidates)])
    scores = score(rows)
    order = best_first(scores)
    for _ in range(STEPS):
        best = scores[order[0]]
        children = _neighbours(space, rng, rows[order[:STARTS]], candidates)
        found = score(children)
        rows, scores = np.concatenate([rows, children]), np.concatenate([scores, found])
        order = best_first(scores)
        if not found.max() > best:
            break
    # Keys of networks take long in some spaces: they are asked for once, and of those that have a chance only.
    new = history.new(rows[order[:candidates]])
    return new[0] if len(new) else one_new(history, rng)


def _neighbours(space: Space, rng: np.random.Generator, rows: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    return space.mutate(rows[np.arange(number) % len(rows)], rng)


def best_first(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the places of scores, (N,), the greatest first; those that only rounding tells apart in their order."""
    scale = float(np.abs(scores).max()) or 1.0
    return np.argsort(-np.round(scores / scale, 9), kind="stable")
