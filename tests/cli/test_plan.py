"""`nasbench plan`, and `nasbench generate --budget`."""

from __future__ import annotations

import json

import pytest

from tabular import Table
from tabular.generation import forecast as planner
from tabular.layout import DONE
from tabular.training import costs
from tabular.training.costs import complexity


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.toml").write_text('nodes = 3\noperations = ["none", "skip_connect", "nor_conv_1x1"]\n')
    (tmp_path / "recipe.toml").write_text("epochs = 2\nchannels = 2\nbatch_size = 128\n")
    monkeypatch.setitem(planner.forecast.__kwdefaults__, "patience", 0.0)  # a few groups, however short they take
    monkeypatch.setattr(costs, "complexity", complexity)  # not `counted` of conftest: the time is part of the forecast
    return tmp_path


WHAT = ["space.toml", "--recipe", "recipe.toml", "--jobs", "1"]


def test_a_plan_shows_what_was_asked_and_what_would_be_shorter(command, folder):
    before = sorted(folder.iterdir())
    done = command("plan", *WHAT, "--seeds", "2", "--epochs", "4")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "space on digits, cpu, --jobs 1"
    assert lines[1].split() == ["plan", "epochs", "seeds", "architectures", "trainings", "time", "bytes"]
    assert [line.split("  ")[0].strip() for line in lines[2:5]] == ["as asked", "one seed", "half the epochs"]
    assert lines[2].split()[2:6] == ["4", "2", "9", "18"]
    assert " ± " in lines[2]
    assert "Measured on" in lines[5]
    assert "95% interval" in lines[5]
    assert "for a few seconds" in done.err
    assert sorted(folder.iterdir()) == before, "nothing is kept"


def test_a_plan_for_a_budget_marks_what_it_picks(command):
    done = command("plan", *WHAT, "--seeds", "100000", "--budget", "30s")
    assert done.code == 0, done.err
    assert done.out.startswith("space on digits, cpu, --jobs 1 within 0:30")
    marked = [line for line in done.out.splitlines() if line.startswith("fewer seeds *")]
    assert len(marked) == 1
    assert marked[0].endswith("yes")
    found = json.loads(command("plan", *WHAT, "--seeds", "1", "--budget", "1h", "--json").out)
    assert found["budget"] == 3600
    assert [option["picked"] for option in found["options"]] == [True, False]
    assert found["options"][0]["seconds"] > 0


@pytest.mark.world
def test_generating_within_a_budget_says_what_is_left(command):
    for budget in ("5s", "15s", "45s"):  # a longer one where this machine is too busy for anything within it
        done = command("generate", *WHAT, "--seeds", "3000", "--budget", budget, "--out", "t.h5")
        if "too short" not in done.err:
            break
    assert done.code == 0, done.err
    said = done.out.splitlines()
    assert len(said) == 2
    left = int(said[1].split()[0])
    assert said[1] == f"{left} trainings are left, for which the budget had no time; the same command goes on"
    with Table.open("t.h5") as table:
        assert table.check() == []
        trained = int((table.status("digits") == DONE).sum())
    assert trained + left == 27_000
    assert said[0].startswith(f"t.h5: {trained} trainings made")


@pytest.mark.parametrize("budget", ["30", "5ep", "0s", "-3m", "soon"])
@pytest.mark.parametrize("which", [["plan"], ["generate", "--out", "t.h5"]])
def test_a_budget_that_is_no_time_is_one_line(command, folder, which, budget):
    done = command(*which, *WHAT, f"--budget={budget}")
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        f"nasbench: --budget '{budget}' is not a time above zero; write 90s, 30m, 12h or 2d"
    )
    assert not (folder / "t.h5").exists()


def test_a_budget_that_is_too_short_names_the_least(command, folder):
    for which in (["plan"], ["generate", "--out", "t.h5"]):
        done = command(*which, *WHAT, "--budget", "0.1s")
        assert done.code == 2
        assert "a budget of 0.1 s is too short to train 9 networks for 2 epochs" in done.err
        assert "s or more" in done.err
    assert not (folder / "t.h5").exists()
