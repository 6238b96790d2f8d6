"""What papers need of results: statistics as tidy data frames, figures, tables and the checklist."""

from nasbench.analysis.aggregation import aggregate
from nasbench.analysis.checklist import checklist
from nasbench.analysis.curves import curves
from nasbench.analysis.figures import KINDS, FigureOptions, measure_label, save_figure
from nasbench.analysis.final_table import final_table
from nasbench.analysis.finals import finals
from nasbench.analysis.pooling import normalised_regret, pooled_curves, relative_improvement
from nasbench.analysis.power import runs_needed
from nasbench.analysis.ranks import final_ranks, rank_over_time
from nasbench.analysis.side_by_side import side_by_side
from nasbench.analysis.significance import friedman, nemenyi, not_worse, pairwise
from nasbench.analysis.targets import ecdf, time_to_target

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
