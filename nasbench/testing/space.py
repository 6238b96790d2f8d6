"""Promises of every space, as tests that a space of one's own inherits; rows of a space for tests."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabular.errors import InvalidArchitectureError, SpaceError, UnknownNameError
from tabular.spaces import declared_space
from tabular.spaces.constrained import ConstrainedSpace

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject, SearchStrategy
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
"""The settings of the property tests."""

_KEYS_IN_A_NEW_PROCESS = """
import json, sys
from tabular.spaces import declared_space
declaration, rows = json.load(sys.stdin)
import numpy as np
print(json.dumps(declared_space(declaration).canonical_key(np.array(rows, dtype=np.uint8)).tolist()))
"""


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
        others = [(position, choice) for position, c in enumerate(space.cardinalities) for choice in range(c)]
        near = np.repeat(row[None], len(others), axis=0)
        near[np.arange(len(others)), [position for position, _ in others]] = [choice for _, choice in others]
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
        for position, choices in enumerate([] if isinstance(space, ConstrainedSpace) else space.cardinalities):
            _assert_uniform(np.bincount(rows[:, position], minlength=choices), np.full(choices, n / choices))
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


class SpaceConformance(MovesConformance):
    """Tests that every `tabular.spaces.Space` passes; a subclass gives the fixture ``space``.

    Attributes
    ----------
    invariant_encodings : tuple of str
        The encodings that promise equal features for rows of equal canonical key.
    """

    invariant_encodings: ClassVar[tuple[str, ...]] = ()

    # Validity.

    @examples
    @given(data=st.data())
    def test_rows_are_valid(self, space: Space, data: DataObject) -> None:
        """Every row of the space is valid, and comes back from `check` as it was."""
        rows = data.draw(batches(space))
        np.testing.assert_array_equal(space.check(rows), rows)
        np.testing.assert_array_equal(space.check(rows.astype(np.int64)), rows)
        np.testing.assert_array_equal(space.is_valid(rows), np.ones(len(rows), dtype=bool))

    @examples
    @given(data=st.data())
    def test_choice_out_of_range(self, space: Space, data: DataObject) -> None:
        """A choice too many is refused; the message names space, position, choice and the largest allowed."""
        row = data.draw(architectures(space)).astype(np.int64)
        place = data.draw(st.integers(0, space.length - 1))
        row[place] = most = int(space.cardinalities[place])
        assert not space.is_valid(row)
        assert not space.is_valid(row[None])[0]
        if most <= 255:
            message = f"{space.name!r}.*position {place} has choice {most}, allowed are 0 to {most - 1}"
            with pytest.raises(InvalidArchitectureError, match=message):
                space.check(row)
            with pytest.raises(InvalidArchitectureError, match=f"row 1, {message.partition('.*')[2]}"):
                space.check(np.stack([np.zeros_like(row), row]))

    @pytest.mark.parametrize("spoil", [lambda row: row - 1, lambda row: row + 0.5, lambda row: row + 300])
    def test_not_whole_numbers_from_zero(self, space: Space, spoil: Any) -> None:
        """Negative, fractional and huge choices are refused, not wrapped round to valid ones."""
        row = spoil(np.zeros(space.length))
        row = row if (row % 1).any() else row.astype(np.int64)
        assert not space.is_valid(row)
        with pytest.raises(InvalidArchitectureError, match="choices are whole numbers from 0"):
            space.check(row)

    def test_wrong_length(self, space: Space) -> None:
        """A row of another length is refused; the message names both lengths."""
        for shape in [(space.length + 1,), (3, space.length + 1), (2, 2, space.length), ()]:
            rows = np.zeros(shape, dtype=np.uint8)
            with pytest.raises(InvalidArchitectureError, match=rf"choices: expected shape \({space.length},\) or"):
                space.check(rows)

    # Numbers, text and declaration.

    @examples
    @given(data=st.data())
    def test_index_round_trip(self, space: Space, data: DataObject) -> None:
        """`from_index` inverts `index`, for one row and for many; a space too large to number says so."""
        rows = data.draw(batches(space).filter(len))
        if space.size > np.iinfo(np.int64).max:
            with pytest.raises(SpaceError, match="too many to number; sample it"):
                space.index(rows)
            return
        indices = space.index(rows)
        assert ((indices >= 0) & (indices < space.size)).all()
        assert isinstance(space.index(rows[0]), int)
        assert space.index(rows[0]) == indices[0]
        np.testing.assert_array_equal(space.from_index(indices), rows)
        np.testing.assert_array_equal(space.from_index(int(indices[0])), rows[0])

    def test_index_out_of_range(self, space: Space) -> None:
        """An index outside 0..size-1 is refused by its value."""
        if space.size < np.iinfo(np.int64).max:
            for bad in (-1, space.size):
                with pytest.raises(SpaceError, match=f"indices 0 to {space.size - 1}, got {bad}"):
                    space.from_index([0, bad])

    def test_enumerate_in_index_order(self, space: Space) -> None:
        """`enumerate` gives each row once, at its index; a large space gives its first chunks."""
        if space.size > np.iinfo(np.int64).max:
            return
        rows = np.concatenate(list(islice(space.enumerate(chunk=777), 100)))
        np.testing.assert_array_equal(space.index(rows), np.arange(min(space.size, 77_700)))
        if space.size <= len(rows):
            np.testing.assert_array_equal(space.all(), rows)

    @examples
    @given(data=st.data())
    def test_text_round_trip(self, space: Space, data: DataObject) -> None:
        """`from_text` inverts `to_text`, for one row and for many."""
        rows = data.draw(batches(space))
        texts = space.to_text(rows)
        assert len(texts) == len(rows)
        assert all(isinstance(text, str) for text in texts)
        np.testing.assert_array_equal(space.from_text(texts), rows)
        assert space.from_text(texts).shape == rows.shape
        for text, row in zip(texts, rows, strict=True):
            assert space.to_text(row) == text
            np.testing.assert_array_equal(space.from_text(text), row)

    @pytest.mark.parametrize("text", ["", "nonsense", "|nor_conv_3x3~0", "0123456789"])
    def test_text_that_is_no_architecture(self, space: Space, text: str) -> None:
        """Text of no architecture is refused; the message quotes it and names the space."""
        with pytest.raises(InvalidArchitectureError, match=f"(?s){space.name!r}.*{text!r}".replace("|", r"\|")):
            space.from_text(text)

    def test_declaration_round_trip(self, space: Space) -> None:
        """A space's declaration passes through JSON and builds an equal space with the same keys."""
        again = declared_space(json.loads(json.dumps(space.declaration())))
        assert again == space
        assert hash(again) == hash(space)
        rows = many_rows(space)
        np.testing.assert_array_equal(again.canonical_key(rows), space.canonical_key(rows))

    def test_keys_in_a_new_process(self, space: Space) -> None:
        """Keys may be stored: a new process, with its own hash seed, computes the same."""
        rows = many_rows(space)[:50]
        question = json.dumps([space.declaration(), rows.tolist()])
        command = [sys.executable, "-c", _KEYS_IN_A_NEW_PROCESS]
        answer = subprocess.run(command, input=question, capture_output=True, text=True, check=True)
        assert json.loads(answer.stdout) == space.canonical_key(rows).tolist()

    # Which rows are the same network.

    @examples
    @given(data=st.data())
    def test_key_of_one_and_many(self, space: Space, data: DataObject) -> None:
        """A row's key is a uint64 that does not depend on the rows beside it."""
        rows = data.draw(batches(space))
        keys = space.canonical_key(rows)
        assert keys.dtype == np.uint64
        assert keys.shape == (len(rows),)
        assert [int(space.canonical_key(row)) for row in rows] == keys.tolist()

    def test_unique_has_one_row_a_class(self, space: Space) -> None:
        """`unique` gives the first row of each class in index order; of too large a space `all` says what to do."""
        if space.size > FEW:
            if space.size > 1 << 22:
                with pytest.raises(SpaceError, match=r"too many to hold at once; use enumerate\(\) or sample\(\)"):
                    space.all()
            return
        seen: dict[int, int] = {}
        for index, key in enumerate(space.canonical_key(space.all()).tolist()):
            seen.setdefault(key, index)
        np.testing.assert_array_equal(space.index(space.unique()), list(seen.values()))

    # Graphs.

    @examples
    @given(data=st.data())
    def test_graphs(self, space: Space, data: DataObject) -> None:
        """Rows are graphs over nodes and edges that are the same for all; a row's labels do not depend on the others.

        An edge comes after all that enter its start.
        """
        rows = data.draw(batches(space))
        for place, graph in enumerate(space.graphs(rows)):
            assert graph.labels.dtype == np.uint8
            assert graph.labels.shape == (len(rows), len(graph.edges))
            assert (graph.labels < len(graph.traits)).all()
            left = set()
            for start, end in graph.edges:
                left.add(start)
                assert 0 <= start < graph.nodes
                assert 0 < end < graph.nodes
                assert end not in left, f"an edge enters node {end} behind one that leaves it"
            for row, labels in zip(rows, graph.labels, strict=True):
                alone = space.graphs(row[None])[place]
                assert (alone.nodes, alone.edges, alone.traits) == (graph.nodes, graph.edges, graph.traits)
                np.testing.assert_array_equal(alone.labels, labels[None])

    # Features.

    @examples
    @given(data=st.data())
    def test_encode(self, space: Space, data: DataObject) -> None:
        """Every encoding gives finite float32 features, the same for a row alone and among others."""
        rows = data.draw(batches(space))
        for encoding in space.encodings:
            features = space.encode(rows, encoding)
            assert features.dtype == np.float32
            assert features.shape == (len(rows), features.shape[1])
            assert np.isfinite(features).all()
            for row, expected in zip(rows, features, strict=True):
                np.testing.assert_array_equal(space.encode(row, encoding), expected)

    def test_unknown_encoding(self, space: Space) -> None:
        """An encoding that is not there is refused by its name."""
        with pytest.raises(UnknownNameError, match="unknown encoding 'no such thing'"):
            space.encode(many_rows(space)[0], "no such thing")

    def test_equal_keys_have_equal_features(self, space: Space) -> None:
        """Rows that are the same network have the same features in `invariant_encodings`."""
        rows = many_rows(space)
        rows = np.concatenate([rows, *(space.neighbours(row) for row in rows[:20])])
        _, first, which = np.unique(space.canonical_key(rows), return_index=True, return_inverse=True)
        for encoding in self.invariant_encodings:
            features = space.encode(rows, encoding)
            np.testing.assert_array_equal(features, features[first][which])
