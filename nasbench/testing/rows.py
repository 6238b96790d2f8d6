"""Rows of a space for tests: drawn by hypothesis, or a fixed many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tabular.spaces.space import ConstrainedSpace

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy
    from numpy.typing import NDArray

    from tabular.spaces import Space

FEW = 1 << 16
"""A space of up to this many rows is tested on all of them, a larger one on a sample."""

examples = settings(
    max_examples=25,
    deadline=None,
    # Subclasses share the tests they inherit, and a space does not change between examples.
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.function_scoped_fixture],
)
"""How a test that a class inherits is tried."""


def architectures(space: Space) -> SearchStrategy[NDArray[np.uint8]]:
    """Return a hypothesis strategy for the rows of a space.

    Examples
    --------
    >>> @given(row=architectures(CellSpace("tiny", 3, ("none", "nor_conv_3x3"))))
    ... def test_rows_are_valid(row): ...
    """
    if isinstance(space, ConstrainedSpace):
        return st.integers(0, space.size - 1).map(space.from_index)
    choices = [st.integers(0, int(c) - 1) for c in space.cardinalities]
    return st.tuples(*choices).map(lambda row: np.array(row, dtype=np.uint8))


def batches(space: Space) -> SearchStrategy[NDArray[np.uint8]]:
    """Return a hypothesis strategy for ``(N, L)`` arrays of up to eight rows, none included."""
    many = st.lists(architectures(space), max_size=8)
    return many.map(lambda rows: np.array(rows, dtype=np.uint8).reshape(-1, space.length))


def many_rows(space: Space) -> NDArray[np.uint8]:
    """Return all rows of a space of `FEW`, a thousand random ones of a larger one."""
    return space.all() if space.size <= FEW else space.sample(np.random.default_rng(1), 1000)
