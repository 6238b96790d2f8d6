"""Search strategies, one file each, on the ask/tell protocol of `nasbench.strategy`."""

from strategies.hyperband import Hyperband
from strategies.local_search import LocalSearch
from strategies.random_search import RandomSearch
from strategies.registry import STRATEGIES, get_strategy, strategy_names
from strategies.regularized_evolution import RegularizedEvolution
from strategies.successive_halving import SuccessiveHalving

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
