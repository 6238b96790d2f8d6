"""How fast a device trains the groups of a table, measured on a few of them."""

from __future__ import annotations

import itertools
import shutil
import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tabular.generation.journal import Record
from tabular.generation.workshop import Job, Workshop
from tabular.invariants import DONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.generation.engine import Engine
    from tabular.generation.groups import Group
    from tabular.training.dataset import Dataset

STEPS = 16
"""The most steps of a measured epoch; where an epoch has more, a part of the images stands for all."""

MORE_EPOCHS = 3
"""A group is trained for one epoch and for so many: the difference is what epochs take, the rest what they do not."""

_MEASURED = ("fixed_seconds", "epoch_seconds", "counting_seconds", "busy_seconds")
_SCRATCH = "measuring"


@dataclass(frozen=True)
class Throughput:
    """What a network takes, in each of K groups that trained while as many others trained as an engine has workers.

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
        """Return the wall-clock seconds of a training in each of the groups, (K,) float64.

        Parameters
        ----------
        epochs : int
        counted : float
            The share of trainings with which a network's costs are measured.
        """
        return self.fixed + epochs * self.epoch + counted * self.counting


def measure(
    workshop: Workshop, groups: Sequence[Group], engine: Engine, *, seconds: float = 4.0, least: int = 4
) -> Throughput:
    """Train some groups for a few steps, with the engine that is to train them all.

    Parameters
    ----------
    workshop : Workshop
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
    scratch = workshop.folder / _SCRATCH
    sample = _sample(workshop.dataset, STEPS * workshop.recipe.batch_size)
    header = replace(workshop.header, metrics=_MEASURED, epochs=(1,), costs=())
    probe = _Probe(**{**vars(workshop), "dataset": sample, "folder": scratch, "header": header})
    ended: list[float] = []
    measured: list[NDArray[np.float32]] = []

    def few() -> Iterator[Job]:
        for number, group in enumerate(itertools.cycle(groups)):
            if ended and number >= least and time.perf_counter() - ended[0] > seconds:
                return
            yield Job(group, group.rows[:1])

    remove_scratch(workshop.folder)
    scratch.mkdir()
    began = time.perf_counter()
    try:
        with closing(engine.train(probe, few())) as results:
            for records in results:
                ended.append(time.perf_counter())
                measured += [record.metrics[:, 0] for record in records]
    finally:
        remove_scratch(workshop.folder)
    fixed, epoch, counting, busy = np.array(measured, dtype=np.float64).T
    epochs_in_full = len(workshop.dataset.train) / len(sample.train)
    startup = max(0.0, ended[0] - began - float(busy[0]))
    return Throughput(fixed, epoch * epochs_in_full, counting, startup, float(busy.mean()))


def measuring_seconds(budget: float) -> float:
    """Return how long a run with a budget goes on measuring after the first group."""
    return min(4.0, budget / 20)


def remove_scratch(folder: Path) -> None:
    """Remove what a measurement left in a folder that was killed."""
    shutil.rmtree(folder / _SCRATCH, ignore_errors=True)


class _Probe(Workshop):
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
    """Return a data set with so many of the images for training, and the same share of the others."""
    if images >= len(dataset.train):
        return dataset
    share = images / len(dataset.train)
    _, one_of_each_class = np.unique(dataset.labels[dataset.train], return_index=True)
    others = np.setdiff1d(np.arange(len(dataset.train)), one_of_each_class)
    chosen = np.concatenate([one_of_each_class, others])[: max(images, len(one_of_each_class))]
    validation, test = (split[: max(2, round(share * len(split)))] for split in (dataset.validation, dataset.test))
    return replace(dataset, train=dataset.train[chosen], validation=validation, test=test)
