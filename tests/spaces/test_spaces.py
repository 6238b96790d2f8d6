"""Every space of the package, and shapes it does not have, against what all spaces promise."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pytest

from nasbench.testing import SpaceConformance
from tabular.errors import InvalidArchitectureError, SpaceError, UnknownNameError
from tabular.spaces import CellSpace, Space, get_space, space_names
from tabular.spaces.space import ConstrainedSpace, one_hot

named_space = functools.cache(get_space)
"""A space of a name, made once: to count the cells of ``nb101`` takes most of a second."""


class TestNamedSpaces(SpaceConformance):
    @pytest.fixture(params=space_names())
    def space(self, request):
        return named_space(request.param)


class TestCellSpaces(SpaceConformance):
    """Cells whose sizes are far from those with a name: one row, one choice, no zero, more rows than int64 counts."""

    invariant_encodings = ("paths",)

    @pytest.fixture(
        params=[
            CellSpace("one-row", 2, ["none"]),
            CellSpace("one-edge", 2, ["none", "skip_connect", "max_pool_3x3"]),
            CellSpace("no-zero", 3, ["nor_conv_1x1", "skip_connect", "nor_conv_5x5"]),
            CellSpace("mini", 4, ["none", "skip_connect", "nor_conv_3x3"]),
            CellSpace("five-nodes", 5, ["skip_connect", "none"]),
            CellSpace("long", 10, ["none", "skip_connect", "nor_conv_3x3"]),
        ],
        ids=lambda space: space.name,
    )
    def space(self, request):
        return request.param


class Knobs(Space):
    """A space of unlike cardinalities, which no cell has."""

    def __init__(self) -> None:
        super().__init__("knobs", [3, 1, 256, 2])

    def declaration(self) -> dict[str, Any]:
        return {"kind": "knobs"}

    def canonical_key(self, architectures: Any) -> Any:
        ranks = self.rank(architectures)
        return ranks.astype(np.uint64) if isinstance(ranks, np.ndarray) else np.uint64(ranks)

    def to_text(self, architectures: Any) -> Any:
        rows = self.check(architectures).tolist()
        return json.dumps(rows) if architectures.ndim == 1 else [json.dumps(row) for row in rows]

    def from_text(self, text: Any) -> Any:
        if not isinstance(text, str):
            return np.array([self.from_text(each) for each in text], dtype=np.uint8).reshape(-1, self.length)
        try:
            return self.check(json.loads(text))
        except (ValueError, InvalidArchitectureError):
            raise InvalidArchitectureError(f"not an architecture of {self.name!r}: {text!r}") from None

    def network(self, architecture: Any, recipe: Any, image_shape: Any, classes: Any) -> Any:
        raise SpaceError("knobs have no network")

    @property
    def encodings(self) -> tuple[str, ...]:
        return ("one_hot",)

    def encode(self, architectures: Any, encoding: str = "one_hot") -> Any:
        if encoding not in self.encodings:
            raise UnknownNameError("encoding", encoding, self.encodings)
        features = one_hot(np.atleast_2d(self.check(architectures)), self.cardinalities)
        return features if architectures.ndim == 2 else features[0]


class TestUnlikeCardinalities(SpaceConformance):
    invariant_encodings = ("one_hot",)

    @pytest.fixture
    def space(self):
        return Knobs()

    # No declaration names a space that only a test defines.
    test_declaration_round_trip = None
    test_keys_in_a_new_process = None


class Ascending(ConstrainedSpace):
    """Two numbers that ascend, then a free one: 6 x 3 rows."""

    def __init__(self) -> None:
        super().__init__("ascending", [4, 4, 3], head=2, size=18)

    admits = staticmethod(lambda rows: rows[:, 0] < rows[:, 1])

    def why_not(self, row: list[int]) -> str:
        return f"{row[0]} is not below {row[1]}"

    declaration, canonical_key = Knobs.declaration, Knobs.canonical_key
    to_text, from_text, network = Knobs.to_text, Knobs.from_text, Knobs.network
    encodings, encode = Knobs.encodings, Knobs.encode


class TestConstrained(SpaceConformance):
    invariant_encodings = ("one_hot",)

    @pytest.fixture
    def space(self):
        return Ascending()

    test_declaration_round_trip = None
    test_keys_in_a_new_process = None

    def test_rows_outside_the_constraint(self, space):
        for bad, where in ([2, 1, 0], ""), ([[0, 1, 0], [2, 1, 0]], "row 1: "):
            assert not np.all(space.is_valid(bad))
            with pytest.raises(InvalidArchitectureError, match=f"of 'ascending': {where}2 is not below 1"):
                space.check(bad)
        assert space.is_valid([[0, 1, 0], [2, 1, 0], [0, 1, 3]]).tolist() == [True, False, False]

    def test_all_rows(self, space):
        rows = space.all()
        assert len(rows) == len(np.unique(rows, axis=0)) == space.size
        assert (rows[:, 0] < rows[:, 1]).all()
        assert rows.tolist() == sorted(rows.tolist())

    def test_parents_whose_mixtures_are_outside(self, space):
        first, second = np.array([[0, 1, 0], [2, 3, 1]], dtype=np.uint8)
        for seed in range(20):
            child = space.crossover(first, second, np.random.default_rng(seed))
            assert space.is_valid(child)


@pytest.mark.parametrize("cardinalities", [[], [3, 0], [257]])
def test_cardinalities_out_of_range(cardinalities):
    class Bad(Knobs):
        def __init__(self) -> None:
            Space.__init__(self, "bad", cardinalities)

    with pytest.raises(SpaceError, match=r"space 'bad': every position needs 1 to 256 choices, got \["):
        Bad()


def test_ragged_rows_are_refused():
    with pytest.raises(InvalidArchitectureError, match="not a rectangular array of choices"):
        get_space("nb201").check([[0, 1, 2, 3, 4, 0], [0, 1]])


def test_spaces_are_equal_by_declaration():
    assert get_space("nb201") == get_space("nb201")
    assert CellSpace("a", 3, ["none"]) != CellSpace("b", 3, ["none"])
    assert get_space("nb201") != "nb201"
    assert repr(get_space("nb201-mini")) == "<CellSpace 'nb201-mini': 729 architectures of 6 choices>"
