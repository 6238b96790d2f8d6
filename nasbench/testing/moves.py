"""What every space promises of the moves that search strategies make: sample, mutate, neighbours, crossover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.testing.rows import architectures, batches, examples, many_rows
from tabular.spaces.space import ConstrainedSpace

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject
    from numpy.typing import NDArray

    from tabular.spaces import Space


class MovesConformance:
    """Tests of a space's moves; a subclass gives the fixture ``space``."""

    @examples
    @given(data=st.data(), seed=st.integers(0, 2**32 - 1))
    def test_mutate_changes_one_position(self, space: Space, data: DataObject, seed: int) -> None:
        """A child is valid and differs from its parent, which stays as it was, in one position."""
        rng, parents = np.random.default_rng(seed), data.draw(batches(space))
        before = parents.copy()
        children = space.mutate(parents, rng)
        np.testing.assert_array_equal(parents, before)
        assert children.dtype == np.uint8
        assert space.is_valid(children).all()
        changes = int(max(space.cardinalities) > 1)
        np.testing.assert_array_equal((children != parents).sum(axis=1), np.full(len(parents), changes))
        for parent in parents:
            child = space.mutate(parent, rng)
            assert space.is_valid(child)
            assert (child != parent).sum() == changes

    def test_mutate_is_uniform(self, space: Space) -> None:
        """Positions are drawn uniformly, and the new choice uniformly among the others, for one row and for many."""
        if space.size == 1:
            return
        rng, parent = np.random.default_rng(0), many_rows(space)[0]
        changes = space.neighbours(parent) != parent
        chance = (changes / (space.cardinalities - 1).clip(1)).sum(axis=1)
        chance /= chance.sum()  # a constraint takes some neighbours away
        n = int(100 / chance.min())  # so that each neighbour is expected at least 100 times
        many = space.mutate(np.repeat(parent[None], n, axis=0), rng)
        one_by_one = np.array([space.mutate(parent, rng) for _ in range(n)])
        for children in (many, one_by_one):
            seen = [(children == row).all(axis=1).sum() for row in space.neighbours(parent)]
            _assert_uniform(np.array(seen), chance * n)

    @examples
    @given(data=st.data())
    def test_neighbours(self, space: Space, data: DataObject) -> None:
        """The neighbours of a row are all rows at Hamming distance one, each once."""
        row = data.draw(architectures(space))
        rows = space.neighbours(row)
        assert rows.dtype == np.uint8
        assert space.is_valid(rows).all()
        others = [(place, choice) for place, c in enumerate(space.cardinalities) for choice in range(c)]
        near = np.repeat(row[None], len(others), axis=0)
        near[np.arange(len(others)), [place for place, _ in others]] = [choice for _, choice in others]
        assert len(rows) == space.is_valid(near[(near != row).any(axis=1)]).sum()
        assert len(np.unique(rows, axis=0)) == len(rows)
        assert ((rows != row).sum(axis=1) == 1).all()

    @examples
    @given(data=st.data(), seed=st.integers(0, 2**32 - 1))
    def test_crossover_takes_from_parents(self, space: Space, data: DataObject, seed: int) -> None:
        """Each position of a child is that of one of its parents."""
        first = data.draw(batches(space))
        second = space.sample(np.random.default_rng(seed), len(first))
        children = space.crossover(first, second, np.random.default_rng(seed))
        assert children.dtype == np.uint8
        assert children.shape == first.shape
        assert ((children == first) | (children == second)).all()
        for mother, father in zip(first, second, strict=True):
            child = space.crossover(mother, father, np.random.default_rng(seed))
            assert ((child == mother) | (child == father)).all()

    def test_crossover_is_fair(self, space: Space) -> None:
        """Either parent gives a position with equal chance, where all mixtures are in the space."""
        if isinstance(space, ConstrainedSpace):
            return
        n = 4000
        first = np.zeros((n, space.length), dtype=np.uint8)
        second = np.repeat((space.cardinalities - 1).astype(np.uint8)[None], n, axis=0)
        children = space.crossover(first, second, np.random.default_rng(0))
        for place in np.flatnonzero(space.cardinalities > 1):
            from_second = int((children[:, place] > 0).sum())
            _assert_uniform(np.array([from_second, n - from_second]), np.full(2, n / 2))

    def test_sample_is_uniform(self, space: Space) -> None:
        """All choices at a position, or all tenths of a constrained space, come equally often, and all of few rows."""
        n = 100 * max(int(space.cardinalities.max()), space.size if space.size <= 2000 else 0)
        rows = space.sample(np.random.default_rng(0), n)
        assert rows.shape == (n, space.length)
        assert rows.dtype == np.uint8
        assert space.is_valid(rows).all()
        if isinstance(space, ConstrainedSpace):
            tenths = np.bincount(space.rank(rows) * 10 // space.size, minlength=10)
            edges = -(-np.arange(11) * space.size // 10)
            _assert_uniform(tenths, np.diff(edges) / space.size * n)
        for place, choices in enumerate([] if isinstance(space, ConstrainedSpace) else space.cardinalities):
            _assert_uniform(np.bincount(rows[:, place], minlength=choices), np.full(choices, n / choices))
        if space.size <= 2000:
            _assert_uniform(np.bincount(space.rank(rows), minlength=space.size), np.full(space.size, n / space.size))

    def test_sample_is_reproducible(self, space: Space) -> None:
        """The generator alone decides what is drawn; one row is drawn as a vector."""
        first, second = (space.sample(np.random.default_rng(7), 20) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        row = space.sample(np.random.default_rng(7))
        assert row.shape == (space.length,)
        assert space.is_valid(row)


def _assert_uniform(seen: NDArray[np.int64], expected: NDArray[np.float64]) -> None:
    """Compare counts with their expectation by Pearson's chi-square."""
    assert seen.sum() == pytest.approx(expected.sum())
    freedom = len(seen) - 1
    statistic = float(((seen - expected) ** 2 / expected).sum())
    # Laurent and Massart (2000): a chi-square of k degrees passes k + 2 sqrt(k x) + 2x with chance below exp(-x);
    # x = 20 is once in 5e8. A value that never comes adds its whole expected count.
    assert statistic <= freedom + 2 * np.sqrt(freedom * 20) + 40
