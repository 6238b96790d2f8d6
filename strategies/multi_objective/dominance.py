"""Which of several trade-offs is better: constraint domination, nondominated sorting and crowding distance.

All of it from Deb, Pratap, Agarwal and Meyarivan, IEEE TEC 2002 (NSGA-II). Values are to be maximised.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class Domination:
    """Who dominates whom among members that come, and are replaced, one at a time.

    A member takes one comparison with all others, instead of all with all.

    Parameters
    ----------
    capacity : int
        How many members there is room for at first; it grows as needed.
    """

    def __init__(self, capacity: int) -> None:
        self._values = np.empty((capacity, 0))
        self._violations = np.full(capacity, np.inf)
        self._dominates = np.zeros((capacity, capacity), dtype=bool)
        self._dominators = np.zeros(capacity, dtype=np.int64)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    @property
    def values(self) -> NDArray[np.float64]:
        """Of the members, (N, M), as they were put; a view."""
        return self._values[: self._n]

    def put(self, place: int, values: NDArray[np.float64], violation: float) -> None:
        """Let a member take a place: a new one, ``len(self)``, or that of another, which is gone then.

        Parameters
        ----------
        place : int
        values : (M,) float64
        violation : float
        """
        if place == len(self._violations):
            self._grow()
        if not self._values.shape[1]:
            self._values = np.empty((len(self._violations), len(values)))
        n = self._n = max(self._n, place + 1)
        numbers = values.tolist()
        if not all(map(math.isfinite, numbers)):
            violation = np.inf
        self._values[place] = values
        self._violations[place] = violation
        dominates, dominated = _compare(self._values[:n], self._violations[:n], numbers, violation)
        counts, row = self._dominators[:n], self._dominates[place, :n]
        counts -= row
        counts += dominates
        counts[place] = np.count_nonzero(dominated)
        self._dominates[place, :n] = dominates
        self._dominates[:n, place] = dominated

    def _grow(self) -> None:
        more = max(1, len(self._violations))
        self._values = np.pad(self._values, ((0, more), (0, 0)))
        self._violations = np.pad(self._violations, (0, more), constant_values=np.inf)
        self._dominates = np.pad(self._dominates, ((0, more), (0, more)))
        self._dominators = np.pad(self._dominators, (0, more))

    def dominators(self, place: int) -> int:
        """Return how many dominate a member."""
        return int(self._dominators[place])

    def fronts(self) -> Iterator[NDArray[np.int64]]:
        """Yield the places of each nondominated front, the best first, ascending within (fast-nondominated-sort)."""
        return _peel(self._dominates[: self._n, : self._n], self._dominators[: self._n])


def _compare(
    values: NDArray[np.float64], violations: NDArray[np.float64], one: list[float], violation: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which members one dominates, and which dominate it, each (N,); see `domination`."""
    if violation > 0:
        return violation < violations, violations < violation
    feasible = violations == 0
    not_worse, not_better = feasible.copy(), feasible.copy()
    for column, value in zip(values.T, one, strict=True):
        not_worse &= column <= value
        not_better &= column >= value
    # Members as good in all of it are not worse and not better at once.
    return (not_worse & ~not_better) | ~feasible, not_better & ~not_worse


def domination(values: NDArray[np.float64], violations: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether member i dominates member j, (N, N) (Definition 1 of the paper).

    A feasible member dominates any that is not; of two that are not, the one with the smaller violation; of two
    feasible ones, the one that is nowhere worse and somewhere better. A member with a value that is not finite, as of a
    diverged training, is dominated by all that are.

    Parameters
    ----------
    values : (N, M) float64
        To be maximised.
    violations : (N,) float64
        0 where feasible.
    """
    violations = np.where(np.isfinite(values).all(axis=1), violations, np.inf)
    not_worse = (values[:, None] >= values[None]).all(axis=2)
    feasible = violations == 0
    pareto = not_worse & ~not_worse.T & feasible[:, None] & feasible[None]
    better: NDArray[np.bool_] = (violations[:, None] < violations[None]) | pareto
    return better


def nondominated_fronts(values: NDArray[np.float64], violations: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return the members of each nondominated front, the best first (fast-nondominated-sort).

    Parameters
    ----------
    values : (N, M) float64
    violations : (N,) float64
        As `domination` takes them.

    Returns
    -------
    list of (n,) int64
        Each ascending; together all of 0..N-1.
    """
    dominates = domination(values, violations)
    return list(_peel(dominates, dominates.sum(axis=0)))


def _peel(dominates: NDArray[np.bool_], dominators: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield those whom none that is left dominates, again and again."""
    left = len(dominators)
    counts = dominators
    while left:
        front = (counts == 0).nonzero()[0]
        yield front
        left -= len(front)
        if left:
            counts = counts - dominates[front].sum(axis=0)
            counts[front] = -1


def crowding_distance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the neighbours of each member of a front are, (N,) (crowding-distance-assignment).

    For each objective, the distance between the next smaller and the next larger value, as a share of the range;
    the ends are at infinity. An objective in which the front does not differ says nothing and has no ends.

    Parameters
    ----------
    values : (N, M) float64
        Of one front.
    """
    n, objectives = values.shape
    order = values.argsort(axis=0, kind="stable")
    distance = np.zeros(n)
    for objective in range(objectives):
        places = order[:, objective]
        ascending = values[places, objective]
        span = ascending[-1] - ascending[0]
        if span > 0:
            distance[places[1:-1]] += (ascending[2:] - ascending[:-2]) / span
            distance[places[0]] = distance[places[-1]] = np.inf
    return distance
