"""The regressors made of torch networks: reproducible, at ease in larger spaces, and alone with their randomness."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from nasbench import CellSpace, get_space
from surrogates.features import Inputs
from surrogates.models import regressor_class
from surrogates.models.neural import BLOCK, GIN, MLPEnsemble
from surrogates.models.regressor import read_arrays, write_arrays
from tabular.errors import FileFormatError, QueryError

MINI = get_space("nb201-mini")
BOTH = pytest.mark.parametrize("model", [MLPEnsemble, GIN])
STRENGTH = {"(identity)": 0, "nor_conv_1x1": 1, "nor_conv_3x3": 2, "avg_pool_3x3": 0.5}
NEW = slice(180, None)


def planted(space, rows):
    """A network is worth what its strongest path is."""
    worths = np.array([1 + sum(STRENGTH[each] for each in name.split(" > ")) for name in space.path_names()])
    return np.max((space.encode(rows, "paths") > 0) * worths, axis=1).astype(np.float64)


def drawn(space, number, seed=0):
    rows = np.random.default_rng(seed).integers(space.cardinalities, size=(number, space.length)).astype(np.uint8)
    return Inputs(space, rows), planted(space, rows)


@pytest.fixture(scope="module")
def mini():
    rows = np.random.default_rng(0).permutation(MINI.unique())
    return Inputs(MINI, rows), planted(MINI, rows)


@pytest.fixture(scope="module")
def fitted(mini):
    inputs, target = mini
    some = np.arange(NEW.start)
    return {model: model.fit(inputs.take(some), target[some], some, steps=180) for model in (MLPEnsemble, GIN)}


@BOTH
def test_the_seed_says_all(model, mini):
    inputs, target = mini
    some = np.arange(40)

    def fit(seed):
        return model.fit(inputs.take(some), target[some], some, seed=seed, members=2, steps=3).files()

    torch.manual_seed(0)
    first = fit(1)
    torch.manual_seed(1)
    assert fit(1) == first
    assert fit(2) != first


@BOTH
def test_torch_is_left_as_it_was(model, mini):
    inputs, target = mini
    some = np.arange(20)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with torch.no_grad():
            model.fit(inputs.take(some), target[some], some, members=1, steps=1).predict(inputs)
            assert not torch.is_grad_enabled()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), state)


@BOTH
def test_the_number_of_threads_changes_no_bit(model, mini):
    inputs, target = mini
    some, threads, seen = np.arange(70), torch.get_num_threads(), []
    try:
        for number in (1, 4):
            torch.set_num_threads(number)
            regressor = model.fit(inputs.take(some), target[some], some, members=2, steps=2)
            seen.append((regressor.files(), regressor.predict(inputs).mean.tobytes()))
    finally:
        torch.set_num_threads(threads)
    assert seen[0] == seen[1]


@BOTH
def test_it_ranks_what_it_has_not_seen_and_knows_what_it_has(model, mini, fitted):
    inputs, target = mini
    mean, doubt = fitted[model].predict(inputs)
    assert mean.shape == doubt.shape == target.shape
    assert mean.dtype == doubt.dtype == np.float64
    assert kendalltau(mean[NEW], target[NEW]).statistic > 0.7
    assert (doubt > 0).all()
    assert doubt[NEW].mean() > doubt[: NEW.start].mean()


@BOTH
def test_the_scale_of_the_target_does_not_matter(model, mini):
    inputs, target = mini
    some = np.arange(60)
    small, large = (
        model.fit(inputs.take(some), values, some, members=2, steps=5).predict(inputs)
        for values in (target[some], 1e6 + 1e4 * target[some])
    )
    np.testing.assert_allclose(large.mean, 1e6 + 1e4 * small.mean, rtol=1e-6)
    np.testing.assert_allclose(large.doubt, 1e4 * small.doubt, rtol=1e-2)


@BOTH
def test_files_make_the_same_regressor_again(model, mini, fitted):
    inputs, _ = mini
    again = model.read(fitted[model].files())
    assert again.files() == fitted[model].files()
    for one, other in zip(again.predict(inputs), fitted[model].predict(inputs), strict=True):
        np.testing.assert_array_equal(one, other)
    assert regressor_class(model.kind) is model


@BOTH
def test_a_row_is_predicted_alike_alone_and_among_others(model, fitted):
    inputs, _ = drawn(MINI, BLOCK + 3)
    many = fitted[model].predict(inputs)
    for row in (0, 7, BLOCK, BLOCK + 2):
        alone = fitted[model].predict(inputs.take(np.array([row])))
        np.testing.assert_allclose(np.hstack(alone), [many.mean[row], many.doubt[row]], atol=1e-5)
    assert fitted[model].predict(inputs.take(np.arange(0))).mean.shape == (0,)


@BOTH
def test_a_member_that_would_see_nothing_sees_all(model, mini):
    inputs, target = mini
    rows = np.arange(40)
    fitted = model.fit(inputs.take(rows), target[rows], np.zeros(40, dtype=np.int64), members=2, steps=80)
    mean, doubt = fitted.predict(inputs.take(rows))
    assert np.corrcoef(mean, target[rows])[0, 1] > 0.9
    assert doubt.mean() < 0.5 * target[rows].std()


@BOTH
@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows_and_a_constant_target_are_learnt_too(model, rows, mini):
    inputs, _ = mini
    some = np.arange(rows)
    mean, doubt = model.fit(inputs.take(some), np.full(rows, 7.0), some, steps=20).predict(inputs)
    assert np.isfinite(doubt).all()
    np.testing.assert_allclose(mean[:rows], 7, atol=1)


# Larger spaces, and what a graph network must not see.


@BOTH
def test_a_model_of_four_nodes_ranks_cells_of_five(model):
    operations = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
    inputs, target = drawn(CellSpace("four", 4, operations), 300)
    larger, truth = drawn(CellSpace("five", 5, (*operations, "avg_pool_3x3")), 300)
    mean, doubt = model.fit(inputs, target, np.arange(300), members=3, steps=120).predict(larger)
    assert mean.shape == (300,)
    assert np.isfinite(mean).all()
    assert np.isfinite(doubt).all()
    assert kendalltau(mean, truth).statistic > 0.6


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_dead_edges_do_not_matter(fitted, data):
    row = np.array([data.draw(st.integers(0, choices - 1)) for choices in MINI.cardinalities], dtype=np.uint8)
    dead = np.flatnonzero(~MINI.live_edges(row))
    assume(len(dead))
    edge = data.draw(st.sampled_from(dead.tolist()))
    changed = row.copy()
    changed[edge] = data.draw(st.integers(0, MINI.cardinalities[edge] - 1))
    assume(not MINI.live_edges(changed)[edge])
    one, other = fitted[GIN].predict(Inputs(MINI, np.array([row, changed]))).mean
    assert one == pytest.approx(other, abs=1e-5)


def test_drawings_of_one_network_are_one_graph(fitted):
    rows = MINI.all()
    mean = fitted[GIN].predict(Inputs(MINI, rows)).mean
    _, network = np.unique(MINI.canonical_key(rows), return_inverse=True)
    first = np.unique(network, return_index=True)[1]
    np.testing.assert_allclose(mean, mean[first][network], atol=1e-5)
    assert len(np.unique(mean.round(6))) > 200


def test_each_kind_of_cell_is_read_by_itself(mini):
    inputs, target = mini
    rows = np.arange(100)
    pairs = np.random.default_rng(1).permutation(rows)
    both = Inputs(MINI, inputs.architectures[rows])
    both.__dict__["graphs"] = (*MINI.graphs(inputs.architectures[rows]), *MINI.graphs(inputs.architectures[pairs]))
    model = GIN.fit(both, target[rows] - target[pairs], rows, members=2, steps=80)
    model = GIN.read(model.files())
    assert kendalltau(model.predict(both).mean, target[rows] - target[pairs]).statistic > 0.7


# Mistakes and damage.


@BOTH
def test_options_are_checked(model, mini):
    inputs, target = mini
    with pytest.raises(QueryError, match="at least 1 member and 1 step, got 0 and 1000"):
        model.fit(inputs, target, np.arange(len(target)), members=0)
    with pytest.raises(QueryError, match="at least 1 member and 1 step, got 5 and 0"):
        model.fit(inputs, target, np.arange(len(target)), steps=0)
    with pytest.raises(QueryError, match="options members and steps, not trees"):
        model.fit(inputs, target, np.arange(len(target)), trees=3)


def test_a_space_without_graphs_is_refused():
    inputs = Inputs(MINI, MINI.all()[:5])
    inputs.__dict__["graphs"] = ()
    with pytest.raises(QueryError, match="space 'nb201-mini' does not say what its architectures are as graphs"):
        GIN.fit(inputs, np.arange(5.0), np.arange(5))


@BOTH
def test_damaged_and_missing_files_are_named(model, fitted):
    ((name, content),) = fitted[model].files().items()
    place = re.escape(name)
    with pytest.raises(FileFormatError, match=f"{place}: is missing"):
        model.read({})
    for damaged in (b"", b"junk", content[:-8], content[: len(content) // 2]):
        with pytest.raises(FileFormatError, match=f"{place}: safetensors cannot read it"):
            model.read({name: damaged})


@BOTH
def test_arrays_that_do_not_fit_together_are_refused(model, fitted):
    ((name, content),) = fitted[model].files().items()
    arrays = read_arrays({name: content}, name, fitted[model].arrays)
    place = re.escape(name)
    with pytest.raises(FileFormatError, match=f"{place}: holds the arrays"):
        model.read({name: write_arrays({"offset": arrays["offset"]})})
    for array, values in arrays.items():
        for wrong in (values[..., None], values * np.nan, values.astype(np.int64), np.zeros(0, dtype=np.float32)):
            with pytest.raises(FileFormatError, match=rf"{place}: its \S+ should be finite numbers of shape"):
                model.read({name: write_arrays({**arrays, array: wrong})})
