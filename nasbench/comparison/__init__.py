"""Run strategies on oracles, compare them, and verify what they found.

`run` and `compare` give `Trials` and `Results`, which can be extended and merged; `nasbench.analysis` makes of them
what papers need.
"""

from nasbench.comparison.budget import Budget
from nasbench.comparison.compare import compare
from nasbench.comparison.extending import extend
from nasbench.comparison.fronts import attainment_surfaces, final_fronts, front_curves, front_over_time
from nasbench.comparison.merging import check_comparable, merge_results
from nasbench.comparison.protocol import Constraint
from nasbench.comparison.results import Results
from nasbench.comparison.run import run
from nasbench.comparison.steps import budget_grid
from nasbench.comparison.summary import SummaryRow, summarise
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
