"""Statistics, figures, tables and the checklist of best practices for papers.

Statistics are tidy data frames.
"""

from nasbench.analysis.checklist import checklist
from nasbench.analysis.curves import aggregate, curves, ecdf, time_to_target
from nasbench.analysis.figures import KINDS, FigureOptions, save_figure
from nasbench.analysis.finals import finals, normalised_regret, pooled_curves, relative_improvement
from nasbench.analysis.paper_tables import final_table, side_by_side
from nasbench.analysis.significance import (
    final_ranks,
    friedman,
    nemenyi,
    not_worse,
    pairwise,
    rank_over_time,
    runs_needed,
)
from nasbench.analysis.wording import measure_label

__all__ = [
    "KINDS",
    "FigureOptions",
    "aggregate",
    "checklist",
    "curves",
    "ecdf",
    "final_ranks",
    "final_table",
    "finals",
    "friedman",
    "measure_label",
    "nemenyi",
    "normalised_regret",
    "not_worse",
    "pairwise",
    "pooled_curves",
    "rank_over_time",
    "relative_improvement",
    "runs_needed",
    "save_figure",
    "side_by_side",
    "time_to_target",
]
