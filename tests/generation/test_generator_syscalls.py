"""A generator that is killed, or refused, at every call by which it changes files: no table and no training is lost."""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tabular import Table

pytestmark = pytest.mark.world

HERE = Path(__file__).parent
CAMPAIGN = bool(os.environ.get("NASBENCH_CAMPAIGN"))
"""Whether every call is attacked; else a sample, so that the suite stays quick."""

HELD = {"nothing": 0, "table": 3, "journals": 4}
"""Where a run begins, and how many trainings are on record there."""

TRAININGS = 6


class Generators:
    """Runs generators whose system calls are interfered with."""

    def __init__(self, library: Path) -> None:
        self.attacks = 0
        command = [sys.executable, HERE / "generator_under_attack.py"]
        environment = {
            **os.environ, "LD_PRELOAD": str(library), "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore",
            "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]),
        }  # fmt: skip
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, folder, seeds=2, **attack):
        self.attacks += bool(attack)
        self.process.stdin.write(json.dumps({"folder": str(folder), "seeds": seeds, **attack}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def generators(tmp_path_factory):
    if sys.platform != "linux":
        pytest.skip("calls are intercepted on Linux alone")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler (cc) to make the library that intercepts calls")
    library = tmp_path_factory.mktemp("library") / "kill_at_syscall.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, HERE / "kill_at_syscall.c", "-ldl"], check=True)
    running = Generators(library)
    yield running
    running.process.stdin.close()
    running.process.wait()
    sys.stdout.write(f"{running.attacks} generators attacked\n")


@pytest.fixture(scope="module")
def beginnings(generators, tmp_path_factory):
    """Folders to begin in: empty; with a table of half the trainings; with that, and the journal of a killed run."""
    root = tmp_path_factory.mktemp("beginnings")
    for name in HELD:
        (root / name).mkdir()
        if name != "nothing":
            generators.run(root / name, seeds=1)
    calls = generators.run(shutil.copytree(root / "table", root / "whole"))["calls"]
    writes = [i for i, (call, path) in enumerate(calls) if call == "write" and path.endswith(".journal")]
    generators.run(root / "journals", action="kill halfway", first=writes[2], last=writes[2])
    return root


@pytest.fixture(scope="module")
def uninterrupted(beginnings):
    return load(beginnings / "whole")


@pytest.fixture
def begin(beginnings, tmp_path):
    numbers = itertools.count()
    return lambda beginning: shutil.copytree(beginnings / beginning, tmp_path / str(next(numbers)))


def load(folder):
    with Table.open(folder / "t.h5") as table:
        assert table.check() == []
        return table.load().tasks[0]


def assert_same(found, wanted, where=""):
    np.testing.assert_array_equal(found.status, wanted.status, err_msg=where)
    for kind in ("metrics", "costs"):
        for name, values in getattr(wanted, kind).items():
            np.testing.assert_array_equal(getattr(found, kind)[name], values, err_msg=f"{where}: {name}")


def writes(calls):
    return [place for place, (call, _) in enumerate(calls) if call in {"write", "pwrite"}]


def recorded(calls):
    """Count the trainings that were written whole to a journal; the first write is its header."""
    journaled = [path for call, path in calls if call == "write" and path.endswith(".journal")]
    return max(len(journaled) - 1, 0)


def sample(places, stride, offset=0):
    return places if CAMPAIGN else places[offset % stride :: stride]


def assert_resumes(generators, folder, uninterrupted, where):
    """Go on with what an attack left; return how many trainings were reused."""
    if (folder / "t.h5").exists():
        held = load(folder)
        assert_same_where_there(held, uninterrupted, where)
    resumed = generators.run(folder)
    assert resumed["exit"] == 0, where
    assert resumed["ending"].startswith("trained "), (where, resumed["ending"])
    assert_same(load(folder), uninterrupted, where)
    assert [*folder.iterdir()] == [folder / "t.h5"], where
    return TRAININGS - int(resumed["ending"].split()[1])


def assert_same_where_there(held, uninterrupted, where):
    there = held.status != 0
    columns = there.shape[1]
    assert there.any(), where
    np.testing.assert_array_equal(held.status[there], uninterrupted.status[:, :columns][there], err_msg=where)
    for name, values in uninterrupted.metrics.items():
        np.testing.assert_array_equal(held.metrics[name][there], values[:, :columns][there], err_msg=where)


@pytest.mark.parametrize("beginning", HELD)
@pytest.mark.parametrize("action", ["kill before", "kill halfway"])
def test_killed_at_any_call_nothing_is_lost(generators, begin, uninterrupted, beginning, action):
    calls = generators.run(begin(beginning))["calls"]
    for place in sample(range(len(calls)) if action == "kill before" else writes(calls), 5):
        folder = begin(beginning)
        killed = generators.run(folder, action=action, first=place, last=place)
        where = f"{action} call {place}: {calls[place]}"
        assert killed["exit"] == -signal.SIGKILL, where
        reused = assert_resumes(generators, folder, uninterrupted, where)
        assert reused == HELD[beginning] + recorded(killed["calls"][:-1]), where


def test_killed_while_a_group_is_written_its_whole_records_count_and_the_rest_is_trained_again(
    generators, begin, uninterrupted
):
    calls = generators.run(begin("nothing"), together=2)["calls"]
    reused = []
    for place in writes(calls):
        folder = begin("nothing")
        killed = generators.run(folder, together=2, action="kill halfway", first=place, last=place)
        assert killed["exit"] == -signal.SIGKILL, calls[place]
        resumed = generators.run(folder, together=2)
        assert_same(load(folder), uninterrupted, calls[place])
        reused.append(TRAININGS - int(resumed["ending"].split()[1]))
    # Groups of two and one for each of two seeds: half of two records is less than one and a mark more.
    assert reused[0] == 0
    assert reused[-1] == TRAININGS
    assert sorted(reused) == reused


def test_killed_again_while_resuming_nothing_is_lost(generators, begin, uninterrupted):
    calls = range(len(generators.run(begin("table"))["calls"]))
    for place, again in sample([*itertools.product(calls, calls)], 197):
        folder = begin("table")
        first = generators.run(folder, action="kill before", first=place, last=place)
        second = generators.run(folder, action="kill before", first=again, last=again)
        where = f"killed before call {place} and then {again}"
        assert first["exit"] == -signal.SIGKILL, where
        assert second["exit"] == -signal.SIGKILL or len(second["calls"]) <= again, where
        assert_resumes(generators, folder, uninterrupted, where)


ERRORS = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO)


@pytest.mark.parametrize("lasting", [True, False])
@pytest.mark.parametrize("error", ERRORS)
def test_refused_at_any_call_nothing_is_lost(generators, begin, uninterrupted, error, lasting):
    """The disk fills, permission is taken away, the file system becomes read-only or fails; for good or once."""
    calls = generators.run(begin("table"))["calls"]
    for place in sample(range(len(calls)), 8, ERRORS.index(error) + 4 * lasting):
        folder = begin("table")
        run = generators.run(folder, action="fail", first=place, last=place + 1000 * lasting, error=error)
        where = f"{os.strerror(error)} at call {place}: {calls[place]}"
        assert run["exit"] == 0, where
        if run["ending"] != "trained 3":  # what is only cleared away may fail, and calls that need no permission go on
            assert re.match(rf"refused /.*t\.h5.*: cannot be .*: {os.strerror(error)}$", run["ending"]), (where, run)
        journaled = [path for call, path in run["calls"][:place] if call == "write" and path.endswith(".journal")]
        reused = assert_resumes(generators, folder, uninterrupted, where)
        assert reused >= 3 + max(len(journaled) - 1, 0), where


def test_what_is_reported_would_survive_a_power_failure(generators, begin):
    """Contents and names are flushed to the disk before anything relies on them."""
    calls = generators.run(begin("table"))["calls"]
    files = {".": "folder", "t.h5.journal": "journals", ".journal": "journal", ".tmp": "new table"}
    told = [(call, files.get(path) or files.get(Path(path).suffix)) for call, path in calls]
    watched = {"write", "fsync", "rename"}
    assert [" ".join(each) for each in told if each[0] in watched and each[1]] == [
        "fsync folder",
        "write journal", "fsync journal", "fsync journals",
        *["write journal", "fsync journal"] * 3,
        "write new table", "fsync new table", "rename new table", "fsync folder",
    ]  # fmt: skip
    renamed = calls.index(["rename", next(path for call, path in calls if call == "rename")])
    assert not any(call == "unlink" and path.endswith(".journal") for call, path in calls[:renamed])
