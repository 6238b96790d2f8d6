"""The engine of Ray, on a real one of this machine: the numbers of any engine, and a killed worker costs a retry."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter

import pytest

from generation.tiny import DATASET, RECIPE, SPACE, Stop, assert_same_numbers, load
from tabular import generate
from tabular.errors import BudgetError, DataError, NasbenchError, OutputError
from tabular.generation.engine import Job, WorkerContext
from tabular.generation.journal import JournalHeader, read_journal
from tabular.generation.plan import Group
from tabular.generation.ray import RETRIES, RayEngine
from tabular.layout import DONE

pytestmark = pytest.mark.world

ray = pytest.importorskip("ray")
LONGER = RECIPE.replace(epochs=60)


@pytest.fixture(scope="module", autouse=True)
def two_cores(tmp_path_factory):
    """A Ray of this machine that has room for two groups, and a home folder for the token that it makes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        patch.delenv("RAY_AUTH_MODE", raising=False)
        before = signal.getsignal(signal.SIGTERM)
        ray.init(
            address="local", num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
        yield
        ray.shutdown()
        signal.signal(signal.SIGTERM, before)


@pytest.fixture
def workshop(tmp_path):
    """What trains in an engine without a generator."""

    def make(kind=WorkerContext, folder=tmp_path, device="cpu"):
        header = JournalHeader({}, {}, ("validation_accuracy",), (1, 2), ())
        return kind(SPACE, SPACE.unique(), RECIPE, DATASET, device, folder, header)

    return make


@pytest.mark.parametrize("workers", [1, 2, None])
def test_a_table_has_the_numbers_of_any_engine(tiny_table, tmp_path, workers):
    path = tmp_path / "t.h5"
    summary = generate(SPACE, RECIPE, DATASET, path, seeds=2, together=2, engine=RayEngine(workers=workers))
    assert (summary.trained, summary.reused, summary.left) == (18, 0, 0)
    assert_same_numbers(path, tiny_table(together=2))
    assert [*tmp_path.iterdir()] == [path]


def test_a_worker_keeps_one_journal_and_no_more_jobs_are_taken_than_there_is_room_for(workshop, tmp_path):
    taken = []

    def jobs():
        for row in range(6):
            taken.append(row)
            yield Job(Group((row,), 0), ())

    for number, records in enumerate(RayEngine().train(workshop(), jobs()), start=1):
        assert [record.seed for record in records] == [0]
        assert len(taken) <= number + 1
    files = [read_journal(file) for file in tmp_path.glob("*.journal")]
    assert len(files) <= 2
    assert sorted(record.row for file in files for record in file.records) == list(range(6))


def test_a_killed_worker_costs_a_retry_of_its_group_and_nothing_else(tiny_table, tmp_path):
    path, killed, written = tmp_path / "t.h5", [], Counter()

    def kill_one():  # a worker begins its journal right before it trains its first group
        until = time.monotonic() + 120
        while not killed and time.monotonic() < until:
            for file in path.with_name("t.h5.journal").glob("*.journal"):
                killed.append(int(file.name.partition("-")[0]))
                os.kill(killed[0], signal.SIGKILL)
                break
            time.sleep(0.001)

    def look(done, total, note):
        if done == total:
            for file in path.with_name("t.h5.journal").glob("*.journal"):
                written.update((record.row, record.seed) for record in read_journal(file).records)

    killer = threading.Thread(target=kill_one)
    killer.start()
    generate(SPACE, LONGER, DATASET, path, seeds=2, together=2, engine=RayEngine(workers=2), progress=look)
    killer.join()
    assert killed
    assert len(written) == 18
    assert set(written.values()) == {1}
    assert_same_numbers(path, tiny_table(together=2, epochs=60))


class Deadly(WorkerContext):
    """Kills its worker with one of the groups, whoever trains it."""

    def train(self, job):
        if job.group.rows == (3,):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().train(job)


def test_a_group_that_kills_every_worker_ends_the_work_with_a_line(workshop, tmp_path):
    jobs = [Job(Group((row,), 0), ()) for row in (1, 2, 3)]
    finished = []
    with pytest.raises(NasbenchError) as raised:
        finished.extend(records[0].row for records in RayEngine(workers=1).train(workshop(Deadly), jobs))
    assert str(raised.value).startswith(f"a group could not be trained, though it was tried {RETRIES + 1} times: ")
    assert str(raised.value).endswith("; what was finished is kept, run again to go on")
    assert "\n" not in str(raised.value)
    assert finished == [1, 2]
    assert sorted(r.row for file in tmp_path.glob("*.journal") for r in read_journal(file).records) == [1, 2]


class Slow(WorkerContext):
    """Goes on with one of the groups for longer than a test lasts, and says who does."""

    def train(self, job):
        if job.group.rows == (2,):
            (self.folder / "new").write_text(str(os.getpid()))
            (self.folder / "new").rename(self.folder / "pid")
            time.sleep(600)
        return super().train(job)


def test_no_worker_is_left_at_work_when_nobody_wants_more(workshop, tmp_path):
    trained = RayEngine(workers=2).train(workshop(Slow), [Job(Group((row,), 0), ()) for row in (2, 1)])
    assert [record.row for record in next(trained)] == [1]
    wait_for((tmp_path / "pid").exists)
    worker = int((tmp_path / "pid").read_text())
    trained.close()
    wait_for(lambda: not is_alive(worker))


def wait_for(condition):
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class Spoilt(WorkerContext):
    def train(self, job):
        raise DataError("images/7.png: is no image")


def test_a_workers_error_is_raised_as_what_it_is(workshop):
    with pytest.raises(NasbenchError) as raised:
        next(RayEngine().train(workshop(Spoilt), [Job(Group((1,), 0), ())]))
    assert type(raised.value) is DataError
    assert str(raised.value) == "images/7.png: is no image"


class Incomplete(WorkerContext):
    def train(self, job):
        import a_package_that_is_here_alone  # noqa: F401


def test_a_package_that_a_node_does_not_have_is_told(workshop):
    told = (
        "^a worker of Ray says: No module named 'a_package_that_is_here_alone'; every node needs the packages that .*"
    )
    with pytest.raises(NasbenchError, match=told):
        next(RayEngine().train(workshop(Incomplete), [Job(Group((1,), 0), ())]))


def test_a_folder_that_a_node_does_not_have_is_told(workshop, tmp_path):
    with pytest.raises(OutputError, match=r"/gone: is not there on \S+, where a worker runs; .* all nodes share$"):
        next(RayEngine().train(workshop(folder=tmp_path / "gone"), [Job(Group((1,), 0), ())]))


@pytest.mark.parametrize("error", [KeyboardInterrupt, Stop])
def test_an_interrupted_run_leaves_a_valid_table_and_goes_on_from_there(tiny_table, tmp_path, error):
    path, options = tmp_path / "t.h5", {"seeds": 2, "together": 2}
    with pytest.raises(error):
        generate(SPACE, RECIPE, DATASET, path, engine=RayEngine(), progress=stop_after(5, error), **options)
    kept = int((load(path).tasks[0].status == DONE).sum())
    assert 5 <= kept < 18
    assert [*tmp_path.iterdir()] == [path]
    summary = generate(SPACE, RECIPE, DATASET, path, engine=RayEngine(workers=1), **options)
    assert (summary.reused, summary.trained) == (kept, 18 - kept)
    assert_same_numbers(path, tiny_table(together=2))


def stop_after(count, error):
    def progress(done, total, note):
        if done >= count:
            raise error

    return progress


def test_a_budget_is_measured_with_the_engine(tiny_table, tmp_path):
    path = tmp_path / "t.h5"
    summary = generate(SPACE, RECIPE, DATASET, path, seeds=2, together=2, engine=RayEngine(), budget=40)
    assert summary.trained + summary.left == 18
    assert summary.trained > 0
    if not summary.left:
        assert_same_numbers(path, tiny_table(together=2))


def test_what_no_node_has_room_for_is_refused(workshop):
    with pytest.raises(NasbenchError, match=r"^Ray has 2 CPUs and 0 GPUs, .* it takes a CPU and 0\.25 of a GPU$"):
        next(RayEngine(gpus=0.25).train(workshop(device="cuda:1"), [Job(Group((1,), 0), ())]))


def test_a_share_of_a_gpu_is_refused_where_none_is_used(workshop):
    with pytest.raises(BudgetError, match=r"^gpus=0\.25 is for trainings on a GPU, but the device is 'cpu'; give cuda"):
        next(RayEngine(gpus=0.25).train(workshop(), [Job(Group((1,), 0), ())]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers must be 1 or more, got 0"),
        ({"workers": "two"}, "workers must be 1 or more, got 'two'"),
        ({"gpus": 0}, "gpus must be the share .* got 0"),
        ({"gpus": 1.5}, "gpus must be the share .* got 1.5"),
        ({"gpus": 1e-5}, "gpus must be the share .*, from 0.0001 to 1; got 1e-05"),
    ],
)
def test_impossible_numbers_are_refused(options, message):
    with pytest.raises(BudgetError, match=f"^{message}$"):
        RayEngine(**options)


def test_without_ray_the_way_to_get_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NasbenchError, match=r"^the engine ray needs Ray .*; pip install 'nasbench\[ray\]'$"):
        RayEngine()
