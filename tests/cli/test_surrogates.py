"""`nasbench examine` and `nasbench transfer` end to end on tiny tables: numbers, JSON, files, mistakes."""

from __future__ import annotations

import io
import json
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from nasbench import CellSpace
from nasbench.cli.app import main
from predict.planted_spaces import planted_table, some_networks
from surrogates import Surrogate, fit_surrogate
from surrogates.transferring import transfer
from tabular import Table, TableOracle
from tabular.training import Recipe, load_dataset
from tabular.training.result import provenance

SMALL = CellSpace("small", 4, ("nor_conv_1x1", "nor_conv_3x3"))
LARGE = CellSpace("large", 5, SMALL.operations)
FEW = {"members": 2, "trees": 20, "max_depth": 4}
SHORT = ("--strategies", "random-search,local-search", "--runs", "2", "--evaluations", "12", "--sizes", "20")
BOTH = ["validation_accuracy", "train_seconds"]


@pytest.fixture(scope="module")
def made(toy_table, tmp_path_factory):
    """A folder with a planted table, another of a larger space, and surrogates of several kinds."""
    folder = tmp_path_factory.mktemp("made")
    table = planted_table(folder / "small.h5", SMALL)
    planted_table(folder / "large.h5", LARGE, some_networks(LARGE, 60), offset=0.15, slope=0.6)
    half = planted_table(folder / "half.h5", SMALL, SMALL.unique()[:40])
    shutil.copy(toy_table, folder / "toy.h5")
    toy = Table.open(folder / "toy.h5")
    (folder / "large.toml").write_text('nodes = 5\noperations = ["nor_conv_1x1", "nor_conv_3x3"]\n')
    (folder / "notes").mkdir()
    (folder / "notes/chapter1.tex").write_text("years of work\n")
    whole = fit_surrogate(table, metrics=BOTH, features=["graph"], options=FEW)
    whole.save(folder / "model")
    whole.extrapolate(LARGE).save(folder / "carried")
    fit_surrogate(half, metrics=BOTH, features=["graph"], options=FEW).save(folder / "half")
    of_toy = {"epochs": [9], "options": FEW, "train_size": 20}
    fit_surrogate(toy, metrics=BOTH[:1], features=["one_hot"], **of_toy).save(folder / "encoded")
    fit_surrogate(toy, metrics=["test_accuracy", "train_seconds"], features=["graph"], **of_toy).save(folder / "test")
    named = {"epochs": [9], "options": FEW, "train": np.arange(40)}
    fit_surrogate(toy, metrics=BOTH, features=["graph"], **named).save(folder / "named")
    return folder


@pytest.fixture
def workplace(made, tmp_path, monkeypatch):
    folder = shutil.copytree(made, tmp_path / "work")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def succeed(command, workplace):
    def run(*arguments):
        done = command(*arguments)
        assert done.code == 0, done.err
        return json.loads(done.out) if "--json" in arguments else done.out

    return run


@pytest.fixture
def refuse(command, workplace):
    """Run a command that must be refused, in words and as JSON, and leave all files as they were; give its line."""

    def run(*arguments):
        before = content_of(workplace)
        done = command(*arguments)
        assert (done.code, done.out) == (2, "")
        line = done.err.splitlines()[-1]
        assert line.startswith("nasbench: ")
        as_json = command(*arguments, "--json")
        assert json.loads(as_json.out) == {"error": line.removeprefix("nasbench: ")}
        assert content_of(workplace) == before
        return line

    return run


def content_of(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


# nasbench examine


@pytest.fixture(scope="module")
def after(made, tmp_path_factory):
    """The folder once its surrogate was examined, with figures, and what that printed as JSON."""
    folder = shutil.copytree(made, tmp_path_factory.mktemp("after") / "work")
    arguments = ["examine", "model", "--table", "small.h5", *SHORT, "--figures", "deep/figures", "--json"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["nasbench", *arguments])
        main()
    return folder, json.loads(out.getvalue())


@pytest.fixture
def examined(after, tmp_path, monkeypatch):
    """What that examination printed; its folder is the current one."""
    monkeypatch.chdir(shutil.copytree(after[0], tmp_path / "after"))
    return after[1]


def test_an_examination_is_told_stored_and_told_again(succeed, examined):
    assert examined["path"] == "model"
    assert [(each["train"], each["held_out"]) for each in examined["learning_curve"]] == [(20, 44)]
    assert list(examined["left_out"]) == ["random-search", "local-search"]
    assert [(each["strategy"], each["runs"]) for each in examined["exploits"]] == [
        ("random-search", 2),
        ("local-search", 2),
    ]
    card = Surrogate.load("model").scorecard
    assert card.to_json() == {key: value for key, value in examined.items() if key not in {"path", "figures"}}
    again = succeed("examine", "model", "--json")
    assert again == examined | {"figures": []}
    text = succeed("examine", "model")
    for words in (
        "networks fitted and, not seen before, scored",
        "20 + 44",
        "left out",
        "promised",
        "measured by the table",
    ):
        assert words in text
    assert "examined" in succeed("info", "model")


def test_the_models_stay_as_they_were_and_another_examination_replaces_the_first(succeed, made, examined):
    rows = SMALL.unique()
    before, after = Surrogate.load(made / "model"), Surrogate.load("model")
    for one, other in zip(before.predict(rows), after.predict(rows), strict=True):
        np.testing.assert_array_equal(one, other)
    assert before.scorecard.scores == after.scorecard.scores
    again = succeed("examine", "model", "--table", "small.h5", *SHORT, "--sizes", "25", "--json")
    assert [each["train"] for each in again["learning_curve"]] == [25]
    assert (again["left_out"], again["exploits"]) == (examined["left_out"], examined["exploits"])


def test_exploits_are_between_the_worst_and_the_best_of_the_table(examined):
    values = TableOracle("small.h5").query(SMALL.unique())
    for each in examined["exploits"]:
        assert np.median(values) < each["measured"] <= values.max()


def test_each_figure_is_drawn_as_pdf_and_png(examined):
    names = ("scatter", "calibration", "learning-curve", "error-by-size")
    assert examined["figures"] == [f"deep/figures/{name}.{ending}" for name in names for ending in ("pdf", "png")]
    for each in examined["figures"]:
        content = Path(each).read_bytes()
        assert content.startswith(b"%PDF-" if each.endswith("pdf") else b"\x89PNG")


def test_sizes_that_are_too_large_and_strategies_that_visit_too_little_are_named(command, workplace):
    arguments = ("--strategies", "random-search,local-search", "--runs", "1", "--evaluations", "2", "--sizes", "1000")
    done = command("examine", "model", "--table", "small.h5", *arguments, "--json")
    assert done.code == 0, done.err
    assert "warning: a fit to 1000 networks is left out: of the 64 in small.h5 it takes at least 8" in done.err
    assert "warning: random-search is not left out: it visited 2 networks" in done.err
    told = json.loads(done.out)
    assert (told["learning_curve"], told["left_out"], len(told["exploits"])) == ([], {}, 2)


def test_on_a_table_of_part_of_the_space_no_strategy_is_left_out(command, workplace):
    done = command("examine", "half", "--table", "half.h5", *SHORT, "--json")
    assert done.code == 0, done.err
    assert "no strategy is left out: half.h5: has no record of the architecture" in done.err
    told = json.loads(done.out)
    assert (len(told["learning_curve"]), told["left_out"], len(told["exploits"])) == (1, {}, 2)


def test_what_was_found_can_be_trained(succeed, workplace):
    recipe = provenance(Recipe(epochs=1, channels=2, batch_size=128), load_dataset("digits"), "cpu")
    table = planted_table("t.h5", SMALL, epoch=1, provenance=recipe)
    fit_surrogate(table, metrics=BOTH, features=["graph"], options=FEW, train_size=20).save("to-train")
    arguments = ("--strategies", "random-search,local-search", "--runs", "1", "--evaluations", "4", "--sizes", "1")
    told = succeed("examine", "to-train", "--table", "t.h5", *arguments, "--train", "--json")
    values = table.metric("planted", "validation_accuracy").astype(np.float64).mean(axis=1)
    for each in told["exploits"]:
        assert 0 <= each["measured"] <= 1
        assert np.abs(values - each["measured"]).min() > 1e-6  # of digits, not of the table
    assert "measured by one fresh training each" in succeed("examine", "to-train")


def test_without_an_examination_that_is_said(succeed):
    text = succeed("examine", "model")
    assert text.endswith("not examined yet: name the table it was fitted to with --table\n")
    told = succeed("examine", "model", "--json")
    assert (told["learning_curve"], told["left_out"], told["exploits"]) == ([], {}, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("model --train", "--train and --figures need --table, the table that the surrogate was fitted to"),
        ("model --figures new", "--train and --figures need --table"),
        ("model --table large.h5", "large.h5: is not the table that the surrogate was fitted to: its digest is"),
        ("model --table none.h5", "none.h5: no such file"),
        ("none --table small.h5", "none: no such folder"),
        ("model --table small.h5 --sizes 10,many", "--sizes takes whole numbers with commas between, got '10,many'"),
        ("model --table small.h5 --strategies random-serch", "unknown strategy 'random-serch'; did you mean 'random-"),
        (
            "model --table small.h5 --strategies random-search --sizes 1 --evaluations 9 --runs 1",
            "at least two, got r",
        ),
        ("model --table small.h5 --train", "the task names no recipe and data set to train with"),
        ("model --table small.h5 --figures small.h5", "small.h5 is a file, not a folder"),
        ("carried --table small.h5", "carried over from 'small' to 'large'; examine the one that it was made of"),
        ("named --table toy.h5 --figures new", "held out are not on record: it was fitted to rows that were n"),
        ("encoded --table toy.h5", "cannot search on a surrogate of validation_accuracy: .* fit one with --metrics"),
        ("test --table toy.h5", "its first metric, which may be no test metric, and they need train_seconds"),
    ],
)
def test_what_cannot_be_examined(refuse, arguments, message):
    line = refuse("examine", *arguments.split())
    assert message.split(" .* ")[0] in line
    assert message.split(" .* ")[-1] in line


@pytest.mark.parametrize("place", ["scores_by_size", "exploits", "Surrogate.save"])
def test_an_interrupted_examination_leaves_the_surrogate_as_it_was(command, workplace, monkeypatch, place):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    module = "surrogates" if place.startswith("Surrogate") else "surrogates.examining"
    monkeypatch.setattr(f"{module}.{place}", interrupt)
    before = content_of(workplace)
    done = command("examine", "half", "--table", "half.h5", *SHORT)
    assert done.code == 2
    assert done.err.splitlines()[-1] == "nasbench: interrupted; files that were there are as they were"
    assert content_of(workplace) == before


# nasbench transfer


@pytest.mark.parametrize("train_size", [0, 20])
def test_transfer_with_a_table_is_what_the_library_does(succeed, workplace, train_size):
    arguments = ("--table", "large.h5", "--train-size", train_size, "--seed", 3, "--json")
    told = succeed("transfer", "model", "--out", "new", *arguments)
    expected = transfer(Surrogate.load("model"), Table.open("large.h5"), train_size=train_size, seed=3)
    assert [(each["measure"], each["train"], each["held_out"]) for each in told["scorecard"]] == [
        (f"planted/{metric}@9", train_size, 60 - train_size) for metric in BOTH
    ]
    assert 0 <= told["unfamiliar"] <= 1
    made, rows = Surrogate.load(told["path"]), LARGE.sample(np.random.default_rng(0), 9)
    np.testing.assert_array_equal(made.predict(rows).std, expected.predict(rows).std)
    text = succeed("transfer", "model", "--out", "new", *arguments[:-1])
    assert f"{train_size} + {60 - train_size}" in text
    assert text.endswith("written to new\n")


def test_transfer_to_a_space_is_extrapolation(succeed, workplace):
    told = succeed("transfer", "model", "--out", "new", "--space", "large.toml", "--json")
    assert told["scorecard"] == []
    made, rows = Surrogate.load("new"), LARGE.sample(np.random.default_rng(0), 9)
    np.testing.assert_array_equal(
        made.predict(rows).mean, Surrogate.load("model").extrapolate(LARGE).predict(rows).mean
    )
    text = succeed("transfer", "model", "--out", "new", "--space", "large.toml")
    assert "% of the architectures in large lie outside of what it was fitted to (of 1,000 drawn)" in text
    assert "a table of some, with --table, would" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("model --out new", "give --space, the space to ask about, or --table, a table of trainings there: one of"),
        ("model --out new --space large.toml --table large.h5", "one of them"),
        ("model --out new --space large.toml --train-size 20", "--train-size and --task speak of a table"),
        ("model --out new --space large.toml --task planted", "--train-size and --task speak of a table"),
        ("model --out new --space larg.toml", "larg.toml"),
        ("model --out new --space nb210", "unknown space 'nb210'; did you mean 'nb201'"),
        ("model --out new --table large.h5 --train-size 3", "train_size is 0 or at least 5"),
        ("model --out new --table large.h5 --train-size 60", "train_size must leave some to be held out; got 60"),
        ("model --out new --table large.h5 --task plantd", "unknown task 'plantd'; did you mean 'planted'"),
        ("test --out new --table large.h5", "its task 'planted' has no metric 'test_accuracy', which the surrogate"),
        ("encoded --out new --table large.h5", "fit it with the features 'graph' alone, which mean the same in both"),
        ("encoded --out new --space large.toml", "with the features one_hot cannot be asked about 'large'"),
        ("model --out notes --space large.toml", "notes: exists and is not a surrogate; it is left as it was"),
        ("none --out new --space large.toml", "none: no such folder"),
    ],
)
def test_what_cannot_be_transferred(refuse, arguments, message):
    assert message in refuse("transfer", *arguments.split())
