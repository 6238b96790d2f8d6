"""The rules of a run: budget, signal, workers, repeats, objectives, constraints.

All measures are resolved here, once.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tabular.errors import BudgetError, QueryError
from tabular.measures import SECONDS, Measure, metric_of, resolve_measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tabular.measures import Oracle, Task

UNITS = ("evaluations", "epochs", "seconds")
"""The units of budgets."""

REPEATS = ("charge", "cache")
"""The ways to answer a repeat of an architecture; see `Protocol`."""

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Budget:
    """An amount of one unit.

    Parameters
    ----------
    amount : float
        Positive and finite.
    unit : str
        ``evaluations``, ``epochs`` (of training paid for) or ``seconds`` (on the simulated clock).

    Raises
    ------
    BudgetError
    """

    amount: float
    unit: str = "evaluations"

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise BudgetError(f"a budget is counted in {', '.join(UNITS)}; got {self.unit!r}")
        if not (math.isfinite(self.amount) and self.amount > 0):
            raise BudgetError(f"a budget must be positive, got {self.amount:g} {self.unit}")

    def __str__(self) -> str:
        return f"{self.amount:,g} {self.unit}"

    @classmethod
    def parse(cls, text: Budget | str | float) -> Budget:
        """Read ``300`` (evaluations), ``600ep`` (epochs), or ``20000s``, ``30m``, ``12h``, ``2d`` (simulated time).

        Raises
        ------
        BudgetError
        """
        if isinstance(text, Budget):
            return text
        # A comma parts thousands; one that could be a decimal comma is not read as if it were not there.
        number = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?|[0-9][0-9_.e+]*"
        match = re.fullmatch(rf"\s*({number})\s*(ep|[smhd])?\s*", str(text))
        try:
            amount = float(match[1].replace(",", "")) if match else math.nan
        except ValueError:
            match = None
        if match is None:
            raise BudgetError(
                f"cannot read the budget {text!r}; write 300 (evaluations), 600ep (epochs), 20000s, 30m or 12h"
            )
        if match[2] in _SECONDS:
            return cls(amount * _SECONDS[match[2]], "seconds")
        return cls(amount, "epochs" if match[2] else "evaluations")


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
    """The rules of a run, its measures resolved.

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
        return (*self.objectives, *(constraint.measure for constraint in self.constraints))

    def after(self, measure: Measure, epochs: int) -> Measure:
        """Return what a measure means for an architecture that was trained for some epochs."""
        return measure._replace(epochs=epochs) if measure.task == self.signal.task else measure


class Terms(NamedTuple):
    """A protocol with what its measures mean on one oracle.

    Parameters
    ----------
    protocol : Protocol
    fidelities : tuple of int
        Epochs that a strategy may ask for, ascending.
    signs : tuple of int
        Of the signal, then of each objective: 1 if it is maximised, -1 if minimised.
    restarts : bool
        A longer training does not continue a shorter one, and is paid for in full.
    """

    protocol: Protocol
    fidelities: tuple[int, ...]
    signs: tuple[int, ...]
    restarts: bool = False


def make_protocol(
    oracle: Oracle,
    budget: Budget | str | float,
    signal: Measure | str | None = None,
    workers: int = 1,
    repeats: str = "charge",
    objectives: Sequence[Measure | str] = (),
    constraints: Sequence[Constraint | str] = (),
) -> Protocol:
    """Resolve a user's words on an oracle; `run` and `compare` explain the words.

    Raises
    ------
    BudgetError, QueryError, UnknownNameError
    """
    tasks = oracle.tasks
    return Protocol(
        resolve_measure(signal, tasks),
        Budget.parse(budget),
        workers,
        repeats,
        tuple(resolve_measure(objective, tasks) for objective in objectives),
        tuple(Constraint.parse(constraint, tasks) for constraint in constraints),
    )


def terms_on(oracle: Oracle, protocol: Protocol) -> Terms:
    """Return what a protocol means on an oracle, or refuse it.

    Raises
    ------
    QueryError
        If the signal, an objective or a constraint is a test metric, an objective of the signal's task lacks an epoch,
        or the oracle has no training seconds.
    """
    task = oracle.tasks[protocol.signal.task]
    for role, measures in (
        ("signal", [protocol.signal]),
        ("objective", protocol.objectives),
        ("constraint", [constraint.measure for constraint in protocol.constraints]),
    ):
        for measure in measures:
            if metric_of(oracle, measure).split == "test":
                raise QueryError(f"the {role} {measure} is a test metric; a strategy may see validation only")
    if SECONDS not in task.metrics:
        raise QueryError(f"task {task.name!r} of {oracle.name} has no {SECONDS!r}; the simulated clock needs it")
    fidelities = tuple(epochs for epochs in task.epochs if epochs <= protocol.signal.epochs)
    signs = tuple(metric_of(oracle, measure).sign for measure in (protocol.signal, *protocol.objectives))
    return Terms(protocol, fidelities, signs, task.restarts)
