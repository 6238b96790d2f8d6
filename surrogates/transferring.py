"""Transfer of a surrogate to a larger space or to another recipe.

It takes a few trainings of that space or recipe, or none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from surrogates.fitting import HeldOutPredictions, score_metric
from surrogates.metric_model import Calibration, Correction, MetricModel
from surrogates.scorecard import FEWEST_ROWS, Scorecard
from surrogates.surrogate import Surrogate
from surrogates.training_set import Examples, TrainingSet, known_rows, task_name
from tabular.errors import DataError, QueryError
from tabular.measures import Measure, Task

if TYPE_CHECKING:
    from tabular.table import Table

PRIOR_ROWS = 10
"""The slope of a correction starts at 1 as if so many trainings had said so."""

FEWEST = 5
"""The fewest trainings that give a correction and a new calibration."""


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
        Networks of the table to fit, drawn at random; the rest is scored.
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
    data = TrainingSet.read(table, task=name, metrics=list(surrogate.models), epochs=surrogate.task.epochs)
    metrics = {metric: model.metric for metric, model in surrogate.models.items()}
    data = replace(data, task=Task(name, surrogate.task.epochs, metrics, (), recorded.provenance))
    if train_size:
        data = data.split_at_random(train_size, 0.5, seed, known=data.measured)
    else:
        data = replace(data, held_out=data.first_of_networks(data.measured))
    examples = Examples.of_rows(data, carried.inputs(data.architectures))
    for metric in metrics:
        _need_enough(examples, metric, FEWEST if train_size else 0)

    models, scores = {}, []
    for metric, model in surrogate.models.items():
        models[metric] = _corrected(examples, model) if train_size else model
        scores += score_metric(examples, models[metric], surrogate.familiarity, surrogate.failures, None)
    return Surrogate(
        data.space,
        data.task,
        carried.blocks,
        models,
        training_noise=surrogate.training_noise,
        familiarity=surrogate.familiarity,
        failures=surrogate.failures,
        scorecard=Scorecard(tuple(scores)),
        provenance={
            **carried.provenance,
            "transferred_to": {"file": table.path.name, "digest": table.digest, "train": train_size, "seed": seed},
        },
    )


def _need_enough(examples: Examples, metric: str, fewest: int) -> None:
    task = examples.data.task
    for index, epochs in enumerate(task.epochs):
        known = known_rows(examples.data.values[metric], index)
        train, held_out = int(examples.to_fit(known).sum()), int(examples.to_score(known).sum())
        if train < fewest or held_out < FEWEST_ROWS:
            raise DataError(
                f"{Measure(task.name, metric, epochs)}: the table gives {train} networks with a number to learn "
                f"from and {held_out} to score; at least {fewest} and {FEWEST_ROWS} are needed"
            )


def _corrected(examples: Examples, model: MetricModel) -> MetricModel:
    """Return a model that is shifted and stretched to fit the networks to fit, and calibrated on them."""
    values, corrections, calibrations = examples.data.values[model.metric.name], [], []
    for index in range(len(model.epochs)):
        predicted = HeldOutPredictions.of(examples, examples.to_fit(known_rows(values, index)), model, index)
        measured, middle = predicted.mean + predicted.residual, predicted.mean.mean()
        apart = predicted.mean - middle
        prior = PRIOR_ROWS * apart.var()
        slope = float((apart @ measured + prior) / (apart @ apart + prior)) if prior else 1.0
        shift = float(measured.mean() - slope * middle)
        before = model.corrections[index]  # of an earlier transfer
        corrections.append(Correction(shift + slope * before.offset, slope * before.slope))
        # As if each network had been left out: those a line was fitted to lie nearer to it than others will.
        weight = 1 / len(apart) + (apart**2 / (apart @ apart + prior) if prior else 0)
        left = (measured - (measured.mean() + slope * apart)) / (1 - weight)
        calibrations.append(Calibration.fit(left, abs(slope) * predicted.doubt, predicted.variance_of_mean))
    trainings = float(np.isfinite(values[examples.data.train]).sum(axis=1).mean())
    return replace(model, corrections=tuple(corrections), calibrations=tuple(calibrations), trainings=trainings)
