"""The numbers of one training as NAS-Bench-201 and NATS-Bench record them: a ``ResultsCount`` as a dictionary.

Its fields: ``train_acc1es``, ``train_losses`` and ``train_times`` by epoch from 0 on; ``eval_acc1es``, ``eval_losses``
and ``eval_times`` by ``set@epoch``; ``params`` in millions, ``flop`` in millions of multiply-adds, ``latency`` a list
of seconds. Accuracies are in percent.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import FileFormatError
from tabular.measures import Metric, standard_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

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
    """Return what an architecture costs, as ``value, unit``, from its trainings by seed.

    Sizes on which the trainings disagree are taken from seed 888, as the benchmark's API does; without it they are NaN,
    as is a latency that was not measured.

    Raises
    ------
    FileFormatError
    """
    seeds = sorted(records)

    def each(key: str, number: Callable[[object, str], float]) -> list[float]:
        places = {seed: f"{where}, seed {seed}" for seed in seeds}
        return [number(field(records[seed], key, place), f"{place}: {key}") for seed, place in places.items()]

    parameters, multiply_adds = (_agreed(each(key, _number), seeds) for key in ("params", "flop"))
    measured = [latency for latency in each("latency", _latency) if latency > 0]
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
    """Return how a value of a file is written in a message; what holds other values could be endless."""
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
    return sum(_number(each, where, least=-1) for each in value) / len(value) if value else np.nan


def _by_epoch(record: dict[str, Any], key: str, epochs: int, where: str, least: float = -np.inf) -> NDArray[np.float64]:
    place = f"{where}: {key}"
    numbers = dictionary(field(record, key, where), place)
    if len(numbers) != epochs or any(epoch not in numbers for epoch in range(epochs)):
        raise FileFormatError(f"{place}: has {len(numbers)} epochs, expected 0 to {epochs - 1}")
    return _numbers([numbers[epoch] for epoch in range(epochs)], range(epochs), place, least)


def _by_set(record: dict[str, Any], key: str, dataset: str, epochs: int, where: str) -> dict[str, NDArray[np.float64]]:
    """Return the numbers of each evaluation set by epoch, NaN where there is none."""
    place = f"{where}: {key}"
    numbers = dictionary(field(record, key, where), place)
    checked = _numbers(list(numbers.values()), list(numbers), place, least=0 if key == "eval_times" else -np.inf)
    found: dict[str, NDArray[np.float64]] = {}
    for name, number in zip(numbers, checked.tolist(), strict=True):
        part, epoch = _split(name) if isinstance(name, str) else ("", -1)
        if part not in SETS[dataset] or not 0 <= epoch < epochs:
            raise FileFormatError(f"{place}: {name!r} is none of {', '.join(SETS[dataset])} at 0 to {epochs - 1}")
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
