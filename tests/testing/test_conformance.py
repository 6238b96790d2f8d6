"""Each strategy under the suite that all strategies inherit."""

from __future__ import annotations

from typing import ClassVar

from nasbench.testing.strategy import StrategyConformance
from strategies import Hyperband, LocalSearch, RandomSearch, RegularizedEvolution, SuccessiveHalving


class TestRandomSearch(StrategyConformance):
    strategy_class = RandomSearch
    guided = False


class TestRegularizedEvolution(StrategyConformance):
    strategy_class = RegularizedEvolution


class TestRegularizedEvolutionOfNASBench201(StrategyConformance):
    strategy_class = RegularizedEvolution
    options: ClassVar = {"population": 10, "sample": 3}


class TestLocalSearch(StrategyConformance):
    strategy_class = LocalSearch


class TestLocalSearchToTheFirstBetter(StrategyConformance):
    strategy_class = LocalSearch
    options: ClassVar = {"full_neighbourhood": False}


class TestSuccessiveHalving(StrategyConformance):
    strategy_class = SuccessiveHalving
    searches = 8  # of thousands of short trainings


class TestHyperband(StrategyConformance):
    strategy_class = Hyperband
    searches = 8  # of thousands of short trainings
