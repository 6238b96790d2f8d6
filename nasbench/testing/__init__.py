"""Conformance suites: what every space promises, as tests that a space of one's own inherits. Needs pytest, hypothesis.

Examples
--------
>>> import pytest
>>> from nasbench.testing import SpaceConformance
>>> class TestMySpace(SpaceConformance):
...     @pytest.fixture
...     def space(self):
...         return CellSpace("mine", nodes=3, operations=("none", "nor_conv_3x3"))
"""

from nasbench.testing.rows import architectures, batches
from nasbench.testing.space import SpaceConformance

__all__ = ["SpaceConformance", "architectures", "batches"]
