"""The best nondominated fronts of a growing number of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.multi_objective.dominance import standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ROOM = 64
"""For how many points there is room before it doubles."""


class BestFronts:
    """Results by nondominated front, as many fronts as were asked for; results behind these are not sorted.

    Results that stand alike are one point. A new point enters the first front in which none dominates it; whom it
    dominates there moves to the next front, and so on (the update of nondomination levels of Li, Deb, Zhang, Suganthan
    and Chen, IEEE TEVC 2017).

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
            self._place(point, one)
        self._n += 1
        return point, point not in self._behind

    def _place(self, point: int, one: tuple[float, ...]) -> None:
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
            self.fronts[level] = [each for each, worse in zip(front, beaten, strict=True) if not worse] + moving
            moving = [each for each, worse in zip(front, beaten, strict=True) if worse]
            level += 1
        self._behind.update(dict.fromkeys(moving))
        self._n_behind += sum(len(self.results[each]) for each in moving)

    def _level(self, one: NDArray[np.float64]) -> int:
        """Return the first front in which none dominates a new point: one that does is dominated in all before."""
        low, high = 0, len(self.fronts)
        while low < high:
            middle = (low + high) // 2
            if (self._standings[self.fronts[middle]] >= one).all(axis=1).any():
                low = middle + 1
            else:
                high = middle
        return low

    def _beaten(self, front: list[int], by: list[int]) -> list[bool]:
        """Return which points of a front are dominated by any of some others; no two points are equal."""
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
