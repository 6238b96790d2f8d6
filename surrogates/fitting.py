"""Fitting a surrogate to a table and scoring it on the networks it did not see."""

from __future__ import annotations

import platform
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogates.choosing import DEPTHS, all_candidates, check_blocks, choose
from surrogates.drawings import drawings_of
from surrogates.failures import FailureModel, find_failures
from surrogates.familiarity import Familiarity
from surrogates.inputs import Inputs
from surrogates.luck import Luck
from surrogates.metric_fitting import Lesson, calibrated, fit_metric, score_metric
from surrogates.models import DEFAULT_MODEL, regressor_class
from surrogates.scorecard import Scorecard
from surrogates.splitting import FEWEST_TRAIN, Split, split_as_told, split_at_random
from surrogates.surrogate import Surrogate
from surrogates.targets import Target
from tabular.errors import QueryError, UnknownNameError
from tabular.layout import DIVERGED
from tabular.measures import DEFAULT_REPORT, DEFAULT_SIGNAL, SECONDS, Metric, Task, mean_of_known, rungs
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from surrogates.metric_model import MetricModel
    from tabular.table import Table
    from tabular.work import Progress


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
    together, so that nothing held out was seen, and count once in the scores. What is learnt is the mean over the seeds
    on record, in the scale of `surrogates.targets`. Trainings that diverged, or failed beside all that are like them,
    are left out and learnt for themselves: the metrics are for the case that a training goes through.

    Parameters
    ----------
    table : Table
    task : str, optional
        May be left out if the table has one only.
    metrics : sequence of str
        Metrics of the task, or costs of its architectures: ``parameters``, ``flops``, a latency, ...
    epochs : sequence of int, optional
        By default the table's last epoch, a third of it, a ninth, ... as far as they are on record. Of more than
        `surrogates.curves.MOST_APART` epochs whole curves are learnt.
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
        What the model's ``fit`` takes beside.
    features : sequence of str, optional
        Blocks of features, see `surrogates.inputs.feature_blocks`; by default what suits the table. ``graph`` alone
        makes a surrogate that can be asked about other spaces.
    seed : int
        Of the split and of the fits: the same table and seed give the same surrogate, bit for bit.
    progress : callable
        Told after each metric.

    Raises
    ------
    UnknownNameError, QueryError
        If the table lacks the task, a metric or an epoch, or a number makes no sense.
    DataError
        If there are too few architectures, or all have the same value.
    """
    name = task_name(table, task)
    recorded = table.tasks[name]
    epochs = rungs(recorded.epochs) if epochs is None else sorted(set(epochs))
    fitted = Task(name, tuple(epochs), _known_metrics(table, recorded, metrics, epochs), (), recorded.provenance)
    values = {metric: recorded_values(table, recorded, metric, fitted.epochs) for metric in fitted.metrics}
    known = known_networks(table, name, values)
    if train is None:
        split = split_at_random(table, known, train_size, train_fraction, seed)
    else:
        split = split_as_told(table, known, train, held_out)
    kind = regressor_class(model)

    leading = leading_values(fitted, values)
    options = dict(options or {})
    if features is None or (model == DEFAULT_MODEL and "max_depth" not in options):
        blocks, depth = _choose(table, leading, split, features, seed)
        options |= {} if model != DEFAULT_MODEL else {"max_depth": depth, **options}
    else:
        blocks = check_blocks(table.space, features)
    lesson, failures = lesson_of(table, fitted, split, blocks, leading, seed)
    learnt = lesson.learnt(known)
    familiarity = Familiarity.fit(lesson.inputs.features[learnt], lesson.networks[learnt])
    models, scores = {}, []
    for number, (metric, whole) in enumerate(values.items()):
        sound = whole if fitted.metrics[metric].split == "none" else lesson.without_failed(whole)
        regressor_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        constant = metric not in recorded.metrics
        fresh = fit_metric(lesson, metric, sound, kind, options, constant=constant, seed=regressor_seed)
        models[metric] = calibrated(lesson, fresh, whole)
        scores += score_metric(lesson, models[metric], whole, familiarity, failures, regressor_seed)
        progress(number + 1, len(values), f"{scores[-1].measure}: Kendall tau {scores[-1].kendall_tau:.3f}")
    return Surrogate(
        table.space,
        fitted,
        blocks,
        models,
        luck=Luck.measure(_residuals(models, values, split, lesson)),
        familiarity=familiarity,
        failures=failures,
        scorecard=Scorecard(tuple(scores)),
        provenance={
            "table": {**table.provenance, "file": table.path.name, "digest": table.digest},
            "split": {
                "seed": seed,
                "train": int(split.train.sum()),
                "held_out": int(split.held_out.sum()),
                "networks": len(np.unique(table.canonical_keys[split.train])) if train is None else None,
            },
            "model": {"kind": model, "options": options, "features": list(blocks)},
            "versions": _versions(),
        },
    )


# What is asked for.


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


def recorded_values(table: Table, task: Task, metric: str, epochs: Sequence[int]) -> NDArray[np.float64]:
    """Return a metric's trainings, (N, S, E); a cost as one training, the same after all epochs."""
    if metric not in task.metrics:
        cost = table.cost(task.name, metric).astype(np.float64)
        return np.repeat(cost[:, None, None], len(epochs), axis=2)
    columns = [task.epochs.index(each) for each in epochs]
    values = table.metric(task.name, metric)[:, :, columns].astype(np.float64)
    # What a training gave before it diverged, its few seconds above all, is not what one that goes through gives.
    return np.where((table.status(task.name) == DIVERGED)[:, :, None], np.nan, values)


def known_networks(table: Table, task: str, values: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Return which rows, (N,), have a number, or diverged whenever they were trained, which tells what fails."""
    diverged = (table.status(task) == DIVERGED).all(axis=1)
    return np.asarray(diverged | np.any([np.isfinite(each).any(axis=(1, 2)) for each in values.values()], axis=0))


def leading_values(task: Task, values: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return what decides on features and failures, (N,), higher is better: the first metric, at the end."""
    name, metric = next(iter(task.metrics.items()))
    last = mean_of_known(values[name][:, :, -1])
    learnt = Target.of(metric, last).learnt(last)
    return learnt if metric.direction == "maximize" else -learnt


# What it is learnt from.


def _choose(
    table: Table, leading: NDArray[np.float64], split: Split, features: Sequence[str] | None, seed: int
) -> tuple[tuple[str, ...], int]:
    """Return the blocks of features to see, those that were named if any were, and the depth of trees."""
    space = table.space
    candidates = all_candidates(space) if features is None else [check_blocks(space, features)]
    rows = np.flatnonzero(split.train & np.isfinite(leading))
    if len(rows) < FEWEST_TRAIN or np.ptp(leading[rows]) == 0:
        return candidates[0], DEPTHS[0]  # `need_enough` will say what is wrong
    _, networks = np.unique(table.canonical_keys[rows], return_inverse=True)
    return choose(space, table.architectures[rows], leading[rows], networks, candidates, seed)


def lesson_of(
    table: Table, task: Task, split: Split, blocks: tuple[str, ...], leading: NDArray[np.float64], seed: int
) -> tuple[Lesson, FailureModel | None]:
    """Return what is learnt from, and a model of what fails if something does."""
    drawings = drawings_of(table, blocks, np.random.default_rng([seed, 1]))
    inputs = Inputs(table.space, drawings.architectures, blocks)
    _, networks = np.unique(table.canonical_keys[drawings.rows], return_inverse=True)
    one_each = drawings.numbers == 0
    inputs_of_rows = inputs.take(one_each)
    rows = drawings.rows[one_each]

    failed = (table.status(task.name) == DIVERGED).all(axis=1)
    for part in (split.train, split.held_out):  # each for itself, so that nothing held out decides on what is learnt
        here = (part & np.isfinite(leading))[rows]
        if here.any():
            _, groups = np.unique(networks[one_each][here], return_inverse=True)
            found = find_failures(inputs_of_rows.features[here], leading[rows[here]], groups, seed=seed)
            failed[rows[here][found]] = True
    lesson = Lesson(task, inputs, drawings.rows, one_each, networks, split, failed)
    learnt = lesson.learnt(np.isfinite(leading) | failed)
    failures = FailureModel.fit(inputs.features[learnt], failed[drawings.rows[learnt]], networks[learnt], seed=seed)
    return lesson, failures


def _residuals(
    models: Mapping[str, MetricModel], values: Mapping[str, NDArray[np.float64]], split: Split, lesson: Lesson
) -> NDArray[np.float64]:
    """Return how far each training lies from the mean over seeds, in units of the noise: (trainings, measures)."""
    columns = []
    for metric, model in models.items():
        learnt = model.target.learnt(lesson.without_failed(values[metric])[split.train])
        for place, noise in enumerate(model.noises):
            seeds = learnt[:, :, place]
            mean = mean_of_known(seeds)
            unit = np.full(len(mean), np.nan) if noise is None else noise.at(mean)
            columns.append(((seeds - mean[:, None]) / np.where(unit > 0, unit, np.nan)[:, None]).ravel())
    longest = max(map(len, columns))  # a cost has one value where a metric has one a seed
    return np.stack([np.pad(each, (0, longest - len(each)), constant_values=np.nan) for each in columns], axis=1)


def _versions() -> dict[str, str]:
    installed = {each.name: each.version for each in distributions()}
    libraries = ("nasbench", "numpy", "xgboost-cpu", "xgboost", "lightgbm", "scikit-learn", "torch")
    known = {name: installed[name] for name in libraries if name in installed}
    return {"python": platform.python_version(), **known}
