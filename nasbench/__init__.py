"""nasbench: train a search space once into a table, then compare search strategies on it in seconds.

The vocabulary of the toolkit: spaces, oracles, strategies. Tables are in `tabular`, surrogates in `surrogates`, search
strategies in `strategies`, running and comparing them in `nasbench.comparison`, real training in `nasbench.training`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasbench.errors import NasbenchError
from nasbench.oracle import Measure, Metric, Oracle, Reference, Task
from nasbench.spaces import CellSpace, Space, get_space, space_names

if TYPE_CHECKING:
    from strategies.strategy import Proposal, Strategy

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


def __getattr__(name: str) -> Any:
    if name in {"Proposal", "Strategy"}:  # late, as the package `strategies` itself imports from here
        from strategies import strategy

        return getattr(strategy, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
