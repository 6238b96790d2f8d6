"""Fitting a surrogate to a table and scoring it on the networks it did not see."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from surrogates.features import Inputs, feature_blocks
from surrogates.metric_model import (
    Calibration,
    Correction,
    CurveBasis,
    MetricModel,
    SeedNoise,
    Target,
    cross_calibrated,
)
from surrogates.models import DEFAULT_MODEL, regressor_class
from surrogates.models.xgboost import out_of_fold
from surrogates.scorecard import Score, Scorecard, score
from surrogates.surrogate import Surrogate
from surrogates.training_noise import TrainingNoise
from surrogates.training_set import FEWEST_TRAIN, Examples, TrainingSet, known_rows, need_enough
from surrogates.trust import FailureModel, Familiarity, find_failures
from tabular.errors import QueryError, UnknownNameError
from tabular.measures import DEFAULT_REPORT, DEFAULT_SIGNAL, SECONDS, Measure, mean_of_known
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from surrogates.models.regressor import Regressor
    from tabular.spaces import Space
    from tabular.table import Table
    from tabular.work import Progress

FOLDS = 3
"""Features and depth are chosen by cross-validation with so many folds."""

TREES = 150
"""The number of trees that choices are made with."""

DEPTHS = (4, 6, 8)
"""The depths of trees that are tried."""

CLEARLY = 0.01
"""A costlier choice must lower the error by this share of it."""

MOST_ROWS = 6000
"""The most rows that choices are made with; more are not needed to tell which is better."""

Choice = TypeVar("Choice")


def fit_surrogate(
    table: Table,
    *,
    task: str | None = None,
    metrics: Sequence[str] = (DEFAULT_SIGNAL, DEFAULT_REPORT, SECONDS),
    epochs: Sequence[int] | None = None,
    train_size: int | None = None,
    train_fraction: float = 0.8,
    train: ArrayLike | None = None,
    held_out: ArrayLike | None = None,
    model: str = DEFAULT_MODEL,
    options: Mapping[str, Any] | None = None,
    features: Sequence[str] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Surrogate:
    """Fit regressors of each metric's learning curve.

    The table's networks are split into those to fit and those held out; architectures that are the same network stay
    together, so that nothing held out was seen, and count once in the scores. Fitted is the mean over the seeds on
    record, in the scale of `surrogates.metric_model.Target`. Trainings that diverged, or failed beside all that are
    like them, are left out and have a model of their own: the metrics are for the case that a training goes through.

    Parameters
    ----------
    table : Table
    task : str, optional
        May be left out if the table has one only.
    metrics : sequence of str
        Metrics of the task, or costs of its architectures: ``parameters``, ``flops``, a latency, ...
    epochs : sequence of int, optional
        By default the table's last epoch, a third of it, a ninth, ... as far as they are on record. Of more than
        `surrogates.metric_model.MOST_APART` epochs whole curves are fitted.
    train_size : int, optional
        The number of networks to fit, drawn at random; by default given by ``train_fraction``.
    train_fraction : float
        In (0, 1).
    train : (M,) int, optional
        The rows of the table to fit, instead of some drawn at random.
    held_out : (K,) int, optional
        Of the other rows, those to score; only with ``train``.
    model : str
        One of `surrogates.models.MODELS`.
    options : dict, optional
        Further arguments of the model's ``fit``.
    features : sequence of str, optional
        Blocks of features, see `surrogates.features.feature_blocks`; by default what suits the table. ``graph`` alone
        makes a surrogate that can be asked about other spaces.
    seed : int
        Of the split and of the fits: the same table and seed give the same surrogate, bit for bit.
    progress : callable
        Called after each metric.

    Raises
    ------
    UnknownNameError, QueryError
        If the table lacks the task, a metric or an epoch, or a number makes no sense.
    DataError
        If there are too few architectures, or all have the same value.
    """
    data = TrainingSet.read(table, task=task, metrics=metrics, epochs=epochs)
    if train is None:
        data = data.split_at_random(train_size, train_fraction, seed)
    else:
        data = data.split_as_named(train, held_out)
    kind = regressor_class(model)
    options = dict(options or {})
    if features is None or (model == DEFAULT_MODEL and "max_depth" not in options):
        blocks, depth = choose_features(data, features, seed)
        options |= {} if model != DEFAULT_MODEL else {"max_depth": depth, **options}
    else:
        blocks = check_blocks(data.space, features)
    examples = prepare(data, blocks, seed)
    to_fit = examples.to_fit(data.known)
    familiarity = Familiarity.fit(examples.inputs.features[to_fit], examples.networks[to_fit])
    failures = _fit_failures(examples, seed)
    models, scores = {}, []
    for number, metric in enumerate(data.values):
        regressor_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        models[metric] = calibrated(examples, fit_metric(examples, metric, kind, options, regressor_seed))
        scores += score_metric(examples, models[metric], familiarity, failures, regressor_seed)
        progress(number + 1, len(data.values), f"{scores[-1].measure}: Kendall tau {scores[-1].kendall_tau:.3f}")
    return Surrogate(
        data.space,
        data.task,
        blocks,
        models,
        training_noise=TrainingNoise.measure(_noise_residuals(examples, models)),
        familiarity=familiarity,
        failures=failures,
        scorecard=Scorecard(tuple(scores)),
        provenance={
            "table": data.origin,
            "split": {
                "seed": seed,
                "train": int(data.train.sum()),
                "held_out": int(data.held_out.sum()),
                "networks": len(np.unique(data.keys[data.train])) if train is None else None,
            },
            "model": {"kind": model, "options": options, "features": list(blocks)},
            "versions": _versions(),
        },
    )


def _versions() -> dict[str, str]:
    installed = {library.name: library.version for library in distributions()}
    libraries = ("nasbench", "numpy", "xgboost-cpu", "xgboost", "lightgbm", "scikit-learn", "torch")
    known = {name: installed[name] for name in libraries if name in installed}
    return {"python": platform.python_version(), **known}


# The choice of features, and of the depth of trees.


def check_blocks(space: Space, blocks: Sequence[str]) -> tuple[str, ...]:
    """Return the blocks of features that a user named.

    Raises
    ------
    UnknownNameError, QueryError
    """
    if not blocks:
        raise QueryError(f"name at least one block of features; {space.name} has {', '.join(feature_blocks(space))}")
    for block in blocks:
        if block not in feature_blocks(space):
            raise UnknownNameError("features", block, feature_blocks(space), of=f"space {space.name!r}")
    return tuple(blocks)


def choose_features(data: TrainingSet, features: Sequence[str] | None, seed: int) -> tuple[tuple[str, ...], int]:
    """Return the blocks of features, those that were named if any were, and the depth of trees that err least.

    Candidates are the active graph's features alone, those with one-hot choices, and all blocks, as far as the space
    has them. The blocks are chosen first, with trees of middling depth. The error is the mean absolute one on folds
    left out, so that a few failed trainings do not decide.
    """
    blocks = feature_blocks(data.space)
    candidates = list(dict.fromkeys([blocks[:1], blocks[:2], blocks]))
    if features is not None:
        candidates = [check_blocks(data.space, features)]
    rows = np.flatnonzero(data.train & np.isfinite(data.leading))
    if len(rows) < FEWEST_TRAIN or np.ptp(data.leading[rows]) == 0:
        return candidates[0], DEPTHS[0]  # `need_enough` will say what is wrong
    rows = rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:MOST_ROWS])]
    _, networks = np.unique(data.keys[rows], return_inverse=True)
    target = data.leading[rows]
    target = (target - target.mean()) / target.std()

    def error(inputs: Inputs, depth: int) -> float:
        left_out = out_of_fold(inputs, target, networks, folds=FOLDS, seed=seed, trees=TREES, max_depth=depth)
        return float(np.abs(left_out - target).mean())

    inputs_of = {blocks: Inputs(data.space, data.architectures[rows], blocks) for blocks in candidates}
    middling = DEPTHS[len(DEPTHS) // 2]
    errors = {blocks: error(inputs, middling) for blocks, inputs in inputs_of.items()}
    blocks = _first_that_is_good(errors)
    by_depth = {depth: errors[blocks] if depth == middling else error(inputs_of[blocks], depth) for depth in DEPTHS}
    return blocks, _first_that_is_good(by_depth)


def _first_that_is_good(errors: dict[Choice, float]) -> Choice:
    """Return the first choice, the cheapest, that no later one beats clearly."""
    best, *others = errors
    for other in others:
        if errors[other] < (1 - CLEARLY) * errors[best]:
            best = other
    return best


# The examples, and those that failed.


def prepare(data: TrainingSet, blocks: tuple[str, ...], seed: int) -> Examples:
    """Return the examples of a training set with these features, the failed trainings among them found."""
    examples = Examples.drawn(data, blocks, np.random.default_rng([seed, 1]))
    inputs, rows = examples.inputs.take(examples.first), examples.rows[examples.first]
    networks, failed = examples.networks[examples.first], examples.failed.copy()
    for part in (data.train, data.held_out):  # apart, so that nothing held out decides on what is fitted
        chosen = (part & np.isfinite(data.leading))[rows]
        if chosen.any():
            _, groups = np.unique(networks[chosen], return_inverse=True)
            found = find_failures(inputs.features[chosen], data.leading[rows[chosen]], groups, seed=seed)
            failed[rows[chosen][found]] = True
    return replace(examples, failed=failed)


def _fit_failures(examples: Examples, seed: int) -> FailureModel | None:
    """Return a model of what fails, if something does."""
    to_fit = examples.to_fit(np.isfinite(examples.data.leading) | examples.failed)
    failed = examples.failed[examples.rows[to_fit]]
    return FailureModel.fit(examples.inputs.features[to_fit], failed, examples.networks[to_fit], seed=seed)


# One metric.


def fit_metric(
    examples: Examples, metric: str, kind: type[Regressor], options: Mapping[str, Any], seed: int
) -> MetricModel:
    """Fit a metric; the doubt of the model is not calibrated yet.

    Parameters
    ----------
    examples : Examples
    metric : str
    kind, options
        The class of regressors, and further arguments of its ``fit``.
    seed : int

    Raises
    ------
    DataError
        If there are too few numbers, or all are the same.
    """
    data = examples.data
    described, epochs = data.task.metrics[metric], data.task.epochs
    values = data.values[metric] if described.split == "none" else examples.without_failed(metric)
    need_enough(data, metric, values)
    target = Target.of(described, values)
    means = [mean_of_known(values[:, :, index]) for index in range(len(epochs))]
    curves = target.scaled(np.stack(means, axis=1))
    basis = CurveBasis.constant(len(epochs)) if metric in data.constant else CurveBasis.fit(curves[data.train])
    basis = basis.standardised(basis.coefficients(curves)[data.train])
    regressors = []
    for number, coefficients in enumerate(basis.coefficients(curves).T):
        to_fit = examples.to_fit(np.isfinite(coefficients))
        _, networks = np.unique(examples.networks[to_fit], return_inverse=True)
        wanted = coefficients[examples.rows[to_fit]]
        regressors.append(kind.fit(examples.inputs.take(to_fit), wanted, networks, seed=seed + number, **options))
    scaled = target.scaled(values[data.train])
    return MetricModel(
        described,
        epochs,
        target,
        basis,
        tuple(regressors),
        tuple(SeedNoise.measure(scaled[:, :, index]) for index in range(len(epochs))),
        (Calibration(1.0, 0.0),) * len(epochs),
        (Correction(),) * len(epochs),
        float(np.isfinite(values[data.train]).sum(axis=1).mean()),
    )


class HeldOutPredictions(NamedTuple):
    """Predictions after one epoch for held-out networks, and their measurements.

    Parameters
    ----------
    rows : (N,) int64
        Of the table.
    inputs : Inputs
    mean, doubt : (N,) float64
        In the fitted scale; the doubt is not calibrated.
    noise : (N,) float64
    trainings : (N, S) float64
        Of the metric, failed ones too.
    residual, variance_of_mean : (N,) float64
        What was measured minus ``mean`` in the fitted scale, and the variance of the measured mean.
    """

    rows: NDArray[np.int64]
    inputs: Inputs
    mean: NDArray[np.float64]
    doubt: NDArray[np.float64]
    noise: NDArray[np.float64]
    trainings: NDArray[np.float64]
    residual: NDArray[np.float64]
    variance_of_mean: NDArray[np.float64]

    @classmethod
    def of(cls, examples: Examples, chosen: NDArray[np.bool_], model: MetricModel, index: int) -> HeldOutPredictions:
        """Predict some of the examples, a mask (D,), after the epoch at an index."""
        rows, inputs = examples.rows[chosen], examples.inputs.take(chosen)
        mean, doubt = model.estimate(inputs, index)
        noise = model.noise(mean, index)
        trainings = examples.data.values[model.metric.name][rows, :, index]
        residual = model.target.scaled(mean_of_known(trainings)) - mean
        count = np.maximum(np.isfinite(trainings).sum(axis=1), 1)  # of what diverged there is none
        return cls(rows, inputs, mean, doubt, noise, trainings, residual, noise**2 / count)

    def unscaled(self, model: MetricModel, doubt: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Return the mean of the metric and how far a single training may lie from it, (N,) each, for this doubt."""
        expected = model.expected(self.mean, doubt, self.noise)
        return model.target.unscaled(expected), model.target.slope(expected) * np.hypot(doubt, self.noise)

    def cross_calibrated(self, rows: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
        """Return the doubt of some rows, a mask (N,), each half calibrated on the other; see `cross_calibrated`."""
        return cross_calibrated(self.residual[rows], self.doubt[rows], self.variance_of_mean[rows], seed)


def calibrated(examples: Examples, model: MetricModel) -> MetricModel:
    """Return a model whose doubt is calibrated on what was held out."""
    values, calibrations = examples.data.values[model.metric.name], []
    for index in range(len(model.epochs)):
        chosen = examples.to_score(known_rows(values, index) & ~examples.failed)
        predicted = HeldOutPredictions.of(examples, chosen, model, index)
        calibrations.append(Calibration.fit(predicted.residual, predicted.doubt, predicted.variance_of_mean))
    return replace(model, calibrations=tuple(calibrations))


def score_metric(
    examples: Examples,
    model: MetricModel,
    familiarity: Familiarity,
    failures: FailureModel | None,
    calibration_seed: int | None,
) -> list[Score]:
    """Score a model after each epoch on what was held out.

    Parameters
    ----------
    examples, model, familiarity, failures
    calibration_seed : int or None
        If the model was calibrated on the same networks, the scores are those of each half, dealt by this seed,
        calibrated on the other; with None they are those of the model's own calibration.
    """
    data, scores = examples.data, []
    for index, epochs in enumerate(model.epochs):
        known = known_rows(data.values[model.metric.name], index)
        predicted = HeldOutPredictions.of(examples, examples.to_score(known | examples.failed), model, index)
        failed = examples.failed[predicted.rows]
        if calibration_seed is None:
            doubt = model.calibrations[index].std(predicted.doubt)
        else:
            doubt = np.zeros(len(failed))  # what failed is scored for that alone
            doubt[~failed] = predicted.cross_calibrated(~failed, calibration_seed)
        mean, std = predicted.unscaled(model, doubt)
        scores.append(
            score(
                str(Measure(data.task.name, model.metric.name, epochs)),
                int((data.train & known).sum()),
                predicted.trainings,
                mean,
                std,
                maximize=model.metric.direction == "maximize",
                unfamiliar=familiarity.unfamiliar(predicted.inputs.features),
                fails=None if failures is None else failures.probability(predicted.inputs.features),
                failed=failed,
                fraction=model.metric.unit == "fraction",
            )
        )
    return scores


def _noise_residuals(examples: Examples, models: Mapping[str, MetricModel]) -> NDArray[np.float64]:
    """Return how far each training lies from the mean over seeds, in units of the noise: (trainings, measures)."""
    columns = []
    for metric, model in models.items():
        scaled = model.target.scaled(examples.without_failed(metric)[examples.data.train])
        for index, noise in enumerate(model.noises):
            seeds = scaled[:, :, index]
            mean = mean_of_known(seeds)
            unit = np.full(len(mean), np.nan) if noise is None else noise.at(mean)
            columns.append(((seeds - mean[:, None]) / np.where(unit > 0, unit, np.nan)[:, None]).ravel())
    longest = max(map(len, columns))  # a cost has one value where a metric has one a seed
    padded = [np.pad(column, (0, longest - len(column)), constant_values=np.nan) for column in columns]
    return np.stack(padded, axis=1)
