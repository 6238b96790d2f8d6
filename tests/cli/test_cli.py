"""The command line end to end on tiny inputs: every command's result, its one JSON document, its files, its tables."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys

import pytest
import typer
from rich.console import Console

from nasbench.cli import console
from nasbench.cli.app import app
from nasbench.comparison import Results
from strategies import strategy_families
from tabular import Table

COMMAND = [sys.executable, "-c", "from nasbench.cli.app import main; main()"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def succeed(command):
    """Run a command that must succeed; give its JSON document, or its text."""

    def run(*arguments):
        done = command(*arguments)
        assert done.code == 0, done.err
        return json.loads(done.out) if "--json" in arguments else done.out

    return run


@pytest.fixture(scope="module")
def results(command_once, trained, tmp_path_factory):
    """Results of a comparison on the trained table, with options and a class by its module."""
    path = tmp_path_factory.mktemp("results") / "results.h5"
    strategies = (
        "random-search, regularized-evolution(population=4, sample=2),strategies.evolution.local_search:LocalSearch"
    )
    arguments = ["compare", trained / "table.h5", "--strategies", strategies, "--budget", "10", "--runs", "6", "--json"]
    done = command_once(*arguments, "--jobs", 1, "--out", path)
    assert done.code == 0, done.err
    made = json.loads(done.out)
    assert made["path"] == str(path)
    assert made["budget"] == "10 evaluations"
    ranked = [row["strategy"] for row in made["summary"]]
    assert (ranked[0], ranked[-1]) == ("optimum", "random architecture")
    assert sorted(ranked[1:-1]) == [
        "random-search",
        "regularized-evolution(population=4, sample=2)",
        "strategies.evolution.local_search:LocalSearch",
    ]
    return path


@pytest.fixture(scope="module")
def surrogate(command_once, toy_table, tmp_path_factory):
    path = tmp_path_factory.mktemp("surrogate") / "toy-surrogate"
    arguments = ["fit", toy_table, "--epochs", "3,9", "--train-fraction", "0.7", "--out", path, "--json"]
    done = command_once(*arguments)
    assert done.code == 0, done.err
    measures = [row["measure"] for row in json.loads(done.out)["scorecard"]]
    assert measures == [
        f"toy/{metric}@{epochs}"
        for metric in ("validation_accuracy", "test_accuracy", "train_seconds")
        for epochs in (3, 9)
    ]
    assert "fitting: 3/3" in done.err
    return path


def test_without_a_command_the_help_is_shown(succeed):
    text = succeed()
    assert text == succeed("--help")
    listed = text.partition("Commands:")[2].split("\n\n")[0]
    names = [line.split()[0] for line in listed.strip().splitlines()]
    assert names == [
        *("demo", "spaces", "strategies", "plan", "generate", "merge", "import", "export", "info", "card", "fit"),
        *("examine", "transfer"),
        *("compare", "study", "summary", "plot", "report", "checklist", "verify"),
    ]
    assert "..." not in listed  # each command is described by a whole sentence
    for name in names:
        assert "--json" in succeed(name, "--help")


def test_every_argument_and_option_is_explained():
    for name, each in typer.main.get_command(app).commands.items():
        for parameter in each.params:
            assert parameter.help, f"{name}: {parameter.name}"


def test_spaces_are_listed_with_their_published_sizes(succeed, trained):
    sizes = {row["name"]: (row["architectures"], row["unique"]) for row in succeed("spaces", "--json")}
    assert sizes["nb201"] == (15625, 6466)
    (mine,) = succeed("spaces", trained / "space.toml", "--json")
    assert (mine["name"], mine["architectures"], mine["unique"]) == ("space", 27, 9)
    assert "15,625" in succeed("spaces")


def test_strategies_are_listed_with_their_options(succeed):
    listed = {row["name"]: row for row in succeed("strategies", "--json")}
    assert listed["regularized-evolution"]["options"] == {"population": 100, "sample": 25}
    assert listed["random-search"]["options"] == {}
    assert all(row["about"] for row in listed.values())
    assert "hyperband(eta=3)" in succeed("strategies")


def test_generate_goes_on_from_what_is_there(succeed, trained):
    shutil.copy(trained / "table.h5", "table.h5")
    before = Table.open("table.h5").load().tasks[0]
    arguments = ["generate", trained / "space.toml", "--recipe", trained / "recipe.toml", "--out", "table.h5"]
    again = succeed(*arguments, "--seeds", 2, "--jobs", 1, "--json")
    assert (again["trained"], again["reused"]) == (0, 18)
    more = succeed(*arguments, "--seeds", 3, "--jobs", 1, "--json")
    assert (more["trained"], more["reused"]) == (9, 18)
    after = Table.open("table.h5").load().tasks[0]
    for name, values in before.metrics.items():
        assert (after.metrics[name][:, :2] == values).all()


def test_generate_takes_a_limit_and_other_epochs(succeed, trained):
    made = succeed(
        *("generate", trained / "space.toml", "--recipe", trained / "recipe.toml", "--out", "deep/er/few.h5"),
        *("--epochs", 1, "--limit", 2, "--seeds", 1, "--jobs", 1, "--json"),
    )
    assert made["trained"] == 2
    with Table.open("deep/er/few.h5") as table:
        assert (len(table), table.tasks["digits"].epochs) == (2, (1,))


def test_info_tells_what_a_table_holds(succeed, trained):
    told = succeed("info", trained / "table.h5", "--check", "--json")
    assert (told["kind"], told["space"], told["rows"], told["problems"]) == ("table", "space", 9, [])
    task = told["tasks"]["digits"]
    assert (task["epochs"], task["seeds"], task["trainings"], task["missing"]) == ([1, 2], [0, 1], 18, 0)
    assert task["provenance"]["recipe"]["channels"] == 2
    text = succeed("info", trained / "table.h5", "--check")
    assert "channels: 2" in text
    assert text.endswith("check: every checksum and invariant holds\n")


def test_info_tells_what_results_and_surrogates_hold(succeed, results, surrogate):
    told = succeed("info", results, "--json")
    assert (told["kind"], told["signal"], told["budget"]) == (
        "results",
        "digits/validation_accuracy@2",
        "10 evaluations",
    )
    assert told["strategies"]["random-search"] == "6 runs, 60 trials"
    told = succeed("info", surrogate, "--check", "--json")
    assert (told["kind"], told["task"], len(told["scorecard"]), told["problems"]) == ("surrogate", "toy", 6, [])
    assert "validation_accuracy@9" in succeed("info", surrogate)


def test_a_csv_is_imported_and_compared_on(succeed, folder):
    rows = [f"{i},{0.5 + i / 100},{0.4 + i / 100},{i + 1}" for i in range(27)]
    (folder / "in.csv").write_text("\n".join(["arch,valid,test,seconds", *rows]) + "\n")
    (folder / "map.toml").write_text(
        """
space = { name = "tiny", nodes = 3, operations = ["none", "skip_connect", "nor_conv_1x1"] }
[architecture]
column = "arch"
written = "index"
[tasks.t]
metrics = [
    { column = "valid", metric = "validation_accuracy", epoch = 200 },
    { column = "test", metric = "test_accuracy", epoch = 200 },
    { column = "seconds", metric = "train_seconds", epoch = 200 },
]
"""
    )
    made = succeed("import", "csv", "in.csv", "--mapping", "map.toml", "--out", "t.h5", "--json")
    assert made.pop("completeness")[0]["done"] == 27
    assert made == {"path": "t.h5", "space": "tiny", "rows": 27, "tasks": ["t"]}
    assert "27 architectures of tiny" in succeed("import", "csv", "in.csv", "--mapping", "map.toml", "--out", "t.h5")


def test_a_family_leaves_out_what_needs_shorter_trainings(command, succeed, trained):
    arguments = ["compare", trained / "table.h5", "--budget", "6", "--runs", "2", "--jobs", "1", "--out", "r.h5"]
    done = command(*arguments, "--signal", "validation_accuracy@1", "--json")
    assert done.code == 0, done.err
    compared = {row["strategy"] for row in json.loads(done.out)["summary"]}
    families = strategy_families()
    assert compared == {"optimum", "random-search", *families["evolution"], "random architecture"}
    for name in families["multi-fidelity"]:
        assert f"left out {name}: {name} chooses by short trainings" in done.err
    everything = succeed(*arguments, "--json")["summary"]
    assert set(families["multi-fidelity"]) < {row["strategy"] for row in everything}


def test_strategies_are_compared_on_a_surrogate(succeed, surrogate):
    made = succeed(
        *("compare", surrogate, "--strategies", "random-search,hyperband(eta=4)", "--budget", "90ep"),
        *("--signal", "validation_accuracy", "--runs", 5, "--seed", 3, "--jobs", 1, "--out", "r.h5", "--json"),
    )
    assert [row["runs"] for row in made["summary"]] == [0, 5, 5, 0]
    loaded = Results.load("r.h5")
    assert loaded.oracle == "toy-surrogate"
    assert loaded.trials["random-search"].seeds.tolist() == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("kind", "center", "ending"),
    [("regret", "median", "pdf"), ("incumbent", "mean", "svg"), ("incumbent", "median", "png")],
)
def test_every_figure_is_drawn_in_every_format(succeed, results, folder, kind, center, ending):
    path = folder / f"f.{ending}"
    made = succeed("plot", results, "--out", path, "--kind", kind, "--center", center, "--json")
    assert made == {"paths": [str(path)], "kind": kind, "style": "paper"}
    begins = {"pdf": b"%PDF-", "svg": b"<?xml", "png": b"\x89PNG"}[ending]
    assert path.read_bytes().startswith(begins)


def test_verify_trains_what_was_found(succeed, results):
    made = succeed("verify", results, "--top", 1, "--seeds", 2, "--json")
    assert made["report"] == "digits/test_accuracy@2"
    (found,) = made["verified"]
    assert found["seeds"] == [1_000_000, 1_000_001]
    assert 0 <= found["measured"] <= 1
    loaded = Results.load(results)
    frame, space = loaded.to_frame(), loaded.space
    network = space.canonical_key(space.from_text(found["architecture"]))
    promised = frame[space.canonical_key(space.from_text(list(frame["architecture"]))) == network]
    assert set(found["found_by"]) <= set(promised["strategy"])


def lines_on_a_terminal(monkeypatch, command, width, *arguments):
    """Run a command as on a terminal so many columns wide; give its lines without colours."""
    screen = io.StringIO()
    terminal = Console(file=screen, width=width, force_terminal=True, no_color=True, highlight=False, soft_wrap=True)
    monkeypatch.setattr(console, "out", terminal)
    done = command(*arguments)
    assert done.code == 0, done.err
    text = screen.getvalue()
    for code in ("\x1b[1m", "\x1b[0m"):
        text = text.replace(code, "")
    return text.splitlines()


def test_tables_fit_a_narrow_terminal(monkeypatch, command, trained, results, surrogate):
    verified = lines_on_a_terminal(monkeypatch, command, 80, "verify", results, "--top", 2, "--seeds", 1)
    table = [line for line in verified if not line.startswith("digits/") and "|" not in line]
    assert max(map(len, table)) <= 80
    assert "promised" in table[0]
    assert "difference" in table[0]
    architectures = [line for line in verified if "|" in line]
    assert architectures
    assert all(line.endswith("|") for line in architectures)  # whole, on one line
    summary = lines_on_a_terminal(
        *(monkeypatch, command, 80, "compare", trained / "table.h5", "--budget", 5, "--runs", 2, "--jobs", 1),
        *("--strategies", "regularized-evolution(population=3,sample=2)", "--out", "r.h5"),
    )
    assert max(map(len, summary)) <= 80
    assert any(line.split() == ["strategy", "runs", "tions", "found", "regret", "a", "trial"] for line in summary)
    assert any(line.startswith("(population=3, sample=2)") for line in summary)  # broken between words
    scorecard = lines_on_a_terminal(monkeypatch, command, 80, "info", surrogate)
    head = next(i for i, line in enumerate(scorecard) if line.startswith("measure"))
    assert max(map(len, scorecard[head:])) <= 80
    assert scorecard[head + 1].startswith("validation_accuracy@3 ")


def test_tables_are_not_broken_for_a_pipe(succeed, trained):
    text = succeed(
        *("compare", trained / "table.h5", "--budget", 5, "--runs", 2, "--jobs", 1, "--out", "r.h5", "--strategies"),
        "regularized-evolution(population=3,sample=2),strategies.evolution.regularized_evolution:RegularizedEvolution(sample=1)",
    )
    assert "\nregularized-evolution (population=3, sample=2)  " in text
    assert "\nstrategies.evolution.regularized_evolution:RegularizedEvolution (sample=1)  " in text


def test_a_reader_that_stops_early_sees_no_traceback(trained):
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -c 1', "bash", *COMMAND, "info", trained / "table.h5"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "k"
    assert done.stderr == ""
