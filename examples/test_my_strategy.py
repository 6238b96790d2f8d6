"""The suite that every strategy of the toolkit passes, for one of your own: ``pytest examples/test_my_strategy.py``."""

from my_strategy import Greedy

from nasbench.testing import StrategyConformance


class TestGreedy(StrategyConformance):
    strategy_class = Greedy
