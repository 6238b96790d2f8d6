"""Fitting the regressors of one metric, and scoring them on the networks held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from surrogates.calibration import Calibration, cross_calibrated
from surrogates.curves import CurveBasis
from surrogates.metric_model import Correction, MetricModel
from surrogates.scorecard import Score, score
from surrogates.seed_noise import SeedNoise
from surrogates.splitting import Split, need_enough
from surrogates.targets import Target
from tabular.measures import Measure, mean_of_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from surrogates.failures import FailureModel
    from surrogates.familiarity import Familiarity
    from surrogates.inputs import Inputs
    from surrogates.models.regressor import Regressor
    from tabular.measures import Task


FEWEST_TO_CORRELATE = 10
"""From fewer trainings nothing is said of how epochs hang together."""


@dataclass(frozen=True)
class Lesson:
    """What all metrics of a table are learnt from.

    Parameters
    ----------
    task : Task
        With the metrics and epochs to fit.
    inputs : Inputs
        Of D drawings of the table's networks.
    rows : (D,) int64
        The row of the table that answers for each drawing.
    first : (D,) bool
        Whether a drawing is its row's first.
    networks : (D,) int64
        The number of each drawing's network, from 0.
    split : Split
        Of the table's rows.
    failed : (N,) bool
        The rows of the table whose training failed.
    """

    task: Task
    inputs: Inputs
    rows: NDArray[np.int64]
    first: NDArray[np.bool_]
    networks: NDArray[np.int64]
    split: Split
    failed: NDArray[np.bool_]

    def learnt(self, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which drawings, (D,), to learn from if only these rows of the table, (N,), are known."""
        return (self.split.train & known)[self.rows]

    def asked(self, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which drawings, (D,), are asked about: one of each row held out that is known, in the rows' order."""
        return self.first & (self.split.held_out & known)[self.rows]

    def without_failed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values, (N, ...), as NaN where training failed."""
        return np.where(self.failed.reshape(-1, *[1] * (values.ndim - 1)), np.nan, values)


def known_rows(values: NDArray[np.float64], place: int) -> NDArray[np.bool_]:
    """Return which rows, (N,), have a training after the epoch at this place of values (N, S, E)."""
    return np.asarray(np.isfinite(values[:, :, place]).any(axis=1))


def fit_metric(
    lesson: Lesson,
    metric: str,
    values: NDArray[np.float64],
    kind: type[Regressor],
    options: Mapping[str, Any],
    *,
    constant: bool,
    seed: int,
) -> MetricModel:
    """Fit a metric; its doubt is not calibrated yet.

    Parameters
    ----------
    lesson : Lesson
    metric : str
    values : (N, S, E) float64
        Of all seeds after the task's epochs, NaN where missing.
    kind, options
        The class of regressors, and what its ``fit`` takes beside.
    constant : bool
        Whether the metric is the same after all epochs, as costs are.
    seed : int

    Raises
    ------
    DataError
        If there are too few numbers, or all are the same.
    """
    epochs = lesson.task.epochs
    for place, each in enumerate(epochs):
        known = known_rows(values, place)
        part = Split(lesson.split.train & known, lesson.split.held_out & known)
        need_enough(str(Measure(lesson.task.name, metric, each)), values[:, :, place], part)
    target = Target.of(lesson.task.metrics[metric], values)
    curves = target.learnt(np.stack([mean_of_known(values[:, :, place]) for place in range(len(epochs))], axis=1))
    basis = CurveBasis.constant(len(epochs)) if constant else CurveBasis.fit(curves[lesson.split.train])
    basis = basis.standardised(basis.coefficients(curves)[lesson.split.train])
    regressors = []
    for number, coefficients in enumerate(basis.coefficients(curves).T):
        learnt = lesson.learnt(np.isfinite(coefficients))
        _, networks = np.unique(lesson.networks[learnt], return_inverse=True)
        known_coefficients = coefficients[lesson.rows[learnt]]
        regressors.append(
            kind.fit(lesson.inputs.take(learnt), known_coefficients, networks, seed=seed + number, **options)
        )
    scaled = target.learnt(values[lesson.split.train])
    return MetricModel(
        lesson.task.metrics[metric],
        epochs,
        target,
        basis,
        tuple(regressors),
        tuple(SeedNoise.measure(scaled[:, :, place]) for place in range(len(epochs))),
        (Calibration(1.0, 0.0),) * len(epochs),
        (Correction(),) * len(epochs),
        float(np.isfinite(values[lesson.split.train]).sum(axis=1).mean()),
        np.eye(len(epochs)),
    )


class Asked(NamedTuple):
    """A model's answers after one epoch for networks that it did not see, and what was measured of them.

    Parameters
    ----------
    rows : (N,) int64
        Of the table.
    inputs : Inputs
    mean, raw : (N,) float64
        What was learnt, and its doubt before calibration.
    noise : (N,) float64
    seeds : (N, S) float64
        Trainings of the metric, failed ones too.
    residual, of_mean : (N,) float64
        What was measured minus ``mean`` in the scale that was learnt, and the variance of the measured mean.
    """

    rows: NDArray[np.int64]
    inputs: Inputs
    mean: NDArray[np.float64]
    raw: NDArray[np.float64]
    noise: NDArray[np.float64]
    seeds: NDArray[np.float64]
    residual: NDArray[np.float64]
    of_mean: NDArray[np.float64]

    @classmethod
    def about(cls, drawings: NDArray[np.bool_], lesson: Lesson, model: MetricModel, values: Any, place: int) -> Asked:
        """Ask a model about some drawings, (D,), of a lesson after the epoch at ``place``; ``values`` are (N, S, E)."""
        rows, inputs = lesson.rows[drawings], lesson.inputs.take(drawings)
        mean, raw = model.estimate(inputs, place)
        noise = model.noise(mean, place)
        seeds = values[rows, :, place]
        residual = model.target.learnt(mean_of_known(seeds)) - mean
        trainings = np.maximum(np.isfinite(seeds).sum(axis=1), 1)  # of what diverged there is none
        return cls(rows, inputs, mean, raw, noise, seeds, residual, noise**2 / trainings)

    def told(self, model: MetricModel, doubt: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean of the metric and how far a single training may lie from it, (N,) each, for this doubt."""
        learnt = model.expected(self.mean, doubt, self.noise)
        return model.target.metric(learnt), model.target.slope(learnt) * np.hypot(doubt, self.noise)


def calibrated(lesson: Lesson, model: MetricModel, values: NDArray[np.float64]) -> MetricModel:
    """Return a model whose doubt is calibrated on what was held out, (N, S, E), and its agreement measured there."""
    calibrations, off = [], []
    for place in range(len(model.epochs)):
        known = known_rows(values, place) & ~lesson.failed
        asked = Asked.about(lesson.asked(known), lesson, model, values, place)
        calibrations.append(Calibration.fit(asked.residual, asked.raw, asked.of_mean))
        mean = model.expected(asked.mean, calibrations[-1].std(asked.raw), asked.noise)
        spread = np.hypot(calibrations[-1].std(asked.raw), asked.noise)
        each = np.full(values.shape[:2], np.nan)
        each[asked.rows] = (model.target.learnt(asked.seeds) - mean[:, None]) / spread[:, None]
        off.append(each.ravel())
    return replace(model, calibrations=tuple(calibrations), agreement=_correlations(np.stack(off)))


def _correlations(off: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlations, (E, E), over the trainings, (E, K), that are known after all epochs."""
    known = off[:, np.isfinite(off).all(axis=0)]
    if known.shape[1] < FEWEST_TO_CORRELATE or not (known.std(axis=1) > 0).all():
        return np.eye(len(off))
    correlations: NDArray[np.float64] = np.atleast_2d(np.corrcoef(known)).round(4)
    return correlations


def score_metric(
    lesson: Lesson,
    model: MetricModel,
    values: NDArray[np.float64],
    familiarity: Familiarity,
    failures: FailureModel | None,
    calibration_seed: int | None,
) -> list[Score]:
    """Score a model after each epoch on what was held out.

    Parameters
    ----------
    lesson, model, familiarity, failures
    values : (N, S, E) float64
        With the failed trainings.
    calibration_seed : int or None
        If the model was calibrated on the same networks, the scores are those of each half, dealt by this seed,
        calibrated on the other; with None they are those of the model's own calibration.
    """
    scores = []
    for place, epochs in enumerate(model.epochs):
        known = known_rows(values, place)
        asked = Asked.about(lesson.asked(known | lesson.failed), lesson, model, values, place)
        if calibration_seed is None:
            doubt = model.calibrations[place].std(asked.raw)
        else:
            through = ~lesson.failed[asked.rows]
            doubt = np.zeros(len(through))  # what failed is scored for that alone
            doubt[through] = cross_calibrated(
                asked.residual[through], asked.raw[through], asked.of_mean[through], calibration_seed
            )
        mean, std = asked.told(model, doubt)
        scores.append(
            score(
                str(Measure(lesson.task.name, model.metric.name, epochs)),
                int((lesson.split.train & known).sum()),
                asked.seeds,
                mean,
                std,
                maximize=model.metric.direction == "maximize",
                unfamiliar=familiarity.unfamiliar(asked.inputs.features),
                fails=None if failures is None else failures.probability(asked.inputs.features),
                failed=lesson.failed[asked.rows],
                fraction=model.metric.unit == "fraction",
            )
        )
    return scores
