"""`nasbench merge` as a user meets it: what it says, what it refuses, and what it leaves."""

from __future__ import annotations

import json
import shutil

import pytest

from generation.tiny import DATASET, RECIPE, SPACE, Stop, load, stop_after
from tabular import generate, write_table


@pytest.fixture(scope="module")
def shares(tiny_table, tmp_path_factory):
    """A seed in a table, another in the journals that a killed generator left, and all of both."""
    folder = tmp_path_factory.mktemp("shares")
    shutil.copy(tiny_table(seeds=1, together=3), folder / "seed0.h5")
    shutil.copy(tiny_table(seeds=2, together=3), folder / "whole.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tabular.generation.generator._compact", lambda *_: None)
        with pytest.raises(Stop):
            generate(SPACE, RECIPE, DATASET, folder / "killed.h5", seeds=(1,), together=3, progress=stop_after(6, Stop))
    return folder


@pytest.fixture
def place(shares, tmp_path, monkeypatch):
    shutil.copytree(shares, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_sources_of_every_kind_become_one_table_and_stay_as_they_are(command, place):
    before = content_of(place)
    done = command("merge", "all.h5", "seed0.h5", "killed.h5")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "all.h5: 15 trainings, 3 missing, 0 diverged",
        "'nasbench generate' with the options that the sources were made with trains what is missing",
    ]
    after = content_of(place)
    assert set(after) - set(before) == {place.joinpath("all.h5").relative_to(place)}
    assert {name: after[name] for name in before} == before
    (journal,) = (place / "killed.h5.journal").glob("*.journal")
    for source in (journal, "killed.h5.journal"):
        made = json.loads(command("merge", "again.h5", "seed0.h5", source, "--json").out)
        assert (made["trainings"], made["missing"]) == (15, 3)


def test_what_is_there_twice_is_told_of(command, place):
    data = load(place / "whole.h5")
    losses = data.tasks[0].metrics["test_loss"].copy()
    losses[3, 0, 0] += 1e-3
    data.tasks[0].metrics["test_loss"] = losses
    write_table(place / "other.h5", data)
    assert command("merge", "all.h5", "seed0.h5", "other.h5").out.splitlines() == [
        "all.h5: 18 trainings, 0 missing, 0 diverged",
        "9 trainings were there more than once, the first counts; 1 of them had other numbers, seconds aside",
    ]


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_damage_is_one_line_of_warning_and_the_rest_is_merged(command, place, as_json):
    (journal,) = (place / "killed.h5.journal").glob("*.journal")
    content = bytearray(journal.read_bytes())
    content[-30] ^= 1
    journal.write_bytes(content)
    done = command("merge", "all.h5", journal, *as_json)
    assert done.code == 0
    assert done.err.startswith(f"warning: {journal}: its last ")
    assert done.err.endswith(" are no whole record; what that held is left out\n")
    assert (load(place / "all.h5").tasks[0].status == 1).sum() == 5
    if as_json:
        assert json.loads(done.out)["trainings"] == 5


@pytest.fixture
def refused(command, place):
    """Run a merge that must be refused; give its one line."""

    def run(*arguments):
        before = content_of(place)
        done = command("merge", *arguments)
        assert (done.code, done.out) == (2, "")
        (line,) = done.err.splitlines()
        assert content_of(place) == before
        return line.removeprefix("nasbench: ")

    return run


def test_mistakes_are_one_line_and_nothing_is_written(refused, place, toy_table):
    shutil.copy(toy_table, "toy.h5")
    (place / "notes.txt").write_text("years of work")
    (place / "empty").mkdir()
    (place / "notes.journal").write_text("dear diary")
    (place / "short.h5").write_bytes((place / "seed0.h5").read_bytes()[:5000])
    generate(SPACE, RECIPE, DATASET, place / "alone.h5", seeds=1, together=1)
    ways = "name tables, .journal files or folders of these"
    assert refused("new.h5", "seed0.h5", "nowhere.h5") == f"nowhere.h5: no such file or folder; {ways}"
    assert refused("new.h5", "seed0.h5", "empty") == f"empty: holds no .journal file; {ways}"
    assert refused("new.h5", "seed0.h5", "notes.txt").startswith("notes.txt: is not an HDF5 file")
    assert refused("new.h5", "seed0.h5", "short.h5").startswith("short.h5: is damaged or cut short")
    assert refused("notes.txt", "seed0.h5").startswith("notes.txt: exists and is not a nasbench-table file")
    assert refused("empty", "seed0.h5") == "empty: is a folder; name a file in it"
    for order in (("seed0.h5", "toy.h5"), ("toy.h5", "seed0.h5")):
        assert (
            refused("new.h5", *order) == "toy.h5: is a table that was not generated here; nothing can be merged with it"
        )
    assert refused("new.h5", "seed0.h5", "alone.h5") == (
        "alone.h5: was made with together = 1, seed0.h5 with 3; what does not share a plan stays in tables of its own"
    )
    assert refused("alone.h5", "seed0.h5").startswith("seed0.h5: was made with together = 3, alone.h5 with 1")


def test_a_source_in_which_nothing_can_be_read_is_named(command, place):
    (place / "notes.journal").write_text("dear diary")
    done = command("merge", "new.h5", "notes.journal")
    assert done.code == 2
    warning, line = done.err.splitlines()
    assert warning.startswith("warning: notes.journal: its header is missing or damaged")
    assert line == "nasbench: notes.journal: no training is there that could be merged"
    assert not (place / "new.h5").exists()
    assert not (place / "new.h5.journal").exists()
