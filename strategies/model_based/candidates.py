"""Candidates among which a model chooses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nasbench.spaces import Space
    from strategies.history import History
    from strategies.predictor import Belief

    Score = Callable[[NDArray[np.uint8]], NDArray[np.float64]]

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


_SMALLEST = 1e-12
"""A standard deviation below this is taken for this, so that certainty divides by nothing."""


def expected_improvement(belief: Belief, best: float) -> NDArray[np.float64]:
    """Return by how much each candidate is expected to exceed the best, (N,) (Jones et al. 1998, eq. 15).

    Parameters
    ----------
    belief : Belief
        Of N candidates.
    best : float
        f_max, the best value so far.
    """
    std = np.maximum(belief.std, _SMALLEST)
    z = (belief.mean - best) / std
    return std * (z * _normal_cdf(z) + np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))


def upper_confidence_bound(belief: Belief, beta: float) -> NDArray[np.float64]:
    """Return mean + beta * std, (N,) (Srinivas et al. 2010)."""
    return belief.mean + beta * belief.std


def thompson_sample(belief: Belief, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a value for each candidate by itself, (N,) (independent Thompson sampling, White et al. 2021)."""
    return belief.mean + belief.std * rng.standard_normal(len(belief.mean))


def _normal_cdf(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    return np.asarray(ndtr(z), dtype=np.float64)


def normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a standard normal has at the same ranks, (N,): the quantile (rank - 1/2) / N, equal values sharing.

    A few networks that hardly learn lie far below all others, whose differences a model of the values themselves would
    take for noise. The authors of the algorithms take the logarithm of errors or costs, which not every signal has;
    ranks need no unit (a Gaussian copula, as Salinas, Shen and Perrone, ICML 2020, take).

    Parameters
    ----------
    values : (N,) float64
        At least one.
    """
    from scipy.special import ndtri

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = counts.cumsum() - counts / 2
    return np.asarray(ndtri(middle / len(values))[place.reshape(-1)], dtype=np.float64)
