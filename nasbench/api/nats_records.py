"""The numbers of a table by data set and hp, flat, for NATS-Bench's API.

Each metric is read when it is first needed.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import FileFormatError, QueryError
from tabular.layout import DIVERGED, MISSING
from tabular.measures import SECONDS, mean_of_known
from tabular.spaces.cell import CellSpace
from tabular.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tabular.spaces import Space

TRAIN = "train"
UNION = "validation_test"
"""Validation and test set in one, on which NATS-Bench evaluates networks after every epoch."""

CIFAR10 = ("cifar10-valid", "cifar10")
"""The data sets whose test set is the published one; that of all others is a part of it."""


ARCHIVES = {".pbz2": "nats-bench", ".pickle": "nats-bench", ".tar": "nats-bench", ".pth": "nasbench201"}
"""How the files of the original packages end, and the format as which each is imported."""

TOPOLOGY, SIZE = ("tss", "topology"), ("sss", "size")
"""What the originals call their search spaces."""


class _Absent:
    """Stands for a metric that the table lacks: not a number, wherever it is asked."""

    def __getitem__(self, _: int) -> float:
        return float("nan")


class Split(NamedTuple):
    """A set of images: our name, the key of `get_more_info`, and the setname."""

    ours: str
    key: str
    setname: str


def splits_of(dataset: str) -> tuple[Split, ...]:
    """Return the sets of images besides the training set, in the order of `get_more_info`'s keys."""
    if dataset in CIFAR10:
        return Split("validation", "valid", "x-valid"), Split("test", "test", "ori-test")
    return Split("validation", "valid", "x-valid"), Split("test", "test", "x-test"), Split(UNION, "valtest", "ori-test")


class Column:
    """Losses, accuracies (fractions) and seconds on one set of images.

    Each is flat: training ``t`` of row ``r`` after the epoch at place ``e`` is at ``(r * trainings + t) * epochs + e``.

    Parameters
    ----------
    table : Table
    task : str
    split : Split
    averaged : bool
        Hold one training a row, the mean over those that have a number.
    """

    def __init__(self, table: Table, task: str, split: Split, averaged: bool) -> None:
        self.split = split
        self.keys = tuple(f"{split.key}-{what}" for what in ("loss", "accuracy", "per-time", "all-time"))
        self._table, self._task, self._averaged = table, task, averaged

    @cached_property
    def loss(self) -> Any:
        """Losses."""
        return self._flat(f"{self.split.ours}_loss")

    @cached_property
    def accuracy(self) -> Any:
        """Accuracies."""
        return self._flat(f"{self.split.ours}_accuracy")

    @cached_property
    def seconds(self) -> Any:
        """Seconds of training, or of one evaluation after each epoch.

        Not known unless every epoch is on record.
        """
        if self.split.key == TRAIN:
            return self._flat(SECONDS)
        return self._flat(f"{self.split.ours}_eval_seconds", summed=True)

    def _flat(self, metric: str, summed: bool = False) -> Any:
        task = self._table.tasks[self._task]
        if metric not in task.metrics or (summed and task.epochs != tuple(range(1, len(task.epochs) + 1))):
            return _Absent()
        values: NDArray[Any] = self._table.metric(self._task, metric)
        if summed:
            values = np.cumsum(values, axis=2, dtype=np.float64).astype(np.float32)
        if self._averaged and values.shape[1] > 1:
            trainings = values.transpose(0, 2, 1).reshape(-1, values.shape[1]).astype(np.float64)
            values = mean_of_known(trainings).astype(np.float32)
        flat: Any = np.ascontiguousarray(values).reshape(-1)
        return memoryview(flat)


class Columns:
    """All sets of images of a task, of single trainings or averaged."""

    def __init__(self, table: Table, task: str, dataset: str, averaged: bool) -> None:
        metrics = table.tasks[task].metrics
        self.train = Column(table, task, Split(TRAIN, TRAIN, TRAIN), averaged)
        self.others = tuple(
            Column(table, task, split, averaged)
            for split in splits_of(dataset)
            if f"{split.ours}_accuracy" in metrics or f"{split.ours}_loss" in metrics
        )

    @cached_property
    def buffers(self) -> tuple[tuple[Any, ...], ...]:
        """Losses, accuracies, seconds and keys of each of `others`: at hand for the most frequent query."""
        return tuple((each.loss, each.accuracy, each.seconds, *each.keys) for each in self.others)

    def column(self, setname: str) -> Column | None:
        """Return the column of a "setname", or of ``valid`` and ``test``.

        None if there is none.
        """
        every = (self.train, *self.others)
        return next((each for each in every if setname in {each.split.setname, each.split.key}), None)


class TaskRecords:
    """The trainings of a table on one data set with one recipe, by row of the table.

    Parameters
    ----------
    table : Table
    task : str
    dataset, hp : str
        What the API calls the data set, and the epochs of a whole training.
    """

    def __init__(self, table: Table, task: str, dataset: str, hp: str) -> None:
        self.table, self.task, self.dataset, self.hp = table, task, dataset, hp
        self.described = table.tasks[task]
        self.epochs = self.described.epochs
        self.seeds = self.described.seeds
        self.means_only = table.means_only(task)
        self.places: dict[Any, int] = {epoch - 1: place for place, epoch in enumerate(self.epochs)}
        """The place of each recorded epoch by "iepoch", which counts from 0; None is the last."""
        self.places[None] = len(self.epochs) - 1
        self.metrics = self.described.metrics
        self.where = f"{table.path}: {dataset!r} with hp {hp}"
        """What errors call it."""
        self.trainings = Columns(table, task, dataset, averaged=False)
        self.validation = self.trainings.column("valid")
        self.comment = _comment(dataset, hp)

    def __repr__(self) -> str:
        return f"<TaskRecords {self.task!r} of {self.table.path.name}>"

    @cached_property
    def averages(self) -> Columns:
        """Means over the trainings that have a number."""
        return self.trainings if len(self.seeds) == 1 else Columns(self.table, self.task, self.dataset, averaged=True)

    @cached_property
    def on_record(self) -> list[tuple[int, ...]]:
        """The numbers of the trainings on record of each row, in the order of their seeds."""
        order = sorted(range(len(self.seeds)), key=self.seeds.__getitem__)
        there = (self.table.status(self.task) != MISSING).tolist()
        return [tuple(number for number in order if row[number]) for row in there]

    def diverged(self, row: int, training: int | None) -> bool:
        """Say whether a training diverged, or any of the row's."""
        status = self.table.status(self.task)[row]
        return bool((status == DIVERGED).any() if training is None else status[training] == DIVERGED)

    def place(self, iepoch: int | None) -> int:
        """Return the place of an epoch.

        Raises
        ------
        QueryError
            If it is not on record.
        """
        if iepoch in self.places:
            return self.places[iepoch]
        on_record = ", ".join(str(epoch - 1) for epoch in self.epochs)
        if len(self.epochs) > 2 and self.epochs[-1] - self.epochs[0] == len(self.epochs) - 1:
            on_record = f"{self.epochs[0] - 1} to {self.epochs[-1] - 1}"
        raise QueryError(
            f"{self.table.path}: task {self.task!r} has no iepoch={iepoch!r}; iepoch counts from 0 and {on_record} "
            f"is on record"
        )

    def training_of_seed(self, row: int, seed: int) -> int:
        """Return the number of a row's training with this seed.

        Raises
        ------
        QueryError
            If there is none.
        """
        held = {self.seeds[number]: number for number in self.on_record[row]}
        if seed in held and not self.means_only:
            return held[seed]
        seeds = "means over seeds only" if self.means_only else f"the seeds {', '.join(map(str, held)) or 'none'}"
        raise QueryError(
            f"{self.table.path}: task {self.task!r} has no training with seed {seed!r} here; it has {seeds}"
        )

    def column_with_accuracy(self, setname: str) -> Column:
        """Return the averages on a set whose accuracies are on record.

        Raises
        ------
        QueryError
            If they are not; the message lists the sets that have some.
        """
        column = self.averages.column(setname)
        if column is None or f"{column.split.ours}_accuracy" not in self.metrics:
            sets = [each.split for each in self.averages.others if f"{each.split.ours}_accuracy" in self.metrics]
            names = ", ".join(each.setname for each in sets) or "none"
            raise QueryError(f"{self.where}: has no accuracy on {setname!r}; besides train it has {names}")
        return column

    @cached_property
    def latencies(self) -> list[float | None]:
        """Seconds of a forward pass, by row; None where it was not measured."""
        return [value if value == value else None for value in self._cost("latency_seconds")]  # noqa: PLR0124 - NaN

    @cached_property
    def megaflops(self) -> list[float]:
        """Millions of multiply-adds of a forward pass of one image, by row: what NATS-Bench calls FLOPs."""
        return [value / 2e6 for value in self._cost("flops")]

    @cached_property
    def megaparameters(self) -> list[float]:
        """Millions of parameters, by row."""
        return [value / 1e6 for value in self._cost("parameters")]

    @cached_property
    def cost_keys(self) -> tuple[str, ...]:
        """The keys of `costs`."""
        setnames = [TRAIN, *(each.split.setname for each in self.averages.others)]
        times = [f"T-{name}@{what}" for name in setnames for what in ("epoch", "total")]
        return ("flops", "params", "latency", *times)

    @cached_property
    def costs(self) -> list[tuple[float | None, ...]]:
        """Costs of each row: millions of multiply-adds, millions of parameters, seconds.

        None is an unknown time.
        """
        last = len(self.epochs) - 1
        columns: list[list[float | None]] = [
            [*self.megaflops],
            [*self.megaparameters],
            self.latencies,
        ]
        rows = range(len(self.table))
        for column in (self.averages.train, *self.averages.others):
            totals = [column.seconds[row * len(self.epochs) + last] for row in rows]
            known = [total if total == total else None for total in totals]  # noqa: PLR0124 - NaN
            columns += [[None if total is None else total / self.epochs[-1] for total in known], known]
        return list(zip(*columns, strict=True))

    def _cost(self, name: str) -> list[float]:
        if name not in self.table.costs(self.task):
            return [float("nan")] * len(self.table)
        values: list[float] = self.table.cost(self.task, name).astype(np.float64).tolist()
        return values


def records_by_name(table: Table) -> dict[tuple[str, str], TaskRecords]:
    """Return the tasks of a table by data set and "hp", NATS-Bench's data sets first.

    A task called ``<dataset>-<hp>``, where hp is the number of its last epoch, is that data set with that hp. Any other
    name is a data set's own, and its hp the number of the last epoch.
    """
    found = {}
    for name, task in table.tasks.items():
        dataset, _, hp = name.rpartition("-")
        if not (dataset and hp.isdecimal() and int(hp) == task.epochs[-1]):
            dataset, hp = name, str(task.epochs[-1])
        found[dataset, hp] = TaskRecords(table, name, dataset, hp)
    return dict(sorted(found.items(), key=lambda each: (_order(each[0][0]), int(each[0][1]))))


NATS_CLASSES: Mapping[str, int] = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
"""NATS-Bench's data sets in its order, and how many classes each has."""


def _order(dataset: str) -> tuple[int, str]:
    names = list(NATS_CLASSES)
    return (names.index(dataset) if dataset in names else len(names), dataset)


def _comment(dataset: str, hp: str) -> str | None:
    if dataset not in CIFAR10:
        return None
    trained_on = "the training half of CIFAR-10's" if dataset == CIFAR10[0] else "all of CIFAR-10's"
    return (
        f"train-*: on {trained_on} training images, after training on them for {hp} epochs in all; test-*: on "
        "CIFAR-10's test images. *-per-time are seconds an epoch, *-all-time seconds of all epochs so far."
    )


def open_table(source: str | Path | Table | None, default: str, names: tuple[str, ...]) -> Table:
    """Open a table and see that it is of the right kind of space.

    Parameters
    ----------
    source : str, Path, Table or None
        A file, the name of a table that comes with the package, or an open table. None is the original's default name
        with the ending ``.h5``, in ``$TORCH_HOME`` or else ``~/.torch``.
    default : str
        That name, without ending.
    names : tuple of str
        `TOPOLOGY` or `SIZE`.

    Raises
    ------
    FileFormatError
        If there is no table there; an archive of the original package is refused with the command that imports it.
    QueryError
        If the table is of another kind of space.
    """
    table = source if isinstance(source, Table) else Table.open(_path(source, default))
    if _names(table.space) != names:
        raise QueryError(f"{table.path}: is a table of {table.space.name!r}, which {_advice(table.space)}")
    return table


def _path(source: object, default: str) -> str | Path:
    if source is None:
        path = Path(os.environ.get("TORCH_HOME", Path.home() / ".torch")) / f"{default}.h5"
        if not path.exists():
            raise FileFormatError(
                f"{path}: is not there, where a table is looked for if none is named; name one, or make it with "
                f"'nasbench import nats-bench ARCHIVE --out {path}'"
            )
        return path
    if not isinstance(source, (str, Path)):
        raise QueryError(f"expected the path of a table or an open Table, got {type(source).__name__}")
    path = Path(source)
    if path.is_dir() or path.suffix in ARCHIVES:
        raise FileFormatError(
            f"{path}: is an archive of the original package, not a table; turn it into one, once, with "
            f"'nasbench import {ARCHIVES.get(path.suffix, 'nats-bench')} {path} --out {default}.h5'"
        )
    return source


def _names(space: Space) -> tuple[str, ...] | None:
    if isinstance(space, CellSpace):
        return TOPOLOGY
    return SIZE if space.declaration()["kind"] == "nats-size" else None


def _advice(space: Space) -> str:
    names = _names(space)
    if names is None:
        return "neither NATS-Bench nor NAS-Bench-201 has; use tabular.TableOracle"
    return f"is opened by nasbench.api.nats_bench.create(..., {names[0]!r})"
