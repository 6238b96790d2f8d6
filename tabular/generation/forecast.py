"""A forecast of what fits into a budget of time.

It goes by what the device at hand was measured to do.
"""

from __future__ import annotations

import math
import tempfile
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.errors import BudgetError
from tabular.generation.engine import WorkerContext
from tabular.generation.generator import advised_together
from tabular.generation.journal import JournalHeader
from tabular.generation.ledger import COST_UNITS
from tabular.generation.local import LocalEngine
from tabular.generation.plan import make_groups, networks_to_train
from tabular.generation.throughput import closing_seconds, measure, measuring_seconds

if TYPE_CHECKING:
    from tabular.generation.throughput import Throughput
    from tabular.recipe import Recipe
    from tabular.spaces import Space
    from tabular.training.dataset import Dataset


@dataclass(frozen=True)
class Option:
    """A table that could be made.

    Parameters
    ----------
    name : str
        In what it differs from what was asked for.
    epochs, seeds, architectures : int
    seconds : float
        Expected wall-clock time.
    error : float
        Half the width of the 95% interval around it.
    bytes : int
        Of the table's numbers before compression.
    fits : bool
        Whether the whole interval lies within the budget; always where there is none.
    picked : bool
        Whether `generate` with that budget ends up there. Time left over goes into the next seed.
    """

    name: str
    epochs: int
    seeds: int
    architectures: int
    seconds: float
    error: float
    bytes: int
    fits: bool
    picked: bool = False


@dataclass(frozen=True)
class Forecast:
    """The tables that fit into a budget, and what that is based on.

    Parameters
    ----------
    budget : float or None
        Seconds.
    jobs : int
        Processes that train.
    together : int
        Networks that train at once in each.
    measured : int
        Groups of networks that were trained for it.
    training : float
        Wall-clock seconds that one training of the asked epochs keeps one process busy.
    error : float
        Half the width of the 95% interval around it.
    options : list of Option
        The first is what was asked for.
    """

    budget: float | None
    jobs: int
    together: int
    measured: int
    training: float
    error: float
    options: list[Option]


def forecast(
    space: Space,
    recipe: Recipe,
    dataset: Dataset,
    *,
    seeds: int = 3,
    budget: float | None = None,
    jobs: int = 1,
    device: str = "cpu",
    limit: int | None = None,
    patience: float = 4.0,
) -> Forecast:
    """Measure some groups of networks, and say what of a table fits into a budget.

    The rule of what is picked: the epochs of the recipe and all architectures stay, with as many of the seeds as fit;
    if not even one fits, with one seed as many architectures as fit. The error says how much groups of networks differ
    from one another; that the machine may later have more or less else to do is not in it.

    Parameters
    ----------
    space : Space
    recipe : Recipe
    dataset : Dataset
    seeds : int
    budget : float, optional
        Seconds.
    jobs : int
        Processes that train at once, as they do while it is measured.
    device : str
        As torch names it.
    limit : int, optional
        Architectures, of those that the space has.
    patience : float
        Seconds to go on measuring once the first group has ended.

    Raises
    ------
    BudgetError
        If nothing fits; the message says what the least is.
    SpaceError, UnknownNameError
    """
    from tabular.training.result import METRICS
    from tabular.training.trainer import find_device

    if seeds < 1:
        raise BudgetError(f"seeds must be 1 or more, got {seeds}")
    if budget is not None and not (math.isfinite(budget) and budget > 0):
        raise BudgetError(f"budget must be a number of seconds above 0, got {budget!r}")
    find_device(device)
    engine = LocalEngine(jobs)
    networks, rows = networks_to_train(space, limit)
    together = min(rows, advised_together(space, recipe, device))
    groups = make_groups(networks, [rows], rows, range(seeds), together)
    epochs = tuple(range(1, recipe.epochs + 1))
    with tempfile.TemporaryDirectory() as folder:
        header = JournalHeader({}, {}, METRICS, epochs, tuple(COST_UNITS))
        context = WorkerContext(space, networks, recipe, dataset, device, Path(folder), header)
        throughput = measure(context, groups, engine, seconds=patience)
    estimate = _Estimate(throughput, jobs, together, budget or math.inf, networks.shape[1], len(METRICS))
    training, error = _mean(throughput, recipe.epochs, 1.0, math.inf)
    options = estimate.options(recipe.epochs, seeds, rows)
    return Forecast(budget, jobs, together, len(throughput.epoch), training, error, options)


@dataclass(frozen=True)
class _Estimate:
    """The time and the bytes that tables take, and which fit.

    Parameters
    ----------
    throughput : Throughput
    jobs, together : int
    budget : float
        Seconds; infinite if there is none.
    length : int
        Choices of an architecture.
    metrics : int
    """

    throughput: Throughput
    jobs: int
    together: int
    budget: float
    length: int
    metrics: int

    def options(self, epochs: int, seeds: int, rows: int) -> list[Option]:
        """List what was asked for, what fits of it, and what would with half the epochs.

        The pick is marked.
        """
        asked, picked = self.option("as asked", epochs, seeds, rows), self.largest(epochs, seeds, rows)
        options = [asked]
        if not asked.fits:
            options.append(picked)
            fewer = self.architectures(epochs, seeds, rows)
            if fewer and picked.seeds < seeds:
                options.append(self.option("all seeds, fewer architectures", epochs, seeds, fewer))
        if self.budget == math.inf and seeds > 1:
            options.append(self.option("one seed", epochs, 1, rows))
        if epochs > 1:
            options.append(replace(self.largest(epochs // 2, seeds, rows), name="half the epochs"))
        if self.budget < math.inf:
            number = 0 if asked.fits else 1
            options[number] = replace(options[number], picked=True)
        return options

    def largest(self, epochs: int, seeds: int, rows: int) -> Option:
        """Return the most that fits.

        That is all seeds if they do, else fewer, else one seed of fewer architectures.
        """
        whole = bisect_right(range(1, seeds + 1), self.budget, key=lambda number: self.latest(epochs, number, rows))
        if whole:
            return self.option("fewer seeds", epochs, whole, rows)
        fewer = self.architectures(epochs, 1, rows)
        if not fewer:
            least = self.latest(epochs, 1, self.together)
            raise BudgetError(
                f"a budget of {self.budget:g} s is too short to train {self.together} networks for {epochs} epochs, "
                f"starting and writing included; give {math.ceil(1.1 * least)} s or more"
            )
        return self.option("one seed, fewer architectures", epochs, 1, fewer)

    def architectures(self, epochs: int, seeds: int, rows: int) -> int:
        """Return how many architectures fit."""
        return bisect_right(range(1, rows + 1), self.budget, key=lambda number: self.latest(epochs, seeds, number))

    def latest(self, epochs: int, seeds: int, rows: int) -> float:
        """Return the upper end of the interval."""
        seconds, error = self.seconds(epochs, seeds, rows)
        return seconds + error

    def option(self, name: str, epochs: int, seeds: int, rows: int) -> Option:
        """Describe a table."""
        seconds, error = self.seconds(epochs, seeds, rows)
        size = data_bytes(rows, seeds, epochs, self.length, self.metrics)
        return Option(name, epochs, seeds, rows, seconds, error, size, fits=seconds + error <= self.budget)

    def seconds(self, epochs: int, seeds: int, rows: int) -> tuple[float, float]:
        """Return the wall-clock time of a table, and half the width of its 95% interval."""
        of_a_seed = math.ceil(rows / self.together)
        rounds = math.ceil(seeds * of_a_seed / self.jobs)  # in each, every process trains a group
        networks = rounds * rows / of_a_seed
        mean, error = _mean(self.throughput, epochs, 1 / seeds, seeds * of_a_seed)
        around = self.throughput.startup + closing_seconds(rows * seeds * epochs * self.metrics)
        if self.budget < math.inf:  # then the run measures first
            around += self.throughput.startup + self.throughput.probing + measuring_seconds(self.budget)
        return around + networks * mean, networks * error


def _mean(throughput: Throughput, epochs: int, counted: float, groups: float) -> tuple[float, float]:
    """Return the mean seconds of a training over so many groups.

    With it comes half the width of the 95% interval. It is the prediction interval of Student's t for the mean of that
    many groups, given those that were measured.
    """
    from scipy.stats import t

    seconds = throughput.training(epochs, counted)
    doubt = seconds.std(ddof=1) * math.sqrt(1 / len(seconds) + 1 / groups)
    return float(seconds.mean()), float(t.ppf(0.975, len(seconds) - 1) * doubt)


def data_bytes(rows: int, seeds: int, epochs: int, length: int, metrics: int) -> int:
    """Return the bytes of a table's numbers before compression.

    Compression may save some or, of tiny tables, none.

    Parameters
    ----------
    rows, seeds, epochs : int
    length : int
        Choices of an architecture.
    metrics : int
    """
    of_an_architecture = length + 2 * 8 + 8 * len(COST_UNITS)  # choices, index and key, costs
    return rows * (of_an_architecture + seeds * (1 + 4 * metrics * epochs)) + 8 * (length + seeds + epochs)
