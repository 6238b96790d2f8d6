"""nasbench: train a search space once into a table, then compare search strategies on it in seconds.

The vocabulary of the toolkit: spaces, oracles, strategies. Tables are in `tabular`, surrogates in `surrogates`, search
strategies in `strategies`, running and comparing them in `nasbench.comparison`, real training in `nasbench.training`.
"""

from nasbench.errors import NasbenchError
from nasbench.oracle import Measure, Metric, Oracle, Reference, Task
from nasbench.spaces import CellSpace, Space, get_space, space_names
from nasbench.strategy import Proposal, Strategy

__version__ = "0.1.0"

__all__ = [
    "CellSpace",
    "Measure",
    "Metric",
    "NasbenchError",
    "Oracle",
    "Proposal",
    "Reference",
    "Space",
    "Strategy",
    "Task",
    "__version__",
    "get_space",
    "space_names",
]
