"""LightGBM, random forests, ridge regression and Gaussian processes as regressors of surrogates."""

from __future__ import annotations

import builtins
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import BayesianRidge, LinearRegression
from threadpoolctl import threadpool_limits

from nasbench import get_space
from surrogates.features import Inputs
from surrogates.models import regressor_class, scikit_learn
from surrogates.models.regressor import read_arrays, write_arrays
from tabular.errors import FileFormatError, NasbenchError, QueryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = ["lightgbm", "random-forest", "ridge", "gaussian-process"]
TREES = KINDS[:2]
LINEAR_ALGEBRA = KINDS[2:]
SPACE = get_space("nb201")
SIZE = 200


@dataclass
class Columns:
    """Inputs of any features."""

    features: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.features)


def fit(kind, inputs, target, groups=None, **options):
    groups = np.arange(len(inputs)) if groups is None else groups
    return regressor_class(kind).fit(inputs, target, groups, **options)


def planted_worth(rows):
    """What the strongest path of a network is worth, and a little for how many layers there are."""
    strength = {"(identity)": 0, "nor_conv_1x1": 1, "nor_conv_3x3": 2, "avg_pool_3x3": -1}
    worths = np.array([1 + sum(strength[each] for each in name.split(" > ")) for name in SPACE.path_names()])
    paths = SPACE.encode(rows, "paths") > 0
    return np.max(paths * worths, axis=1) + 0.1 * paths.sum(axis=1)


@pytest.fixture(scope="module")
def inputs():
    return Inputs(SPACE, SPACE.from_index(np.random.default_rng(0).permutation(15_625)[:1000]))


@pytest.fixture(scope="module")
def worth(inputs):
    return planted_worth(inputs.architectures)


@pytest.fixture(scope="module")
def models(inputs, worth):
    """Each kind, fitted to the first rows with noise."""
    some = inputs.take(np.arange(SIZE))
    target = worth[:SIZE] + np.random.default_rng(1).normal(0, 0.05, SIZE)
    return {kind: fit(kind, some, target, seed=1) for kind in KINDS}


@pytest.fixture
def others(inputs):
    return inputs.take(np.arange(SIZE, len(inputs)))


# What holds for every kind.


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_files(kind, inputs, worth):
    some = inputs.take(np.arange(60))
    first, again = (fit(kind, some, worth[:60], seed=5).files() for _ in range(2))
    assert first == again
    if kind in TREES:
        assert fit(kind, some, worth[:60], seed=6).files() != first


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_predicts_the_same_bit_for_bit(kind, models, others):
    model = models[kind]
    again = type(model).read(model.files())
    assert again.files() == model.files()
    assert again.kind == kind
    for one, other in zip(model.predict(others), again.predict(others), strict=True):
        assert np.array_equal(one, other)
        assert one.dtype == np.float64
        assert one.shape == (len(others),)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_is_estimated_as_among_others(kind, models, others):
    together = models[kind].predict(others)
    for row in (0, 1, 411):
        alone = models[kind].predict(others.take(np.array([row])))
        tolerance = 0 if kind == "lightgbm" else 1e-6
        assert alone.mean == pytest.approx(together.mean[row : row + 1], rel=tolerance, abs=tolerance)
        assert alone.doubt == pytest.approx(together.doubt[row : row + 1], rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_function_is_learnt(kind, models, inputs, worth, others):
    one_hot = SPACE.encode(inputs.architectures, "one_hot")
    linear = LinearRegression().fit(one_hot[:SIZE], worth[:SIZE]).predict(one_hot[SIZE:])
    by_chance = kendalltau(linear, worth[SIZE:]).statistic
    estimate = models[kind].predict(others)
    assert kendalltau(estimate.mean, worth[SIZE:]).statistic > max(by_chance + 0.1, 0.8)
    # The estimates are of the target's own scale, and so are the doubts.
    error = np.sqrt(np.mean((estimate.mean - worth[SIZE:]) ** 2))
    assert error < 0.5 * worth.std()
    assert np.isfinite(estimate.doubt).all()
    assert estimate.doubt.min() >= 0
    assert error / 10 < np.sqrt(np.mean(estimate.doubt**2)) < 3 * error


@pytest.mark.parametrize("kind", KINDS)
def test_other_units_of_the_target_change_nothing_else(kind, inputs, worth, others):
    some = inputs.take(np.arange(60))
    plain = fit(kind, some, worth[:60]).predict(others)
    scaled = fit(kind, some, 1024 * worth[:60]).predict(others)
    # Roundings may choose another of two equally good splits.
    assert np.corrcoef(scaled.mean, plain.mean)[0, 1] > 0.99
    assert scaled.mean.std() == pytest.approx(1024 * plain.mean.std(), rel=0.05)
    assert scaled.doubt.mean() == pytest.approx(1024 * plain.doubt.mean(), rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("features", [np.ones((9, 3)), np.arange(27).reshape(9, 3)])
def test_nothing_to_learn_is_no_error(kind, features):
    columns = Columns(features.astype(np.float32))
    estimate = fit(kind, columns, np.full(9, 2.5)).predict(columns)
    assert estimate.mean == pytest.approx(np.full(9, 2.5))
    assert np.isfinite(estimate.doubt).all()
    assert np.isfinite(fit(kind, columns, np.arange(9.0)).predict(columns)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused_by_name(kind, models, others):
    model = models[kind]
    name, content = list(model.files().items())[-1]
    for damaged in (b"", b"\xff" + content[1:], content[: len(content) // 2], content[:-3], b"[" * 100_000):
        with pytest.raises(FileFormatError, match=f"^{name}: "):
            type(model).read({**model.files(), name: damaged}).predict(others)


@pytest.mark.parametrize("kind", KINDS)
def test_missing_and_foreign_files_are_refused_by_name(kind, models):
    model = models[kind]
    first, *rest = model.files()
    with pytest.raises(FileFormatError, match=rf"^{first}: is missing; the model's files are none"):
        type(model).read({})
    with pytest.raises(FileFormatError, match=rf"^{first}: is missing; the model's files are .*other"):
        type(model).read({**{name: model.files()[name] for name in rest}, "other": b""})


@pytest.mark.parametrize("kind", LINEAR_ALGEBRA)
def test_options_that_there_are_not_are_refused(kind, inputs, worth):
    with pytest.raises(QueryError, match="has no options, got trees"):
        fit(kind, inputs, worth, trees=3)


# Ensembles.


@pytest.mark.parametrize("kind", TREES)
def test_rows_of_one_group_are_left_out_together(kind):
    # One group alone is worth something: the member that does not see it says so, and only there.
    special = np.repeat([1, 0], [10, 90])
    columns = Columns(special[:, None].astype(np.float32))
    groups = np.where(special, 0, np.arange(100) - 9)
    doubt = fit(kind, columns, 5.0 * special, groups, members=4).predict(columns).doubt
    assert doubt[0] > 1
    assert doubt[-1] < 0.1 * doubt[0]


@pytest.mark.parametrize("kind", TREES)
def test_an_ensemble_has_members(kind, inputs, worth):
    with pytest.raises(QueryError, match="at least 1 member, got 0"):
        fit(kind, inputs, worth, members=0)
    assert len(fit(kind, inputs, worth, members=1, trees=2).files()) == 1


def test_a_missing_lightgbm_is_named_with_its_extra(monkeypatch, inputs, worth, models):
    plain_import = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.startswith("lightgbm"):
            raise ImportError("No module named 'lightgbm'")
        return plain_import(name, *arguments, **keywords)

    monkeypatch.setitem(sys.modules, "lightgbm", None)
    monkeypatch.setattr(builtins, "__import__", without)
    read = type(models["lightgbm"]).read(models["lightgbm"].files())
    for use in (lambda: fit("lightgbm", inputs, worth), lambda: read.predict(inputs)):
        with pytest.raises(NasbenchError, match=r"LightGBM.*need lightgbm.*pip install 'nasbench\[lightgbm\]'"):
            use()


def changed(text, key, value, tree=1):
    """Return the text of a model, one line of one of its trees replaced."""
    before, mark, after = text.partition(f"Tree={tree}\n")
    lines = after.split("\n")
    number = next(number for number, line in enumerate(lines) if line.startswith(f"{key}="))
    old, lines[number] = lines[number], f"{key}={value(lines[number].removeprefix(f'{key}='))}"
    sizes = before.split("tree_sizes=")[1].split("\n")[0].split(" ")
    longer = [*sizes]
    longer[tree] = str(int(sizes[tree]) + len(lines[number]) - len(old))
    return before.replace(" ".join(sizes), " ".join(longer)) + mark + "\n".join(lines)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("left_child", lambda text: "0" + text[text.index(" ") :], "is not a tree"),  # never comes to an end
        ("right_child", lambda text: "99999" + text[text.index(" ") :], "is not a tree"),
        ("left_child", lambda text: text[text.index(" ") + 1 :], "left_child are"),
        ("split_feature", lambda text: "93" + text[text.index(" ") :], "splits columns that there are not"),
        ("split_feature", lambda text: "-1" + text[text.index(" ") :], "splits columns that there are not"),
        ("decision_type", lambda text: "1" + text[text.index(" ") :], "not of numbers"),
        ("num_leaves", lambda _: "99999999", "leaf_value are"),
        ("num_leaves", lambda _: "-5", "not a plain one"),
        ("num_cat", lambda _: "1", "not a plain one"),
        ("is_linear", lambda _: "1", "not a plain one"),
        ("leaf_value", lambda text: "nan" + text[text.index(" ") :], "leaf_value are not numbers"),
        ("threshold", lambda text: "1_0" + text[text.index(" ") :], "threshold are not numbers"),
        ("threshold", lambda text: text + " 1", "threshold are"),
    ],
)
def test_texts_that_would_lead_lightgbm_astray_are_not_handed_to_it(models, others, key, value, message):
    model = models["lightgbm"]
    text = model.texts[2]
    assert changed(text, key, lambda same: same) == text
    files = {**model.files(), "member-2.txt": changed(text, key, value).encode()}
    with pytest.raises(FileFormatError, match=rf"^member-2.txt: is not a LightGBM model, or damaged: .*{message}"):
        type(model).read(files).predict(others)


# Ridge regression and Gaussian processes.


@pytest.mark.parametrize("kind", LINEAR_ALGEBRA)
def test_far_away_they_know_less(kind):
    rng = np.random.default_rng(0)
    near = rng.normal(size=(80, 4)).astype(np.float32)
    model = fit(kind, Columns(near), near[:, 0] + np.sin(near[:, 1]) + rng.normal(0, 0.1, 80))
    doubts = [np.median(model.predict(Columns(scale * near)).doubt) for scale in (1, 3, 9)]
    assert doubts[0] < 0.7 * doubts[1]
    assert doubts[1] < doubts[2]


@pytest.mark.parametrize("kind", LINEAR_ALGEBRA)
def test_columns_that_were_constant_are_not_looked_at(kind):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 3)).astype(np.float32)
    features[:, 1] = 0.1  # not a binary fraction: the mean of its copies may miss it by a rounding
    model = fit(kind, Columns(features), features[:, 0])
    changed = features.copy()
    changed[:, 1] = 1e6
    for one, other in zip(model.predict(Columns(features)), model.predict(Columns(changed)), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", LINEAR_ALGEBRA)
def test_the_number_of_threads_changes_nothing(kind, inputs, worth, others):
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            model = fit(kind, inputs.take(np.arange(300)), worth[:300])
            found.append((model.files(), *(part.tobytes() for part in model.predict(others))))
    assert found[0] == found[1]


def test_ridge_is_bayesian_linear_regression():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(200, 6)).astype(np.float32)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    target = features @ np.arange(6.0) + rng.normal(size=200)
    estimate = fit("ridge", Columns(features), target).predict(Columns(features))
    scale = target.std()
    known = BayesianRidge().fit(features, (target - target.mean()) / scale)
    mean, std = known.predict(features, return_std=True)
    assert estimate.mean == pytest.approx(target.mean() + scale * mean, rel=1e-4, abs=1e-4)
    assert estimate.doubt == pytest.approx(scale * np.sqrt(std**2 - 1 / known.alpha_), rel=1e-4)


def test_the_process_is_that_of_the_textbook():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(120, 2)).astype(np.float32)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    target = np.sin(2 * features[:, 0]) + features[:, 1] + rng.normal(0, 0.2, 120)
    model = fit("gaussian-process", Columns(features), target)
    scale = target.std()
    kernel = ConstantKernel(1.0) * Matern(1.0, nu=1.5) + WhiteKernel(0.1)
    known = GaussianProcessRegressor(kernel).fit(features, (target - target.mean()) / scale)
    elsewhere = rng.normal(size=(40, 2)).astype(np.float32)
    mean, std = known.predict(elsewhere, return_std=True)
    estimate = model.predict(Columns(elsewhere))
    # Both maximise the same likelihood; ours stops a little earlier.
    assert estimate.mean == pytest.approx(target.mean() + scale * mean, abs=0.05 * scale)
    assert estimate.doubt == pytest.approx(scale * np.sqrt(std**2 - known.kernel_.k2.noise_level), rel=0.1)


def test_of_too_many_rows_some_are_drawn_by_the_seed(monkeypatch, inputs, worth):
    monkeypatch.setattr(scikit_learn, "MOST_ROWS", 40)
    drawn = [fit("gaussian-process", inputs, worth, seed=seed).known for seed in (0, 0, 1)]
    assert all(len(each.target) == 40 for each in drawn)
    assert np.array_equal(drawn[0].features, drawn[1].features)
    assert not np.array_equal(drawn[0].features, drawn[2].features)


@pytest.mark.parametrize(
    ("kind", "name", "wrong", "message"),
    [
        (
            "ridge",
            "slopes",
            np.zeros(3),
            r"slopes should be finite numbers of shape \(93,\), but are float64 of \(3,\)",
        ),
        ("ridge", "offset", np.array(np.nan), "offset should be finite numbers"),
        ("ridge", "root", np.zeros((93, 93), dtype=np.int64), "root should be finite numbers .* but are int64"),
        ("gaussian-process", "target", np.zeros(3), r"features should be finite numbers of shape \(3, "),
        ("gaussian-process", "noise", np.array(0.0), "no Gaussian process has .* noise 0.0"),
        ("gaussian-process", "length", np.array(-1.0), "no Gaussian process has .* length -1.0"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(models, kind, name, wrong, message):
    model = models[kind]
    ((file, content),) = model.files().items()
    held = read_arrays({file: content}, file, (model.line if kind == "ridge" else model.known)._fields)
    with pytest.raises(FileFormatError, match=f"^{file}: .*{message}"):
        type(model).read({file: write_arrays({**held, name: wrong})})
    with pytest.raises(FileFormatError, match=rf"^{file}: holds the arrays .*'more'.*this model needs .*'{name}'"):
        type(model).read({file: write_arrays({**held, "more": wrong})})


def test_arrays_come_back_as_they_were():
    arrays = {
        "transposed": np.arange(6.0).reshape(2, 3).T,
        "single": np.array(3, dtype=np.int64),
        "empty": np.zeros((0, 3), dtype=np.float32),
        "strided": np.arange(10, dtype=np.uint8)[::3],
    }
    content = write_arrays(arrays)
    assert write_arrays(dict(reversed(arrays.items()))) == content
    back = read_arrays({"file": content}, "file", arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert np.array_equal(back[name], array)
