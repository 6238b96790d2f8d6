"""Which of several trade-offs is better: constraint domination, nondominated sorting and crowding distance.

All of it from Deb, Pratap, Agarwal and Meyarivan, IEEE TEC 2002 (NSGA-II). Values are to be maximised.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


def standing(values: Sequence[float], violation: float) -> list[float]:
    """Return M + 1 numbers of which one member's are nowhere less and somewhere more than those of any it dominates.

    Domination is that of Definition 1: a feasible member dominates any that is not; of two that are not, the one with
    the smaller violation; of two feasible ones, the one that is nowhere worse and somewhere better. A member with a
    value that is not finite, as of a diverged training, is dominated by all that have none.

    Parameters
    ----------
    values : M floats
        To be maximised.
    violation : float
        0 if feasible.
    """
    if not all(map(math.isfinite, values)):
        return [-math.inf] * (len(values) + 1)
    return [*values, 0.0] if violation == 0 else [*([-math.inf] * len(values)), -violation]


class Domination:
    """Who dominates whom in a population whose members are replaced one at a time.

    A new member is compared with all others, instead of all with all.

    Parameters
    ----------
    size : int
        How many members there is room for.
    """

    def __init__(self, size: int) -> None:
        self._standings = np.empty((0, size))
        self._dominates = np.zeros((size, size), dtype=bool)
        self._dominators = np.zeros(size, dtype=np.int64)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def put(self, place: int, values: Sequence[float], violation: float) -> None:
        """Let a member take a place: a new one, ``len(self)``, or that of another, which is gone then.

        Parameters
        ----------
        place : int
        values : M floats
        violation : float
        """
        one = standing(values, violation)
        if not len(self._standings):
            self._standings = np.empty((len(one), len(self._dominators)))
        n = self._n = max(self._n, place + 1)
        self._standings[:, place] = one
        not_worse = not_better = np.ones(n, dtype=bool)
        for row, number in zip(self._standings[:, :n], one, strict=True):
            not_worse = not_worse & (row <= number)
            not_better = not_better & (row >= number)
        dominates, dominated = not_worse & ~not_better, not_better & ~not_worse
        dominators = self._dominators[:n]
        dominators -= self._dominates[place, :n]
        dominators += dominates
        dominators[place] = np.count_nonzero(dominated)
        self._dominates[place, :n] = dominates
        self._dominates[:n, place] = dominated

    def fronts(self) -> Iterator[NDArray[np.int64]]:
        """Yield the places of each nondominated front, the best first, ascending within (fast-nondominated-sort)."""
        return _peel(self._dominates[: self._n, : self._n], self._dominators[: self._n])


def nondominated_fronts(standings: NDArray[np.float64]) -> Iterator[NDArray[np.int64]]:
    """Yield the members of each nondominated front, ascending, the best front first (fast-nondominated-sort).

    Parameters
    ----------
    standings : (N, M + 1) float64
        As `standing` gives them.
    """
    not_worse = (standings[:, None] >= standings[None]).all(axis=2)
    dominates = not_worse & ~not_worse.T
    return _peel(dominates, dominates.sum(axis=0))


def _peel(dominates: NDArray[np.bool_], dominators: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield those whom none that is left dominates, again and again."""
    left = len(dominators)
    while left:
        front = (dominators == 0).nonzero()[0]
        yield front
        left -= len(front)
        dominators = dominators - dominates[front].sum(axis=0)
        dominators[front] = -1


def crowding_distance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the neighbours of each member of a front are, (N,) (crowding-distance-assignment).

    For each objective, the distance between the next smaller and the next larger value, as a share of the range; the
    ends are at infinity. An objective in which the front does not differ, or diverged, says nothing and has no ends.

    Parameters
    ----------
    values : (N, M) float64
        Of one front.
    """
    distance = np.zeros(len(values))
    for column, order in zip(values.T, values.argsort(axis=0, kind="stable").T, strict=True):
        ascending = column[order]
        if ascending[-1] > ascending[0] > -math.inf:
            distance[order[1:-1]] += (ascending[2:] - ascending[:-2]) / (ascending[-1] - ascending[0])
            distance[order[0]] = distance[order[-1]] = math.inf
    return distance
