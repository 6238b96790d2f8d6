"""Fitting a surrogate to a table and scoring it on the networks it did not see."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import numpy as np

from nasbench import __version__
from nasbench.errors import DataError, QueryError, UnknownNameError
from nasbench.fidelity import rungs
from nasbench.oracle import DEFAULT_REPORT, DEFAULT_SIGNAL, SECONDS, Measure, Task, mean_of_known
from nasbench.progress import silent
from surrogates.drawings import drawings_of
from surrogates.features import feature_blocks, features
from surrogates.scorecard import FEWEST_ROWS, Scorecard, score
from surrogates.seed_noise import SeedNoise
from surrogates.surrogate import MeasureModel, Surrogate
from surrogates.xgb_ensemble import PARAMETERS, ROUNDS, XGBEnsemble
from tabular.invariants import DIVERGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.oracle import Metric
    from nasbench.progress import Progress
    from tabular.table import Table

FEWEST_TRAIN = 8


def fit_surrogate(
    table: Table,
    *,
    task: str | None = None,
    metrics: Sequence[str] = (DEFAULT_SIGNAL, DEFAULT_REPORT, SECONDS),
    epochs: Sequence[int] | None = None,
    train_size: int | None = None,
    train_fraction: float = 0.8,
    members: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> Surrogate:
    """Fit one ensemble for each metric after each number of epochs.

    The table's networks are split at random into those to fit and those held out; architectures that are the same
    network stay together, so that nothing held out was seen, and count once in the scores. The target is the mean over
    the seeds on record; its logarithm where it is a time, as times span a wide range. Trainings that diverged are left
    out: a surrogate answers for the case that an architecture can be trained.

    Parameters
    ----------
    table : Table
    task : str, optional
        May be left out if the table has one only.
    metrics : sequence of str
    epochs : sequence of int, optional
        By default the table's last epoch, a third of it, a ninth, ... as far as they are on record.
    train_size : int, optional
        The number of networks to fit; by default given by ``train_fraction``.
    train_fraction : float
        In (0, 1).
    members : int
        Models in each ensemble, at least 1.
    seed : int
        Of the split and of the fits: the same table and seed give the same surrogate, bit for bit.
    progress : callable
        Told after each measure.

    Raises
    ------
    UnknownNameError, QueryError
        If the table lacks the task, a metric or an epoch, or a number makes no sense.
    DataError
        If there are too few architectures, or all have the same value.
    """
    name = _task_name(table, task)
    recorded = table.tasks[name]
    epochs = rungs(recorded.epochs) if epochs is None else sorted(set(epochs))
    fitted = Task(name, tuple(epochs), _known_metrics(recorded, metrics, epochs), (), recorded.provenance)
    measures = [Measure(name, metric, epoch) for metric in fitted.metrics for epoch in epochs]
    values = {measure: _recorded_values(table, recorded, measure) for measure in measures}
    is_train, is_held_out = _split(table, values, train_size, train_fraction, seed)
    if members < 1:
        raise QueryError(f"an ensemble needs at least 1 member, got {members}")

    blocks = feature_blocks(table.space)
    drawings = drawings_of(table, np.random.default_rng([seed, 1]))
    inputs = features(table.space, drawings.architectures, blocks)
    models, scores = {}, []
    for number, measure in enumerate(measures):
        measured = np.isfinite(values[measure]).any(axis=1)
        train, held_out = is_train & measured, is_held_out & measured
        _need_enough(measure, values[measure], train, held_out)
        learnt = train[drawings.rows]
        rows = drawings.rows[learnt]
        _, networks = np.unique(table.canonical_keys[rows], return_inverse=True)
        seed_of_measure = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        target, noise, log = _targets(fitted.metrics[measure.metric], values[measure], train)
        ensemble = XGBEnsemble.fit(inputs[learnt], target[rows], networks, members=members, seed=seed_of_measure)
        model = models[measure] = MeasureModel(fitted.metrics[measure.metric], ensemble, log, noise)
        asked = held_out[drawings.rows] & (drawings.numbers == 0)
        mean, std, _ = model.predict(inputs[asked])
        scores.append(score(str(measure), int(train.sum()), values[measure][held_out], mean, std))
        progress(number + 1, len(measures), f"{measure}: Kendall tau {scores[-1].kendall_tau:.3f}")
    provenance = {
        "table": {**table.provenance, "file": table.path.name, "digest": table.digest},
        "split": {"seed": seed, "train": int(is_train.sum()), "held_out": int(is_held_out.sum())},
        "model": {"kind": "xgboost", "members": members, "rounds": ROUNDS, **PARAMETERS},
        "versions": _versions(),
    }
    return Surrogate(table.space, fitted, blocks, models, Scorecard(tuple(scores)), provenance)


def _targets(
    metric: Metric, values: NDArray[np.float64], train: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], SeedNoise | None, bool]:
    """Return what to fit ``(N,)``, the seed noise of the rows to train on, and whether both are logarithms."""
    log = metric.unit == "second" and bool((values[np.isfinite(values)] > 0).all())
    scaled = np.log(values) if log else values
    return mean_of_known(scaled), SeedNoise.measure(scaled[train]), log


def _task_name(table: Table, task: str | None) -> str:
    if task is None:
        if len(table.tasks) > 1:
            raise QueryError(f"{table.path}: has several tasks, name one to fit: {', '.join(table.tasks)}")
        return next(iter(table.tasks))
    if task not in table.tasks:
        raise UnknownNameError("task", task, table.tasks)
    return task


def _known_metrics(task: Task, metrics: Sequence[str], epochs: Sequence[int]) -> dict[str, Metric]:
    for metric in metrics:
        if metric not in task.metrics:
            raise UnknownNameError("metric", metric, task.metrics, of=f"task {task.name!r}")
    for epoch in epochs:
        if epoch not in task.epochs:
            recorded = ", ".join(map(str, task.epochs))
            raise QueryError(f"task {task.name!r} has no epoch {epoch}; it has {recorded}")
    if not metrics or not epochs:
        raise QueryError("name at least one metric and one number of epochs to fit")
    return {metric: task.metrics[metric] for metric in metrics}


def _recorded_values(table: Table, task: Task, measure: Measure) -> NDArray[np.float64]:
    column = task.epochs.index(measure.epochs)
    values = table.metric(task.name, measure.metric)[:, :, column].astype(np.float64)
    # What a training gave before it diverged, its few seconds above all, is not what one that goes through gives.
    return np.where(table.status(task.name) == DIVERGED, np.nan, values)


def _split(
    table: Table,
    values: dict[Measure, NDArray[np.float64]],
    train_size: int | None,
    train_fraction: float,
    seed: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say of each row of the table whether it is fitted, and whether it is scored.

    Rows without a number are neither. Of the networks held out the first row is scored, so that one with many drawings
    (a cell that passes nothing on has thousands) counts once.
    """
    known = np.any([np.isfinite(each).any(axis=1) for each in values.values()], axis=0)
    keys = table.canonical_keys
    networks, first = np.unique(keys[known], return_index=True)
    if not 0 < train_fraction < 1:
        raise QueryError(f"train_fraction is a share between 0 and 1, got {train_fraction}")
    size = round(train_fraction * len(networks)) if train_size is None else train_size
    if train_size is not None and not 0 < size < len(networks):
        raise QueryError(
            f"{table.path}: has {len(networks)} networks with numbers, of which train_size must leave some to be held "
            f"out; got {train_size}"
        )
    chosen = np.random.default_rng(seed).permutation(networks)[:size]
    is_train = known & np.isin(keys, chosen)
    is_first = np.zeros(len(keys), dtype=bool)
    is_first[np.flatnonzero(known)[first]] = True
    return is_train, is_first & ~is_train


def _need_enough(
    measure: Measure, values: NDArray[np.float64], train: NDArray[np.bool_], held_out: NDArray[np.bool_]
) -> None:
    if train.sum() < FEWEST_TRAIN or held_out.sum() < FEWEST_ROWS:
        raise DataError(
            f"{measure}: a surrogate needs at least {FEWEST_TRAIN} architectures to fit and {FEWEST_ROWS} to hold out; "
            f"the table gives {train.sum()} and {held_out.sum()} with a number; train more of them or change the split"
        )
    for part, rows in (("fit", train), ("hold out", held_out)):
        means = mean_of_known(values[rows])
        if means.min() == means.max():
            raise DataError(
                f"{measure}: all {len(means)} architectures to {part} have the same value {means[0]:g}, nothing can be "
                "learned from that; leave this measure out"
            )


def _versions() -> dict[str, str]:
    import xgboost

    return {
        "nasbench": __version__,
        "xgboost": xgboost.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
