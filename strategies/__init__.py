"""Search strategies, one file each, on the ask/tell protocol of `nasbench.strategy`."""

from strategies.evolution.local_search import LocalSearch
from strategies.evolution.regularized_evolution import RegularizedEvolution
from strategies.multi_fidelity.hyperband import Hyperband
from strategies.multi_fidelity.successive_halving import SuccessiveHalving
from strategies.random_search import RandomSearch
from strategies.registry import STRATEGIES, get_strategy, strategy_names

__all__ = [
    "STRATEGIES",
    "Hyperband",
    "LocalSearch",
    "RandomSearch",
    "RegularizedEvolution",
    "SuccessiveHalving",
    "get_strategy",
    "strategy_names",
]
