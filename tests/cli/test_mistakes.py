"""Every mistake at the command line: one line that names the value and the way out, exit code 2, and nothing lost."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

RECIPE = ("--recipe", "recipe.toml", "--jobs", "1")
COMPARE = ("compare", "table.h5", "--jobs", "1", "--runs", "2", "--out", "new.h5")
MAPPING = """
space = { name = "tiny", nodes = 3, operations = ["none", "skip_connect", "nor_conv_1x1"] }
[architecture]
column = "arch"
written = "text"
[tasks.t]
metrics = [{ column = "acc", metric = "validation_accuracy", epoch = 200, scale = 0.01 }]
"""


@pytest.fixture(scope="module")
def workplace(trained, toy_table, tmp_path_factory):
    """A folder with good and bad files of every kind."""
    folder = tmp_path_factory.mktemp("mistakes")
    for name in ("space.toml", "recipe.toml", "table.h5"):
        shutil.copy(trained / name, folder)
    shutil.copy(toy_table, folder / "toy.h5")
    content = (folder / "table.h5").read_bytes()
    (folder / "short.h5").write_bytes(content[: len(content) // 2])
    with h5py.File(folder / "table.h5") as file:
        place = file["tasks/digits/metrics/test_accuracy"].id.get_chunk_info(0).byte_offset
    (folder / "flipped.h5").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    (folder / "notes.txt").write_text("years of work\n")
    h5py.File(folder / "other.h5", "w").close()
    shutil.copy(folder / "table.h5", folder / "newer.h5")
    with h5py.File(folder / "newer.h5", "r+") as file:
        file.attrs["version"] = 99
    (folder / "folder").mkdir()
    (folder / "folder/chapter1.tex").write_text("more years of work\n")
    (folder / "newer-surrogate").mkdir()
    (folder / "newer-surrogate/metadata.json").write_text('{"format": "nasbench-surrogate", "version": 99}')
    (folder / "bad.npz").write_bytes(b"PK\x03\x04 and no more")
    np.savez(folder / "half.npz", x=np.zeros((8, 4, 4)))
    (folder / "fashion").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        with gzip.open(folder / f"fashion/{name}-ubyte.gz", "wb") as file:
            file.write(b"\x00\x00\x08\x03\x00\x00\x00\x05")
    (folder / "cifar").mkdir()
    (folder / "cifar/data_batch_1.bin").write_bytes(bytes(100))
    (folder / "map.toml").write_text(MAPPING)
    (folder / "outside.csv").write_text("arch,acc\n|none~0|+|none~0|none~1|,10\n|none~0|+|none~0|max_pool~1|,10\n")
    (folder / "percent.csv").write_text("arch,acc\n|none~0|+|none~0|none~1|,1000\n")
    (folder / "odd.toml").write_text('nodes = 3\noperations = ["none", "nor_conv_1x2"]\n')
    (folder / "recipe-odd.toml").write_text("epoch = 3\n")
    return folder


@pytest.fixture
def refuse(command, workplace, monkeypatch):
    """Run a command that must be refused, in words and as JSON; give its one line."""

    def run(*arguments):
        monkeypatch.chdir(workplace)
        before = content_of(workplace)
        done = command(*arguments)
        assert (done.code, done.out) == (2, "")
        (line,) = done.err.splitlines()
        assert line.startswith("nasbench: ")
        as_json = command(*arguments, "--json")
        assert (as_json.code, as_json.err) == (2, "")
        assert json.loads(as_json.out) == {"error": line.removeprefix("nasbench: ")}
        assert content_of(workplace) == before
        return line

    return run


def content_of(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in Path(folder).rglob("*")}


# Files that are not what a command needs.

DAMAGE = {
    "missing.h5": "missing.h5: no such file",
    "short.h5": "short.h5: is damaged or cut short, get a fresh copy",
    "notes.txt": "notes.txt: is not an HDF5 file",
    "other.h5": r"other.h5: is not a nasbench-{kind} file \(its format is ''\)",
    "folder": "folder: is (a folder|not a nasbench-surrogate folder: it has no metadata.json)",
}


@pytest.mark.parametrize("file", [*DAMAGE, "newer.h5"])
@pytest.mark.parametrize("command_line", ["info {}", "compare {} --budget 9 --out new.h5", "fit {} --out new"])
def test_files_that_are_no_table(refuse, command_line, file):
    expected = {**DAMAGE, "newer.h5": "newer.h5: has version 99 of nasbench-table, .* up to 1; upgrade nasbench"}[file]
    assert re.search(expected.format(kind="table"), refuse(*command_line.format(file).split()))


@pytest.mark.parametrize("file", [*DAMAGE, "table.h5"])
@pytest.mark.parametrize(
    "command_line",
    [
        "plot {} --out new.pdf",
        "verify {}",
        "summary {}",
        "report {} --out new.html",
        "compare table.h5 --extend {} --out new.h5",
    ],
)
def test_files_that_are_no_results(refuse, command_line, file):
    expected = {**DAMAGE, "table.h5": r"is not a nasbench-results file \(its format is 'nasbench-table'\)"}[file]
    assert re.search(expected.format(kind="results"), refuse(*command_line.format(file).split()))


def test_results_of_a_newer_version(refuse, results):
    with h5py.File(results, "r+") as file:
        version, file.attrs["version"] = file.attrs["version"], 99
    assert "results.h5: has version 99 of nasbench-results, " in refuse("report", results, "--out", "new.html")
    with h5py.File(results, "r+") as file:
        file.attrs["version"] = version


@pytest.mark.parametrize("file", ["short.h5", "notes.txt", "other.h5", "newer.h5"])
def test_generate_does_not_touch_what_it_cannot_go_on_with(refuse, file):
    line = refuse("generate", "space.toml", *RECIPE, "--out", file)
    assert line.startswith(f"nasbench: {file}: ")


def test_a_surrogate_of_a_newer_version(refuse):
    for arguments in (("info", "newer-surrogate"), ("compare", "newer-surrogate", "--budget", "9", "--out", "new.h5")):
        assert "has version 99 of nasbench-surrogate, this program reads up to 2; upgrade nasbench" in refuse(
            *arguments
        )


def test_a_flipped_bit_is_found(command, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    done = command("info", "flipped.h5", "--check")
    assert done.code == 2
    assert re.search(r"^nasbench: flipped\.h5: .*(get a fresh copy|damaged)", done.err)
    assert len(done.err.splitlines()) == 1
    as_json = command("info", "flipped.h5", "--check", "--json")
    assert as_json.code == 2
    assert "flipped.h5" in json.loads(as_json.out)["error"]


# What is asked for.

MISTAKES = [
    # data sets
    ("generate space.toml --out new.h5 --dataset digit", "unknown data set 'digit'; did you mean 'digits'?"),
    ("generate space.toml --out new.h5 --dataset none.npz", "none.npz: no such file; name an .npz file with x and y"),
    ("generate space.toml --out new.h5 --dataset bad.npz", "bad.npz: .*"),
    ("generate space.toml --out new.h5 --dataset half.npz", "half.npz: .*y"),
    ("generate space.toml --out new.h5 --dataset fashion-mnist", "fashion-mnist: say where .* fashion-mnist:FOLDER"),
    ("generate space.toml --out new.h5 --dataset fashion-mnist:fashion", "train-images-idx3-ubyte.gz: .*"),
    ("generate space.toml --out new.h5 --dataset cifar10:cifar", "cifar.*: .*"),
    # spaces and recipes
    ("generate nb210 --out new.h5", "unknown space 'nb210'; did you mean 'nb201'?"),
    ("spaces nb21", "unknown space 'nb21'; did you mean 'nb201'?"),
    ("generate none.toml --out new.h5", "none.toml: cannot be read: No such file"),
    ("generate odd.toml --out new.h5", "odd.toml: .*unknown operation 'nor_conv_1x2'; did you mean 'nor_conv_1x1'?"),
    ("generate space.toml --out new.h5 --recipe none.toml", "none.toml: cannot be read: No such file"),
    (
        "generate space.toml --out new.h5 --recipe recipe-odd.toml",
        "recipe-odd.toml: unknown field 'epoch'; did you mean 'epochs'?",
    ),
    ("generate space.toml --out new.h5 --device gpu", "unknown device 'gpu'; did you mean 'cpu'?"),
    (
        "generate space.toml --out table.h5 --recipe recipe.toml --epochs 3",
        "table.h5: was made with recipe.epochs = 2, asked for is 3; give another file name, or remove table.h5",
    ),
    (
        "generate nb201-mini --out table.h5 --recipe recipe.toml",
        "table.h5: was made with space.* give another file name, or remove table.h5",
    ),
    # options
    ("generate space.toml", r"Missing option '--out' \(see nasbench generate --help\)"),
    ("generate", r"Missing argument 'space' \(see nasbench generate --help\)"),
    ("generate space.toml --out new.h5 --seeds 0", "'--seeds': .*greater than or equal to 1, got '0'|0 is not in"),
    ("generate space.toml --out new.h5 --seeds=two", "'--seeds': .*'two'"),
    ("generate space.toml --out new.h5 --sedes 2", "No such option: --sedes .*--seeds"),
    ("generat", r"No such command 'generat'.*\(see nasbench --help\)"),
    ("import cvs a --mapping b --out new.h5", "unknown format 'cvs'; did you mean 'csv'?"),
    ("import csv outside.csv --out new.h5", r"Missing option '--mapping' \(see nasbench import --help\)"),
    # an architecture outside the space, a number outside its range
    (
        "import csv outside.csv --mapping map.toml --out new.h5",
        "outside.csv: row 3, column 'arch': .*unknown operation 'max_pool'",
    ),
    (
        "import csv percent.csv --mapping map.toml --out new.h5",
        "percent.csv: row 2, column 'acc': 1000 x scale 0.01 is not a fraction",
    ),
    # what the oracle lacks
    (" --budget 9 --signal digits/validation_accuracy@7", "task 'digits' has no epoch 7; it has 1, 2"),
    (
        " --budget 9 --signal valid_accuracy",
        "unknown metric 'valid_accuracy' of task 'digits'; did you mean 'validation_accuracy'?",
    ),
    (" --budget 9 --report digit/test_accuracy", "unknown task 'digit'; did you mean 'digits'?"),
    (" --budget 9 --report test_accuracy@two", "cannot read the measure 'test_accuracy@two'; write task/metric@epochs"),
    (" --budget 9 --signal test_accuracy", "the signal digits/test_accuracy@2 is a test metric"),
    ("fit toy.h5 --out new --task tory", "unknown task 'tory'; did you mean 'toy'?"),
    (
        "fit toy.h5 --out new --metrics test_acc",
        "unknown metric 'test_acc' of task 'toy'; did you mean 'test_accuracy'",
    ),
    ("fit toy.h5 --out new --epochs 2", "task 'toy' has no epoch 2; it has 1, 3, 9"),
    ("fit toy.h5 --out new --epochs 3,all", "--epochs takes whole numbers with commas between, got '3,all'"),
    ("fit toy.h5 --out new --train-fraction 1.5", "train_fraction is a share between 0 and 1, got 1.5"),
    ("fit toy.h5 --out new --seed=-1", "'--seed': .*'-1'|-1 is not in"),
    ("fit table.h5 --out new", "needs at least 8 architectures to fit and 3 to hold out"),
    # budgets
    (" --budget 0", "a budget must be positive, got 0 evaluations"),
    (" --budget lots", "cannot read the budget 'lots'; write 300"),
    (
        " --budget 1ep --strategies random-search",
        "a budget of 1 epochs pays for no evaluation of 'random-search' .* its first costs 2; give more",
    ),
    (" --budget 0.000001s", "a budget of 1e-06 seconds pays for no evaluation of 'random-search'"),
    (" --budget 9 --seed=-1", "'--seed': .*'-1'|-1 is not in"),
    (" --budget 9 --repeats cahce", "repeats are 'charge' or 'cache', got 'cahce'"),
    # strategies
    (" --budget 9 --strategies random-searc", "unknown strategy 'random-searc'; did you mean 'random-search'?"),
    (" --budget 9 --strategies local-search,local-search", "each strategy is compared once"),
    (" --budget 9 --strategies nowhere:X", "cannot import the module 'nowhere' .* write module:Class"),
    (
        " --budget 9 --strategies strategies:HyperBand",
        "unknown class 'HyperBand' of module .* did you mean 'Hyperband'?",
    ),
    (
        " --budget 9 --strategies regularized-evolution(sampel=3)",
        "unknown option 'sampel' of strategy 'regularized-evolution'; did you mean 'sample'?",
    ),
    (" --budget 9 --strategies hyperband(eta=three)", r"cannot read the option 'eta=three' .* write option=value"),
    (" --budget 9 --strategies hyperband(eta=3", r"cannot read the strategy 'hyperband\(eta=3'; write name or name\("),
    (" --budget 9 --strategies hyperband(eta=1)", "hyperband: eta must be a whole number of 2 or more; got 1"),
    (
        " --budget 9 --strategies hyperband --signal validation_accuracy@1",
        r"hyperband chooses by short trainings, but the epochs on offer \(1\) have none",
    ),
    # outputs
    ("compare table.h5 --budget 9 --out folder", "folder: is a folder; name a file in it"),
    (
        "compare table.h5 --budget 9 --out notes.txt/new.h5",
        "new.h5: cannot be written: notes.txt is a file, not a fold",
    ),
    ("compare table.h5 --budget 9 --out table.h5", "table.h5: exists and is not a nasbench-results file; it is left"),
    ("import csv outside.csv --mapping map.toml --out outside.csv", "outside.csv: exists and is not a nasbench-table"),
    ("generate space.toml --out folder", "folder: is a folder; name a file in it"),
    ("generate space.toml --out notes.txt/new.h5", "new.h5: cannot be written: notes.txt is a file, not a folder"),
    ("fit toy.h5 --out folder", "folder: exists and is not a surrogate; it is left as it was, choose another name"),
    ("fit toy.h5 --out toy.h5", "toy.h5: exists and is not a surrogate; it is left as it was, choose another name"),
    ("fit toy.h5 --out notes.txt/new", "new: cannot be written: notes.txt is a file, not a folder"),
    ("demo --out notes.txt", "table.h5: cannot be written: notes.txt is a file, not a folder"),
]


@pytest.mark.parametrize(("arguments", "expected"), MISTAKES, ids=[arguments.strip() for arguments, _ in MISTAKES])
def test_mistakes(refuse, arguments, expected):
    whole = (*COMPARE, *arguments.split()) if arguments.startswith(" ") else arguments.split()
    line = refuse(*whole)
    assert re.search(expected, line), line


@pytest.fixture
def results(command, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    if not Path("results.h5").exists():
        assert command(*COMPARE[:-1], "results.h5", "--strategies", "random-search", "--budget", "3").code == 0
    return "results.h5"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("plot {} --out new.jpg", r"new.jpg: a figure's file ends in .pdf, .svg, .pgf, .png"),
        ("plot {} --out new.pdf --kind regert", "unknown kind of figure 'regert'; did you mean 'regret'?"),
        ("plot {} --out new.pdf --center meen", "unknown center 'meen'; did you mean 'mean'?"),
        ("plot {} --out notes.txt/new.pdf", "new.pdf: cannot be written: notes.txt is a file, not a folder"),
        ("verify {} --top 0", "'--top': .*0"),
        ("verify {} --device gpu", "unknown device 'gpu'; did you mean 'cpu'?"),
    ],
)
def test_mistakes_about_results(refuse, results, arguments, expected):
    line = refuse(*arguments.format(results).split())
    assert re.search(expected, line), line


def test_imported_tables_cannot_be_verified(refuse, command, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    assert command("compare", "toy.h5", *COMPARE[2:-1], "toy-results.h5", "--budget", "3").code == 0
    assert "the task names no recipe and data set to train with" in refuse("verify", "toy-results.h5")


def test_a_table_that_is_not_finished_says_so(refuse, command, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    few = ("generate", "space.toml", *RECIPE, "--seeds", "1", "--limit", "2", "--out", "few.h5")
    assert command(*few).code == 0
    line = refuse("compare", "few.h5", *COMPARE[2:], "--strategies", "random-search", "--budget", "20")
    assert re.search(r"few.*: has no .*'nasbench generate'", line)
