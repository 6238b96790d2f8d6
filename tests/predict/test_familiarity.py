"""Whether an architecture is like those a model was fitted to."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench import CellSpace, get_space
from surrogates.features import Inputs
from surrogates.trust import Familiarity

SPACE = get_space("nb201")
CONV = SPACE.operations.index("nor_conv_3x3")


@pytest.fixture(scope="module")
def cells():
    """5,000 cells of NAS-Bench-201 in random order, and their features."""
    rows = SPACE.from_index(np.random.default_rng(0).permutation(SPACE.size)[:5000])
    return rows, Inputs(SPACE, rows).features


@pytest.mark.parametrize("rows", [50, 500, 3000])
def test_others_of_the_same_space_are_familiar(cells, rows):
    _, features = cells
    share = [Familiarity.fit(part[:rows]).unfamiliar(part[rows:]).mean() for part in (features, features[::-1])]
    assert np.mean(share) < 0.02


def test_cells_of_more_nodes_are_mostly_unfamiliar(cells):
    _, features = cells
    larger = CellSpace("larger", 6, SPACE.operations)
    # Every eighth of them computes what a cell of NAS-Bench-201 does, too: it is familiar.
    asked = Inputs(larger, larger.sample(np.random.default_rng(0), 500)).features
    assert Familiarity.fit(features[:500]).unfamiliar(asked).mean() > 0.4
    assert Familiarity.fit(features).unfamiliar(asked).mean() > 0.7


@pytest.mark.parametrize("fitted", [100, 500])
def test_a_layer_that_was_never_seen_is_unfamiliar(cells, fitted):
    rows, features = cells
    without = ~(rows == CONV).any(axis=1)
    familiarity = Familiarity.fit(features[without][:fitted])
    everywhere = Inputs(SPACE, np.full((1, SPACE.length), CONV, dtype=np.uint8)).features
    assert familiarity.unfamiliar(everywhere).tolist() == [True]
    assert familiarity.distance(everywhere)[0] > 5 * familiarity.limit
    assert familiarity.unfamiliar(features[(rows == CONV).sum(axis=1) >= 2]).mean() > 0.9
    assert familiarity.unfamiliar(features[without]).mean() < 0.02


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 60),
    columns=st.integers(1, 90),
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["numbers", "choices", "constant"]),
)
def test_what_was_fitted_is_familiar(rows, columns, seed, kind):
    rng = np.random.default_rng(seed)
    features = {
        "numbers": rng.normal(5, 100, (rows, columns)),
        "choices": rng.integers(0, 2, (rows, columns)),
        "constant": np.full((rows, columns), 0.1),
    }[kind].astype(np.float32)
    familiarity = Familiarity.fit(features)
    assert not familiarity.unfamiliar(features).any()
    again = Familiarity.from_arrays(familiarity.arrays())
    asked = features + rng.normal(0, 1, features.shape).astype(np.float32)
    np.testing.assert_array_equal(again.distance(asked), familiarity.distance(asked))
    assert familiarity.limit == pytest.approx(again.limit)
    assert list(familiarity.arrays()) == list(Familiarity.NAMES)


@given(bits=st.integers(-3, 3))
def test_rounding_on_another_machine_is_not_unfamiliar(bits):
    rng = np.random.default_rng(0)
    features = np.hstack([rng.integers(0, 3, (300, 5)), np.full((300, 2), np.log(3))]).astype(np.float32)
    familiarity = Familiarity.fit(features)
    rounded = features * np.float32(1 + bits * np.finfo(np.float32).eps)
    assert not familiarity.unfamiliar(rounded).any()
    features[:, 6] += 1
    assert familiarity.unfamiliar(features).all()


def test_drawings_of_one_network_do_not_vouch_for_each_other():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 20)).astype(np.float32)
    fourfold, groups = np.repeat(features, 4, axis=0), np.repeat(np.arange(100), 4)
    together, apart = Familiarity.fit(fourfold, groups), Familiarity.fit(fourfold)
    asked = rng.normal(size=(5000, 20)).astype(np.float32)
    assert together.unfamiliar(asked).mean() < 0.03 < apart.unfamiliar(asked).mean()


def test_a_row_is_judged_in_no_time_and_alone_as_among_others(cells):
    _, features = cells
    wide = np.tile(features, (1, 3))
    familiarity = Familiarity.fit(wide[:1000])
    one = wide[2000:2001]
    times = []
    for _ in range(200):
        start = perf_counter()
        familiarity.unfamiliar(one)
        times.append(perf_counter() - start)
    assert min(times) < 50e-6
    together = familiarity.distance(wide[2000:2100])
    assert together.tolist() == [familiarity.distance(wide[row : row + 1])[0] for row in range(2000, 2100)]


def test_bounds_of_different_lengths_are_refused():
    arrays = Familiarity.fit(np.zeros((3, 4), dtype=np.float32)).arrays()
    with pytest.raises(ValueError, match=r"differ in shape: \(3,\), \(4,\)"):
        Familiarity.from_arrays({**arrays, "lowest": arrays["lowest"][:3]})
