"""From a results file to what a paper needs, at the command line: figures, tables, the report, the checklist."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from nasbench.analysis.figures import KINDS
from nasbench.cli.papers import KIND_HELP, OTHER_KINDS
from nasbench.comparison import Results, compare
from nasbench.comparison.verification import Verified, read_verification, write_verification
from strategies import NSGA2, LocalSearch, RandomSearch, RegularizedEvolution
from surrogates import fit_surrogate
from tabular import Table, TableOracle
from tabular.errors import FileFormatError

TABLE = "nb201-digits"
HEADS = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}
VERIFIED = [
    Verified("|nor_conv_3x3~0|+|none~0|none~1|", {"random-search": 3}, 0.9, 0.01, 0.91, float("nan"), (1_000_000,)),
    Verified("|none~0|+|none~0|none~1|", {"random-search": 1, "mine": 2}, 0.8, 0.01, 0.79, float("nan"), (1_000_000,)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of three strategies and two goals, of one strategy, of one run, and a verification."""
    folder = tmp_path_factory.mktemp("papers")
    oracle = TableOracle(TABLE)
    players = {"random-search": RandomSearch, "local-search": LocalSearch, "nsga2": NSGA2}
    compare(players, oracle, 60, runs=12, objectives=["parameters"]).save(folder / "three.h5")
    compare({"random-search": RandomSearch}, oracle, 40, runs=12).save(folder / "alone.h5")
    compare({**players, "nsga2": RegularizedEvolution}, oracle, 40, runs=1).save(folder / "single.h5")
    compare({"local-search": LocalSearch}, TableOracle("nb201-digits"), "400s", runs=3).save(folder / "seconds.h5")
    write_verification(TABLE, "digits/test_accuracy@12", VERIFIED, folder / "verified.json")
    return folder


@pytest.fixture(scope="module")
def surrogate(tmp_path_factory):
    path = tmp_path_factory.mktemp("surrogates") / "model"
    with Table.open(TABLE) as table:
        fit_surrogate(table, train_size=100, metrics=["validation_accuracy"]).save(path)
    return path


@pytest.fixture
def succeed(command, folder, monkeypatch):
    def run(*arguments):
        monkeypatch.chdir(folder)
        done = command(*arguments)
        assert done.code == 0, done.err
        return done.out

    return run


@pytest.fixture
def refuse(command, folder, monkeypatch):
    def run(*arguments):
        monkeypatch.chdir(folder)
        before = sorted(folder.iterdir())
        done = command(*arguments)
        assert (done.code, done.out) == (2, "")
        (line,) = done.err.splitlines()
        assert sorted(folder.iterdir()) == before
        return line

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_figure_of_results(succeed, tmp_path, kind):
    paths = [tmp_path / f"{kind}.{ending}" for ending in ("pdf", "png")]
    sources = ["three.h5", "alone.h5"] if kind == "pooled" else ["three.h5"]
    outs = [part for path in paths for part in ("--out", path)]
    told = succeed("plot", *sources, "--kind", kind, "--style", "icml", *outs)
    assert all(str(path) in told for path in paths)
    assert all(path.read_bytes().startswith(HEADS[path.suffix[1:]]) for path in paths)


@pytest.mark.parametrize("kind", sorted(set(OTHER_KINDS) - {"scatter", "calibration", "verification"}))
def test_every_kind_of_figure_of_a_table(succeed, tmp_path, kind):
    found = ["three.h5"] if kind == "space-map" else []
    succeed("plot", TABLE, *found, "--kind", kind, "--out", tmp_path / "x.svg")
    assert (tmp_path / "x.svg").read_bytes().startswith(HEADS["svg"])


def test_figures_of_a_surrogate_a_space_and_a_verification(succeed, surrogate, tmp_path):
    for kind in ("scatter", "calibration"):
        succeed("plot", surrogate, TABLE, "--kind", kind, "--out", tmp_path / f"{kind}.png")
    text = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    succeed("plot", "nb201", "--kind", "cell", "--architecture", text, "--out", tmp_path / "cell.png")
    made = json.loads(succeed("plot", "verified.json", "--kind", "verification", "--out", tmp_path / "v.png", "--json"))
    assert made == {"paths": [str(tmp_path / "v.png")], "kind": "verification", "style": "paper"}
    assert len(list(tmp_path.iterdir())) == 4


def test_the_help_names_every_kind():
    for kind in (*KINDS, *OTHER_KINDS):
        assert re.search(rf"[ (]{re.escape(kind)}[,;. ]", KIND_HELP), kind


def test_the_final_table_in_three_ways(succeed, tmp_path):
    printed = succeed("summary", "three.h5")
    assert "| *Optimum*" in printed
    assert succeed("summary", "three.h5", "--as", "latex").count(r"\toprule") == 1
    succeed("summary", "three.h5", "--out", tmp_path / "t.csv")
    head, *rows = (tmp_path / "t.csv").read_text().splitlines()
    assert head.startswith("kind,strategy") or "strategy" in head
    assert len(rows) == 5
    side = succeed("summary", "three.h5", "alone.h5", "--as", "markdown")
    assert "60 evaluations" in side
    assert "40 evaluations" in side
    by_validation = succeed("summary", "three.h5", "--report", "digits/validation_accuracy@12")
    assert "alidation accuracy (%)" in by_validation
    assert "strategy" in succeed("summary", "three.h5", "--json")


def test_the_checklist_is_filled_in(succeed, tmp_path):
    assert "- [x] **Is random search among the methods?**" in succeed("checklist", "three.h5")
    succeed("checklist", "three.h5", "--out", tmp_path / "c.tex")
    assert r"\item" in (tmp_path / "c.tex").read_text()


def test_the_report_holds_the_data_card_the_scorecard_and_the_verification(succeed, surrogate, tmp_path):
    page = tmp_path / "r.html"
    told = succeed("report", "three.h5", "--verification", "verified.json", "--oracle", TABLE, "--out", page)
    assert re.fullmatch(rf"written to {re.escape(str(page))}, \d\.\d MB\n", told)
    text = page.read_text(encoding="utf-8")
    for expected in ("local-search", "Data card", "91.00", "nasbench report three.h5"):
        assert expected in text


def test_results_are_extended_under_their_own_protocol(succeed, folder, tmp_path):
    arguments = ("compare", TABLE, "--extend", "alone.h5", "--strategies", "random-search,local-search", "--jobs", 1)
    succeed(*arguments, "--runs", 15, "--out", tmp_path / "more.h5")
    more, before = Results.load(tmp_path / "more.h5"), Results.load(folder / "alone.h5")
    assert {name: trials.runs for name, trials in more.trials.items()} == {"random-search": 15, "local-search": 15}
    assert more.protocol == before.protocol
    kept, made = before.trials["random-search"], more.trials["random-search"]
    assert made.thinking[:12].tolist() == kept.thinking.tolist()  # of wall time: these runs were not made again


def test_what_results_cannot_say_is_said_in_tables(succeed):
    assert "one strategy" in succeed("summary", "alone.h5")
    assert "1 run" in succeed("summary", "single.h5")


MISTAKES = [
    ("plot alone.h5 --kind rank --out x.pdf", "alone|needs? two strategies"),
    ("plot alone.h5 --kind critical-difference --out x.pdf", "two strategies|three strategies"),
    ("plot single.h5 --kind critical-difference --out x.pdf", "two (matched )?(runs|seeds)"),
    ("plot alone.h5 --kind fronts --out x.pdf", "compare with one --objective, such as parameters"),
    ("plot three.h5 alone.h5 --kind regret --out x.pdf", "of one results file, got 2; of several: critical-diff"),
    ("plot three.h5 seconds.h5 --kind pooled --out x.pdf", "unit"),
    ("plot three.h5 --style nips --out x.pdf", "unknown style 'nips'; (did you mean|known)"),
    ("plot three.h5 --band wide --out x.pdf", "unknown band 'wide'; known: quartiles, error, bootstrap"),
    ("plot three.h5 --report digits/train_loss@12 --out x.pdf", "unknown report 'digits/train_loss@12'; "),
    ("plot nb201-digits --kind space-map --cost energy --out x.pdf", "no cost 'energy'; it has .*parameters"),
    ("plot nb201-digits three.h5 --kind cell --out x.pdf", "of the kind cell is of a table or a space, got 2"),
    ("plot nb201-digits --kind scatter --out x.pdf", "is of a surrogate and its table, got 1"),
    ("plot darts --kind cell --out x.pdf", "which architecture of the space 'darts'\\? give it with --architecture"),
    ("plot three.h5 --kind verification --out x.pdf", "three.h5: cannot be read as a verification: it is no JSON"),
    ("summary three.h5 --as word", "unknown way to write a table 'word'; known: latex, markdown, csv"),
    ("checklist three.h5 --as csv", "the checklist is written as latex or markdown, got 'csv'"),
    ("report three.h5 --out x.pdf", "x.pdf: a report's file ends in .html"),
    ("report three.h5 --oracle nb201-5nodes-digits --out x.html", "unknown oracle of these results 'nb201-5nodes-"),
    ("compare nb201-digits --out x.h5", "a comparison needs a --budget for each run"),
    ("compare nb201-digits --extend alone.h5 --budget 9 --out x.h5", "keeps the protocol of alone.h5, .* out --budget"),
    ("compare nb201-digits --extend alone.h5 --objective flops --out x.h5", "leave out --objective"),
]


@pytest.mark.parametrize(("arguments", "expected"), MISTAKES, ids=[arguments for arguments, _ in MISTAKES])
def test_mistakes(refuse, arguments, expected):
    line = refuse(*arguments.split())
    assert re.search(expected, line), line


class TestVerificationFile:
    def test_what_is_read_is_what_was_written(self, folder):
        found = read_verification(folder / "verified.json")
        assert (found.oracle, found.report) == (TABLE, "digits/test_accuracy@12")
        assert [str(each) for each in found.verified] == [str(each) for each in VERIFIED]  # NaN is unequal to itself

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda text: text[:-20], "it is no JSON"),
            (lambda _: "{}", "is not a nasbench-verification file; make one with 'nasbench verify"),
            (lambda text: text.replace('"version": 1', '"version": 9'), "is of version 9, this program reads 1"),
            (lambda text: text.replace('"promised":', '"promise":'), "its content is damaged: KeyError"),
        ],
    )
    def test_damage_is_named(self, folder, tmp_path, change, message):
        path = tmp_path / "v.json"
        path.write_text(change((folder / "verified.json").read_text()))
        with pytest.raises(FileFormatError, match=message) as caught:
            read_verification(path)
        assert str(path) in str(caught.value)

    def test_a_verification_of_other_results_is_refused(self, refuse, folder, tmp_path):
        other = tmp_path / "other.json"
        shutil.copy(folder / "verified.json", other)
        other.write_text(other.read_text().replace('"oracle": "nb201-digits"', '"oracle": "elsewhere"'))
        line = refuse("report", "three.h5", "--verification", str(other), "--out", "x.html")
        assert "what was verified was found on 'elsewhere', the results are of nb201-digits" in line
