"""Candidates among which a model chooses, and acquisition functions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strategies.history import History
    from strategies.predictor import Belief
    from tabular.spaces.space import Space

    Score = Callable[[NDArray[np.uint8]], NDArray[np.float64]]

TRIES = 3
"""The number of times that random candidates are drawn where all before were proposed already."""

DRAWN_FOR_ONE = 10
"""The number drawn for a single one: in some spaces one network owns many rows."""

STARTS = 10
"""The number of best candidates that a step of a climb goes on from: SMAC's local searches."""

STEPS = 10
"""The steps after which a climb ends, wherever it is."""

_SMALLEST = 1e-12
"""The standard deviation that stands for any below it, so that certainty divides by nothing."""


def new_random(history: History, rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
    """Return at most ``n`` random architectures of networks not proposed yet.

    The shape is (M, L) uint8.

    At least one: where no new one is found, as in a space that is all but searched through, some that were.
    """
    for _ in range(TRIES):
        drawn = history.space.sample(rng, n)
        new = history.new(drawn)
        if len(new):
            return new
    return drawn


def new_children(history: History, rng: np.random.Generator, parents: NDArray[np.uint8], n: int) -> NDArray[np.uint8]:
    """Return at most ``n`` mutations of parents, of networks not proposed yet.

    The parents are (P, L) uint8, the mutations (M, L) uint8.

    Parents have equally many. There is at least one: where no child is new, random architectures stand in, see
    `new_random`.
    """
    children = history.space.mutate(parents[np.arange(n) % len(parents)], rng)
    new = history.new(children)
    return new if len(new) else new_random(history, rng, n)


def one_new(history: History, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random architecture of a network not proposed yet, (L,) uint8.

    One proposed before is returned only where a few draws find no new one.
    """
    one: NDArray[np.uint8] = new_random(history, rng, DRAWN_FOR_ONE)[0]
    return one


def climb(history: History, rng: np.random.Generator, score: Score, candidates: int) -> NDArray[np.uint8]:
    """Return the best candidate found of a network not proposed yet, (L,) uint8.

    A network proposed before is returned only where no new one is found.

    Random candidates are scored, and as many random neighbours of the architectures of the best results. Then as many
    random neighbours of the best candidates so far are scored, again and again until none is better: local search in a
    random one-exchange neighbourhood, from ten candidates at a time.

    Parameters
    ----------
    history : History
        With at least one result.
    rng : numpy.random.Generator
    score : callable
        The function to maximise, of rows (N, L): (N,) float64.
    candidates : int
        The number scored at a time.
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
    """Return the indices of scores, (N,), the greatest first.

    Those that only rounding tells apart in their order.
    """
    scale = float(np.abs(scores).max()) or 1.0
    return np.argsort(-np.round(scores / scale, 9), kind="stable")


def expected_improvement(belief: Belief, best: float) -> NDArray[np.float64]:
    """Return the expected improvement of each candidate on the best, (N,).

    Source: Jones et al. 1998.

    Parameters
    ----------
    belief : Belief
        Of N candidates.
    best : float
        f_max, the best value so far.
    """
    from scipy.special import ndtr

    std = np.maximum(belief.std, _SMALLEST)
    z = (belief.mean - best) / std
    improvement: NDArray[np.float64] = std * (z * ndtr(z) + np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))  # eq. 15
    return improvement


def thompson_sample(belief: Belief, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a value for each candidate by itself, (N,).

    Source: independent Thompson sampling, White et al. 2021.
    """
    return belief.mean + belief.std * rng.standard_normal(len(belief.mean))


def normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard normal's quantiles (rank - 1/2) / N of values, (N,).

    Equal values share one.

    A few networks that hardly learn lie far below all others, whose differences a model of the values themselves would
    take for noise. The authors of the algorithms take the logarithm of errors or costs, which not every signal has;
    ranks need no unit (a Gaussian copula, as Salinas, Shen and Perrone, ICML 2020, take).

    Parameters
    ----------
    values : (N,) float64
        At least one.
    """
    from scipy.special import ndtri

    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = counts.cumsum() - counts / 2
    return np.asarray(ndtri(middle / len(values))[index.reshape(-1)], dtype=np.float64)
