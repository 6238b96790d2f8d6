"""Conformance suites: the promises of every space, oracle and strategy.

They are tests that your own classes inherit.

Needs the packages pytest and hypothesis.

Examples
--------
>>> import pytest
>>> from nasbench.testing import SpaceConformance, StrategyConformance
>>> class TestMySpace(SpaceConformance):
...     @pytest.fixture
...     def space(self):
...         return CellSpace("mine", nodes=3, operations=("none", "nor_conv_3x3"))
>>> class TestMyStrategy(StrategyConformance):
...     strategy_class = MyStrategy  # doctest: +SKIP
"""

from nasbench.testing.oracle import OracleConformance
from nasbench.testing.space import SpaceConformance, architectures, batches
from nasbench.testing.strategy import StrategyConformance

__all__ = ["OracleConformance", "SpaceConformance", "StrategyConformance", "architectures", "batches"]
