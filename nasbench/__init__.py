"""nasbench: train a search space once, then compare strategies on its table.

All that most programs need is handed on here, each name imported when it is first asked for. The four packages, each of
which imports those after it: `nasbench` (compare and show), `surrogates` (predict), `strategies` (search), `tabular`
(make tables).
"""

from typing import TYPE_CHECKING

from nasbench.moved import keep_old_paths
from tabular.lazy import hand_on
from tabular.version import __version__

if TYPE_CHECKING:
    from nasbench.analysis.figures import save_figure
    from nasbench.comparison.compare import compare, summarise
    from nasbench.comparison.lockstep import run
    from nasbench.comparison.results import Results
    from nasbench.comparison.verification import verify
    from nasbench.report.page import write_report
    from strategies.registry import get_strategy, read_strategy, strategy_names
    from strategies.strategy import MultiObjectiveStrategy, Proposal, Strategy
    from surrogates.fitting import fit_surrogate
    from surrogates.oracle import SurrogateOracle
    from surrogates.surrogate import Surrogate
    from tabular.errors import NasbenchError
    from tabular.generation.generator import generate
    from tabular.measures import Measure, Metric, Oracle, Reference, Task
    from tabular.oracle import TableOracle
    from tabular.recipe import Recipe
    from tabular.spaces.categorical import CategoricalSpace
    from tabular.spaces.cell import CellSpace
    from tabular.spaces.registry import get_space, space_names
    from tabular.spaces.space import Space
    from tabular.table import Table, shipped_tables
    from tabular.training.dataset import Dataset
    from tabular.training.loading import load_dataset
    from tabular.training.oracle import TrainingOracle

__all__ = [
    "CategoricalSpace",
    "CellSpace",
    "Dataset",
    "Measure",
    "Metric",
    "MultiObjectiveStrategy",
    "NasbenchError",
    "Oracle",
    "Proposal",
    "Recipe",
    "Reference",
    "Results",
    "Space",
    "Strategy",
    "Surrogate",
    "SurrogateOracle",
    "Table",
    "TableOracle",
    "Task",
    "TrainingOracle",
    "__version__",
    "compare",
    "fit_surrogate",
    "generate",
    "get_space",
    "get_strategy",
    "load_dataset",
    "read_strategy",
    "run",
    "save_figure",
    "shipped_tables",
    "space_names",
    "strategy_names",
    "summarise",
    "verify",
    "write_report",
]

__getattr__ = hand_on(
    __name__,
    {
        "save_figure": "nasbench.analysis.figures",
        "compare": "nasbench.comparison.compare",
        "Results": "nasbench.comparison.results",
        "run": "nasbench.comparison.lockstep",
        "summarise": "nasbench.comparison.compare",
        "verify": "nasbench.comparison.verification",
        "write_report": "nasbench.report.page",
        "MultiObjectiveStrategy": "strategies.strategy",
        "Proposal": "strategies.strategy",
        "Strategy": "strategies.strategy",
        "get_strategy": "strategies.registry",
        "read_strategy": "strategies.registry",
        "strategy_names": "strategies.registry",
        "fit_surrogate": "surrogates.fitting",
        "SurrogateOracle": "surrogates.oracle",
        "Surrogate": "surrogates.surrogate",
        "NasbenchError": "tabular.errors",
        "generate": "tabular.generation.generator",
        "Measure": "tabular.measures",
        "Metric": "tabular.measures",
        "Oracle": "tabular.measures",
        "Reference": "tabular.measures",
        "Task": "tabular.measures",
        "TableOracle": "tabular.oracle",
        "Recipe": "tabular.recipe",
        "shipped_tables": "tabular.table",
        "CategoricalSpace": "tabular.spaces.categorical",
        "CellSpace": "tabular.spaces.cell",
        "get_space": "tabular.spaces.registry",
        "space_names": "tabular.spaces.registry",
        "Space": "tabular.spaces.space",
        "Table": "tabular.table",
        "Dataset": "tabular.training.dataset",
        "load_dataset": "tabular.training.loading",
        "TrainingOracle": "tabular.training.oracle",
    },
)

keep_old_paths()
