"""A generator that is killed, or refused, at every call by which it changes files: no table and no training is lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tabular import Table

HERE = Path(__file__).parent
CAMPAIGN = bool(os.environ.get("NASBENCH_CAMPAIGN"))
"""Whether every call is attacked; else a sample, so that the suite stays quick."""

HELD = {"nothing": 0, "table": 3, "journals": 4}
"""Where a run begins, and how many trainings are on record there."""

BEGINNINGS = tuple(HELD)
TRAININGS = 6


class Generators:
    """Runs generators whose system calls are interfered with."""

    def __init__(self, library: Path) -> None:
        command = [sys.executable, HERE / "generator_under_attack.py"]
        environment = {
            **os.environ, "LD_PRELOAD": str(library), "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
        }  # fmt: skip
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, folder, seeds=2, **attack):
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


@pytest.fixture(scope="module")
def beginnings(generators, tmp_path_factory):
    """Folders to begin in: empty; with a table of half the trainings; with that, and the journal of a killed run."""
    root = tmp_path_factory.mktemp("beginnings")
    for name in BEGINNINGS:
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


def sample(places):
    return places if CAMPAIGN else places[::7]


def assert_resumes(generators, folder, uninterrupted, where):
    """Go on with what an attack left; return how many trainings were reused."""
    if (folder / "t.h5").exists():
        held = load(folder)
        assert_same_where_there(held, uninterrupted, where)
    resumed = generators.run(folder)
    assert resumed["exit"] == 0, where
    assert resumed["ending"].startswith("trained "), (where, resumed["ending"])
    assert_same(load(folder), uninterrupted, where)
    assert os.listdir(folder) == ["t.h5"], where
    return TRAININGS - int(resumed["ending"].split()[1])


def assert_same_where_there(held, uninterrupted, where):
    there = held.status != 0
    columns = there.shape[1]
    assert there.any(), where
    np.testing.assert_array_equal(held.status[there], uninterrupted.status[:, :columns][there], err_msg=where)
    for name, values in uninterrupted.metrics.items():
        np.testing.assert_array_equal(held.metrics[name][there], values[:, :columns][there], err_msg=where)


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("action", ["kill before", "kill halfway"])
def test_killed_at_any_call_nothing_is_lost(generators, beginnings, uninterrupted, tmp_path, beginning, action):
    calls = generators.run(shutil.copytree(beginnings / beginning, tmp_path / "watched"))["calls"]
    for place in sample(range(len(calls)) if action == "kill before" else writes(calls)):
        folder = shutil.copytree(beginnings / beginning, tmp_path / str(place))
        killed = generators.run(folder, action=action, first=place, last=place)
        where = f"{action} call {place}: {killed['calls'][-1]}"
        assert killed["exit"] == -signal.SIGKILL, where
        reused = assert_resumes(generators, folder, uninterrupted, where)
        assert reused == HELD[beginning] + recorded(killed["calls"][:-1]), where


@pytest.mark.parametrize("lasting", [True, False])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
def test_refused_at_any_call_nothing_is_lost(generators, beginnings, uninterrupted, tmp_path, error, lasting):
    """The disk fills, permission is taken away, the file system becomes read-only or fails; for good or once."""
    calls = generators.run(shutil.copytree(beginnings / "table", tmp_path / "watched"))["calls"]
    bad = []
    for place in range(len(calls)):
        folder = shutil.copytree(beginnings / "table", tmp_path / str(place))
        last = len(calls) ** 2 if lasting else place
        refused = generators.run(folder, action="fail", first=place, last=last, error=error)
        where = f"{os.strerror(error)} at call {place}: {calls[place]}"
        if refused["exit"] or not refused["ending"].startswith(("refused", "trained")) or (
            refused["ending"].startswith("refused") and os.strerror(error) not in refused["ending"]):
            bad.append((where, refused["exit"], refused["ending"]))
        try:
            reused = assert_resumes(generators, folder, uninterrupted, where)
        except AssertionError as e:
            bad.append((where, refused["exit"], refused["ending"], str(e)))
    print(*bad, sep="\n")
    assert not bad
