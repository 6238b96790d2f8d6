"""Constraint domination, nondominated sorting and crowding distance.

All but `BestFronts` is from Deb, Pratap, Agarwal and Meyarivan, IEEE TEC 2002 (NSGA-II). Values are to be maximised.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_ROOM = 64
"""The number of points for which `BestFronts` has room at first; it doubles when it is full."""


def standing(values: Sequence[float], violation: float) -> list[float]:
    """Return M + 1 numbers that order members as dominance does.

    One member's are nowhere less and somewhere more than those of any it dominates.

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
    """The relation of domination in a population, updated member by member.

    A new member is compared with all others, instead of all with all. There is room for ``size`` members.
    """

    def __init__(self, size: int) -> None:
        self._standings = np.empty((0, size))
        self._dominates = np.zeros((size, size), dtype=bool)
        self._dominators = np.zeros(size, dtype=np.int64)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def put(self, index: int, values: Sequence[float], violation: float) -> None:
        """Set the member of an index.

        A new one, ``len(self)``, or that of another, which is gone then.
        """
        one = standing(values, violation)
        if not len(self._standings):
            self._standings = np.empty((len(one), len(self._dominators)))
        n = self._n = max(self._n, index + 1)
        self._standings[:, index] = one
        not_worse = not_better = np.ones(n, dtype=bool)
        for row, number in zip(self._standings[:, :n], one, strict=True):
            not_worse = not_worse & (row <= number)
            not_better = not_better & (row >= number)
        dominates, dominated = not_worse & ~not_better, not_better & ~not_worse
        dominators = self._dominators[:n]
        dominators -= self._dominates[index, :n]
        dominators += dominates
        dominators[index] = np.count_nonzero(dominated)
        self._dominates[index, :n] = dominates
        self._dominates[:n, index] = dominated

    def fronts(self) -> Iterator[NDArray[np.int64]]:
        """Yield the indices of each nondominated front, the best first.

        Indices ascend within a front (fast-nondominated-sort).
        """
        return _peel(self._dominates[: self._n, : self._n], self._dominators[: self._n])


def nondominated_fronts(standings: NDArray[np.float64]) -> Iterator[NDArray[np.int64]]:
    """Yield the members of each nondominated front, the best front first.

    Members ascend (fast-nondominated-sort).

    Parameters
    ----------
    standings : (N, M + 1) float64
        As `standing` gives them.
    """
    not_worse = (standings[:, None] >= standings[None]).all(axis=2)
    dominates = not_worse & ~not_worse.T
    return _peel(dominates, dominates.sum(axis=0))


def _peel(dominates: NDArray[np.bool_], dominators: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield those that none of the rest dominates, again and again."""
    left = len(dominators)
    while left:
        front = (dominators == 0).nonzero()[0]
        yield front
        left -= len(front)
        dominators = dominators - dominates[front].sum(axis=0)
        dominators[front] = -1


def crowding_distance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the neighbours of each member of a front are, (N,).

    This is crowding-distance-assignment.

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


class BestFronts:
    """The best nondominated fronts of a growing number of results.

    There are as many fronts as were asked for; results behind these are not sorted. Results that stand alike are one
    point. A new point enters the first front in which none dominates it; those it dominates there move to the next
    front, and so on (the update of nondomination levels of Li, Deb, Zhang, Suganthan and Chen, IEEE TEVC 2017).

    Attributes
    ----------
    results : list of list of int
        The results of each point, counted from 0 in the order in which they came.
    fronts : list of list of int
        The points of each front, with all results of these fronts.
    """

    def __init__(self) -> None:
        self.results: list[list[int]] = []
        self.fronts: list[list[int]] = []
        self._points: dict[tuple[float, ...], int] = {}
        self._standings = np.empty((0, 0))
        self._behind: dict[int, None] = {}
        self._n = self._n_behind = 0

    def __len__(self) -> int:
        """Return how many results there are."""
        return self._n

    def add(self, values: Sequence[float], violation: float) -> tuple[int, bool]:
        """Take a result, and return its point, and whether it changed the fronts.

        Parameters
        ----------
        values : M floats
            To be maximised.
        violation : float
        """
        one = tuple(standing(values, violation))
        point = self._points.setdefault(one, len(self._points))
        if point < len(self.results):
            self.results[point].append(self._n)
            self._n_behind += point in self._behind
        else:
            self.results.append([self._n])
            self._insert(point, one)
        self._n += 1
        return point, point not in self._behind

    def _insert(self, point: int, one: tuple[float, ...]) -> None:
        """Let a new point enter its front."""
        if point == len(self._standings):
            grown = np.empty((max(_ROOM, 2 * point), len(one)))
            grown[:point] = self._standings.reshape(point, len(one))
            self._standings = grown
        self._standings[point] = one
        moving, level = [point], self._level(self._standings[point])
        while moving and level < len(self.fronts):
            front = self.fronts[level]
            beaten = self._beaten(front, moving)
            if all(beaten):  # then all fronts from here on stay as they are, one further back
                self.fronts.insert(level, moving)
                return
            self.fronts[level] = [other for other, worse in zip(front, beaten, strict=True) if not worse] + moving
            moving = [other for other, worse in zip(front, beaten, strict=True) if worse]
            level += 1
        self._behind.update(dict.fromkeys(moving))
        self._n_behind += sum(len(self.results[other]) for other in moving)

    def _level(self, one: NDArray[np.float64]) -> int:
        """Return the first front in which none dominates a new point.

        One that does is dominated in all before.
        """
        low, high = 0, len(self.fronts)
        while low < high:
            middle = (low + high) // 2
            if (self._standings[self.fronts[middle]] >= one).all(axis=1).any():
                low = middle + 1
            else:
                high = middle
        return low

    def _beaten(self, front: list[int], by: list[int]) -> list[bool]:
        """Return which points of a front are dominated by any of some others.

        No two points are equal.
        """
        not_worse: NDArray[np.bool_] = np.asarray(
            (self._standings[by] >= self._standings[front][:, None]).all(axis=2), dtype=bool
        )
        return list(map(any, not_worse.tolist())) if len(by) > 1 else not_worse[:, 0].tolist()

    def sort_out(self, n: int) -> None:
        """Add fronts until they have at least ``n`` results, or all that there are."""
        while self._n - self._n_behind < n and self._behind:
            front = self._first_front()
            self.fronts.append(front)
            for point in front:
                del self._behind[point]
                self._n_behind -= len(self.results[point])

    def _first_front(self) -> list[int]:
        """Return the points that none of those behind dominates."""
        left = np.array(list(self._behind))
        # In descending order, no point is dominated by a later one.
        left = left[np.lexsort(self._standings[left].T)[::-1]]
        standings = self._standings[left]
        front: list[int] = []
        while len(left):
            front.append(int(left[0]))
            keep = ~(standings <= standings[0]).all(axis=1)
            left, standings = left[keep], standings[keep]
        return front
