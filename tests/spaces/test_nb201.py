"""NAS-Bench-201's space: the facts that its paper and files state."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tabular.spaces import NB201, CellSpace, get_space

PUBLISHED = Path(__file__).parents[2] / "../shared/data/nasbench201/nasbench201.csv"


@pytest.fixture(scope="module")
def space() -> NB201:
    return NB201()


def classes(keys) -> int:
    return len(np.unique(keys))


def test_counts(space):
    """Dong and Yang (2020), section 3.1: 15,625 cells, 12,751 unique, 6,466 with zero operations pruned."""
    rows = space.all()
    assert len(rows) == space.size == 15_625
    assert classes(space.canonical_key(rows, prune_zeros=False)) == 12_751
    assert classes(space.canonical_key(rows)) == len(space.unique()) == 6_466


def test_keys_of_many_are_keys_of_the_unique_text(space):
    """The keys of all cells come from a table; the text that defines them is written for one at a time."""
    rows = space.sample(np.random.default_rng(0), 300)
    for prune_zeros in (True, False):
        keys = space.canonical_key(rows, prune_zeros=prune_zeros)
        assert keys.tolist() == [space.canonical_key(row, prune_zeros=prune_zeros) for row in rows]
    assert space.unique_text([1, 0, 0, 3, 1, 0]) == "#+(0)@nor_conv_3x3+0"
    assert space.unique_text([1, 0, 0, 3, 1, 0], prune_zeros=False) == ("((0)@none+(0)@none)@none+(0)@nor_conv_3x3+0")


def test_what_the_published_count_joins_and_keeps_apart(space):
    """5,260 networks; the unique string keeps some equal ones apart, and 430 of its classes hold several."""
    rows = space.all()
    published, network = space.canonical_key(rows).tolist(), CellSpace.canonical_key(space, rows).tolist()
    held: dict[int, set[int]] = {}
    for one, other in zip(published, network, strict=True):
        held.setdefault(one, set()).add(other)
    assert len(set(network)) == 5_260
    assert sum(len(networks) > 1 for networks in held.values()) == 430


def test_first_and_last_of_the_published_order(space):
    assert space.to_text(space.from_index(0)) == (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    assert sorted(space.index(space.all()).tolist()) == list(range(15_625))


@pytest.mark.skipif(not PUBLISHED.is_file(), reason=f"the published values are not at {PUBLISHED}")
def test_published_order_of_all(space):
    with PUBLISHED.open(newline="") as file:
        published = {int(line["index"]): line["arch"] for line in csv.DictReader(file)}
    assert len(published) == space.size
    texts = space.to_text(space.all())
    assert all(published[index] == text for index, text in enumerate(texts))
    assert space.index(space.from_text(list(published.values()))).tolist() == list(published)


def test_mini_is_small_and_part_of_nb201(space):
    mini = get_space("nb201-mini")
    assert mini.size == 729
    assert len(mini.unique()) == 261
    assert space.is_valid(space.from_text(mini.to_text(mini.all()))).all()
