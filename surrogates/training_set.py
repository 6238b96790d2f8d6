"""A table as plain arrays, read once, for fitting and scoring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogates.features import GRAPH, Inputs
from surrogates.metric_model import Target
from surrogates.scorecard import FEWEST_ROWS
from tabular.errors import DataError, QueryError, UnknownNameError
from tabular.layout import DIVERGED
from tabular.measures import Measure, Metric, Task, mean_of_known, rungs
from tabular.spaces.space import ENUMERABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from tabular.spaces import Space
    from tabular.table import Table

FEWEST_TRAIN = 8
"""The fewest rows that a model is fitted to."""

MOST_DRAWINGS = 8
"""The most architectures of one network that are fitted to; a cell that passes nothing on has thousands."""


@dataclass(frozen=True)
class TrainingSet:
    """One task of a table as arrays over its N rows.

    It says which rows are fitted to and which are held out.

    Of each network held out the first row alone is scored, so that one with many drawings (a cell that passes nothing
    on has thousands) counts once. Rows without a number are neither fitted to nor held out.

    Parameters
    ----------
    path : Path
        The table's, for messages.
    origin : dict
        The table's provenance, file name and digest.
    space : Space
    task : Task
        With the metrics and epochs to fit.
    architectures : (N, L) uint8
    keys : (N,) uint64
        Rows with the same key are the same network.
    by_class : bool
        Whether a row answers for all architectures of its space that are the same network.
    values : dict of str to (N, S, E) float64
        All trainings of each metric after each epoch, NaN where there is none and where one diverged.
    constant : frozenset of str
        The metrics that are costs: one training, the same after all epochs.
    diverged : (N,) bool
        Whether a row diverged whenever it was trained.
    train, held_out : (N,) bool
    """

    path: Path
    origin: Mapping[str, Any]
    space: Space
    task: Task
    architectures: NDArray[np.uint8]
    keys: NDArray[np.uint64]
    by_class: bool
    values: Mapping[str, NDArray[np.float64]]
    constant: frozenset[str]
    diverged: NDArray[np.bool_]
    train: NDArray[np.bool_]
    held_out: NDArray[np.bool_]

    @classmethod
    def read(
        cls, table: Table, *, task: str | None, metrics: Sequence[str], epochs: Sequence[int] | None
    ) -> TrainingSet:
        """Read a table; no row is fitted to or held out yet.

        Parameters
        ----------
        table : Table
        task : str or None
            None if the table has one only.
        metrics : sequence of str
            Metrics of the task, or costs of its architectures.
        epochs : sequence of int or None
            None for the table's last epoch, a third of it, a ninth, ... as far as they are on record.

        Raises
        ------
        QueryError, UnknownNameError
            If the table lacks one of them.
        """
        name = task_name(table, task)
        recorded = table.tasks[name]
        epochs = rungs(recorded.epochs) if epochs is None else sorted(set(epochs))
        fitted = Task(name, tuple(epochs), _known_metrics(table, recorded, metrics, epochs), (), recorded.provenance)
        columns = [recorded.epochs.index(epoch) for epoch in fitted.epochs]
        diverged = table.status(name) == DIVERGED
        values = {}
        for metric in fitted.metrics:
            if metric in recorded.metrics:
                trainings = table.metric(name, metric)[:, :, columns].astype(np.float64)
                # A training that diverges gives other numbers before, its few seconds above all, than one that ends.
                values[metric] = np.where(diverged[:, :, None], np.nan, trainings)
            else:
                cost = table.cost(name, metric).astype(np.float64)
                values[metric] = np.repeat(cost[:, None, None], len(columns), axis=2)
        none = np.zeros(len(table), dtype=bool)
        return cls(
            path=table.path,
            origin={**table.provenance, "file": table.path.name, "digest": table.digest},
            space=table.space,
            task=fitted,
            architectures=table.architectures,
            keys=table.canonical_keys,
            by_class=table.represents == "class",
            values=values,
            constant=frozenset(fitted.metrics) - frozenset(recorded.metrics),
            diverged=np.asarray(diverged.all(axis=1)),
            train=none,
            held_out=none,
        )

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def measured(self) -> NDArray[np.bool_]:
        """The rows, as a mask (N,), that have a number of any metric."""
        return np.asarray(np.any([np.isfinite(trainings).any(axis=(1, 2)) for trainings in self.values.values()], 0))

    @property
    def known(self) -> NDArray[np.bool_]:
        """The rows, as a mask (N,), that have a number, or diverged whenever trained, which tells what fails."""
        return self.measured | self.diverged

    @cached_property
    def leading(self) -> NDArray[np.float64]:
        """The values, (N,), by which features and failures are judged: the first metric at the end, higher is better.

        In the scale that the metric is fitted in.
        """
        name, metric = next(iter(self.task.metrics.items()))
        last = mean_of_known(self.values[name][:, :, -1])
        scaled = Target.of(metric, last).scaled(last)
        return scaled if metric.direction == "maximize" else -scaled

    def split_at_random(
        self, size: int | None, fraction: float, seed: int, known: NDArray[np.bool_] | None = None
    ) -> TrainingSet:
        """Hold networks out at random.

        Parameters
        ----------
        size : int or None
            The number of networks to fit; by default given by ``fraction``.
        fraction : float
        seed : int
        known : (N,) bool, optional
            The rows to split, by default `known`.

        Raises
        ------
        QueryError
        """
        if not 0 < fraction < 1:
            raise QueryError(f"train_fraction is a share between 0 and 1, got {fraction}")
        known = self.known if known is None else known
        networks = np.unique(self.keys[known])
        if size is not None and not 0 < size < len(networks):
            raise QueryError(
                f"{self.path}: has {len(networks)} networks with numbers, of which train_size must leave some to be "
                f"held out; got {size}"
            )
        size = round(fraction * len(networks)) if size is None else size
        is_train = np.isin(self.keys, np.random.default_rng(seed).permutation(networks)[:size])
        return replace(self, train=known & is_train, held_out=self.first_of_networks(known) & ~is_train)

    def split_as_named(self, train: ArrayLike, held_out: ArrayLike | None = None) -> TrainingSet:
        """Fit some rows, and hold others out; a network that is fitted is never held out.

        Parameters
        ----------
        train : (M,) int
            Rows of the table.
        held_out : (K,) int, optional
            Rows to score; by default all others.

        Raises
        ------
        QueryError
            If there is no such row.
        """
        is_train = self._mask(train, "train")
        allowed = np.ones(len(self), dtype=bool) if held_out is None else self._mask(held_out, "held_out")
        fitted = np.isin(self.keys, self.keys[is_train])
        return replace(
            self, train=self.known & is_train, held_out=self.first_of_networks(self.known & allowed) & ~fitted
        )

    def _mask(self, rows: ArrayLike, name: str) -> NDArray[np.bool_]:
        numbers = np.asarray(rows)
        if numbers.size == 0 or numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() >= len(self):
            raise QueryError(f"{self.path}: {name} must be rows of the table, numbers from 0 to {len(self) - 1}")
        mask = np.zeros(len(self), dtype=bool)
        mask[numbers] = True
        return mask

    def first_of_networks(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which of some rows, (N,), are the first of their network among them."""
        _, first = np.unique(self.keys[rows], return_index=True)
        is_first = np.zeros(len(self), dtype=bool)
        is_first[np.flatnonzero(rows)[first]] = True
        return is_first


def task_name(table: Table, task: str | None) -> str:
    """Return the task that is meant; it may be left out if the table has one only.

    Raises
    ------
    QueryError, UnknownNameError
    """
    if task is None:
        if len(table.tasks) > 1:
            raise QueryError(f"{table.path}: has several tasks, name one to fit: {', '.join(table.tasks)}")
        return next(iter(table.tasks))
    if task not in table.tasks:
        raise UnknownNameError("task", task, table.tasks)
    return task


def _known_metrics(table: Table, task: Task, metrics: Sequence[str], epochs: Sequence[int]) -> dict[str, Metric]:
    costs = {name: Metric(name, unit, "none", "minimize") for name, unit in table.costs(task.name).items()}
    known = {**costs, **task.metrics}
    for metric in metrics:
        if metric not in known:
            raise UnknownNameError("metric", metric, known, of=f"task {task.name!r}")
    for epoch in epochs:
        if epoch not in task.epochs:
            recorded = ", ".join(map(str, task.epochs))
            raise QueryError(f"task {task.name!r} has no epoch {epoch}; it has {recorded}")
    if not metrics or not epochs:
        raise QueryError("name at least one metric and one number of epochs to fit")
    return {metric: known[metric] for metric in metrics}


def known_rows(values: NDArray[np.float64], index: int) -> NDArray[np.bool_]:
    """Return which rows, (N,), have a training after the epoch at this index of values (N, S, E)."""
    return np.asarray(np.isfinite(values[:, :, index]).any(axis=1))


@dataclass(frozen=True)
class Examples:
    """The D architectures of a training set, as models see them.

    Parameters
    ----------
    data : TrainingSet
        Of N rows.
    inputs : Inputs
        Of the architectures.
    rows : (D,) int64
        The row that answers for each architecture.
    first : (D,) bool
        Whether an architecture is its row's first.
    networks : (D,) int64
        The number of each architecture's network, from 0.
    failed : (N,) bool
        The rows whose training failed.
    """

    data: TrainingSet
    inputs: Inputs
    rows: NDArray[np.int64]
    first: NDArray[np.bool_]
    networks: NDArray[np.int64]
    failed: NDArray[np.bool_]

    @classmethod
    def of_rows(cls, data: TrainingSet, inputs: Inputs) -> Examples:
        """Return examples in which each row stands for itself and none failed."""
        _, networks = np.unique(data.keys, return_inverse=True)
        everything = np.ones(len(data), dtype=bool)
        return cls(data, inputs, np.arange(len(data)), everything, networks, ~everything)

    @classmethod
    def drawn(cls, data: TrainingSet, blocks: Sequence[str], rng: np.random.Generator) -> Examples:
        """Return what each row stands for, as far as features tell drawings apart; only what diverged has failed.

        In a table of classes these are up to `MOST_DRAWINGS` architectures of the space, taken at random, that are the
        same network: a model that saw one drawing of each alone would be at a loss with the others. In any other table
        and where the space is too large to be enumerated, each row stands for itself; so it does where all features
        are those of the active graph, which are the same for all drawings.

        Parameters
        ----------
        data : TrainingSet
        blocks : sequence of str
            The blocks of features, see `surrogates.features`.
        rng : numpy.random.Generator
        """
        if set(blocks) == {GRAPH} or not data.by_class or data.space.size > ENUMERABLE:
            return replace(
                cls.of_rows(data, Inputs(data.space, data.architectures, blocks)), failed=data.diverged.copy()
            )
        everything = rng.permutation(data.space.all())
        rows = _rows_of(data.space.canonical_key(everything), data.keys)
        order = np.argsort(rows, kind="stable")
        order = order[rows[order] >= 0]
        rows = rows[order]
        numbers = np.arange(len(rows)) - np.searchsorted(rows, rows)
        few = numbers < MOST_DRAWINGS
        rows = rows[few]
        _, networks = np.unique(data.keys[rows], return_inverse=True)
        inputs = Inputs(data.space, everything[order][few], blocks)
        return cls(data, inputs, rows, numbers[few] == 0, networks, data.diverged.copy())

    def to_fit(self, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which architectures, (D,), to fit to if only these rows of the table, (N,), are known."""
        return (self.data.train & known)[self.rows]

    def to_score(self, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return one architecture of each row that is held out and known, as a mask, (D,), in the rows' order."""
        return self.first & (self.data.held_out & known)[self.rows]

    def without_failed(self, metric: str) -> NDArray[np.float64]:
        """Return the values of a metric, (N, S, E), as NaN where training failed."""
        return np.where(self.failed[:, None, None], np.nan, self.data.values[metric])


def _rows_of(wanted: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the row of each key that is wanted among the keys of a table of classes, -1 where there is none."""
    order = np.argsort(keys)
    held = keys[order]
    index = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return np.where(held[index] == wanted, order[index], -1)


def need_enough(data: TrainingSet, metric: str, values: NDArray[np.float64]) -> None:
    """Make sure that a metric can be fitted and scored after each epoch.

    Parameters
    ----------
    data : TrainingSet
    metric : str
    values : (N, S, E) float64
        Its trainings, NaN where there is none to fit or to score.

    Raises
    ------
    DataError
    """
    for index, epoch in enumerate(data.task.epochs):
        measure, known = Measure(data.task.name, metric, epoch), known_rows(values, index)
        train, held_out = data.train & known, data.held_out & known
        if train.sum() < FEWEST_TRAIN or held_out.sum() < FEWEST_ROWS:
            raise DataError(
                f"{measure}: a surrogate needs at least {FEWEST_TRAIN} architectures to fit and {FEWEST_ROWS} to hold "
                f"out; the table gives {train.sum()} and {held_out.sum()} with a number; train more of them or change "
                "the split"
            )
        for part, rows in (("fit", train), ("hold out", held_out)):
            means = mean_of_known(values[rows, :, index])
            if means.min() == means.max():
                raise DataError(
                    f"{measure}: all {len(means)} architectures to {part} have the same value {means[0]:g}, nothing "
                    "can be learned from that; leave this measure out"
                )
