"""Every space as one of ConfigSpace: translated both ways, sampled uniformly, and never outside the space."""

from __future__ import annotations

import copy
import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from search.few_ones import FewOnes
from tabular.errors import InvalidArchitectureError, NasbenchError
from tabular.spaces.cell import CellSpace
from tabular.spaces.configspace import configuration_space, from_configuration, to_configuration
from tabular.spaces.named_choices import to_named
from tabular.spaces.registry import get_space, space_names

library = pytest.importorskip("ConfigSpace", reason="ConfigSpace is not installed: pip install 'nasbench[configspace]'")

SMALL = CellSpace("small", 3, ("none", "skip_connect", "nor_conv_3x3"))


@pytest.fixture(scope="module", params=space_names())
def space(request):
    return get_space(request.param)


@pytest.fixture(scope="module")
def within(space):
    return configuration_space(space, seed=0)


def test_hyperparameters_are_the_choices(space, within):
    assert {name: tuple(each.choices) for name, each in within.items()} == space.named_choices()
    assert within.name == space.name


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_round_trip(space, within, seed):
    row = space.sample(np.random.default_rng(seed))
    configuration = to_configuration(space, row, within)
    assert dict(configuration) == to_named(space, row)
    np.testing.assert_array_equal(from_configuration(space, configuration), row)


def test_samples_are_architectures(space, within):
    rows = np.array([from_configuration(space, each) for each in within.sample_configuration(20)])
    assert space.is_valid(rows).all()
    assert space.is_valid(from_configuration(space, within.get_default_configuration()))


def counted(space, n):
    sampled = configuration_space(space, seed=3).sample_configuration(n)
    ranks = space.rank(np.array([from_configuration(space, each) for each in sampled]))
    return np.bincount(ranks, minlength=space.size)


@pytest.mark.parametrize("space", [SMALL, FewOnes()], ids=["free", "constrained"])
def test_samples_are_uniform(space):
    assert chisquare(counted(space, 8 * space.size)).pvalue > 0.01


def test_the_seed_decides_the_samples():
    first, again, other = (configuration_space(SMALL, seed).sample_configuration(10) for seed in (1, 1, 2))
    assert first == again != other


def test_sizes_agree():
    assert configuration_space(SMALL).estimate_size() == SMALL.size


class TestConstraint:
    space = FewOnes()

    def test_what_is_not_admitted_cannot_be_configured(self):
        within = configuration_space(self.space)
        values = dict.fromkeys(within, 1)
        with pytest.raises(library.exceptions.ForbiddenValueError, match="not an architecture of few-ones"):
            library.Configuration(within, values=values)
        with pytest.raises(InvalidArchitectureError, match="of 'few-ones': 11 ones, at most 3 are admitted"):
            to_configuration(self.space, np.ones(12, dtype=np.uint8), within)

    def test_a_foreign_configuration_is_refused(self):
        free = library.ConfigurationSpace({name: list(each) for name, each in self.space.named_choices().items()})
        configuration = library.Configuration(free, values=dict.fromkeys(free, 1))
        with pytest.raises(InvalidArchitectureError, match="of 'few-ones': 11 ones, at most 3 are admitted"):
            from_configuration(self.space, configuration)

    def test_neighbours_are_those_of_the_space(self):
        # What SMAC's local search walks over.
        within = configuration_space(self.space)
        for seed in range(5):
            row = self.space.sample(np.random.default_rng(seed))
            start = to_configuration(self.space, row, within)
            found = library.util.get_one_exchange_neighbourhood(start, seed=0)
            rows = {from_configuration(self.space, each).tobytes() for each in found}
            assert rows <= {each.tobytes() for each in self.space.neighbours(row)}
            assert rows

    def test_copies_keep_it(self):
        copied = copy.deepcopy(configuration_space(self.space, seed=1))
        assert copied == configuration_space(self.space)
        rows = [from_configuration(self.space, each) for each in copied.sample_configuration(50)]
        assert self.space.is_valid(np.array(rows)).all()


def test_a_free_space_is_written_as_json():
    within = configuration_space(SMALL)
    again = library.ConfigurationSpace.from_serialized_dict(json.loads(json.dumps(within.to_serialized_dict())))
    assert again == within


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "ConfigSpace", None)
    with pytest.raises(NasbenchError, match=r"need ConfigSpace \(.*\); pip install 'nasbench\[configspace\]'"):
        configuration_space(SMALL)
