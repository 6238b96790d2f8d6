"""``--engine``: what it means, what is told of mistakes, and a table trained by Ray from the command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tabular.generation.ray
from generation.tiny import assert_same_numbers, load
from nasbench.cli.options import read_engine
from tabular.errors import BudgetError, NasbenchError, UnknownNameError
from tabular.generation.journal import read_journal
from tabular.generation.local import LocalEngine
from tabular.generation.ray import RayEngine
from tabular.generation.slurm import SlurmEngine
from tabular.layout import DONE

pytest.importorskip("ray")
pytest.importorskip("submitit")
COMMAND = [sys.executable, "-c", "from nasbench.cli.app import main; main()"]
WRITE = "write option=value, such as workers=2"


@pytest.mark.parametrize(("text", "jobs", "processes"), [(None, None, os.cpu_count()), ("local", 3, 3), (None, 1, 1)])
def test_the_local_engine_has_so_many_jobs(text, jobs, processes):
    engine = read_engine(text, jobs)
    assert isinstance(engine, LocalEngine)
    assert engine.processes == processes


@pytest.mark.parametrize(
    ("text", "address", "gpus", "workers"),
    [
        ("ray", None, None, None),
        ("ray()", None, None, None),
        ("ray(address=auto,gpus=0.25,workers=2)", "auto", 0.25, 2),
        (" ray ( address = 10.0.0.1:6379 , gpus = 1 ) ", "10.0.0.1:6379", 1, None),
        ("ray(address='head:1')", "head:1", None, None),
        ("ray(address=6379)", "6379", None, None),
        ("ray(workers=None)", None, None, None),
    ],
)
def test_options_of_ray_are_read(text, address, gpus, workers):
    engine = read_engine(text)
    assert isinstance(engine, RayEngine)
    assert (engine.address, engine.gpus, engine.workers) == (address, gpus, workers)


def test_options_of_slurm_and_of_submitit_are_read():
    engine = read_engine("slurm(cluster=local,shards=3,folder=logs,slurm_partition=gpu,timeout_min=90)")
    assert isinstance(engine, SlurmEngine)
    assert (engine.cluster, engine.shards, engine.folder) == ("local", 3, Path("logs"))
    assert engine.parameters == {"slurm_partition": "gpu", "timeout_min": 90}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("rai", UnknownNameError, "unknown engine 'rai'; did you mean 'ray'?"),
        ("kubernetes", UnknownNameError, "unknown engine 'kubernetes'; known: local, ray, slurm"),
        ("ray(adress=auto)", UnknownNameError, "unknown option 'adress' of engine 'ray'; did you mean 'address'?"),
        ("local(jobs=2)", UnknownNameError, "unknown option 'jobs' of engine 'local'; known: none"),
        ("ray(workers)", NasbenchError, f"cannot read the option 'workers' of 'ray(workers)'; {WRITE}"),
        ("ray(workers=)", NasbenchError, f"cannot read the option 'workers=' of 'ray(workers=)'; {WRITE}"),
        ("ray(workers=2", NasbenchError, "cannot read the engine 'ray(workers=2'; write name or name(option=value)"),
        ("", NasbenchError, "cannot read the engine ''; write name or name(option=value)"),
        ("ray(workers=two)", BudgetError, "workers must be a whole number, got 'two'"),
        ("ray(workers=1.5)", BudgetError, "workers must be a whole number, got 1.5"),
        ("ray(workers=0)", BudgetError, "workers must be 1 or more, got 0"),
        ("ray(gpus=some)", BudgetError, "gpus must be a number, got 'some'"),
        ("ray(gpus=2)", BudgetError, "gpus must be the share of a GPU that a group takes, from 0.0001 to 1; got 2"),
        ("slurm(cluster=local,shards=many)", BudgetError, "shards must be a whole number, got 'many'"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(text, error, message):
    with pytest.raises(error) as raised:
        read_engine(text)
    assert str(raised.value) == message


@pytest.mark.parametrize(("text", "instead"), [("ray", "ray(workers=4)"), ("slurm(cluster=local)", "slurm(shards=4)")])
def test_jobs_are_refused_with_another_engine(text, instead):
    with pytest.raises(BudgetError) as raised:
        read_engine(text, 4)
    assert str(raised.value) == f"jobs is for the local engine; write --engine '{instead}'"


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_package_that_is_missing_is_told_with_the_way_to_get_it(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NasbenchError, match=rf"pip install 'nasbench\[{name}\]'"):
        read_engine(name)


@pytest.fixture
def arguments(trained, tmp_path):
    """The command that gave the table of `trained`, for another one."""
    options = ("--recipe", trained / "recipe.toml", "--seeds", 2, "--out", tmp_path / "t.h5", "--engine")
    return "generate", trained / "space.toml", *options


def test_a_mistake_is_one_line_and_trains_nothing(command, arguments, tmp_path):
    done = command(*arguments, "ray(worker=2)")
    assert (done.code, done.out) == (2, "")
    assert done.err == "nasbench: unknown option 'worker' of engine 'ray'; did you mean 'workers'?\n"
    assert not [*tmp_path.iterdir()]


@pytest.fixture
def silent():
    """The address of something that takes calls, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.world
def test_an_address_that_does_not_answer_is_told_in_one_line(command, arguments, tmp_path, monkeypatch, silent):
    monkeypatch.setattr(tabular.generation.ray, "ANSWER_SECONDS", 4.0)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)  # Ray sets it for good where it was started before
    done = command(*arguments, f"ray(address={silent})")
    assert (done.code, done.out) == (2, "")
    *_, line = done.err.splitlines()
    assert line.startswith(
        f"nasbench: no Ray cluster can be used at '{silent}': no answer within 4 s; give the host:port"
    )
    assert "WARNING" not in done.err
    assert not [*tmp_path.iterdir()]


@pytest.mark.world
def test_an_address_that_is_none_is_told_in_one_line(command, arguments, tmp_path):
    done = command(*arguments, "ray(address=nonsense)")
    assert (done.code, done.out) == (2, "")
    *_, line = done.err.splitlines()
    assert line.startswith("nasbench: no Ray cluster can be used at 'nonsense': Invalid address format: nonsense; give")
    assert not [*tmp_path.iterdir()]


@pytest.mark.world
def test_a_ray_that_cannot_be_started_is_told_in_one_line(arguments, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a file where Ray wants a folder")
    # In a process of its own, since Ray remembers the home folder in which it made its token.
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "RAY_TMPDIR": str(taken)}
    environment.pop("RAY_AUTH_MODE", None)
    command = [*COMMAND, *map(str, arguments), "ray"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    *_, line = done.stderr.splitlines()
    assert line.startswith("nasbench: Ray cannot be started: ")
    assert str(taken) in line
    assert not [*tmp_path.glob("t.h5*")]


@pytest.mark.world
def test_ctrl_c_leaves_a_valid_table_and_the_same_command_goes_on(arguments, trained, tmp_path):
    path, environment = tmp_path / "table" / "t.h5", {**os.environ, "HOME": str(tmp_path)}
    environment.pop("RAY_AUTH_MODE", None)
    path.parent.mkdir()
    command = [str(path) if each == tmp_path / "t.h5" else str(each) for each in (*COMMAND, *arguments)]
    options = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*command, "ray(workers=1)"], start_new_session=True, **options)
    until = time.monotonic() + 120
    while not any(read_journal(file).records for file in path.parent.glob("*/*.journal")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert err.splitlines()[-1].startswith("nasbench: interrupted; what was finished is kept")
    assert [*path.parent.iterdir()] == [path]
    kept = int((load(path).tasks[0].status == DONE).sum())
    assert 0 < kept <= 18
    done = subprocess.run([*command, "ray(workers=2)"], check=True, **options)
    assert f"{18 - kept} trainings made in " in done.stdout
    assert f"{kept} were there; 0 diverged" in done.stdout
    assert_same_numbers(path, trained / "table.h5")
