"""Records of an architecture as NATS-Bench and NAS-Bench-201 write them.

Both keep, for each architecture and each set of hyperparameters, an ``ArchResults`` as a dictionary: ``arch_index``,
``arch_str``, ``dataset_seed`` and ``all_results``, the trainings by data set and seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError
from tabular.importers.collecting import Collector
from tabular.measures import Metric, Task, standard_metric
from tabular.spaces import get_space

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.layout import TableData, TaskData
    from tabular.work import Progress

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

SETS = {
    "cifar10-valid": {"x-valid": "validation", "ori-test": "test"},
    "cifar10": {"ori-test": "test"},
    "cifar100": {"x-valid": "validation", "x-test": "test", "ori-test": "validation_test"},
    "ImageNet16-120": {"x-valid": "validation", "x-test": "test", "ori-test": "validation_test"},
}
"""What each data set's evaluation sets are: ``ori-test`` is the original test images, which two of them halve."""

SEED_OF_COSTS = 888
"""Where trainings of one architecture disagree on its size, the benchmark's own API goes by this seed."""

PERCENT = 100.0
MILLION = 1e6
FLOP_PER_MULTIPLY_ADD = 2


@dataclass(frozen=True)
class Schedule:
    """A set of hyperparameters: its name in tables, its epochs, its seeds."""

    name: str
    epochs: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Benchmark:
    """A published benchmark: its space, its schedules, its origin.

    The schedules are by the names in its files.
    """

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
            task, location = f"{dataset}-{schedule.name}", f"{where}: {dataset}"
            for seed, record in records.items():
                at = f"{location}, seed {seed}"
                self._collector.put(row, task, seed, training_values(record, dataset, schedule.epochs, at), where=at)
            for name, (value, unit) in costs_of(records, location).items():
                self._collector.cost(row, task, name, value, unit)

    def finish(self) -> TableData:
        """Return the table's contents.

        Tasks and seeds of which nothing was found are left out.
        """
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
    for index, (name, expected) in enumerate(zip(names, _names_in_order(benchmark.space), strict=True)):
        if not isinstance(name, str) or name != expected:
            raise FileFormatError(f"{where}: meta_archs {index} is {shown(name)}, expected {expected}")


@lru_cache(maxsize=2)
def _names_in_order(space_name: str) -> list[str]:
    """Write all rows of a named space in the order of their indices."""
    space = get_space(space_name)
    names: list[str] = space.to_text(space.from_index(np.arange(space.size)))
    return names


def _trimmed(data: TaskData) -> TaskData:
    """Leave out the seeds of which there is no training."""
    kept = np.flatnonzero(data.status.any(axis=0)).tolist()
    if len(kept) == len(data.task.seeds):
        return data
    task = replace(data.task, seeds=tuple(data.task.seeds[index] for index in kept))
    metrics = {name: values[:, kept] for name, values in data.metrics.items()}
    return replace(data, task=task, metrics=metrics, status=data.status[:, kept])


def metrics_of(dataset: str) -> dict[str, Metric]:
    """Return what is recorded of trainings on a data set."""
    found = [standard_metric(name) for name in ("train_accuracy", "train_loss", "train_seconds")]
    for part in SETS[dataset].values():
        split = "test" if part == "validation_test" else part
        found += [
            Metric(f"{part}_accuracy", "fraction", split, "maximize"),
            Metric(f"{part}_loss", "nat", split, "minimize"),
            Metric(f"{part}_eval_seconds", "second per evaluation", "none", "minimize"),
        ]
    return {metric.name: metric for metric in found}


def training_values(record: dict[str, Any], dataset: str, epochs: int, where: str) -> dict[str, NDArray[np.float64]]:
    """Return the numbers of one training.

    Parameters
    ----------
    record : dict
    dataset : str
    epochs : int
        How many there must be.
    where : str
        The place, for errors.

    Returns
    -------
    dict of str to (E,) float64
        By metric; NaN at epochs after which the file has no evaluation. ``train_seconds`` are summed up to the epoch.

    Raises
    ------
    FileFormatError
        Naming the field and the value that is missing or none.
    """
    said = field(record, "epochs", where)
    if type(said) is not int or said != epochs:
        raise FileFormatError(f"{where}: epochs is {shown(said)}, expected {epochs}")
    values = {
        "train_accuracy": _fractions(_by_epoch(record, "train_acc1es", epochs, where), f"{where}: train_acc1es"),
        "train_loss": _by_epoch(record, "train_losses", epochs, where),
        "train_seconds": np.full(epochs, np.nan),
    }
    if field(record, "train_times", where) is not None:
        values["train_seconds"] = np.cumsum(_by_epoch(record, "train_times", epochs, where, least=0))
    evaluated: dict[str, list[str]] = {}
    for key, suffix in (("eval_acc1es", "accuracy"), ("eval_losses", "loss"), ("eval_times", "eval_seconds")):
        by_set = _by_set(record, key, dataset, epochs, where)
        for part, numbers in by_set.items():
            scaled = _fractions(numbers, f"{where}: {key} of {part}") if suffix == "accuracy" else numbers
            values[f"{SETS[dataset][part]}_{suffix}"] = scaled
            evaluated.setdefault(suffix, []).extend(f"{part}@{epoch}" for epoch in np.flatnonzero(~np.isnan(numbers)))
    differing = set(evaluated.get("accuracy", ())) ^ set(evaluated.get("loss", ()))
    if differing:
        raise FileFormatError(f"{where}: {min(differing)} is in one of eval_acc1es and eval_losses only")
    return values


def costs_of(records: dict[int, dict[str, Any]], where: str) -> dict[str, tuple[float, str]]:
    """Return what an architecture costs, from its trainings by seed.

    Each cost is ``value, unit``. Sizes on which the trainings disagree are taken from seed 888, as the benchmark's API
    does; without it they are NaN, as is a latency that was not measured.

    Raises
    ------
    FileFormatError
    """
    seeds = sorted(records)

    def of_each_seed(key: str, number: Callable[[object, str], float]) -> list[float]:
        locations = {seed: f"{where}, seed {seed}" for seed in seeds}
        return [
            number(field(records[seed], key, location), f"{location}: {key}") for seed, location in locations.items()
        ]

    parameters, multiply_adds = (_agreed(of_each_seed(key, _number), seeds) for key in ("params", "flop"))
    measured = [latency for latency in of_each_seed("latency", _latency) if latency > 0]
    return {
        "parameters": (round(parameters * MILLION, 3), "count"),
        "flops": (round(multiply_adds * MILLION * FLOP_PER_MULTIPLY_ADD, 3), "FLOP"),
        "latency_seconds": (sum(measured) / len(measured) if measured else np.nan, "second"),
    }


def field(record: object, key: str, where: str) -> Any:
    """Return a field of a dictionary.

    Raises
    ------
    FileFormatError
        If it is not there, or there is no dictionary.
    """
    fields = dictionary(record, where)
    if key not in fields:
        raise FileFormatError(f"{where}: {key} is missing")
    return fields[key]


def dictionary(value: object, where: str) -> dict[Any, Any]:
    """Return a dictionary as it is.

    Raises
    ------
    FileFormatError
        If it is something else.
    """
    if not isinstance(value, dict):
        raise FileFormatError(f"{where}: is a {type(value).__name__}, expected a dictionary")
    return value


def shown(value: object) -> str:
    """Return how a value of a file is written in a message.

    What holds other values could be endless.
    """
    return repr(value)[:200] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def _agreed(sizes: Sequence[float], seeds: Sequence[int]) -> float:
    if len({f"{size:.5f}" for size in sizes}) == 1:
        return sum(sizes) / len(sizes)
    return sizes[seeds.index(SEED_OF_COSTS)] if SEED_OF_COSTS in seeds else np.nan


def _latency(value: object, where: str) -> float:
    if value is None:
        return np.nan
    if not isinstance(value, list):
        raise FileFormatError(f"{where}: is a {type(value).__name__}, expected a list of seconds")
    return sum(_number(seconds, where, least=-1) for seconds in value) / len(value) if value else np.nan


def _by_epoch(record: dict[str, Any], key: str, epochs: int, where: str, least: float = -np.inf) -> NDArray[np.float64]:
    location = f"{where}: {key}"
    numbers = dictionary(field(record, key, where), location)
    if len(numbers) != epochs or any(epoch not in numbers for epoch in range(epochs)):
        raise FileFormatError(f"{location}: has {len(numbers)} epochs, expected 0 to {epochs - 1}")
    return _numbers([numbers[epoch] for epoch in range(epochs)], range(epochs), location, least)


def _by_set(record: dict[str, Any], key: str, dataset: str, epochs: int, where: str) -> dict[str, NDArray[np.float64]]:
    """Return the numbers of each evaluation set by epoch, NaN where there is none."""
    location = f"{where}: {key}"
    numbers = dictionary(field(record, key, where), location)
    checked = _numbers(list(numbers.values()), list(numbers), location, least=0 if key == "eval_times" else -np.inf)
    found: dict[str, NDArray[np.float64]] = {}
    for name, number in zip(numbers, checked.tolist(), strict=True):
        part, epoch = _split(name) if isinstance(name, str) else ("", -1)
        if part not in SETS[dataset] or not 0 <= epoch < epochs:
            raise FileFormatError(f"{location}: {name!r} is none of {', '.join(SETS[dataset])} at 0 to {epochs - 1}")
        if part not in found:
            found[part] = np.full(epochs, np.nan)
        found[part][epoch] = number
    return found


@lru_cache(maxsize=4096)
def _split(name: str) -> tuple[str, int]:
    part, _, epoch = name.partition("@")
    return part, int(epoch) if epoch.isascii() and epoch.isdigit() and len(epoch) < 6 else -1


def _numbers(values: Sequence[object], names: Sequence[object], where: str, least: float) -> NDArray[np.float64]:
    if set(map(type, values)) <= {float, int}:
        numbers = np.array(values, dtype=np.float64)
        if np.isfinite(numbers).all() and (numbers >= least).all():
            return numbers
    return np.array([_number(value, f"{where}: {name}", least) for value, name in zip(values, names, strict=True)])


def _number(value: object, where: str, least: float = -np.inf) -> float:
    if not isinstance(value, float | int | np.floating | np.integer) or isinstance(value, bool):
        raise FileFormatError(f"{where} is a {type(value).__name__}, expected a number")
    number = float(value)
    if not np.isfinite(number) or number < least:
        raise FileFormatError(
            f"{where} is {number:g}, expected a number{f' of at least {least:g}' if least > -9 else ''}"
        )
    return number


def _fractions(percent: NDArray[np.float64], where: str) -> NDArray[np.float64]:
    outside = np.flatnonzero((percent < 0) | (percent > PERCENT))
    if len(outside):
        raise FileFormatError(f"{where} at epoch {outside[0]} is {percent[outside[0]]:g}, expected a percentage")
    return percent / PERCENT
