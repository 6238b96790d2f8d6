"""Run strategies on oracles, compare them, and verify what they found.

`run` and `compare` give `Trials` and `Results`, which can be extended and merged; `nasbench.analysis` makes of them
what papers need.
"""

from nasbench.comparison.compare import SummaryRow, compare, extend, summarise
from nasbench.comparison.fronts import attainment_surfaces, final_fronts, front_curves, front_over_time
from nasbench.comparison.lockstep import run
from nasbench.comparison.merge import check_comparable, merge_results
from nasbench.comparison.protocol import Budget, Constraint
from nasbench.comparison.results import Results, budget_grid
from nasbench.comparison.trials import Trials
from nasbench.comparison.verification import Verified, verify

__all__ = [
    "Budget",
    "Constraint",
    "Results",
    "SummaryRow",
    "Trials",
    "Verified",
    "attainment_surfaces",
    "budget_grid",
    "check_comparable",
    "compare",
    "extend",
    "final_fronts",
    "front_curves",
    "front_over_time",
    "merge_results",
    "run",
    "summarise",
    "verify",
]
