"""Strategies that fail: named in one line, and the others' results are kept."""

from __future__ import annotations

import time

import numpy as np
import pytest

from nasbench import Proposal, Strategy
from nasbench.comparison import Results, compare, run, summarise
from strategies import RandomSearch
from tabular.errors import StrategyError

FAILING = """
from nasbench import Proposal, Strategy
from strategies import RandomSearch

class Raises(RandomSearch):
    def ask(self):
        if self.rng.random() < 0.2:
            raise KeyError("lost")
        return super().ask()

class Sleeps(RandomSearch):
    def ask(self):
        while True:
            pass
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module that can be imported, here and in other processes."""
    (tmp_path / "failing.py").write_text(FAILING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    import failing

    return failing


class Endless(RandomSearch):
    asked = 0

    def ask(self):
        self.asked += 1
        while self.asked == 4:
            time.sleep(0.01)
        return super().ask()


class Slow(RandomSearch):
    """Answers every time, if slowly."""

    def ask(self):
        time.sleep(0.3)
        return super().ask()


class Idle(RandomSearch):
    def ask(self):
        return None


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_others_results_are_kept(toy_oracle, module, tmp_path, jobs):
    found = compare({"random": RandomSearch, "raises": module.Raises}, toy_oracle, 30, runs=4, jobs=jobs)
    assert list(found.trials) == ["random"]
    assert found.trials["random"].runs == 4
    assert found.failed["raises"].startswith("strategy 'raises', run ")
    assert found.failed["raises"].endswith("ask() raised KeyError: 'lost'")
    found.save(tmp_path / "r.h5")
    assert Results.load(tmp_path / "r.h5").failed == found.failed
    assert [row.strategy for row in summarise(found)] == ["optimum", "random", "random architecture"]


def test_which_error_is_named_does_not_depend_on_processes(toy_oracle, module):
    failed = [
        compare({"random": RandomSearch, "raises": module.Raises}, toy_oracle, 30, runs=2, jobs=jobs).failed["raises"]
        for jobs in (1, 2)
    ]
    assert failed[0].partition("trial")[2] != ""
    assert failed[0] == failed[1]


def test_where_all_fail_the_first_error_is_raised(toy_oracle, module):
    with pytest.raises(StrategyError, match=r"strategy 'raises', run .* KeyError"):
        compare({"raises": module.Raises, "idle": Idle}, toy_oracle, 30, runs=2)


def test_a_strategy_that_never_ends_is_ended_and_named(toy_oracle):
    begin = time.monotonic()
    found = compare({"endless": Endless, "random": RandomSearch}, toy_oracle, 30, runs=2, wait=0.4)
    assert time.monotonic() - begin < 30
    assert list(found.trials) == ["random"]
    assert found.failed["endless"] == (
        "strategy 'endless', run 0, trial 3: its code has not answered for 0.4 seconds; mend it, or be more patient"
    )


def test_a_strategy_that_never_ends_is_ended_in_another_process(toy_oracle, module):
    found = compare({"sleeps": module.Sleeps, "random": RandomSearch}, toy_oracle, 9, runs=2, jobs=2, wait=0.4)
    assert "strategy 'sleeps', run 0, trial 0: its code has not answered" in found.failed["sleeps"]
    assert list(found.trials) == ["random"]


def test_a_slow_strategy_is_waited_for(toy_oracle):
    assert len(compare({"slow": Slow}, toy_oracle, 5, runs=1, wait=1.0).trials["slow"]) == 5


def test_a_strategy_that_asks_for_nothing_is_named(toy_oracle):
    with pytest.raises(StrategyError, match=r"'Idle', run 0, trial 0: ask\(\) returned None with nothing under way"):
        run(Idle, toy_oracle, 5)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda *_: 3, "strategy 'it' is 3, not a nasbench.Strategy"),
        (lambda: 3, r"'it': cannot be made, TypeError: .* a strategy takes \(space, rng, fidelities\)"),
        (type("NoTell", (Strategy,), {"ask": None}), "strategy 'it': cannot be made, TypeError: .*abstract"),
        (RandomSearch(None, None, ()), "a comparison makes a new strategy for every run; give the class"),
    ],
)
def test_what_makes_no_strategy_is_refused(toy_oracle, made, message):
    with pytest.raises(StrategyError, match=message):
        run(made, toy_oracle, 5, name="it")


def test_the_command_line_writes_the_others_and_names_the_failure(command, toy_table, module, tmp_path):
    out = tmp_path / "r.h5"
    done = command(
        *("compare", toy_table, "--budget", 30, "--runs", 3, "--jobs", 1, "--out", out),
        *("--strategies", "failing:Raises,random-search"),
    )
    assert done.code == 2
    assert "strategy 'failing:Raises', run " in done.err
    assert f"(the results of the other strategies are in {out})" in done.err.replace("\n", " ")
    assert list(Results.load(out).trials) == ["random-search"]
    assert "random-search" in done.out


def test_a_row_that_is_no_row_names_the_trial(toy_oracle):
    class Late(RandomSearch):
        asked = 0

        def ask(self):
            self.asked += 1
            row = self.space.sample(self.rng)
            return Proposal(row if self.asked < 3 else np.array([9, 9, 9], dtype=np.uint8), self.fidelities[-1])

    with pytest.raises(StrategyError, match="strategy 'Late', run 0, trial 2: not an architecture of"):
        run(Late, toy_oracle, 10)
