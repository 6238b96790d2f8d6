"""Measures of architectures, and the oracles that answer them.

Tables, surrogates and real training share the protocol.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from tabular.errors import QueryError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space

SECONDS = "train_seconds"
"""The metric every oracle has: seconds of training up to and with an epoch, the currency of the simulated clock."""

HALFWAY = "halfway_"
"""How the name of a metric begins that was measured halfway through a training."""

DEFAULT_SIGNAL = "validation_accuracy"
DEFAULT_REPORT = "test_accuracy"


@dataclass(frozen=True)
class Metric:
    """The meaning of a metric's numbers.

    Parameters
    ----------
    name : str
        Such as ``validation_accuracy``.
    unit : str
        ``fraction``, ``second``, ``nat``, ...
    split : str
        ``train``, ``validation``, ``test``, or ``none`` for what no split decides (seconds).
    direction : str
        ``maximize`` or ``minimize``.
    """

    name: str
    unit: str
    split: str
    direction: str

    @property
    def sign(self) -> int:
        """1 if more is better, -1 if less is.

        It is the factor that makes every metric one to be maximised.
        """
        return 1 if self.direction == "maximize" else -1


def standard_metric(name: str) -> Metric:
    """Return what a metric means by the project's naming.

    Names are ``{train,validation,test}_{accuracy,error,loss}`` and ``*_seconds``.

    Raises
    ------
    UnknownNameError
        If the name does not follow it; such a metric must be declared in full.
    """
    splits, kinds = ("train", "validation", "test"), {"accuracy": "fraction", "error": "fraction", "loss": "nat"}
    split, _, kind = name.partition("_")
    if name.endswith("_seconds"):
        return Metric(name, "second", "none", "minimize")
    if split in splits and kind in kinds:
        return Metric(name, kinds[kind], split, "maximize" if kind == "accuracy" else "minimize")
    raise UnknownNameError("metric", name, [f"{s}_{k}" for s in splits for k in kinds] + [SECONDS])


@dataclass(frozen=True)
class Task:
    """A data set with its splits and a recipe, and what was recorded of it.

    Parameters
    ----------
    name : str
    epochs : tuple of int
        The epochs that can be asked for, ascending.
    metrics : dict of str to Metric
    seeds : tuple of int
        The training seeds on record; empty where any seed can be asked for.
    provenance : dict
        Recipe, data set, versions, hardware, licence, citation: whatever names the numbers' origin, JSON-ready.
    """

    name: str
    epochs: tuple[int, ...]
    metrics: Mapping[str, Metric]
    seeds: tuple[int, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def restarts(self) -> bool:
        """Whether each epoch on record ended a training of its own.

        Then no longer training continues a shorter one (NAS-Bench-101).
        """
        return self.provenance.get("restarts") is True


class Measure(NamedTuple):
    """A metric of a task after some epochs: one number per architecture.

    Written ``task/metric@epochs``.
    """

    task: str
    metric: str
    epochs: int

    def __str__(self) -> str:
        return f"{self.task}/{self.metric}@{self.epochs}"


def resolve_measure(measure: Measure | str | None, tasks: Mapping[str, Task], default: str = DEFAULT_SIGNAL) -> Measure:
    """Complete and check what a user wrote for a measure.

    Parameters
    ----------
    measure : Measure, str or None
        ``task/metric@epochs``, where the task may be left out if there is one only, and the epochs for the last
        recorded; None stands for ``default``.
    tasks : dict of str to Task
    default : str
        The metric meant by None.

    Raises
    ------
    QueryError, UnknownNameError
        If the text cannot be read, or names a task, metric or epoch that is not there.
    """
    if type(measure) is Measure and measure.task in tasks:
        task = tasks[measure.task]
        if measure.metric in task.metrics and measure.epochs in task.epochs:
            return measure
    if measure is None:
        measure = default
    match = re.fullmatch(r"(?:(?P<task>[^/]+)/)?(?P<metric>[^/@]+)(?:@(?P<epochs>\d+))?", str(measure))
    if match is None:
        raise QueryError(
            f"cannot read the measure {str(measure)!r}; write task/metric@epochs, such as 'digits/test_accuracy@12'"
        )
    name = match["task"]
    if name is None:
        if len(tasks) > 1:
            raise QueryError(
                f"{str(measure)!r} must say which task it means: {', '.join(f'{t}/{measure}' for t in tasks)}"
            )
        name = next(iter(tasks))
    if name not in tasks:
        raise UnknownNameError("task", name, tasks)
    task = tasks[name]
    if match["metric"] not in task.metrics:
        raise UnknownNameError("metric", match["metric"], task.metrics, of=f"task {name!r}")
    epochs = int(match["epochs"]) if match["epochs"] else task.epochs[-1]
    if epochs not in task.epochs:
        recorded = ", ".join(map(str, task.epochs))
        raise QueryError(f"task {name!r} has no epoch {epochs}; it has {recorded}")
    return Measure(name, match["metric"], epochs)


class Reference(NamedTuple):
    """The best value and the spread of a measure over a whole space.

    Search results are held against it.
    """

    best: float
    random_mean: float
    random_std: float


@runtime_checkable
class Oracle(Protocol):
    """The protocol of what answers measures of architectures.

    Pure: the same question has the same answer, in any order and any process.
    """

    @property
    def name(self) -> str:
        """What results and figures call it."""
        ...

    @property
    def space(self) -> Space:
        """The space whose architectures it knows."""
        ...

    @property
    def tasks(self) -> Mapping[str, Task]:
        """What can be asked for."""
        ...

    def query(
        self,
        architectures: NDArray[np.uint8],
        measure: Measure | str | None = None,
        *,
        seed: int | None = None,
        draw: NDArray[np.uint64] | int | None = None,
    ) -> Any:
        """Answer one measure of one or many architectures.

        Parameters
        ----------
        architectures : (N, L) or (L,) uint8
        measure : Measure or str, optional
            By default the validation accuracy at the last epoch.
        seed : int, optional
            Answer with the training of this seed.
        draw : (N,) uint64 or int, optional
            Answer with one training's result, chosen by this number alone: the same draw, the same training. Without
            seed and draw the answer is the mean over trainings.

        Returns
        -------
        (N,) float64 or float
            NaN where nothing was measured or the training diverged before that epoch.

        Raises
        ------
        InvalidArchitectureError, QueryError, UnknownNameError
        """
        ...

    def spread(self, architectures: NDArray[np.uint8], measure: Measure | str | None = None) -> Any:
        """Return the standard deviation of a measure between single trainings.

        They differ in their seed only.

        Returns
        -------
        (N,) float64 or float
            NaN where fewer than two trainings are known.
        """
        ...

    def reference(self, measure: Measure | str | None = None) -> Reference | None:
        """Return the best value over the space, and that of a random architecture.

        None where that cannot be known.
        """
        ...


class BaseOracle(ABC):
    """An oracle that reads questions.

    A kind of oracle adds the answers to those that were read. It has the attributes ``name``, ``space`` and ``tasks``
    of an `Oracle`, and answers as `Oracle` says.
    """

    name: str
    space: Space
    tasks: Mapping[str, Task]

    def query(
        self,
        architectures: NDArray[np.uint8],
        measure: Measure | str | None = None,
        *,
        seed: int | None = None,
        draw: NDArray[np.uint64] | int | None = None,
    ) -> Any:
        """Answer one measure of one or many architectures; see `Oracle.query`."""
        rows = self.space.check(architectures)
        batch = np.atleast_2d(rows)
        resolved = self._resolve(measure)
        if draw is not None:
            values = self._drawn(batch, resolved, checked_draws(draw, len(batch), seed))
        elif seed is not None:
            values = self._of_seed(batch, resolved, seed)
        else:
            values = self._means(batch, resolved)
        return values if rows.ndim == 2 else float(values[0])

    def spread(self, architectures: NDArray[np.uint8], measure: Measure | str | None = None) -> Any:
        """Return the standard deviation of a measure between single trainings.

        See `Oracle.spread`.
        """
        rows = self.space.check(architectures)
        values = self._spreads(np.atleast_2d(rows), self._resolve(measure))
        return values if rows.ndim == 2 else float(values[0])

    @cached_property
    def _resolved(self) -> dict[Measure | str | None, Measure]:
        """The measures asked for so far, as the callers wrote them."""
        return {}

    def _resolve(self, measure: Measure | str | None) -> Measure:
        resolved = self._resolved.get(measure)
        if resolved is None:
            resolved = self._resolved[measure] = resolve_measure(measure, self.tasks)
        return resolved

    @abstractmethod
    def reference(self, measure: Measure | str | None = None) -> Reference | None:
        """Return the best and the random architecture's mean value.

        See `Oracle.reference`.
        """

    @abstractmethod
    def _means(self, batch: NDArray[np.uint8], measure: Measure) -> NDArray[np.float64]:
        """Return the mean over trainings of each architecture, (N, L) -> (N,)."""

    @abstractmethod
    def _of_seed(self, batch: NDArray[np.uint8], measure: Measure, seed: int) -> NDArray[np.float64]:
        """Return the training of one seed of each architecture, (N, L) -> (N,)."""

    @abstractmethod
    def _drawn(self, batch: NDArray[np.uint8], measure: Measure, draws: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the training that each draw, (N,), picks, (N, L) -> (N,)."""

    @abstractmethod
    def _spreads(self, batch: NDArray[np.uint8], measure: Measure) -> NDArray[np.float64]:
        """Return the standard deviation between trainings, (N, L) -> (N,)."""


def checked_draws(draw: NDArray[np.uint64] | int, rows: int, seed: int | None = None) -> NDArray[np.uint64]:
    """Return a draw for each of some architectures, (N,).

    Raises
    ------
    QueryError
        If a draw is no whole number from 0 to 2**64 - 1, there are as many as neither one nor ``rows``, or a ``seed``
        was asked for too.
    """
    if seed is not None:
        raise QueryError(f"seed={seed} names one training and draw picks one: give either")
    try:
        draws = np.asarray(draw, dtype=np.uint64)
    except (OverflowError, ValueError, TypeError):
        raise QueryError(f"a draw is a whole number from 0 to 2**64 - 1, got {draw!r}") from None
    if draws.ndim > 1 or draws.size not in {1, rows}:
        raise QueryError(f"{rows} architectures need one draw or {rows} draws, got {draws.size}")
    return draws.reshape(rows) if draws.size == rows else np.broadcast_to(draws, rows)


def reference_over(values: NDArray[np.float64], metric: Metric) -> Reference | None:
    """Return best, mean and standard deviation of values; None if none is a number."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    best = values.max() if metric.direction == "maximize" else values.min()
    return Reference(float(best), float(values.mean()), float(values.std()))


@runtime_checkable
class Digested(Protocol):
    """An oracle with a digest of all that its answers depend on."""

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256."""
        ...


def metric_of(oracle: Oracle, measure: Measure) -> Metric:
    """Return what a measure's numbers mean."""
    return oracle.tasks[measure.task].metrics[measure.metric]


def rungs(fidelities: Sequence[int], eta: int = 3) -> tuple[int, ...]:
    """Return the fidelities nearest to ``R, R/eta, R/eta^2, ...``, from the longest, R.

    Near is meant as a ratio, as a ladder's steps are. Two ideal rungs with the same nearest fidelity become one, and
    the ladder ends where an ideal rung lies more than half a step (a factor of ``sqrt(eta)``) below the shortest.

    Parameters
    ----------
    fidelities : sequence of int
        Epochs on record, in any order, at least one.
    eta : int
        The factor from one rung to the next, at least 2.

    Returns
    -------
    tuple of int
        Ascending and distinct; the last is the longest fidelity.

    Raises
    ------
    QueryError
        If there is no fidelity, one below 1, or ``eta`` is below 2.

    Examples
    --------
    >>> rungs(range(1, 82)), rungs([12, 200]), rungs([200])
    ((1, 3, 9, 27, 81), (12, 200), (200,))
    """
    if not fidelities or min(fidelities) < 1:
        raise QueryError(f"a ladder needs fidelities of 1 epoch or more, at least one; got {list(fidelities)}")
    if eta < 2:
        raise QueryError(f"eta is the factor from one rung to the next, at least 2; got {eta}")
    ascending = sorted(fidelities)
    ladder, ideal = set(), float(ascending[-1])
    while ideal * eta**0.5 >= ascending[0]:
        ladder.add(min(ascending, key=lambda epochs: max(epochs / ideal, ideal / epochs)))
        ideal /= eta
    return tuple(sorted(ladder))


def mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each row, (N,), over its values that are numbers.

    A row is the trainings of an architecture, say, or the runs of a strategy.

    Parameters
    ----------
    values : (N, S) float64
        NaN where there is none; a row without any has no mean and answers NaN.
    """
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):  # the mean of nothing is 0 / 0: NaN, as meant
        means: NDArray[np.float64] = np.where(there, values, 0).sum(axis=1) / there.sum(axis=1)
    return means


def std_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each row, (N,), over its numbers.

    It is that of a sample.

    Parameters
    ----------
    values : (N, S) float64
        NaN where there is none; a row with fewer than two numbers has no standard deviation and answers NaN.
    """
    there = ~np.isnan(values)
    count = there.sum(axis=1)
    squares = np.where(there, (values - mean_of_known(values)[:, None]) ** 2, 0).sum(axis=1)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
