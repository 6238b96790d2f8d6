"""What a run may spend, in evaluations, epochs or simulated seconds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from tabular.errors import BudgetError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
UNITS = ("evaluations", "epochs", "seconds")


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
