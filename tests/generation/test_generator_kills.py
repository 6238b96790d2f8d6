"""A generator that is killed, as processes of its own: nothing is lost but the trainings in flight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tabular import Table

pytestmark = pytest.mark.world

CAMPAIGN = bool(os.environ.get("NASBENCH_CAMPAIGN"))
"""Whether to kill for minutes; else a few times, so that the suite stays quick."""

TRAININGS = 54

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from generation.tiny import DATASET, RECIPE, SPACE
from tabular import generate

if __name__ == "__main__":
    generate(
        SPACE, RECIPE, DATASET, Path(sys.argv[1]), seeds=6, jobs=int(sys.argv[2]), together=3,
        progress=lambda done, total, note: print(done, flush=True),
    )
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "script.py"
    path.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1])))
    return path


@pytest.fixture
def start(tmp_path, script):
    """Start a generator on ``tmp_path / "t.h5"``."""
    running = []

    def start(jobs=1):
        command = [sys.executable, str(script), str(tmp_path / "t.h5"), str(jobs)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def wait_until(process, done):
    """Read the generator's progress until it has done so many trainings."""
    for line in process.stdout:
        if int(line) >= done:
            return int(line)
    pytest.fail(f"ended before training {done}: {process.stderr.read()}")


@pytest.fixture(scope="module")
def uninterrupted(tiny_table):
    with Table.open(tiny_table(seeds=6, together=3)) as table:
        return table.load().tasks[0]


def assert_like_uninterrupted(path, uninterrupted):
    with Table.open(path) as table:
        assert table.check() == []
        found = table.load().tasks[0]
    np.testing.assert_array_equal(found.status, uninterrupted.status)
    for name in set(uninterrupted.metrics) - {"train_seconds"}:
        np.testing.assert_array_equal(found.metrics[name], uninterrupted.metrics[name])
    for name in set(uninterrupted.costs) - {"latency_seconds"}:
        np.testing.assert_array_equal(found.costs[name], uninterrupted.costs[name])


def test_workers_end_when_their_parent_is_killed(start, tmp_path, uninterrupted):
    process = start(jobs=2)
    reported = wait_until(process, 5)
    workers = children_of(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.05)
    process = start()
    assert int(process.stdout.readline()) >= reported
    process.communicate(timeout=100)
    assert_like_uninterrupted(tmp_path / "t.h5", uninterrupted)


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_leaves_a_valid_table(start, tmp_path, jobs):
    process = start(jobs)
    reported = wait_until(process, 6)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    with Table.open(tmp_path / "t.h5") as table:
        assert table.check() == []
        assert (table.status("spots") == 1).sum() >= reported
    assert not (tmp_path / "t.h5.journal").exists()


def test_killed_at_random_moments_it_still_arrives(start, tmp_path, uninterrupted):
    """Some kills fall into the start, most into trainings, a third around the moment when the table is written."""
    rng = np.random.default_rng(int(os.environ.get("NASBENCH_CAMPAIGN") or 0))
    path, kills, writing, arrived = tmp_path / "t.h5", 0, 0, 0
    reported = 0
    while kills < (120 if CAMPAIGN else 3) or reported or not arrived:
        process = start(jobs=1 + (CAMPAIGN and rng.random() < 0.2))
        after = TRAININGS if rng.random() < 1 / 3 else int(rng.integers(TRAININGS))
        found = int(process.stdout.readline())
        assert found >= reported  # all that was told of is there again
        if reported < TRAININGS:
            reported = found if found >= after else wait_until(process, after)
            time.sleep(rng.uniform(0, 0.05))
            process.kill()
        _, errors = process.communicate(timeout=100)
        if process.returncode == -signal.SIGKILL:
            kills += 1
            writing += any(tmp_path.glob(".*.tmp"))
            if path.exists():
                with Table.open(path) as table:
                    assert table.check() == []
            continue
        assert process.returncode == 0, errors
        assert_like_uninterrupted(path, uninterrupted)
        assert list(tmp_path.iterdir()) == [path]
        path.unlink()
        arrived, reported = arrived + 1, 0
    sys.stdout.write(f"{kills} kills, {writing} of them within the writing of the table; {arrived} tables arrived")


def children_of(parent):
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    if not listed.exists():
        pytest.skip("this system does not list the children of a process under /proc")
    return [int(pid) for pid in listed.read_text().split()]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"
