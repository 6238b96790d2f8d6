"""Studies: made in pieces they are what they are at once, and nothing that is on record is run again."""

from __future__ import annotations

import functools
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import fields

import h5py
import numpy as np
import pytest

from comparison.declared_studies import STRATEGIES, write_declaration
from nasbench.cli import options as command_options
from nasbench.cli.comparing import _make_strategies
from nasbench.comparison import Results, compare
from nasbench.comparison.merge import merge_results
from nasbench.comparison.results import select
from nasbench.comparison.study import run_study
from nasbench.comparison.study_file import DeclarationError, read_declaration
from strategies import LocalSearch, RandomSearch, read_strategy
from tabular.errors import PlanMismatchError, StrategyError

open_oracle = functools.cache(command_options.open_oracle)


def run(path, folder, **options):
    return run_study(read_declaration(path), folder, open_oracle, _make_strategies, **options)


@pytest.fixture
def study(tmp_path):
    """Run a declaration in one and the same folder."""
    return lambda **keys: run(write_declaration(tmp_path / "study.toml", **keys), tmp_path / "out")


@pytest.fixture(scope="module")
def whole():
    """What the study should give, made at once."""
    strategies = {name: read_strategy(name) for name in STRATEGIES}
    return compare(strategies, open_oracle("nb201-digits"), 40, runs=10, first_seed=95)


def assert_same(found, expected):
    assert list(found.trials) == list(expected.trials)
    for name, wanted in expected.trials.items():
        for each in fields(wanted):
            if each.name != "thinking":
                np.testing.assert_array_equal(
                    getattr(found.trials[name], each.name), getattr(wanted, each.name), err_msg=each.name
                )


def test_a_study_gives_what_comparisons_give(whole, toy_table, tmp_path):
    shutil.copy(toy_table, tmp_path / "toy.h5")
    path = tmp_path / "study.toml"
    path.write_text(
        f"""
        runs = 10
        first_seed = 95
        strategies = {json.dumps(STRATEGIES)}
        budgets = [40, "60s"]
        [[oracles]]
        path = "nb201-digits"
        budgets = [40]
        [[oracles]]
        path = "toy.h5"  # beside this file
        name = "mine"
        signal = "validation_accuracy@3"
        report = ["test_accuracy@3", "test_accuracy"]
        """
    )
    published = []
    done = run(path, tmp_path / "out", publish=lambda *given: published.append(given))
    names = ["nb201-digits-40", "mine-40", "mine-60s"]
    assert list(done.results) == names
    assert (done.cells, done.made, done.reused, done.failed) == (18, 90, 0, {})
    assert published == [(done.results, tmp_path / "out")]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == sorted(
        ["cells", *(f"{name}-results.h5" for name in names)]
    )
    assert_same(Results.load(done.paths["nb201-digits-40"]), whole)
    strategies = {name: read_strategy(name) for name in STRATEGIES}
    for budget in ("40", "60s"):
        found = Results.load(tmp_path / f"out/mine-{budget}-results.h5")
        options = {"signal": "validation_accuracy@3", "report": ["test_accuracy@3", "test_accuracy"]}
        expected = compare(strategies, open_oracle(toy_table), budget, runs=10, first_seed=95, **options)
        assert_same(found, expected)
        assert (found.oracle, found.protocol, found.reports) == ("mine", expected.protocol, expected.reports)


SCRIPT = """
import os, signal, sys, threading
from nasbench.cli.options import open_oracle
from nasbench.cli.comparing import _make_strategies
from nasbench.comparison.study import run_study
from nasbench.comparison.study_file import read_declaration

def killed_soon(done, total, note):
    if done >= 15:  # of 60 runs: in the middle of the next ones
        threading.Timer(0.005, os.kill, (os.getpid(), signal.SIGKILL)).start()

if __name__ == "__main__":
    run_study(
        read_declaration("study.toml"), "out", open_oracle, _make_strategies, jobs=int(sys.argv[1]),
        progress=killed_soon,
    )
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_study_goes_on_where_it_was(tmp_path, jobs):
    path = write_declaration(tmp_path / "study.toml", runs=20, first_seed=90, budgets=[150])
    (tmp_path / "script.py").write_text(SCRIPT)
    killed = subprocess.run(
        [sys.executable, "script.py", str(jobs)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = {each.name: each.read_bytes() for each in (tmp_path / "out/cells").glob("*.h5")}
    assert 2 <= len(kept) < 6
    assert not list((tmp_path / "out").glob("*-results.h5"))
    resumed = run(path, tmp_path / "out")
    assert (resumed.made, resumed.reused) == (60 - 10 * len(kept), 10 * len(kept))
    assert {name: (tmp_path / "out/cells" / name).read_bytes() for name in kept} == kept
    undisturbed = run(path, tmp_path / "undisturbed")
    assert undisturbed.made == 60
    assert_same(resumed.results["nb201-digits-150"], undisturbed.results["nb201-digits-150"])


def test_what_is_the_same_in_an_edited_declaration_is_reused(study, whole):
    first = study(strategies=STRATEGIES[:2], runs=4, first_seed=97)
    assert (first.made, first.reused) == (8, 0)
    more = study()
    assert (more.made, more.reused) == (22, 8)
    assert_same(more.results["nb201-digits-40"], whole)
    assert (study().made, study(name="other", strategies=STRATEGIES[::-1]).made) == (0, 0)
    fewer = study(runs=3, strategies=["local-search"])
    assert fewer.made == 0
    assert_same(fewer.results["nb201-digits-40"], select(whole, {"local-search": range(95, 98)}))
    assert study(budgets=["40", "20"]).made == 30
    assert study(workers=2).made == 30
    assert study(report="test_loss").made == 30


def test_strategies_of_ones_own_are_run_again_when_their_file_changes(study, tmp_path, monkeypatch):
    module = tmp_path / "own_ideas.py"
    module.write_text("from strategies import RandomSearch\nclass Idea(RandomSearch):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    strategies = ["own_ideas:Idea", "random-search"]
    assert study(strategies=strategies).made == 20
    assert study(strategies=strategies).made == 0
    module.write_text(module.read_text().replace("pass", "'''Better.'''"))
    assert study(strategies=strategies).made == 10


def test_cells_of_another_version_or_table_are_not_used(study, toy_table, tmp_path, monkeypatch):
    assert study(runs=1).made == 3
    monkeypatch.setattr("nasbench.comparison.study.__version__", "99.0")
    assert study(runs=1).made == 3
    shutil.copy(toy_table, tmp_path / "nb201-digits.h5")
    assert study(runs=1, oracles=["nb201-digits.h5"]).made == 3


def test_damaged_cells_are_made_again(study, whole, tmp_path):
    study()
    cut, newer, foreign, *_ = sorted((tmp_path / "out/cells").iterdir())
    cut.write_bytes(cut.read_bytes()[:5000])
    with h5py.File(newer, "r+") as file:
        file.attrs["version"] = 99
    select(whole, {name: [95] for name in STRATEGIES}).save(foreign)
    with pytest.warns(UserWarning, match="made again") as told:
        again = study()
    assert again.made == 15
    assert_same(again.results["nb201-digits-40"], whole)
    lines = sorted(str(each.message) for each in told)
    assert lines[0].startswith(f"{cut}: is damaged or cut short")
    assert lines[0].endswith("; its runs are made again")
    assert lines[1].startswith(f"{newer}: has version 99")
    assert lines[2] == f"{foreign}: holds other runs than its name stands for; they are made again"
    assert study().made == 0


def test_a_strategy_that_fails_is_noted_and_the_others_are_kept(study, tmp_path, monkeypatch, whole):
    (tmp_path / "faulty.py").write_text(
        "from strategies import RandomSearch\n"
        "class Faulty(RandomSearch):\n"
        "    asked = 0\n"
        "    def ask(self):\n"
        "        self.asked += 1\n"
        "        if self.asked == 30:\n"
        "            raise RuntimeError('out of ideas')\n"
        "        return super().ask()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    done = study(strategies=["faulty:Faulty", *STRATEGIES], budgets=[40, 20])
    assert list(done.failed) == ["nb201-digits-40: faulty:Faulty"]
    assert "'faulty:Faulty'" in done.failed["nb201-digits-40: faulty:Faulty"]
    assert "out of ideas" in done.failed["nb201-digits-40: faulty:Faulty"]
    assert_same(done.results["nb201-digits-40"], whole)
    assert list(done.results["nb201-digits-40"].failed) == ["faulty:Faulty"]
    assert len(done.results["nb201-digits-20"].trials) == 4
    assert study(strategies=["faulty:Faulty", *STRATEGIES], budgets=[40, 20]).made == 0
    with pytest.raises(StrategyError, match="out of ideas"):
        study(strategies=["faulty:Faulty"])


def test_results_of_others_are_merged_in(study, whole, tmp_path):
    oracle = open_oracle("nb201-digits")
    theirs = compare({"theirs": LocalSearch, "random-search": RandomSearch}, oracle, 40, runs=3, first_seed=103)
    theirs.save(tmp_path / "theirs.h5")
    done = study(budgets=[20, 40], include=["theirs.h5"])
    assert_same(done.results["nb201-digits-40"], merge_results([whole, theirs]))
    assert list(done.results["nb201-digits-20"].trials) == STRATEGIES
    with pytest.raises(
        DeclarationError, match=r"study.toml: include: .*theirs.h5 cannot be merged with the study's .*-20: "
    ):
        study(budgets=[20], include=["theirs.h5"])
    trials = theirs.trials["random-search"]
    trials.value[5] = 0.1
    theirs.save(tmp_path / "theirs.h5")
    with pytest.raises(
        PlanMismatchError, match=r"run 103 of strategy 'random-search' is not the same in this study and .*: trial 5"
    ):
        study(include=["theirs.h5"])
