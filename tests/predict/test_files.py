"""Surrogates on disk: whole or absent, and never trusted before their digests were compared."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from surrogates import Surrogate, fit_surrogate
from tabular import Table
from tabular.errors import FileFormatError, OutputError

FEW = {"members": 2, "trees": 20}
MEMBERS = [
    f"{metric}.{epoch}.member-{member}.json"
    for metric in ("test_accuracy", "train_seconds")
    for epoch in range(2)
    for member in range(2)
]


@pytest.fixture(scope="module")
def surrogate(toy_table):
    return fit_surrogate(Table.open(toy_table), epochs=[3, 9], metrics=["test_accuracy", "train_seconds"], options=FEW)


@pytest.fixture(scope="module")
def saved(surrogate, tmp_path_factory):
    path = tmp_path_factory.mktemp("surrogates") / "model"
    surrogate.save(path)
    return path


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "model")


def files_of(folder):
    return sorted(each.name for each in folder.iterdir())


def rewrite(folder, **changes):
    """Change metadata as their author would: with a digest that matches."""
    metadata = json.loads((folder / "metadata.json").read_bytes())
    metadata.update(changes)
    text = json.dumps(metadata).encode()
    (folder / "metadata.json").write_bytes(text)
    (folder / "metadata.json.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  metadata.json\n")


def test_what_is_read_back_is_what_was_saved(surrogate, saved):
    again = Surrogate.load(saved)
    rows = surrogate.space.all()
    for measure in surrogate.measures:
        for before, after in zip(surrogate.predict(rows, measure), again.predict(rows, measure), strict=True):
            np.testing.assert_array_equal(before, after)
    assert again.scorecard == surrogate.scorecard
    assert again.provenance == json.loads(json.dumps(surrogate.provenance))
    assert (again.space, again.task, again.blocks) == (surrogate.space, surrogate.task, surrogate.blocks)


def test_any_xgboost_opens_a_member_and_sha256sum_would_agree(saved):
    import xgboost

    member = saved / MEMBERS[0]
    assert json.loads(member.read_bytes())["learner"]
    booster = xgboost.Booster()
    booster.load_model(member)
    assert booster.num_boosted_rounds() == FEW["trees"]
    digest, name = (saved / "metadata.json.sha256").read_text().split()
    assert hashlib.sha256((saved / name).read_bytes()).hexdigest() == digest


def test_it_names_its_origin(saved, toy_table):
    provenance = json.loads((saved / "metadata.json").read_bytes())["provenance"]
    assert provenance["table"] == {"file": "toy.h5", "digest": Table.open(toy_table).digest}
    assert provenance["split"]["seed"] == 0
    assert {"nasbench", "numpy", "python"} < set(provenance["versions"])


def test_a_surrogate_is_replaced_and_nothing_else_lies_about(surrogate, copy):
    (copy / "test_accuracy.9.member-9.json").write_text("of an older fit")
    surrogate.save(copy)
    assert not (copy / "test_accuracy.9.member-9.json").exists()
    assert files_of(copy.parent) == ["model"]
    Surrogate.load(copy)


def test_what_is_not_a_surrogate_is_never_replaced(surrogate, tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter1.tex").write_text("years of work")
    for path in (folder, folder / "chapter1.tex"):
        with pytest.raises(OutputError, match=f"{path.name}: exists and is not a surrogate"):
            surrogate.save(path)
    assert (folder / "chapter1.tex").read_text() == "years of work"


def test_a_folder_that_cannot_be_made_is_named(surrogate, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"model: cannot be written: .* is a file, not a folder"):
        surrogate.save(tmp_path / "file" / "model")


@pytest.mark.parametrize("writes", [0, 3, 9])
def test_a_full_disk_leaves_the_old_surrogate_and_nothing_new(surrogate, copy, tmp_path, monkeypatch, writes):
    calls = iter(range(100))

    def fsync(descriptor):
        if next(calls) >= writes:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    before = {each.name: each.read_bytes() for each in copy.iterdir()}
    for path in (copy, tmp_path / "new"):
        with pytest.raises(OutputError, match="cannot be written: No space left on device"):
            surrogate.save(path)
    assert {each.name: each.read_bytes() for each in copy.iterdir()} == before
    assert files_of(tmp_path) == ["model"]


def test_leftovers_of_a_killed_save_are_in_nobodys_way(surrogate, tmp_path):
    leftover = tmp_path / f".model.{os.getpid()}.tmp"
    leftover.mkdir()
    (leftover / MEMBERS[0]).write_text("half")
    surrogate.save(tmp_path / "model")
    Surrogate.load(tmp_path / "model")
    assert files_of(tmp_path) == ["model"]


# Damage.


def test_there_are_the_files_that_the_damage_tests_think_of(saved):
    assert files_of(saved) == sorted([*MEMBERS, "familiarity.safetensors", "metadata.json", "metadata.json.sha256"])


@pytest.mark.parametrize(
    "name", ["metadata.json", "metadata.json.sha256", "familiarity.safetensors", MEMBERS[0], MEMBERS[-1]]
)
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "missing"])
def test_damage_is_named_and_never_reaches_xgboost(copy, monkeypatch, name, damage):
    for reader in ("parse_booster", "read_trees"):
        monkeypatch.setattr(
            f"surrogates.models.xgboost.{reader}", lambda *_: pytest.fail("damaged bytes were handed on")
        )
    file = copy / name
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    spoilt = {"flip": content, "cut": content[: len(content) // 2], "empty": b""}
    file.unlink()
    if damage != "missing":
        file.write_bytes(spoilt[damage])
    with pytest.raises(FileFormatError, match=r"metadata\.json" if name.startswith("metadata") else name):
        Surrogate.load(copy)


def test_what_is_not_there_or_not_a_surrogate_says_so(copy, tmp_path):
    with pytest.raises(FileFormatError, match="nowhere: no such folder"):
        Surrogate.load(tmp_path / "nowhere")
    (tmp_path / "table.h5").write_text("")
    with pytest.raises(FileFormatError, match=r"table\.h5: is a file; a surrogate is a folder"):
        Surrogate.load(tmp_path / "table.h5")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match=r"empty: is not a nasbench-surrogate folder: it has no metadata\.json"):
        Surrogate.load(tmp_path / "empty")
    rewrite(copy, format="other-tool")
    with pytest.raises(FileFormatError, match="is not of a nasbench-surrogate \\(its format is 'other-tool'\\)"):
        Surrogate.load(copy)


def test_a_newer_version_asks_for_an_upgrade(copy):
    rewrite(copy, version=3)
    with pytest.raises(
        FileFormatError, match="has version 3 of nasbench-surrogate, this program reads up to 2; upgrade"
    ):
        Surrogate.load(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {"kind": "sphere"}}, "does not describe a surrogate: SpaceError.*unknown kind of space 'sphere'"),
        ({"task": {}}, "does not describe a surrogate: KeyError: 'metrics'"),
        ({"files": {"../../etc": ""}}, "names a file '../../etc'"),
        ({"models": [{"metric": "test_accuracy", "kind": "oracle"}]}, "unknown model 'oracle'"),
        (
            {"features": {"blocks": ["one_hot"], "columns": 99}},
            "fitted on 99 columns of features, but this program makes 12",
        ),
        ({"scorecard": 3}, "does not describe a surrogate: TypeError"),
        ({"luck": {"loadings": [[2.0]], "own": [0.0]}}, "the squares of a measure's training noise do not add up to 1"),
    ],
)
def test_metadata_that_make_no_sense_are_refused(copy, changes, message):
    rewrite(copy, **changes)
    with pytest.raises(FileFormatError, match=message):
        Surrogate.load(copy)


@pytest.mark.parametrize("text", [b"{L\x00\x00", b'{"learner": 3}', b'{"'])
def test_what_is_no_json_model_is_refused_even_with_a_matching_digest(copy, text):
    metadata = json.loads((copy / "metadata.json").read_bytes())
    metadata["files"][MEMBERS[0]] = hashlib.sha256(text).hexdigest()
    (copy / MEMBERS[0]).write_bytes(text)
    rewrite(copy, files=metadata["files"])
    surrogate = Surrogate.load(copy)
    with pytest.raises(FileFormatError, match=r"is not an XGBoost model in JSON|XGBoost cannot read the model"):
        surrogate.predict(surrogate.space.all(), "test_accuracy@3")


@pytest.mark.parametrize("rows", [5, 200])  # walked, and predicted by XGBoost
@pytest.mark.parametrize(
    ("key", "index", "value", "message"),
    [
        ("left_children", 0, 1_000_000, "is not a tree: it has children that there are not"),
        ("right_children", 0, -7, "is not a tree: it has children that there are not"),
        ("left_children", 0, 0, "is not a tree: a node has two parents"),  # never comes to an end
        ("right_children", 0, 1, "is not a tree: a node has two parents"),
        ("split_indices", 0, 9999, "splits columns that there are not"),
        ("split_indices", 0, -1, "splits columns that there are not"),
        ("split_conditions", slice(1, None), [], "arrays of other lengths than it has nodes"),
        ("left_children", 0, 2**70, "XGBoost cannot read the model"),
        ("left_children", 0, None, "XGBoost cannot read the model"),
    ],
)
def test_links_that_would_lead_xgboost_astray_are_refused_even_with_a_matching_digest(
    copy, rows, key, index, value, message
):
    learner = json.loads((copy / MEMBERS[1]).read_bytes())
    trees = learner["learner"]["gradient_booster"]["model"]["trees"]
    tree = next(tree for tree in trees if len(tree["left_children"]) > 1)
    tree[key][index] = value
    text = json.dumps(learner, separators=(",", ":")).encode()
    metadata = json.loads((copy / "metadata.json").read_bytes())
    metadata["files"][MEMBERS[1]] = hashlib.sha256(text).hexdigest()
    (copy / MEMBERS[1]).write_bytes(text)
    rewrite(copy, files=metadata["files"])
    surrogate = Surrogate.load(copy)
    with pytest.raises(FileFormatError, match=rf"^member-1\.json: .*{message}"):
        surrogate.predict(surrogate.space.all()[:rows], "test_accuracy@3")


def test_a_surrogate_written_long_ago_still_says_the_same():
    """Kept from the first version of the format; later ones must read it."""
    kept = Surrogate.load(Path(__file__).parents[1] / "kept" / "surrogate-1")
    rows = np.array([[1, 2, 2, 0, 0, 2], [0, 2, 2, 1, 0, 0], [0, 1, 1, 1, 2, 2], [1, 2, 0, 0, 1, 0]], dtype=np.uint8)
    predicted = kept.predict(rows, "test_accuracy@9")
    np.testing.assert_allclose(predicted.mean, [0.668070662, 0.564543310, 0.573118899, 0.574781765], rtol=1e-6)
    np.testing.assert_allclose(predicted.noise, [0.004938334, 0.005331193, 0.005292310, 0.005233461], rtol=1e-6)
    assert [score.measure for score in kept.scorecard.scores] == [
        f"planted/{metric}@{epochs}" for metric in ("test_accuracy", "train_seconds") for epochs in (3, 9)
    ]


@pytest.mark.parametrize(
    ("kind", "mean", "doubt"),
    [
        (
            "ridge",
            [0.336821249, 0.396597018, 0.280865248, 0.392367606],
            [0.061643391, 0.052996919, 0.058924844, 0.050592223],
        ),
        (
            "gaussian-process",
            [0.341893991, 0.387648961, 0.261174846, 0.435183278],
            [0.052849463, 0.048025113, 0.053701763, 0.043206781],
        ),
    ],
)
def test_linear_models_written_long_ago_still_say_the_same(kind, mean, doubt):
    kept = Surrogate.load(Path(__file__).parents[1] / "kept" / f"surrogate-1-{kind}")
    rows = np.array([[1, 2, 2, 0, 0, 2], [0, 2, 2, 1, 0, 0], [0, 1, 1, 1, 2, 2], [1, 2, 0, 0, 1, 0]], dtype=np.uint8)
    predicted = kept.predict(rows, "test_accuracy@9")
    np.testing.assert_allclose(predicted.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(predicted.doubt, doubt, rtol=1e-6)


def test_what_was_written_long_ago_keeps_its_digest_and_is_written_anew(tmp_path):
    path = Path(__file__).parents[1] / "kept" / "surrogate-1"
    kept = Surrogate.load(path)
    assert kept.digest == (path / "metadata.json.sha256").read_text().split()[0]
    kept.save(tmp_path / "again")
    again = Surrogate.load(tmp_path / "again")
    rows = kept.space.all()
    for measure in kept.measures:
        np.testing.assert_array_equal(again.predict(rows, measure).mean, kept.predict(rows, measure).mean)
