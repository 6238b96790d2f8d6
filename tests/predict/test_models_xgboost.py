"""The default regressor: reproducible, the same for one row and for many, and honest about what it left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench import get_space
from surrogates.features import Inputs, feature_blocks
from surrogates.models import regressor_class
from surrogates.models.regressor import deal_parts
from surrogates.models.xgboost import FEW_ROWS, MANY_ROWS, ForestWalk, XGBoostEnsemble, booster_bytes, out_of_fold
from tabular.errors import FileFormatError, QueryError, UnknownNameError

SPACE = get_space("nb201")


class Columns(Inputs):
    """Inputs whose features are given."""

    def __init__(self, features):
        super().__init__(SPACE, np.zeros((len(features), SPACE.length), dtype=np.uint8))
        self.__dict__["features"] = np.asarray(features, dtype=np.float32)


def planted(rows, columns=4, seed=0):
    features = np.random.default_rng(seed).random((rows, columns), dtype=np.float32)
    return Columns(features), features.sum(axis=1).astype(np.float64)


def test_an_ensemble_is_the_same_bit_for_bit_and_another_seed_is_another():
    inputs, target = planted(60)
    each = np.arange(60)
    first, again, other = (XGBoostEnsemble.fit(inputs, target, each, members=2, seed=seed) for seed in (1, 1, 2))
    assert first.files() == again.files()
    assert set(first.files().values()).isdisjoint(other.files().values())
    assert len(set(first.texts)) == 2


def test_it_ranks_what_it_has_not_seen():
    inputs, target = planted(400)
    ensemble = XGBoostEnsemble.fit(inputs.take(np.arange(300)), target[:300], np.arange(300))
    mean, doubt = ensemble.predict(inputs.take(np.arange(300, 400)))
    assert np.corrcoef(mean, target[300:])[0, 1] > 0.95
    assert (doubt >= 0).all()


def test_a_row_is_predicted_alike_alone_in_a_small_and_in_a_large_batch():
    inputs, target = planted(MANY_ROWS + 10)
    ensemble = XGBoostEnsemble.fit(inputs.take(np.arange(60)), target[:60], np.arange(60), members=2)
    many = ensemble.predict_members(inputs.features)
    assert many.shape == (2, MANY_ROWS + 10)
    for rows in (1, 2, FEW_ROWS, FEW_ROWS + 1):
        np.testing.assert_array_equal(ensemble.predict_members(inputs.features[:rows]), many[:, :rows])
    assert ensemble.predict(inputs.take(np.arange(0))).mean.shape == (0,)


@settings(max_examples=40, deadline=None)
@given(
    depth=st.integers(1, 7),
    trees=st.integers(1, 12),
    levels=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_walking_the_trees_gives_what_xgboost_gives_bit_for_bit(depth, trees, levels, seed):
    import xgboost

    rng = np.random.default_rng(seed)
    # Few levels: many values lie exactly on a threshold, and with one level there is nothing to split at all.
    features = (rng.integers(0, levels, (50, 3)) / 7).astype(np.float32)
    targets = rng.normal(rng.normal(0, 100), 1, (2, 50))
    parameters = {"max_depth": depth, "nthread": 1, "tree_method": "hist"}
    boosters = [xgboost.train(parameters, xgboost.DMatrix(features, target), trees) for target in targets]
    walk = ForestWalk({f"{number}.json": booster_bytes(booster) for number, booster in enumerate(boosters)})
    expected = np.array([each.inplace_predict(features) for each in boosters])
    np.testing.assert_array_equal(walk.predict(features), expected)
    np.testing.assert_array_equal(np.hstack([walk.predict(row[None]) for row in features]), expected)


def test_a_member_has_not_seen_the_groups_it_left_out():
    """Each group has a value of its own, learnable only by having seen it: every member misses its own part by far."""
    groups = np.arange(40) % 20
    inputs = Columns(np.eye(20)[groups])
    target = np.where(groups < 10, 0.0, 100.0) + groups
    members = XGBoostEnsemble.fit(inputs, target, groups, members=4).predict_members(inputs.features)
    missed = np.abs(members - target) > 20
    # 20 groups in 4 parts of 5: each group is foreign to one member, which knows nothing better than a mean near 50.
    np.testing.assert_array_equal(missed[:, :20], missed[:, 20:])
    assert missed.sum(axis=0).max() <= 1
    assert missed.any(axis=0).mean() > 0.8
    assert (np.abs(out_of_fold(inputs, target, groups, folds=4) - target) > 20).mean() > 0.8


@given(groups=st.lists(st.integers(0, 9), min_size=10, max_size=40), parts=st.integers(1, 5))
def test_parts_keep_groups_together_and_are_nearly_equal(groups, parts):
    _, groups = np.unique(groups, return_inverse=True)
    part = deal_parts(groups, parts, np.random.default_rng(0))
    of_group = [set(part[groups == group]) for group in range(groups.max() + 1)]
    assert all(len(each) == 1 for each in of_group)
    sizes = np.bincount([each.pop() for each in of_group], minlength=parts)
    assert sizes.max() - sizes.min() <= 1


def test_what_is_read_predicts_as_what_was_written():
    inputs, target = planted(50)
    ensemble = XGBoostEnsemble.fit(inputs, target, np.arange(50), members=3, trees=20)
    again = XGBoostEnsemble.read(ensemble.files())
    for before, after in zip(ensemble.predict(inputs), again.predict(inputs), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"member-0.json": b"\x80binary"}, r"member-0.json: is not an XGBoost model in JSON: b'\\x80binary'"),
        ({"member-0.json": b'{"learner": 3}'}, "member-0.json: XGBoost cannot read the model"),
        ({"extra.txt": b""}, "member-0.json: is missing; the model's files are extra.txt"),
    ],
)
def test_what_is_no_ensemble_is_refused_by_its_file(files, message):
    inputs, _ = planted(2)
    with pytest.raises(FileFormatError, match=message):
        XGBoostEnsemble.read(files).predict(inputs)


def test_mistakes_are_named():
    inputs, target = planted(20)
    with pytest.raises(QueryError, match="an ensemble needs at least 1 member, got 0"):
        XGBoostEnsemble.fit(inputs, target, np.arange(20), members=0)
    with pytest.raises(UnknownNameError, match="unknown model 'xgbost'; did you mean 'xgboost'"):
        regressor_class("xgbost")


# What models see.


def test_features_are_the_blocks_side_by_side_in_the_order_named():
    rows = SPACE.sample(np.random.default_rng(0), 5)
    blocks = feature_blocks(SPACE)
    assert blocks == ("graph", "one_hot", "paths")
    together = Inputs(SPACE, rows, blocks)
    assert together.features.dtype == np.float32
    np.testing.assert_array_equal(
        together.features, np.hstack([Inputs(SPACE, rows, [block]).features for block in blocks])
    )
    some = together.take(np.array([3, 1]))
    np.testing.assert_array_equal(some.features, together.features[[3, 1]])
    np.testing.assert_array_equal(some.features, Inputs(SPACE, rows[[3, 1]], blocks).features)
    with pytest.raises(UnknownNameError, match="unknown encoding 'path'; did you mean 'paths'"):
        assert Inputs(SPACE, rows, ["path"]).features.size
