"""Ctrl-C at the command line: one line, exit code 2, no process left behind, and nothing lost that was there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nasbench.comparison.search_run import SearchRun
from surrogates.models.xgboost import XGBoostEnsemble
from tabular import Table
from tabular.generation.engine import WorkerContext
from tabular.generation.journal import read_journal
from tabular.generation.ledger import Ledger, Sources
from tabular.training import TrainingOracle

COMMAND = [sys.executable, "-c", "from nasbench.cli.app import main; main()"]


@pytest.fixture
def start(tmp_path):
    """Start a command in a group of its own, as a terminal does."""
    running = []

    def start(*arguments):
        running.append(
            subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def wait_for(process, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def interrupt(process):
    """Press Ctrl-C; give what the command printed to the two streams."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2, err
    return out, err


def children_of(process):
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not listed.exists():
        pytest.skip("this system does not list the children of a process under /proc")
    return listed.read_text().split()


@pytest.mark.world
@pytest.mark.parametrize("jobs", [1, 2])
def test_generate_keeps_what_was_finished_and_goes_on(start, command, trained, tmp_path, monkeypatch, jobs):
    monkeypatch.chdir(tmp_path)
    for name in ("space.toml", "recipe.toml"):
        shutil.copy(trained / name, tmp_path)
    arguments = ("generate", "space.toml", "--recipe", "recipe.toml", "--seeds", 5, "--out", "t.h5", "--jobs")
    process = start(*arguments, jobs)
    wait_for(process, lambda: sum(len(read_journal(file).records) for file in tmp_path.glob("*/*.journal")) > 2)
    out, err = interrupt(process)
    assert out == ""
    *progress, summary, best, line = err.splitlines()
    assert line == "nasbench: interrupted; what was finished is kept, the same command goes on from there"
    assert all(each.startswith("training space on digits: ") for each in progress), err
    with Table.open("t.h5") as table:
        assert table.check() == []
        kept = int((table.status("digits") == 1).sum())
        finals = table.metric("digits", "validation_accuracy")[:, :, -1]
        texts = [table.space.to_text(row) for row in table.architectures[(finals == np.nanmax(finals)).any(axis=1)]]
    assert summary == f"t.h5: {kept} trainings on record, {45 - kept} missing, 0 diverged"
    assert best in [f"best so far: validation accuracy {np.nanmax(finals):.4f} by {text}" for text in texts]
    assert 2 < kept < 45
    again = json.loads(command(*arguments, 1, "--json").out)
    assert (again["reused"], again["trained"]) == (kept, 45 - kept)
    with Table.open("t.h5") as table:
        assert (table.status("digits") == 1).all()
    assert not Path("t.h5.journal").exists()


def test_generate_tells_of_journals_too_when_it_is_interrupted_again(command, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ("generate", trained / "space.toml", "--recipe", trained / "recipe.toml", "--out", "t.h5", "--jobs", 1)
    interrupt_in_call(monkeypatch, Ledger, "add", 3)
    interrupt_in_call(monkeypatch, Sources, "write", 1)
    done = command(*arguments, "--seeds", 1)
    kept = sum(len(read_journal(file).records) for file in tmp_path.glob("*/*.journal"))
    assert (done.code, done.out, kept > 0) == (2, "", True)
    assert not Path("t.h5").exists()
    assert f"t.h5: {kept} trainings on record, {9 - kept} missing, 0 diverged" in done.err.splitlines()


def test_generate_that_finished_nothing_says_so(command, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    interrupt_in_call(monkeypatch, WorkerContext, "train", 1)
    done = command(
        "generate", trained / "space.toml", "--recipe", trained / "recipe.toml", "--out", "t.h5", "--jobs", 1
    )
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-2:] == [
        "t.h5: no training was finished",
        "nasbench: interrupted; what was finished is kept, the same command goes on from there",
    ]
    assert [*tmp_path.iterdir()] == []


COMPARE = ("--strategies", "random-search,local-search", "--out")


@pytest.fixture(scope="module")
def small_results(command_once, trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "r.h5"
    compare = ("compare", trained / "table.h5", *COMPARE, path)
    assert command_once(*compare, "--budget", 5, "--runs", 3, "--jobs", 1).code == 0
    return path


@pytest.fixture
def compared(small_results, trained, tmp_path):
    """A comparison's arguments, without its size, and the results that a small one left."""
    results = Path(shutil.copy(small_results, tmp_path))
    return ("compare", trained / "table.h5", *COMPARE, results), results


def test_compare_leaves_the_old_results(command, compared, monkeypatch):
    arguments, results = compared
    before = results.read_bytes()
    interrupt_in_call(monkeypatch, SearchRun, "start", 20)
    done = command(*arguments, "--budget", 9, "--runs", 5, "--jobs", 1)
    assert (done.code, done.out) == (2, "")
    assert done.err == "nasbench: interrupted; files that were there are as they were\n"
    assert results.read_bytes() == before


@pytest.mark.world
def test_compare_leaves_no_processes(start, compared, tmp_path):
    arguments, results = compared
    before = results.read_bytes()
    process = start(*arguments, "--budget", 1000, "--runs", 20_000, "--jobs", 2, "--json")
    wait_for(process, lambda: len(children_of(process)) >= 3)  # one looks after resources
    workers = children_of(process)
    began = time.monotonic()
    out, err = interrupt(process)
    assert time.monotonic() - began < 20
    assert json.loads(out) == {"error": "interrupted; files that were there are as they were"}
    assert err == ""
    assert results.read_bytes() == before
    assert list(tmp_path.iterdir()) == [results]
    wait_until_gone(workers)


def wait_until_gone(processes):
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < deadline, "processes are left behind"
        time.sleep(0.02)


def interrupt_in_call(monkeypatch, owner, name, number):
    """Let Ctrl-C arrive in the given call of a function."""
    original, calls = getattr(owner, name), []

    def called(*arguments, **options):
        calls.append(None)
        if len(calls) == number:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, called)


def test_fit_leaves_the_old_surrogate(command, toy_table, tmp_path, monkeypatch):
    arguments = ("fit", toy_table, "--epochs", "9", "--metrics", "validation_accuracy,test_accuracy")
    folder = tmp_path / "surrogate"
    assert command(*arguments, "--out", folder).code == 0
    before = {path: path.read_bytes() for path in folder.iterdir()}
    interrupt_in_call(monkeypatch, XGBoostEnsemble, "fit", 2)
    done = command(*arguments, "--seed", "1", "--out", folder)
    assert (done.code, done.out) == (2, "")
    assert done.err == "nasbench: interrupted; files that were there are as they were\n"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_verify_leaves_the_results(command, compared, monkeypatch):
    _, results = compared
    before = results.read_bytes()
    interrupt_in_call(monkeypatch, TrainingOracle, "query", 2)
    done = command("verify", results, "--json")
    assert (done.code, done.err) == (2, "")
    assert json.loads(done.out) == {"error": "interrupted; files that were there are as they were"}
    assert results.read_bytes() == before
