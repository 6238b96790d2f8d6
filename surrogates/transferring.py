"""Carrying a surrogate over to a larger space, or to another recipe, with a few trainings of that or with none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from surrogates.calibration import Calibration
from surrogates.fitting import recorded_values, task_name
from surrogates.metric_fitting import Asked, Lesson, known_rows, score_metric
from surrogates.metric_model import Correction, MetricModel
from surrogates.scorecard import Scorecard
from surrogates.scores import FEWEST_ROWS
from surrogates.splitting import Split, first_of_networks, split_at_random
from surrogates.surrogate import Surrogate
from tabular.errors import DataError, QueryError
from tabular.measures import Measure, Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tabular.table import Table

PRIOR_ROWS = 10
"""The slope of a correction starts at 1 as if so many trainings had said so."""

FEWEST = 5
"""So many trainings are needed for a correction and a new calibration."""


def transfer(
    surrogate: Surrogate, table: Table, *, task: str | None = None, train_size: int = 0, seed: int = 0
) -> Surrogate:
    """Return a surrogate for the space and recipe of another table, and score it there.

    Without trainings (``train_size`` 0) it is what `Surrogate.extrapolate` gives, scored on all of the table. With
    some, each measure is shifted and stretched to fit them, and its doubt is calibrated on them; what the surrogate
    knows of networks stays as it was. (Fitting models of the residuals, or fitting anew to both tables, did not rank
    better with 20 or 100 trainings.)

    Parameters
    ----------
    surrogate : Surrogate
        Fitted to features of the active graph alone.
    table : Table
        Of networks that were really trained.
    task : str, optional
        May be left out if the table has one only.
    train_size : int
        Networks of the table to learn from, drawn at random; the rest is scored.
    seed : int

    Raises
    ------
    SpaceError
        If the surrogate cannot be asked about the table's space.
    QueryError, UnknownNameError
        If the table lacks a metric or an epoch of the surrogate's, or has too few networks for ``train_size``.
    DataError
        If too few of the networks have a number of some measure.
    """
    name = task_name(table, task)
    recorded = table.tasks[name]
    carried = surrogate.extrapolate(table.space)
    for metric in surrogate.models:
        missing = [epochs for epochs in surrogate.task.epochs if epochs not in recorded.epochs]
        if missing or (metric not in recorded.metrics and metric not in table.costs(name)):
            lack = f"epoch {missing[0]}" if missing else f"metric {metric!r}"
            raise QueryError(f"{table.path}: its task {name!r} has no {lack}, which the surrogate predicts")
    if 0 < train_size < FEWEST or train_size < 0:
        raise QueryError(f"train_size is 0 or at least {FEWEST}, fewer trainings correct nothing; got {train_size}")
    metrics = {metric: model.metric for metric, model in surrogate.models.items()}
    fitted = Task(name, surrogate.task.epochs, metrics, (), recorded.provenance)
    values = {metric: recorded_values(table, recorded, metric, fitted.epochs) for metric in metrics}
    lesson = _lesson(carried, table, fitted, values, train_size, seed)
    for metric, each in values.items():
        _need_enough(lesson, metric, each, FEWEST if train_size else 0)

    models, scores = {}, []
    for metric, model in surrogate.models.items():
        models[metric] = _corrected(lesson, model, values[metric]) if train_size else model
        scores += score_metric(lesson, models[metric], values[metric], surrogate.familiarity, surrogate.failures, None)
    return Surrogate(
        table.space,
        fitted,
        carried.blocks,
        models,
        luck=surrogate.luck,
        familiarity=surrogate.familiarity,
        failures=surrogate.failures,
        scorecard=Scorecard(tuple(scores)),
        provenance={
            **carried.provenance,
            "transferred_to": {"file": table.path.name, "digest": table.digest, "train": train_size, "seed": seed},
        },
    )


def _lesson(
    carried: Surrogate, table: Table, task: Task, values: dict[str, NDArray[np.float64]], train_size: int, seed: int
) -> Lesson:
    """Return the table as something to learn from; each row stands for itself."""
    known = np.any([np.isfinite(each).any(axis=(1, 2)) for each in values.values()], axis=0)
    everything = np.arange(len(table))
    _, networks = np.unique(table.canonical_keys, return_inverse=True)
    none, each = np.zeros(len(table), dtype=bool), np.ones(len(table), dtype=bool)
    if train_size:
        split = split_at_random(table, known, train_size, 0.5, seed)
    else:
        split = Split(none, first_of_networks(table, known))
    return Lesson(task, carried.inputs(table.architectures), everything, each, networks, split, none)


def _need_enough(lesson: Lesson, metric: str, values: NDArray[np.float64], fewest: int) -> None:
    for place, epochs in enumerate(lesson.task.epochs):
        known = known_rows(values, place)
        train, held_out = int(lesson.learnt(known).sum()), int(lesson.asked(known).sum())
        if train < fewest or held_out < FEWEST_ROWS:
            raise DataError(
                f"{Measure(lesson.task.name, metric, epochs)}: the table gives {train} networks with a number to learn "
                f"from and {held_out} to score; at least {fewest} and {FEWEST_ROWS} are needed"
            )


def _corrected(lesson: Lesson, model: MetricModel, values: NDArray[np.float64]) -> MetricModel:
    """Return a model that is shifted and stretched to fit the networks to learn from, and calibrated on them."""
    corrections, calibrations = [], []
    for place in range(len(model.epochs)):
        asked = Asked.about(lesson.learnt(known_rows(values, place)), lesson, model, values, place)
        measured, middle = asked.mean + asked.residual, asked.mean.mean()
        apart = asked.mean - middle
        prior = PRIOR_ROWS * apart.var()
        slope = float((apart @ measured + prior) / (apart @ apart + prior)) if prior else 1.0
        shift = float(measured.mean() - slope * middle)
        before = model.corrections[place]  # of an earlier transfer
        corrections.append(Correction(shift + slope * before.offset, slope * before.slope))
        # As if each network had been left out: those a line was fitted to lie nearer to it than others will.
        weight = 1 / len(apart) + (apart**2 / (apart @ apart + prior) if prior else 0)
        left = (measured - (measured.mean() + slope * apart)) / (1 - weight)
        calibrations.append(Calibration.fit(left, abs(slope) * asked.raw, asked.of_mean))
    trainings = float(np.isfinite(values[lesson.split.train]).sum(axis=1).mean())
    return replace(model, corrections=tuple(corrections), calibrations=tuple(calibrations), trainings=trainings)
