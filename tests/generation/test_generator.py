"""The generator: resumes, extends, refuses foreign work, and gives the same numbers however it was cut and split."""

from __future__ import annotations

import fcntl
import os
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import tabular
from generation.tiny import DATASET, RECIPE, SPACE, Stop, assert_same_numbers, load, make_dataset, stop_after
from nasbench import CellSpace
from tabular import Table, TableOracle, write_table
from tabular.errors import (
    BudgetError,
    FileFormatError,
    NasbenchError,
    OutputError,
    PlanMismatchError,
    UnknownNameError,
)
from tabular.layout import DIVERGED, DONE, MISSING
from tabular.training.trainer import train


def generate(*arguments, **options):
    """Train one network at a time, so that numbers are those of training alone and every training is told of."""
    return tabular.generate(*arguments, **{"together": 1, **options})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A table of two seeds that nothing interrupted, and what its generation said."""
    path = tmp_path_factory.mktemp("whole") / "t.h5"
    told = []
    summary = generate(SPACE, RECIPE, DATASET, path, seeds=2, progress=lambda *each: told.append(each))
    return SimpleNamespace(path=path, summary=summary, told=told)


def test_a_table_holds_each_network_as_training_alone_gives_it(whole):
    data = load(whole.path)
    np.testing.assert_array_equal(data.architectures, SPACE.unique())
    assert data.represents == "class"
    task = data.tasks[0].task
    assert (task.name, task.seeds, task.epochs) == ("spots", (0, 1), (1, 2))
    assert task.provenance["recipe"] == RECIPE.to_dict()
    assert task.provenance["dataset"]["digest"] == DATASET.digest
    for row, seed in ((0, 0), (5, 1), (8, 0)):
        alone = train(SPACE, data.architectures[row], RECIPE, DATASET, seed)
        for name in set(alone.metrics) - {"train_seconds"}:
            np.testing.assert_array_equal(data.tasks[0].metrics[name][row, seed], alone.metrics[name])
    assert data.tasks[0].cost_units == {
        "parameters": "count",
        "flops": "FLOP",
        "activation_bytes": "byte",
        "latency_seconds": "second",
    }
    for name, values in data.tasks[0].costs.items():
        assert (values > 0).all() or name == "flops", name


def test_the_oracle_answers_every_drawing(whole):
    assert np.isfinite(TableOracle(whole.path).query(SPACE.all(), "spots/train_seconds@2")).all()


def test_progress_goes_from_nothing_to_all(whole):
    assert [(done, total) for done, total, _ in whole.told] == [(done, 18) for done in range(19)]
    assert whole.told[0][2] == "best validation accuracy none yet, 0 diverged"
    best = load(whole.path).tasks[0].metrics["validation_accuracy"][:, :, -1].max()
    assert whole.told[-1][2] == f"best validation accuracy {best:.4f}, 0 diverged"
    summary = whole.summary
    assert (summary.trained, summary.reused, summary.diverged) == (18, 0, 0)


def test_a_second_call_trains_nothing_and_leaves_the_file_alone(whole):
    before = whole.path.stat().st_mtime_ns
    summary = generate(SPACE, RECIPE, DATASET, whole.path, seeds=2)
    assert (summary.trained, summary.reused) == (0, 18)
    assert whole.path.stat().st_mtime_ns == before
    assert sorted(each.name for each in whole.path.parent.iterdir()) == ["t.h5"]


def test_growing_by_rows_and_seeds_keeps_the_old_numbers(whole, tmp_path):
    path = tmp_path / "t.h5"
    assert generate(SPACE, RECIPE, DATASET, path, seeds=1, limit=4).trained == 4
    drawn = load(path).architectures
    assert len(drawn) == 4
    first = load(path).tasks[0].metrics
    assert generate(SPACE, RECIPE, DATASET, path, seeds=(1,), limit=2).trained == 2
    status = load(path).tasks[0].status
    assert (status[:, 0] == DONE).all()
    assert sorted(status[:, 1]) == [MISSING, MISSING, DONE, DONE]
    summary = generate(SPACE, RECIPE, DATASET, path, seeds=2)
    assert (summary.trained, summary.reused) == (12, 6)
    assert_same_numbers(path, whole.path)
    with Table.open(path) as table:
        rows = table.rows(drawn)
        for name, values in first.items():  # the seconds too: nothing was trained anew
            np.testing.assert_array_equal(table.metric("spots", name)[rows, :1], values)


def test_asking_for_less_takes_nothing_away(whole):
    summary = generate(SPACE, RECIPE, DATASET, whole.path, seeds=1, limit=3)
    assert (summary.trained, summary.reused) == (0, 3)
    assert load(whole.path).tasks[0].status.shape == (9, 2)


@pytest.mark.parametrize("error", [KeyboardInterrupt, Stop])
def test_an_interrupted_run_leaves_a_valid_table_and_goes_on_from_there(whole, tmp_path, error):
    path = tmp_path / "t.h5"
    with pytest.raises(error):
        generate(SPACE, RECIPE, DATASET, path, seeds=2, progress=stop_after(7, error))
    data = load(path)
    assert (data.tasks[0].status == DONE).sum() == 7
    assert list(tmp_path.iterdir()) == [path]
    summary = generate(SPACE, RECIPE, DATASET, path, seeds=2)
    assert (summary.trained, summary.reused) == (11, 7)
    assert_same_numbers(path, whole.path)


def leave_journals(path, monkeypatch, after):
    """Run a generator that ends as if killed after so many trainings."""
    with monkeypatch.context() as patch:
        patch.setattr("tabular.generation.generator._compact", lambda *_: None)
        with pytest.raises(Stop):
            generate(SPACE, RECIPE, DATASET, path, seeds=2, progress=stop_after(after, Stop))


def test_an_interruption_before_the_first_training_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", progress=stop_after(0, KeyboardInterrupt))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_compaction_keeps_the_journals(whole, tmp_path, monkeypatch):
    def fail(path, data):
        raise OutputError(f"{path}: cannot be written: No space left on device")

    path = tmp_path / "t.h5"
    with monkeypatch.context() as patch:
        patch.setattr("tabular.generation.ledger.write_table", fail)
        with pytest.raises(OutputError, match="No space left"):
            generate(SPACE, RECIPE, DATASET, path, seeds=2)
    assert not path.exists()
    summary = generate(SPACE, RECIPE, DATASET, path, seeds=2)
    assert (summary.trained, summary.reused) == (0, 18)
    assert_same_numbers(path, whole.path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("where", ["header", "record"])
def test_damage_in_a_journal_costs_a_retraining_and_nothing_else(whole, tmp_path, monkeypatch, where):
    path = tmp_path / "t.h5"
    leave_journals(path, monkeypatch, after=9)
    (journal,) = (tmp_path / "t.h5.journal").glob("*.journal")
    content = bytearray(journal.read_bytes())
    content[30 if where == "header" else -30] ^= 1
    journal.write_bytes(content)
    lost = {"header": "its header is missing or damaged", "record": r"its last \d+ bytes, .* are no whole record"}
    with pytest.warns(UserWarning, match=rf"{journal.name}: {lost[where]}.*; what that held is trained again"):
        summary = generate(SPACE, RECIPE, DATASET, path, seeds=2)
    assert summary.reused == {"header": 0, "record": 8}[where]
    assert_same_numbers(path, whole.path)


def test_what_a_killed_writer_left_is_cleared_away(whole, tmp_path):
    path = tmp_path / "t.h5"
    path.write_bytes(whole.path.read_bytes())
    (tmp_path / ".t.h5.12345.tmp").write_bytes(b"half a table")
    other = tmp_path / ".other.h5.12345.tmp"
    other.write_bytes(b"of somebody else")
    generate(SPACE, RECIPE, DATASET, path, seeds=1)
    assert sorted(tmp_path.iterdir()) == [other, path]


@pytest.mark.parametrize("left", ["table", "journals"])
def test_a_space_that_numbers_its_networks_otherwise_is_refused(tmp_path, monkeypatch, left):
    path = tmp_path / "t.h5"
    if left == "journals":
        leave_journals(path, monkeypatch, after=3)
    else:
        generate(SPACE, RECIPE, DATASET, path, seeds=1, limit=3)
    renumbered = CellSpace("tiny", 3, SPACE.operations)
    renumbered.unique = lambda: SPACE.unique()[::-1]
    with pytest.raises(PlanMismatchError, match=r"was made with networks_sha256 = .* to start anew"):
        generate(renumbered, RECIPE, DATASET, path, seeds=2)


def test_two_processes_give_the_numbers_of_one(whole, tmp_path):
    told = []
    path = tmp_path / "t.h5"
    generate(SPACE, RECIPE, DATASET, path, seeds=2, jobs=2, progress=lambda done, *_: told.append(done))
    assert told == list(range(19))
    assert_same_numbers(path, whole.path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.world
def test_a_dead_worker_is_reported_and_its_finished_work_kept(tmp_path):
    import multiprocessing

    def kill_one(done, total, note):
        if done == 5:
            multiprocessing.active_children()[0].kill()

    path = tmp_path / "t.h5"
    with pytest.raises(
        NasbenchError, match=r"a worker process ended early \(exit code -9\); what was finished is kept"
    ):
        generate(SPACE, RECIPE, DATASET, path, seeds=8, jobs=2, progress=kill_one)
    assert (load(path).tasks[0].status == DONE).sum() >= 5
    assert not multiprocessing.active_children()


def test_diverged_trainings_are_marked(tmp_path):
    # At this learning rate the weights of a convolution leave float32 within an epoch or two.
    recipe = RECIPE.replace(learning_rate=1e30)
    summary = generate(SPACE, recipe, DATASET, tmp_path / "t.h5", seeds=1)
    data = load(tmp_path / "t.h5").tasks[0]
    gone = data.status[:, 0] == DIVERGED
    assert summary.diverged == gone.sum() > 0
    assert np.isnan(data.metrics["validation_accuracy"][gone, 0, -1]).all()
    assert np.isfinite(data.metrics["train_seconds"]).all()
    again = generate(SPACE, recipe, DATASET, tmp_path / "t.h5", seeds=1)
    assert again.trained == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": RECIPE.replace(learning_rate=0.05)}, r"made with recipe\.learning_rate = 0\.1, asked for is 0\.05"),
        ({"recipe": RECIPE.replace(epochs=3)}, r"made with recipe\.epochs = 2, asked for is 3"),
        ({"dataset": make_dataset(1)}, r"made with dataset\.digest = "),
        ({"space": CellSpace("other", 3, SPACE.operations)}, r"made with space\.name = 'tiny', asked for is 'other'"),
        ({"task": "dots"}, "made with task = 'spots', asked for is 'dots'"),
    ],
)
def test_another_plan_is_refused_by_the_field_that_differs(whole, change, message):
    before = whole.path.read_bytes()
    plan = {"space": SPACE, "recipe": RECIPE, "dataset": DATASET, **change}
    with pytest.raises(PlanMismatchError, match=message) as caught:
        generate(path=whole.path, **plan)
    assert "give another file name, or remove" in str(caught.value)
    assert whole.path.read_bytes() == before


def test_journals_of_another_plan_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "t.h5"
    leave_journals(path, monkeypatch, after=2)
    with pytest.raises(PlanMismatchError, match=r"\.journal: was made with recipe\.momentum = 0\.9, asked for is 0\.5"):
        generate(SPACE, RECIPE.replace(momentum=0.5), DATASET, path)
    assert generate(SPACE, RECIPE, DATASET, path).reused == 2


def test_a_table_from_elsewhere_is_not_continued(toy_table, tmp_path):
    path = tmp_path / "toy.h5"
    path.write_bytes(toy_table.read_bytes())
    with pytest.raises(PlanMismatchError, match=r"toy\.h5: is a table that was not generated here"):
        generate(SPACE, RECIPE, DATASET, path)


def test_a_damaged_table_is_not_written_over(whole, tmp_path):
    path = tmp_path / "t.h5"
    path.write_bytes(whole.path.read_bytes()[:5000])
    with pytest.raises(FileFormatError, match=r"t\.h5"):
        generate(SPACE, RECIPE, DATASET, path)
    assert len(path.read_bytes()) == 5000


def test_a_second_generator_is_refused_by_name(tmp_path):
    folder = tmp_path / "t.h5.journal"
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match=r"t\.h5: another generator \(process 4711\) is working on it"):
            generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5")
    generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=1, limit=1)  # a lock that nobody holds stops nobody
    assert not folder.exists()


def test_a_generator_is_refused_while_another_works_and_does_it_no_harm(whole, tmp_path):
    def start_another(done, total, note):
        with pytest.raises(OutputError, match=rf"t\.h5: another generator \(process {os.getpid()}\) is working on it"):
            generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=2)

    generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=2, progress=start_another)
    assert_same_numbers(tmp_path / "t.h5", whole.path)
    assert [*tmp_path.iterdir()] == [tmp_path / "t.h5"]


def test_of_many_generators_that_start_at_once_one_works_at_a_time(whole, tmp_path):
    path = tmp_path / "t.h5"
    trained, refused = [], []

    def go_on(seed):
        try:
            while True:  # until there is nothing left to do
                summary = generate(SPACE, RECIPE, DATASET, path, seeds=(seed,), limit=2)
                trained.append(summary.trained)
                if not summary.trained:
                    return
        except OutputError as error:
            refused.append(str(error))

    for _ in range(5):
        threads = [threading.Thread(target=go_on, args=(number % 2,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for seed in (0, 1):
        go_on(seed)
    assert sum(trained) == 4
    assert refused
    assert all("another generator (process " in each for each in refused), refused
    assert [*tmp_path.iterdir()] == [tmp_path / "t.h5"]
    with Table.open(whole.path) as table:
        wanted = table.metric("spots", "test_accuracy")[table.rows(load(path).architectures)]
    np.testing.assert_array_equal(load(path).tasks[0].metrics["test_accuracy"], wanted)


def test_the_lock_names_this_process(tmp_path):
    def look(done, total, note):
        assert (tmp_path / "t.h5.journal" / "lock").read_text() == str(os.getpid())

    generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=1, limit=1, progress=look)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds must be a number from 1, or different numbers from 0; got 0"),
        ({"seeds": (1, 1)}, r"got \(1, 1\)"),
        ({"seeds": (-1,)}, r"got \(-1,\)"),
        ({"jobs": 0}, "jobs must be 1 or more, got 0"),
        ({"limit": 0}, "limit must be 1 or more, got 0"),
    ],
)
def test_impossible_amounts_are_refused(tmp_path, options, message):
    with pytest.raises(BudgetError, match=message):
        generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", **options)


def test_an_unknown_device_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown device 'cpuu'; did you mean 'cpu'"):
        generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", device="cpuu")


def test_an_unwritable_place_is_refused_before_anything_is_trained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/t\.h5: cannot be written"):
        generate(SPACE, RECIPE, DATASET, tmp_path / "file" / "t.h5", progress=stop_after(0, Stop))


def test_provenance_keeps_where_earlier_trainings_came_from(whole, tmp_path):
    data = load(whole.path)
    task = data.tasks[0].task
    elsewhere = {**task.provenance, "platform": "another machine"}
    data.tasks[0].task = type(task)(task.name, task.epochs, task.metrics, task.seeds, elsewhere)
    write_table(tmp_path / "t.h5", data)
    generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=3, limit=1)
    (earlier,) = load(tmp_path / "t.h5").tasks[0].task.provenance["earlier"]
    assert earlier["platform"] == "another machine"
