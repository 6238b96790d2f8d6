"""The speed at which groups train, and deadlines that are kept by it.

Speed is measured on a few of the groups.
"""

from __future__ import annotations

import itertools
import math
import shutil
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tabular.generation.engine import Job, WorkerContext
from tabular.generation.journal import Record
from tabular.layout import DONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.generation.engine import Engine
    from tabular.generation.plan import Group
    from tabular.training.dataset import Dataset

STEPS = 16
"""The most steps of a measured epoch; where an epoch has more, a part of the images stands for all."""

MORE_EPOCHS = 3
"""A group is trained for one epoch and for so many: the difference is what epochs take, the rest what they do not."""

MARGIN = 1.25
"""A group is expected to take so many times what the slowest of the last ones took."""

_MEASURED = ("fixed_seconds", "epoch_seconds", "counting_seconds", "busy_seconds")
_SCRATCH = "measuring"
_REMEMBERED = 32

_VALUES_A_SECOND = 2.5e6
"""A third of the speed that was measured for turning journals into a table, of 10^5 to 10^7 values."""

_LEAST_CLOSING = 2.0


@dataclass(frozen=True)
class Throughput:
    """The time that a network takes, in each of K groups.

    As many others trained meanwhile as an engine has workers.

    Parameters
    ----------
    fixed : (K,) float64
        Seconds besides its epochs, above all for building it.
    epoch : (K,) float64
        Seconds of an epoch, its evaluation included.
    counting : (K,) float64
        Seconds for its costs, which are measured once, whatever the number of seeds.
    startup : float
        Seconds until the first worker could begin.
    probing : float
        Seconds that it took to measure a group.
    """

    fixed: NDArray[np.float64]
    epoch: NDArray[np.float64]
    counting: NDArray[np.float64]
    startup: float
    probing: float

    def training(self, epochs: int, counted: float = 1.0) -> NDArray[np.float64]:
        """Return the wall-clock seconds of a training in each of the groups.

        The shape is (K,) float64.

        Parameters
        ----------
        epochs : int
        counted : float
            The share of trainings with which a network's costs are measured.
        """
        return self.fixed + epochs * self.epoch + counted * self.counting


def measure(
    context: WorkerContext, groups: Sequence[Group], engine: Engine, *, seconds: float = 4.0, least: int = 4
) -> Throughput:
    """Train some groups for a few steps, with the engine that is to train them all.

    Parameters
    ----------
    context : WorkerContext
        Nothing stays in its folder.
    groups : sequence of Group
        In the order in which they are to be trained; where they are few, some are measured again.
    engine : Engine
    seconds : float
        No group is begun so long after the first has ended,
    least : int
        unless so many have not been begun.

    Raises
    ------
    NasbenchError
        If a group cannot be trained.
    """
    scratch = context.folder / _SCRATCH
    sample = _sample(context.dataset, STEPS * context.recipe.batch_size)
    header = replace(context.header, metrics=_MEASURED, epochs=(1,), costs=())
    probe = _Probe(**{**vars(context), "dataset": sample, "folder": scratch, "header": header})
    ended: list[float] = []
    measured: list[NDArray[np.float32]] = []

    def few() -> Iterator[Job]:
        for number, group in enumerate(itertools.cycle(groups)):
            if ended and number >= least and time.perf_counter() - ended[0] > seconds:
                return
            yield Job(group, group.rows[:1])

    remove_scratch(context.folder)
    scratch.mkdir()
    began = time.perf_counter()
    try:
        with closing(engine.train(probe, few())) as results:
            for records in results:
                ended.append(time.perf_counter())
                measured += [record.metrics[:, 0] for record in records]
    finally:
        remove_scratch(context.folder)
    fixed, epoch, counting, busy = np.array(measured, dtype=np.float64).T
    epochs_in_full = len(context.dataset.train) / len(sample.train)
    startup = max(0.0, ended[0] - began - float(busy[0]))
    return Throughput(fixed, epoch * epochs_in_full, counting, startup, float(busy.mean()))


def measuring_seconds(budget: float) -> float:
    """Return how long a run with a budget goes on measuring after the first group."""
    return min(4.0, budget / 20)


def remove_scratch(folder: Path) -> None:
    """Remove what a measurement left in a folder that was killed."""
    shutil.rmtree(folder / _SCRATCH, ignore_errors=True)


class _Probe(WorkerContext):
    """Measures what a group takes rather than what its networks achieve."""

    def train(self, job: Job) -> list[Record]:
        """Return one record, with seconds per network as its metrics."""
        from tabular.training.costs import network_costs

        rows, seed = job.group
        began = time.perf_counter()
        self._seconds(rows[:1], seed, 1)  # the first training of a process loads libraries and images
        once, longer = self._seconds(rows, seed, 1), self._seconds(rows, seed, MORE_EPOCHS)
        counting_began = time.perf_counter()
        network_costs(self.space, self.architectures[rows[0]], self.recipe, self.dataset)
        ended = time.perf_counter()
        epoch = max(0.0, (longer - once) / (MORE_EPOCHS - 1))
        fixed = max(0.0, once - epoch)
        metrics = [fixed / len(rows), epoch / len(rows), ended - counting_began, ended - began]
        return [Record(rows[0], seed, DONE, np.array(metrics, dtype=np.float32)[:, None], np.array([]))]

    def _seconds(self, rows: tuple[int, ...], seed: int, epochs: int) -> float:
        from tabular.training.fused import train_group

        began = time.perf_counter()
        recipe = self.recipe.replace(epochs=epochs)
        train_group(self.space, self.architectures[list(rows)], recipe, self.dataset, seed, self.device)
        return time.perf_counter() - began


def _sample(dataset: Dataset, images: int) -> Dataset:
    """Return a data set with so many training images.

    Of the other images it has the same share.
    """
    if images >= len(dataset.train):
        return dataset
    share = images / len(dataset.train)
    _, one_of_each_class = np.unique(dataset.labels[dataset.train], return_index=True)
    others = np.setdiff1d(np.arange(len(dataset.train)), one_of_each_class)
    chosen = np.concatenate([one_of_each_class, others])[: max(images, len(one_of_each_class))]
    validation, test = (split[: max(2, round(share * len(split)))] for split in (dataset.validation, dataset.test))
    return replace(dataset, train=dataset.train[chosen], validation=validation, test=test)


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
        """Return the seconds by which a group that begins now would miss the deadline.

        Below 0 it is expected not to.
        """
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
