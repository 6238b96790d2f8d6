"""Merging: what was trained of one plan in several places is one table, and nothing else is taken in."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest

import tabular.generation.merge
from generation.tiny import DATASET, RECIPE, SPACE, Stop, assert_same_numbers, load, stop_after
from tabular import generate, merge, write_table
from tabular.errors import FileFormatError, OutputError, PlanMismatchError
from tabular.generation.journal import JournalWriter, read_journal
from tabular.layout import DONE


@pytest.fixture(scope="module")
def shares(tiny_table, tmp_path_factory):
    """The whole table, each of its two seeds as a table of its own, and one as the journal of a killed generator."""
    folder = tmp_path_factory.mktemp("shares")
    shutil.copy(tiny_table(seeds=2, together=3), folder / "whole.h5")
    shutil.copy(tiny_table(seeds=1, together=3), folder / "seed0.h5")
    generate(SPACE, RECIPE, DATASET, folder / "seed1.h5", seeds=(1,), together=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tabular.generation.generator._compact", lambda *_: None)
        with pytest.raises(Stop):
            generate(SPACE, RECIPE, DATASET, folder / "killed.h5", seeds=(1,), together=3, progress=stop_after(6, Stop))
    return folder


def test_shares_make_the_table_that_one_machine_makes(shares, tmp_path):
    sources = [shares / "seed0.h5", shares / "seed1.h5"]
    contents = [each.read_bytes() for each in sources]
    summary = merge(tmp_path / "all.h5", sources)
    assert (summary.trainings, summary.missing, summary.diverged, summary.repeated) == (18, 0, 0, 0)
    assert_same_numbers(tmp_path / "all.h5", shares / "whole.h5")
    assert [each.read_bytes() for each in sources] == contents
    assert [*tmp_path.iterdir()] == [tmp_path / "all.h5"]
    assert generate(SPACE, RECIPE, DATASET, tmp_path / "all.h5", seeds=2).trained == 0


def test_a_journal_a_folder_of_journals_and_a_table_that_was_never_written_are_sources_too(shares, tmp_path):
    folder = shares / "killed.h5.journal"
    (journal,) = folder.glob("*.journal")
    for number, source in enumerate([journal, folder, shares / "killed.h5"]):
        path = tmp_path / f"{number}.h5"
        summary = merge(path, [shares / "seed0.h5", source])
        assert (summary.trainings, summary.missing, summary.repeated) == (15, 3, 0)
        assert generate(SPACE, RECIPE, DATASET, path, seeds=2).trained == 3
        assert_same_numbers(path, shares / "whole.h5")
    assert journal.exists()


def test_what_the_table_holds_comes_first_with_the_journals_beside_it(shares, tmp_path):
    shutil.copy(shares / "seed0.h5", tmp_path / "t.h5")
    shutil.copytree(shares / "killed.h5.journal", tmp_path / "t.h5.journal")
    summary = merge(tmp_path / "t.h5", [shares / "whole.h5"])
    assert (summary.trainings, summary.missing, summary.repeated, summary.different) == (18, 0, 15, 0)
    assert_same_numbers(tmp_path / "t.h5", shares / "whole.h5")
    kept = load(tmp_path / "t.h5").tasks[0].metrics["train_seconds"][:, 0]
    np.testing.assert_array_equal(kept, load(shares / "seed0.h5").tasks[0].metrics["train_seconds"][:, 0])
    assert [*tmp_path.iterdir()] == [tmp_path / "t.h5"]


def test_trainings_with_other_numbers_are_told_of_and_the_first_is_kept(shares, tmp_path):
    data = load(shares / "whole.h5")
    losses = data.tasks[0].metrics["test_loss"].copy()
    losses[3, 1, 0] += 1e-3
    data.tasks[0].metrics["test_loss"] = losses
    write_table(tmp_path / "other.h5", data)
    summary = merge(tmp_path / "t.h5", [shares / "whole.h5", tmp_path / "other.h5"])
    assert (summary.repeated, summary.different) == (18, 1)
    assert_same_numbers(tmp_path / "t.h5", shares / "whole.h5")


def test_of_a_damaged_journal_the_good_records_are_taken(shares, tmp_path):
    folder = shutil.copytree(shares / "killed.h5.journal", tmp_path / "part")
    (journal,) = folder.glob("*.journal")
    content = bytearray(journal.read_bytes())
    content[-30] ^= 1
    journal.write_bytes(content)
    with pytest.warns(UserWarning, match=rf"{journal.name}: its last \d+ bytes.* no whole record; .* is left out"):
        assert merge(tmp_path / "t.h5", [folder]).trainings == 5


def test_another_plan_is_refused_by_the_field_that_differs_and_nothing_is_written(shares, tmp_path):
    generate(SPACE, RECIPE.replace(momentum=0.5), DATASET, tmp_path / "other.h5", seeds=1, together=3)
    with pytest.raises(
        PlanMismatchError, match=r"other\.h5: was made with recipe.momentum = 0.5, .*seed0\.h5 with 0.9; "
    ):
        merge(tmp_path / "t.h5", [shares / "seed0.h5", tmp_path / "other.h5"])
    assert [*tmp_path.iterdir()] == [tmp_path / "other.h5"]


def test_what_is_no_source_is_named(shares, toy_table, tmp_path):
    with pytest.raises(FileFormatError, match=r"nowhere\.h5: no such file or folder; name tables, \.journal files"):
        merge(tmp_path / "t.h5", [tmp_path / "nowhere.h5"])
    with pytest.raises(FileFormatError, match=r"holds no \.journal file; name tables, \.journal files"):
        merge(tmp_path / "t.h5", [tmp_path])
    with pytest.raises(PlanMismatchError, match=r"toy\.h5: is a table that was not generated here; nothing can be"):
        merge(tmp_path / "t.h5", [toy_table, shares / "seed0.h5"])
    with pytest.raises(PlanMismatchError, match=r"toy\.h5: is a table that was not generated here"):
        merge(tmp_path / "t.h5", [shares / "seed0.h5", toy_table])
    assert [*tmp_path.iterdir()] == []


def test_a_table_that_is_worked_on_is_a_source_but_not_a_target(shares, tmp_path):
    def merge_meanwhile(done, total, note):
        if done == 6:
            with pytest.raises(OutputError, match="another generator"):
                merge(tmp_path / "t.h5", [shares / "seed1.h5"])
            assert merge(tmp_path / "copy.h5", [tmp_path / "t.h5"]).trainings == 6

    generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=1, together=3, progress=merge_meanwhile)
    assert_same_numbers(tmp_path / "t.h5", shares / "seed0.h5")


def test_a_record_that_a_generator_is_writing_is_no_damage(shares, tmp_path):
    def merge_meanwhile(done, total, note):
        if done != 6:
            return
        (journal,) = (tmp_path / "t.h5.journal").glob("*.journal")
        content = journal.read_bytes()
        half_written = tmp_path / "t.h5.journal" / "other.journal"
        half_written.write_bytes(content[:-20])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert merge(tmp_path / "copy.h5", [tmp_path / "t.h5"]).trainings == 6
        middle = len(content) - len(content) // 4
        half_written.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        with pytest.warns(UserWarning, match=r"other\.journal: bytes \d+ to \d+ are damaged and left out; what that"):
            merge(tmp_path / "copy.h5", [half_written])
        half_written.unlink()

    generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=1, together=3, progress=merge_meanwhile)


def test_a_generator_that_ends_while_its_table_is_read_costs_nothing(shares, tmp_path, monkeypatch):
    shutil.copytree(shares / "killed.h5.journal", tmp_path / "t.h5.journal")
    (journal,) = (tmp_path / "t.h5.journal").glob("*.journal")
    original = tabular.generation.merge.read_journal

    def compact_first(path):
        merge(tmp_path / "t.h5", [])  # as a generator does that ends
        return original(path)

    with monkeypatch.context() as patch:
        patch.setattr("tabular.generation.merge.read_journal", lambda path: patch.undo() or compact_first(path))
        assert merge(tmp_path / "copy.h5", [tmp_path / "t.h5"]).trainings == 6
    assert not journal.exists()


def test_a_source_that_is_named_twice_or_is_the_target_counts_once(shares, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(shares / "seed0.h5", "t.h5")
    shutil.copytree(shares / "killed.h5.journal", "part")
    (tmp_path / "link.h5").symlink_to("t.h5")
    (journal,) = (tmp_path / "part").glob("*.journal")
    summary = merge("t.h5", ["./t.h5", tmp_path / "t.h5", "link.h5", "part", journal])
    assert (summary.trainings, summary.missing, summary.repeated) == (15, 3, 0)


def test_the_journals_of_a_killed_generator_become_part_of_their_table(shares, tmp_path):
    shutil.copytree(shares / "killed.h5.journal", tmp_path / "t.h5.journal")
    assert merge(tmp_path / "t.h5", [tmp_path / "t.h5.journal"]).trainings == 6
    assert [*tmp_path.iterdir()] == [tmp_path / "t.h5"]
    assert len(load(tmp_path / "t.h5").architectures) == 9  # all that were asked for, as a generator leaves it


def test_a_merge_that_fails_leaves_everything_as_it_was(shares, tmp_path, monkeypatch):
    shutil.copy(shares / "seed0.h5", tmp_path / "t.h5")
    shutil.copytree(shares / "killed.h5.journal", tmp_path / "t.h5.journal")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}

    def fail(path, data):
        raise OutputError(f"{path}: cannot be written: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tabular.generation.ledger.write_table", fail)
        with pytest.raises(OutputError, match="No space left"):
            merge(tmp_path / "t.h5", [shares / "whole.h5"])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before
    assert merge(tmp_path / "t.h5", []).trainings == 15


@pytest.mark.parametrize("first", ["journals", "table"])
def test_the_first_source_counts_be_it_a_table_or_a_journal(shares, tmp_path, first):
    sources = {"journals": shares / "killed.h5.journal", "table": shares / "seed1.h5"}
    merge(tmp_path / "journals.h5", [sources["journals"]])
    expected = {"journals": tmp_path / "journals.h5", "table": sources["table"]}[first]
    order = [sources.pop(first), *sources.values()]
    summary = merge(tmp_path / "t.h5", order)
    assert (summary.trainings, summary.repeated, summary.different) == (9, 6, 0)
    seconds, wanted = (load(path).tasks[0].metrics["train_seconds"] for path in (tmp_path / "t.h5", expected))
    there = load(tmp_path / "journals.h5").tasks[0].status == DONE
    np.testing.assert_array_equal(seconds[there], wanted[there])


def test_journals_that_order_their_metrics_otherwise_keep_their_meaning(shares, tmp_path):
    (journal,) = (shares / "killed.h5.journal").glob("*.journal")
    read = read_journal(journal)
    names, costs = read.header.metrics, read.header.costs
    turned = replace(read.header, metrics=names[::-1], costs=costs[:1])
    with JournalWriter(tmp_path / "turned.journal", turned) as writer:
        writer.append([each._replace(metrics=each.metrics[::-1], costs=each.costs[:1]) for each in read.records])
    summary = merge(tmp_path / "t.h5", [tmp_path / "turned.journal", shares / "killed.h5.journal"])
    assert (summary.repeated, summary.different) == (6, 0)
    merge(tmp_path / "expected.h5", [shares / "killed.h5.journal"])
    assert_same_numbers(tmp_path / "t.h5", tmp_path / "expected.h5")  # and the costs that one lacks are the other's


@pytest.mark.parametrize("together", [1, 3])
def test_another_together_is_another_plan_unless_it_was_never_said(shares, tmp_path, together):
    data = load(shares / "seed0.h5")
    task = data.tasks[0].task
    plan = {name: value for name, value in task.provenance["plan"].items() if name not in {"together", "portions"}}
    if together == 3:
        plan["together"] = 3
    data.tasks[0].task = replace(task, provenance={**task.provenance, "plan": plan})
    write_table(tmp_path / "old.h5", data)
    assert merge(tmp_path / "again.h5", [tmp_path / "old.h5"]).trainings == 9
    if together == 3:
        assert merge(tmp_path / "t.h5", [tmp_path / "old.h5", shares / "seed1.h5"]).trainings == 18
    else:
        with pytest.raises(PlanMismatchError, match=r"seed1\.h5: was made with together = 3, .*old\.h5 with 1"):
            merge(tmp_path / "t.h5", [tmp_path / "old.h5", shares / "seed1.h5"])


def test_a_table_whose_networks_are_numbered_otherwise_is_refused(shares, tmp_path):
    data = load(shares / "seed0.h5")
    task = data.tasks[0].task
    plan = {**task.provenance["plan"], "networks_sha256": "0" * 64}
    data.tasks[0].task = replace(task, provenance={**task.provenance, "plan": plan})
    write_table(tmp_path / "old.h5", data)
    with pytest.raises(PlanMismatchError, match=r"old\.h5: numbers the networks of tiny in another way than this"):
        merge(tmp_path / "t.h5", [tmp_path / "old.h5"])


def test_where_the_trainings_were_made_is_kept_of_every_source(shares, tmp_path):
    data = load(shares / "seed1.h5")
    task = data.tasks[0].task
    data.tasks[0].task = replace(task, provenance={**task.provenance, "platform": "another machine"})
    write_table(tmp_path / "elsewhere.h5", data)
    merge(tmp_path / "t.h5", [shares / "seed0.h5", tmp_path / "elsewhere.h5"])
    found = load(tmp_path / "t.h5").tasks[0].task.provenance
    (earlier,) = found["earlier"]
    assert (found["platform"], earlier["platform"]) == (task.provenance["platform"], "another machine")
