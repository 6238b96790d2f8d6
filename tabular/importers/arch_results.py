"""What NATS-Bench and NAS-Bench-201 record of an architecture, as numbers of a table.

Both keep, for each architecture and each set of hyperparameters, an ``ArchResults`` as a dictionary: ``arch_index``,
``arch_str``, ``dataset_seed`` and ``all_results``, the trainings by data set and seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError
from tabular.importers.collecting import Collector
from tabular.importers.results_count import SETS, costs_of, dictionary, field, metrics_of, shown, training_values
from tabular.measures import Task
from tabular.spaces import get_space

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tabular.layout import TableData, TaskData
    from tabular.progress import Progress

LICENCE = "MIT"

DATASETS = {
    "cifar10-valid": (
        "CIFAR-10",
        "train: half of the 50,000 training images; validation: the other half; test: the 10,000 test images",
    ),
    "cifar10": ("CIFAR-10", "train: all 50,000 training images; test: the 10,000 test images"),
    "cifar100": (
        "CIFAR-100",
        "train: all 50,000 training images; validation, test: 5,000 of the test images each; validation_test: both",
    ),
    "ImageNet16-120": (
        "ImageNet16-120",
        "train: all 151,700 training images; validation, test: 3,000 of the test images each; validation_test: both",
    ),
}
"""By the benchmarks' own names: the images, and what the splits are made of."""


@dataclass(frozen=True)
class Schedule:
    """A set of hyperparameters: its name in tables, the epochs that it trains for, the seeds it was used with."""

    name: str
    epochs: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Benchmark:
    """A published benchmark: its space, its schedules by the names in its files, and where it comes from."""

    title: str
    space: str
    schedules: Mapping[str, Schedule]
    citation: str
    source: str

    def tasks(self) -> list[Task]:
        """Return all tasks, named ``<data set>-<schedule>``."""
        return [self._task(dataset, schedule) for dataset in DATASETS for schedule in self.schedules.values()]

    def _task(self, dataset: str, schedule: Schedule) -> Task:
        title, splits = DATASETS[dataset]
        provenance = {
            "dataset": title,
            "splits": splits,
            "epochs": schedule.epochs,
            "hyperparameters": schedule.name,
            "licence": LICENCE,
            "citation": self.citation,
            "source": self.source,
        }
        epochs = tuple(range(1, schedule.epochs + 1))
        return Task(f"{dataset}-{schedule.name}", epochs, metrics_of(dataset), schedule.seeds, provenance)


class ArchResultsCollector:
    """Takes the architectures of a benchmark one by one and makes a table of them.

    Parameters
    ----------
    benchmark : Benchmark
    source : str or Path
        What is imported, for errors.
    progress : Progress
        Told of each architecture.
    expected : int, optional
        How many there will be; by default all of the space.
    """

    def __init__(
        self, benchmark: Benchmark, source: str | Path, progress: Progress, expected: int | None = None
    ) -> None:
        self.benchmark, self._source, self._progress = benchmark, source, progress
        self.space = get_space(benchmark.space)
        self._expected = expected or self.space.size
        self._collector = Collector(self.space, "row", benchmark.tasks(), source)
        self.indices: set[int] = set()

    def note(self, results: Mapping[str, object], where: str, index: int | None = None) -> None:
        """Take what is recorded of an architecture.

        Parameters
        ----------
        results : dict of str to dict
            Its ``ArchResults`` by the benchmark's name of the schedule.
        where : str
            The place, for errors.
        index : int, optional
            The architecture that it must be.

        Raises
        ------
        FileFormatError
            Naming the file, the data set, the seed and the field.
        """
        for key, state in results.items():
            if key not in self.benchmark.schedules:
                known = ", ".join(self.benchmark.schedules)
                raise FileFormatError(f"{where}: {str(key)!r} is none of its schedules {known}")
            row = self._row(state, f"{where}: {key}", index)
            self._note_schedule(row, self.benchmark.schedules[key], state, f"{where}: {key}")
        self._progress(len(self.indices), self._expected, where)

    def _row(self, state: object, where: str, expected: int | None) -> int:
        index, text = field(state, "arch_index", where), field(state, "arch_str", where)
        if type(index) is not int or not 0 <= index < self.space.size or expected not in {None, index}:
            wanted = f"0 to {self.space.size - 1}" if expected is None else f"{expected}"
            raise FileFormatError(f"{where}: arch_index is {shown(index)}, expected {wanted}")
        architecture = self.space.from_index(index)
        if not isinstance(text, str) or self.space.to_text(architecture) != text:
            raise FileFormatError(
                f"{where}: arch_str is {shown(text)}, but architecture {index} is {self.space.to_text(architecture)}"
            )
        self.indices.add(index)
        return self._collector.row(architecture)

    def _note_schedule(self, row: int, schedule: Schedule, state: object, where: str) -> None:
        for dataset, records in _trainings(state, schedule, where).items():
            task, place = f"{dataset}-{schedule.name}", f"{where}: {dataset}"
            for seed, record in records.items():
                at = f"{place}, seed {seed}"
                self._collector.put(row, task, seed, training_values(record, dataset, schedule.epochs, at), where=at)
            for name, (value, unit) in costs_of(records, place).items():
                self._collector.cost(row, task, name, value, unit)

    def finish(self) -> TableData:
        """Return the table's contents: tasks and seeds of which nothing was found are left out."""
        data = self._collector.finish({})
        tasks = [_trimmed(task) for task in data.tasks if task.status.any()]
        if not tasks:
            raise FileFormatError(f"{self._source}: holds no training")
        benchmark, total = self.benchmark, self.space.size
        provenance = {
            "benchmark": benchmark.title,
            "licence": LICENCE,
            "citation": benchmark.citation,
            "source": benchmark.source,
            "architectures": f"{len(self.indices):,} of {total:,}",
            "missing_architectures": total - len(self.indices),
            "trainings": {task.task.name: int(task.status.sum()) for task in tasks},
        }
        return replace(data, tasks=tasks, provenance=provenance)


def _trainings(state: object, schedule: Schedule, where: str) -> dict[str, dict[int, Any]]:
    """Return the record of each training by data set and seed."""
    results, listed = (
        dictionary(field(state, key, where), f"{where}: {key}") for key in ("all_results", "dataset_seed")
    )
    trainings: dict[str, dict[int, Any]] = {}
    for key, record in results.items():
        dataset, seed = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        if dataset not in SETS:
            raise FileFormatError(f"{where}: {dataset!r} is none of its data sets {', '.join(SETS)}")
        if type(seed) is not int or seed not in schedule.seeds:
            known = ", ".join(map(str, schedule.seeds))
            raise FileFormatError(f"{where}: {dataset}: {seed!r} is none of its seeds {known}")
        trainings.setdefault(dataset, {})[seed] = record
    for dataset in {*listed, *trainings}:
        seeds = listed.get(dataset)
        plain = isinstance(seeds, list) and all(type(seed) is int for seed in seeds)
        if not plain or seeds != sorted(trainings.get(dataset, ())):
            raise FileFormatError(f"{where}: {dataset!r}: dataset_seed lists other trainings than all_results has")
    return trainings


def check_names(names: object, benchmark: Benchmark, where: str) -> None:
    """Check that a benchmark's own list of architectures is the space's, in its order.

    Raises
    ------
    FileFormatError
        Naming the first that differs.
    """
    space = get_space(benchmark.space)
    if not isinstance(names, list) or len(names) != space.size:
        found = f"{len(names):,} architectures" if isinstance(names, list) else f"a {type(names).__name__}"
        raise FileFormatError(f"{where}: meta_archs is {found}, {benchmark.title} has {space.size:,} architectures")
    for index, (name, row) in enumerate(zip(names, space.from_index(np.arange(space.size)), strict=True)):
        if not isinstance(name, str) or space.to_text(row) != name:
            raise FileFormatError(f"{where}: meta_archs {index} is {shown(name)}, expected {space.to_text(row)}")


def _trimmed(data: TaskData) -> TaskData:
    """Leave out the seeds of which there is no training."""
    kept = np.flatnonzero(data.status.any(axis=0)).tolist()
    if len(kept) == len(data.task.seeds):
        return data
    task = replace(data.task, seeds=tuple(data.task.seeds[place] for place in kept))
    metrics = {name: values[:, kept] for name, values in data.metrics.items()}
    return replace(data, task=task, metrics=metrics, status=data.status[:, kept])
