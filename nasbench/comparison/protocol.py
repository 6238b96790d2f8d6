"""The rules a run is played by: signal, budget, workers, repeats, objectives and constraints."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import BudgetError, QueryError
from tabular.measures import Measure, resolve_measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nasbench.comparison.budget import Budget
    from tabular.measures import Task

REPEATS = ("charge", "cache")


@dataclass(frozen=True)
class Constraint:
    """A bound that an architecture must keep to, such as ``latency_seconds<=0.005``.

    Parameters
    ----------
    measure : Measure
    bound : float
        Finite.
    at_most : bool
        Whether the measure may not be above the bound, or else not below it.

    Raises
    ------
    QueryError
    """

    measure: Measure
    bound: float
    at_most: bool = True

    def __post_init__(self) -> None:
        if not math.isfinite(self.bound):
            raise QueryError(f"the bound of {self.measure} must be a finite number, got {self.bound}")

    def __str__(self) -> str:
        return f"{self.measure}{'<=' if self.at_most else '>='}{self.bound:g}"

    @classmethod
    def parse(cls, text: Constraint | str, tasks: Mapping[str, Task]) -> Constraint:
        """Read ``measure<=bound`` or ``measure>=bound``.

        Raises
        ------
        QueryError, UnknownNameError
            If the text cannot be read, or the measure is not there.
        """
        if isinstance(text, Constraint):
            return text
        match = re.fullmatch(r"\s*([^<>=\s]+)\s*(<=|>=)\s*(\S+)\s*", text)
        try:
            bound = float(match[3]) if match else math.nan
        except ValueError:
            match = None
        if match is None:
            raise QueryError(f"cannot read the constraint {text!r}; write measure<=bound, such as parameters<=100000")
        return cls(resolve_measure(match[1], tasks), bound, match[2] == "<=")

    def violation(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how much values break the bound, as a share of it: 0 if they keep it, inf if they are unknown.

        A bound of 0 is broken by the amount itself.
        """
        excess = (values - self.bound) * (1 if self.at_most else -1) / (abs(self.bound) or 1.0)
        return np.where(np.isnan(values), np.inf, np.maximum(excess, 0.0))


@dataclass(frozen=True)
class Protocol:
    """The rules a run is played by.

    Parameters
    ----------
    signal : Measure
        What the strategy sees and the incumbent is chosen by.
    budget : Budget
    workers : int
        Simulated asynchronous workers.
    repeats : str
        What a repeat of an architecture, up to isomorphism, is: ``charge`` trains it anew (another seed, full price);
        ``cache`` answers with the first training, free in every unit. Its trial is recorded with the architecture
        that was trained, of which the answer is.
    objectives : tuple of Measure
        What is to be good beside the signal. Those of the signal's task are taken after as many epochs as an
        architecture was trained, others after their own.
    constraints : tuple of Constraint
        What an incumbent must keep to; of their epochs the same holds.
    """

    signal: Measure
    budget: Budget
    workers: int = 1
    repeats: str = "charge"
    objectives: tuple[Measure, ...] = ()
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        if self.repeats not in REPEATS:
            raise QueryError(f"repeats are {' or '.join(map(repr, REPEATS))}, got {self.repeats!r}")
        if self.workers < 1:
            raise BudgetError(f"a run needs at least 1 worker, got {self.workers}")
        wanted = [self.signal, *self.objectives]
        if len(set(wanted)) < len(wanted):
            raise QueryError(f"each objective counts once, the signal included; got {', '.join(map(str, wanted))}")

    @property
    def beside(self) -> tuple[Measure, ...]:
        """The measures that are asked for beside the signal: objectives, then constraints."""
        return (*self.objectives, *(each.measure for each in self.constraints))

    def after(self, measure: Measure, epochs: int) -> Measure:
        """Return what a measure means for an architecture that was trained for some epochs."""
        return measure._replace(epochs=epochs) if measure.task == self.signal.task else measure
