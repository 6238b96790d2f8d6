"""What a run keeps in its books."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nasbench.comparison.protocol import Constraint
    from strategies.strategy import Proposal


class Goals(NamedTuple):
    """How what an oracle answers is told: directions of signal and objectives, and the constraints.

    Parameters
    ----------
    sign : int
        1 if the signal is maximised, -1 if minimised.
    objective_signs : tuple of int
        The same of each further objective.
    constraints : tuple of Constraint
    """

    sign: int
    objective_signs: tuple[int, ...] = ()
    constraints: tuple[Constraint, ...] = ()


class Trial(NamedTuple):
    """An evaluation that has ended, as `nasbench.comparison.trials.Trials` keeps it."""

    architecture: bytes
    epochs: int
    value: float
    charged_epochs: int
    charged_seconds: float
    finished: float
    others: tuple[float, ...]
    violation: float


class Training(NamedTuple):
    """A training of one network within a run, as far as it was paid for."""

    architecture: bytes
    repetition: int
    epochs: int
    seconds: float
    finish: float
    told: float


class Evaluation(NamedTuple):
    """An evaluation under way; they end in the order of their fields."""

    finish: float
    number: int
    proposal: Proposal
    architecture: bytes
    value: float
    told: float
    charged_epochs: int
    charged_seconds: float
    others: tuple[float, ...]
    violation: float
