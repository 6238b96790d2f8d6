"""Run strategies on oracles, compare them, draw the regret curves and verify what they found.

`run` and `compare` give `Trials` and `Results`; `summarise`, `save_figure` and `verify` make of them what papers need.
"""

from nasbench.comparison.budget import Budget
from nasbench.comparison.compare import compare
from nasbench.comparison.figures import save_figure
from nasbench.comparison.fronts import attainment_surfaces, final_fronts, front_curves, front_over_time
from nasbench.comparison.protocol import Constraint
from nasbench.comparison.regret import budget_grid, curve
from nasbench.comparison.results import Results
from nasbench.comparison.run import run
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
    "compare",
    "curve",
    "final_fronts",
    "front_curves",
    "front_over_time",
    "run",
    "save_figure",
    "summarise",
    "verify",
]
