"""Watching a table being made: what info says of journals and generators, and how progress reads."""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import shutil

import pytest
from rich.console import Console

from generation.tiny import DATASET, RECIPE, SPACE, Stop, assert_same_numbers, load, stop_after
from nasbench.cli import console
from tabular import generate
from tabular.generation.merge import construction, generator_at_work


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder with what a killed generator leaves of seed 1, which it had not begun to make a table of."""
    path = tmp_path_factory.mktemp("killed") / "t.h5"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tabular.generation.generator._compact", lambda *_: None)
        with pytest.raises(Stop):
            generate(SPACE, RECIPE, DATASET, path, seeds=(1,), together=3, progress=stop_after(6, Stop))
    return path.parent


@pytest.fixture
def place(killed, tmp_path, monkeypatch):
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_journals_without_a_table_are_told_of(command, place):
    found = json.loads(command("info", "t.h5", "--json").out)
    assert (found["kind"], found["path"]) == ("table under construction", "t.h5")
    told = found["under construction"]
    assert (told["space"], told["task"], told["architectures"], told["seeds begun"]) == ("tiny", "spots", 9, [1])
    assert (told["trainings"], told["in journals only"], told["missing"], told["diverged"]) == (6, 6, 3, 0)
    assert (told["process"], told["damaged"]) == (None, [])
    text = command("info", "t.h5").out
    assert "  trainings: 6\n" in text
    assert "  generator: none is at work; 'nasbench generate' with the same options goes on\n" in text
    assert text == command("info", "t.h5.journal").out
    generate(SPACE, RECIPE, DATASET, place / "t.h5", seeds=(1,), together=3)
    done = load(place / "t.h5").tasks[0].metrics["validation_accuracy"][:, 0, -1]
    assert told["best validation accuracy"] <= round(float(done.max()), 4)
    row = [SPACE.to_text(each) for each in load(place / "t.h5").architectures].index(told["best architecture"])
    assert told["best validation accuracy"] == round(float(done[row]), 4)


def test_a_table_and_the_journals_beside_it_are_told_of_together(command, place):
    shutil.move("t.h5.journal", "kept")
    generate(SPACE, RECIPE, DATASET, place / "t.h5", seeds=1, together=3)
    assert "under construction" not in json.loads(command("info", "t.h5", "--json").out)
    shutil.move("kept", "t.h5.journal")
    found = json.loads(command("info", "t.h5", "--json").out)
    assert (found["kind"], found["tasks"]["spots"]["trainings"]) == ("table", 9)
    told = found["under construction"]
    assert (told["trainings"], told["in journals only"], told["missing"]) == (15, 6, 3)
    assert command("info", "t.h5", "--check").out.endswith("check: every checksum and invariant holds\n")


def test_a_generator_at_work_is_named_and_not_disturbed(command, place):
    told = []

    def look(done, total, note):
        found = json.loads(command("info", place / "new.h5", "--json").out)["under construction"]
        told.append((found["trainings"], found["process"], found["generator"], found["damaged"]))

    generate(SPACE, RECIPE, DATASET, place / "new.h5", seeds=(1,), together=3, progress=look)
    at_work = f"process {os.getpid()} is at work"
    assert told == [(done, os.getpid(), at_work, []) for done in (0, 3, 6, 9)]
    generate(SPACE, RECIPE, DATASET, place / "t.h5", seeds=(1,), together=3)
    assert_same_numbers(place / "new.h5", place / "t.h5")
    assert construction(place / "new.h5") is None


def test_looking_keeps_no_generator_from_starting(place):
    locked, original = [], fcntl.flock
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", lambda *each: locked.append(each) or original(*each))
        assert construction(place / "t.h5").trainings == 6
    assert locked == []
    assert not (place / "t.h5.journal" / "lock").exists()


@pytest.mark.parametrize(
    "content", ["", "nobody", "-1", "0", "99999999999999999999", str(2**22 + 1), str(os.getppid())]
)
def test_a_lock_file_that_no_generator_holds_names_none(place, content):
    """What a kill leaves, or a process that took over the number since."""
    (place / "t.h5.journal" / "lock").write_text(content)
    assert generator_at_work(place / "t.h5.journal") is None


def test_damaged_journals_are_named(command, place):
    (journal,) = (place / "t.h5.journal").glob("*.journal")
    content = bytearray(journal.read_bytes())
    content[-30] ^= 1
    journal.write_bytes(content)
    found = json.loads(command("info", "t.h5", "--json").out)["under construction"]
    assert found["trainings"] == 5
    (problem,) = found["damaged"]
    assert re.search(rf"{journal.name}: its last \d+ bytes, from byte \d+, are no whole record", problem)


def test_journals_of_another_plan_do_not_hide_the_table(command, place):
    shutil.move("t.h5.journal", "kept")
    generate(SPACE, RECIPE.replace(momentum=0.5), DATASET, place / "t.h5", seeds=1, together=3)
    shutil.move("kept", "t.h5.journal")
    found = json.loads(command("info", "t.h5", "--json").out)
    assert found["tasks"]["spots"]["trainings"] == 9
    assert "was made with recipe.momentum = 0.9, t.h5 with 0.5" in found["under construction"]["journals"]


def test_a_name_of_nothing_is_no_table_under_construction(command, place):
    done = command("info", "nowhere.h5")
    assert (done.code, done.err) == (2, "nasbench: nowhere.h5: no such file\n")


def test_progress_in_a_log_tells_speed_time_left_and_the_note(capsys, monkeypatch):
    now = iter([0.0, 1.0, 11.0, 12.0, 41.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    with console.progress("training") as report:
        for done in (4, 8, 9, 24):
            report(done, 24, f"best {done}")
    assert capsys.readouterr().err.splitlines() == [
        "training: 8/24, 0:11 gone, 0.36/s, 0:44 left, best 8",
        "training: 24/24, 0:41 gone, 0.49/s, best 24",
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_a_bar_shows_speed_and_the_whole_note_on_a_narrow_terminal(monkeypatch, width):
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=screen, width=width, force_terminal=True, highlight=False))
    note = "best validation accuracy 0.9444, 12 diverged"
    with console.progress("training nb201-mini on digits") as report:
        report(0, 783, note)
        for done in (100, 500, 783):
            report(done, 783, note)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).replace("\r", "").splitlines()
    assert note in [line.strip() for line in shown]
    bars = [line for line in shown if "783/783" in line]
    assert bars
    assert all(re.search(r"783/783 [\d.,e+]+/s 00:00 left", line) for line in bars), bars
    assert max(map(len, shown)) <= width
