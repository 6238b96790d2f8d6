"""The engine of a cluster, with submitit's local executor in place of Slurm: its jobs are processes of this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from generation.tiny import DATASET, RECIPE, SPACE, assert_same_numbers, load
from nasbench import CellSpace
from tabular import generate
from tabular.errors import BudgetError, NasbenchError, UnknownNameError
from tabular.generation.merge import merge
from tabular.generation.slurm import SlurmEngine
from tabular.layout import DONE

pytest.importorskip("submitit")

LONGER = RECIPE.replace(epochs=16)
"""Gives time to disturb a job."""

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from generation.tiny import DATASET, RECIPE, SPACE
from tabular import generate
from tabular.generation.slurm import SlurmEngine

generate(
    SPACE, RECIPE.replace(epochs=16), DATASET, Path(sys.argv[1]), seeds=60, together=3,
    engine=SlurmEngine(cluster="local", shards=1), progress=lambda done, *_: print(done, flush=True),
)
"""


def local(shards=1, **options):
    return SlurmEngine(cluster="local", shards=shards, **options)


@pytest.fixture(scope="module")
def longer(tiny_table):
    return tiny_table(seeds=6, together=3, epochs=16)


def controllers(tmp_path):
    """The processes that look after the jobs submitted so far, by submitit's files."""
    return sorted({int(path.name.split("_")[0]) for path in tmp_path.glob("t.h5.journal/slurm-*/*_submitted.pkl")})


def processes_of(tmp_path, controller):
    """The processes that do a job."""
    listed = Path(f"/proc/{controller}/task/{controller}/children")
    if not Path("/proc/self/task").exists():
        pytest.skip("this system does not list the children of a process under /proc")
    return [int(pid) for pid in listed.read_text().split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.world
def test_the_numbers_are_those_of_the_local_engine(tiny_table, tmp_path):
    """With two jobs here, with one where it is disturbed."""
    told, jobs = [], set()

    def progress(done, total, note):
        told.append(done)
        jobs.update(controllers(tmp_path))

    path = tmp_path / "t.h5"
    summary = generate(SPACE, RECIPE, DATASET, path, seeds=2, together=2, engine=local(2), progress=progress)
    assert_same_numbers(path, tiny_table(together=2))
    assert (summary.trained, len(jobs)) == (18, 2)
    assert told[0] == 0
    assert told[-1] == 18
    assert len(told) > 10  # group by group
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.world
@pytest.mark.parametrize(
    ("hit", "number", "jobs"),
    [("process", signal.SIGKILL, 2), ("controller", signal.SIGKILL, 2), ("process", signal.SIGUSR2, 1)],
    ids=["killed", "killed with what looks after it", "preempted"],
)
def test_a_disturbed_job_costs_a_retry_of_its_group_and_nothing_else(longer, tmp_path, hit, number, jobs):
    """SIGUSR2 is what announces a preemption or the end of a job's time: the job is requeued rather than submitted."""
    submitted, journals, left = set(), tmp_path / "journals", []

    def progress(done, total, note):
        submitted.update(controllers(tmp_path))
        if done > 3 and not left:
            (controller,) = submitted
            (process,) = processes_of(tmp_path, controller)
            left.append(total - done)
            os.kill(process if hit == "process" else controller, number)
        if done == total:
            journals.mkdir()
            for journal in tmp_path.glob("t.h5.journal/*.journal"):
                shutil.copy(journal, journals)

    path = tmp_path / "t.h5"
    summary = generate(SPACE, LONGER, DATASET, path, seeds=6, together=3, engine=local(), progress=progress)
    assert left[0] > 0
    assert (summary.trained, len(submitted)) == (54, jobs)
    assert_same_numbers(path, longer)
    assert len(list(journals.iterdir())) == 2
    merged = merge(tmp_path / "merged.h5", [journals])
    assert (merged.missing, merged.different) == (0, 0)
    if hit == "process":  # else it works on until all is done
        assert merged.repeated < 3


@pytest.mark.world
def test_an_interruption_ends_the_jobs_and_leaves_a_valid_table(longer, tmp_path):
    running = []

    def progress(done, total, note):
        if done >= 6:
            for controller in controllers(tmp_path):
                running.extend([controller, *processes_of(tmp_path, controller)])
            raise KeyboardInterrupt

    path = tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        generate(SPACE, LONGER, DATASET, path, seeds=6, together=3, engine=local(2), progress=progress)
    assert len(running) == 4
    assert not any(map(is_running, running))
    assert list(tmp_path.iterdir()) == [path]
    assert 6 <= (load(path).tasks[0].status == DONE).sum() < 54
    generate(SPACE, LONGER, DATASET, path, seeds=6, together=3)
    assert_same_numbers(path, longer)


@pytest.mark.world
def test_a_job_that_always_fails_is_given_up_with_its_log(tmp_path):
    class Unlucky(CellSpace):
        def __setstate__(self, state):  # when the job reads what it is to do
            raise ZeroDivisionError("no luck")

    space = Unlucky("tiny", 3, SPACE.operations)
    told = r"a job ended 3 times without finishing a group, last as job \d+ \(state FINISHED\); its log is (.*\.err), "
    told += "which ends in: ZeroDivisionError: no luck; what was finished is kept, run again to go on"
    with pytest.raises(NasbenchError, match=told) as caught:
        generate(space, RECIPE, DATASET, tmp_path / "t.h5", together=1, engine=local())
    log = Path(re.search(told, str(caught.value))[1])
    assert "Traceback" in log.read_text()
    assert tmp_path in log.parents
    assert len(list(log.parent.glob("*_submitted.pkl"))) == 3
    assert not list(log.parent.glob("*.npz"))
    assert generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", seeds=1, limit=1).trained == 1


@pytest.mark.world
def test_a_mistake_that_shows_in_a_job_arrives_as_it_is(tmp_path):
    class Refused(CellSpace):
        def network(self, *arguments, **options):
            raise BudgetError("t.toml: not like this")

    logs = tmp_path / "logs"
    with pytest.raises(BudgetError, match=r"^t\.toml: not like this$"):
        generate(
            Refused("tiny", 3, SPACE.operations),
            RECIPE,
            DATASET,
            tmp_path / "t.h5",
            together=1,
            engine=local(folder=logs),
        )
    assert len(list(logs.glob("*_log.out"))) == 1
    assert list(tmp_path.iterdir()) == [logs]


@pytest.mark.world
def test_jobs_outlive_a_generator_that_was_killed_and_end_when_another_takes_over(longer, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1])))
    process = subprocess.Popen([sys.executable, script, tmp_path / "t.h5"], stdout=subprocess.PIPE, text=True)
    while int(process.stdout.readline()) < 3:
        pass
    process.kill()
    process.wait()
    process.stdout.close()  # not read to its end, which the job holds open
    (controller,) = controllers(tmp_path)
    (job,) = processes_of(tmp_path, controller)
    os.kill(job, signal.SIGSTOP)  # it has nine tenths of its work before it
    try:
        summary = generate(SPACE, LONGER, DATASET, tmp_path / "t.h5", seeds=6, together=3, engine=local())
    finally:
        os.kill(job, signal.SIGCONT)
    assert 3 <= summary.reused < 54
    assert summary.trained == 54 - summary.reused
    assert_same_numbers(tmp_path / "t.h5", longer)
    deadline = time.monotonic() + 10
    while is_running(job) or is_running(controller):
        assert time.monotonic() < deadline, "the jobs of before do not end"
        time.sleep(0.05)
    assert sorted(tmp_path.iterdir()) == [script, tmp_path / "t.h5"]


def test_without_slurm_the_way_out_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    told = r"there is no Slurm on this machine \(no sbatch and no srun on PATH\); .* take the local engine, or .*=local"
    with pytest.raises(NasbenchError, match=told):
        SlurmEngine()


def test_without_submitit_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(NasbenchError, match=r"needs submitit, which is not installed; pip install 'nasbench\[slurm\]'"):
        SlurmEngine()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shards": 0}, BudgetError, "shards must be 1 or more, got 0"),
        ({"cluster": "slrm"}, UnknownNameError, "unknown cluster 'slrm'; did you mean 'slurm'"),
        ({"tasks_per_node": 2}, BudgetError, "tasks_per_node must be 1, got 2: a job is one process; give more shards"),
        ({"slurm_partitoin": "gpu"}, NasbenchError, "slurm engine: Unknown argument 'partitoin' for executor 'slurm'"),
        ({"timeout_min": "60"}, NasbenchError, 'slurm engine: Parameter "timeout_min" expected type'),
    ],
)
def test_impossible_options_are_refused_and_leave_nothing(tmp_path, options, error, message):
    with pytest.raises(error, match=message) as caught:
        generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", engine=SlurmEngine(**{"cluster": "local", **options}))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_budget_is_refused(tmp_path):
    told = "budget 60: SlurmEngine hands out all trainings at once, so it cannot stop in time; leave the budget out"
    with pytest.raises(BudgetError, match=told):
        generate(SPACE, RECIPE, DATASET, tmp_path / "t.h5", budget=60, engine=local())
    assert list(tmp_path.iterdir()) == []
