"""Handing out the groups of a table only as long as they end in time."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tabular.generation.groups import Group
    from tabular.generation.journal import Record
    from tabular.generation.workshop import Job

MARGIN = 1.25
"""A group is expected to take so many times what the slowest of the last ones took."""

_REMEMBERED = 32
_VALUES_A_SECOND = 2.5e6
"""A third of the speed that was measured for turning journals into a table, of 10^5 to 10^7 values."""
_LEAST_CLOSING = 2.0


def closing_seconds(values: int) -> float:
    """Return the time to set aside for writing a table and ending.

    Parameters
    ----------
    values : int
        How many numbers its metrics have in all.
    """
    return _LEAST_CLOSING + values / _VALUES_A_SECOND


class Deadline:
    """Hands out jobs as long as there is time for them, by what earlier ones took.

    Parameters
    ----------
    ends : float
        When the last group must have ended, on the clock.
    expected : float
        Seconds a network, until a group has ended.
    startup : float
        Seconds until a worker begins.
    clock : callable
        Tells the time in seconds.
    """

    def __init__(
        self, ends: float, expected: float, startup: float = 0.0, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._ends, self._startup, self._clock = ends, startup, clock
        self._took = deque([expected], maxlen=_REMEMBERED)
        self._began: dict[tuple[int, int], tuple[float, int]] = {}
        self._first_end = math.inf

    def overrun(self, group: Group) -> float:
        """Return by how many seconds a group that begins now is expected to miss the deadline; below 0 it does not."""
        startup = self._startup if self._first_end == math.inf else 0.0
        return self._clock() + startup + MARGIN * max(self._took) * len(group.rows) - self._ends

    def within(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """Yield jobs until the next one would end too late."""
        for job in jobs:
            if self.overrun(job.group) > 0:
                return
            self._began[job.group.rows[0], job.group.seed] = self._clock(), len(job.group.rows)
            yield job

    def ended(self, records: Sequence[Record]) -> None:
        """Learn from a group that has just ended."""
        now = self._clock()
        began, networks = self._began.pop((records[0].row, records[0].seed))
        if began > self._first_end:  # earlier ones waited for their worker to start
            self._took.append((now - began) / networks)
        self._first_end = min(self._first_end, now)
