"""Recipes: what fixes a training is checked, hashed and read from files."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.errors import RecipeError
from tabular.training import Recipe

RECIPES = st.builds(
    Recipe,
    epochs=st.integers(1, 10**6),
    batch_size=st.integers(4, 10**6),
    learning_rate=st.floats(1e-9, 1e3),
    optimizer=st.sampled_from(["sgd", "adamw"]),
    momentum=st.floats(0, 1, exclude_max=True),
    weight_decay=st.floats(0, 10),
    schedule=st.sampled_from(["cosine", "constant"]),
    label_smoothing=st.floats(0, 1, exclude_max=True),
    augmentation=st.sampled_from(["none", "flip", "crop", "flip_crop"]),
    channels=st.integers(1, 512),
    stages=st.integers(1, 4),
    image_size=st.integers(8, 224),
)


@given(RECIPES)
def test_a_recipe_survives_its_dictionary(recipe):
    again = Recipe.from_dict(recipe.to_dict())
    assert again == recipe
    assert again.hash == recipe.hash
    assert re.fullmatch("[0-9a-f]{16}", recipe.hash)


@given(RECIPES, RECIPES)
def test_different_recipes_have_different_hashes(first, second):
    assert (first == second) == (first.hash == second.hash)


def test_the_hash_does_not_depend_on_how_a_number_is_written_or_on_the_process():
    assert Recipe(learning_rate=1, weight_decay=0).hash == Recipe(learning_rate=1.0, weight_decay=0.0).hash
    code = "from tabular.training import Recipe; print(Recipe(epochs=3).hash)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == Recipe(epochs=3).hash


def test_a_recipe_is_frozen_and_replaced():
    recipe = Recipe()
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.epochs = 3  # type: ignore[misc]
    assert recipe.replace(epochs=3) == Recipe(epochs=3)
    assert recipe.replace(epochs=3).hash != recipe.hash
    with pytest.raises(RecipeError, match="unknown field 'epoch'; did you mean 'epochs'"):
        recipe.replace(epoch=3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"epochs": 2.0}, "epochs must be a whole number of at least 1, got 2.0"),
        ({"stages": True}, "stages must be a whole number of at least 1, got True"),
        ({"batch_size": 3}, "batch_size must be a whole number of at least 4, got 3"),
        ({"learning_rate": 0}, "learning_rate must be a number above 0, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number above 0, got nan"),
        ({"learning_rate": "0.1"}, "learning_rate must be a number above 0, got '0.1'"),
        ({"momentum": 1}, "momentum must be a number from 0 to below 1, got 1"),
        ({"weight_decay": -1e-4}, "weight_decay must be a number 0 or more, got -0.0001"),
        ({"label_smoothing": 1.5}, "label_smoothing must be a number from 0 to below 1, got 1.5"),
        ({"optimizer": "sdg"}, "unknown optimizer 'sdg'; did you mean 'sgd'"),
        ({"schedule": 3}, "unknown schedule 3; known: cosine, constant"),
        ({"augmentation": "flips"}, "unknown augmentation 'flips'; did you mean 'flip'"),
        ({"wieght_decay": 0}, "unknown field 'wieght_decay'; did you mean 'weight_decay'"),
        (
            {"image_size": 8, "stages": 5},
            "image_size 8 is too small for stages = 5, which halve it 4 times; take image_size 16 or more",
        ),
    ],
)
def test_mistakes_name_field_value_place_and_way_out(values, message):
    with pytest.raises(RecipeError, match=re.escape(message)) as caught:
        Recipe.from_dict(values, where="my.toml")
    assert str(caught.value).startswith("my.toml: ")


def test_a_recipe_from_a_toml_file(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('epochs = 3\noptimizer = "adamw"\nlearning_rate = 1e-3\n')
    assert Recipe.from_toml(path) == Recipe(epochs=3, optimizer="adamw", learning_rate=1e-3)
    path.write_text("epoch = 3\n")
    with pytest.raises(RecipeError, match=r"recipe\.toml: unknown field 'epoch'; did you mean 'epochs'"):
        Recipe.from_toml(path)
    path.write_text("epochs = \n")
    with pytest.raises(RecipeError, match=r"recipe\.toml: not valid TOML"):
        Recipe.from_toml(path)
    with pytest.raises(RecipeError, match=r"absent\.toml: cannot be read: No such file"):
        Recipe.from_toml(tmp_path / "absent.toml")


def test_importing_the_package_does_not_load_torch():
    code = (
        "import sys, tabular.training as t; d = t.load_dataset('digits'); t.Recipe(); t.METRICS; t.complexity; "
        "from tabular.spaces import get_space; t.TrainingOracle(get_space('nb201'), t.Recipe(), d); "
        "print('torch' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"
