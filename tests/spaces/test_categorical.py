"""A space of which nothing is known but its choices."""

from __future__ import annotations

import numpy as np
import pytest

from nasbench import get_space
from nasbench.testing import SpaceConformance
from tabular.errors import SpaceError
from tabular.spaces.categorical import CategoricalSpace
from tabular.training import Recipe

CHOICES = {"optimizer": ["sgd", "adam"], "layers": [2, 4, 8], "activation": ["relu"]}


class TestCategorical(SpaceConformance):
    invariant_encodings = ("one_hot",)

    @pytest.fixture
    def space(self):
        return CategoricalSpace("recipes", CHOICES)


def test_it_is_declared_in_a_file(tmp_path):
    file = tmp_path / "recipes.toml"
    file.write_text('kind = "categorical"\n[choices]\noptimizer = ["sgd", "adam"]\nlayers = [2, 4, 8]\n')
    space = get_space(file)
    assert (space.name, space.size) == ("recipes", 6)
    assert space.to_text(space.from_index(5)) == "adam,8"
    np.testing.assert_array_equal(space.from_text("adam, 4"), [1, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adam", r"'adam' has 1 choices, expected 3 \(optimizer, layers, activation\), like 'sgd,2,relu'"),
        ("adam,3,relu", "has the layers '3', allowed are 2, 4, 8"),
    ],
)
def test_text_that_is_no_row_says_why(text, message):
    with pytest.raises(ValueError, match=message):
        CategoricalSpace("recipes", CHOICES).from_text(text)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"layers": [2, 2]}, r"'layers' needs choices that differ, at least one; got \[2, 2\]"),
        ({"layers": []}, r"'layers' needs choices that differ, at least one; got \[\]"),
        ({"layers": ["2,3"]}, "a choice of 'layers' has a comma"),
        ({}, "every position needs 1 to 256 choices"),
    ],
)
def test_choices_that_make_no_space_are_refused(choices, message):
    with pytest.raises(SpaceError, match=message):
        CategoricalSpace("recipes", choices)


def test_it_has_no_network():
    space = CategoricalSpace("recipes", CHOICES)
    with pytest.raises(SpaceError, match="space 'recipes' knows choices only, it has no network"):
        space.network(space.from_index(0), Recipe(), (1, 8, 8), 10)
