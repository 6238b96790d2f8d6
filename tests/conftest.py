"""Fixtures that several test files use."""

import fcntl
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

from nasbench import CellSpace, Task
from nasbench.cli.app import main
from tabular import TableData, TableOracle, TaskData, generate, write_table
from tabular.measures import standard_metric

# A property is tried on this many examples where its test says no number; more of them are for a campaign. How long
# an example takes depends on what else the machine does.
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("campaign", max_examples=200, deadline=None)
settings.load_profile("campaign" if os.environ.get("NASBENCH_CAMPAIGN") else "quick")

# A shell lets what it starts in the background ignore Ctrl-C, and children inherit that; the tests press Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

TOY_SPACE = CellSpace("toy", 3, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
TOY_EPOCHS = (1, 3, 9)
TOY_SEEDS = (0, 1, 2)
COMMAND = [sys.executable, "-c", "from nasbench.cli.app import main; main()"]
"""The command line in a process of its own, as the console script starts it."""


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Make a folder once for all processes of pytest-xdist.

    ``made_once("name", make)`` calls ``make(folder)`` with an empty folder in the first process that asks, lets the
    others wait, and gives the folder. Tests read what is there and write elsewhere.
    """
    root = tmp_path_factory.getbasetemp()
    root = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "made-once"
    root.mkdir(exist_ok=True)

    def once(name, make):
        folder, complete = root / name, root / f"{name}.complete"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not complete.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                complete.touch()
        return folder

    return once


@pytest.fixture(scope="session", autouse=True)
def _count_each_network_once():
    """Count the costs of a cell once for all tables that tests train of it, which is half of what a tiny table takes.

    Tests of `complexity` call the function itself.
    """
    from tabular.training import costs

    count, known = costs.complexity, {}

    def counted(space, architecture, recipe, dataset):
        if type(space) is not CellSpace:
            return count(space, architecture, recipe, dataset)
        key = (space, architecture.tobytes(), recipe, dataset.image_shape, dataset.classes)
        if key not in known:
            known[key] = count(space, architecture, recipe, dataset)
        return known[key]

    costs.complexity = counted
    yield
    costs.complexity = count


@pytest.fixture(scope="session")
def tiny_table(made_once):
    """Tables of `tiny`, each trained once: ``tiny_table(together=3)`` gives the path of one that is only read."""
    from generation.tiny import DATASET, RECIPE, SPACE

    def table(*, seeds=2, together=1, epochs=2):
        def make(folder):
            recipe = RECIPE.replace(epochs=epochs)
            generate(SPACE, recipe, DATASET, folder / "t.h5", seeds=seeds, together=together)

        return made_once(f"tiny-{seeds}-seeds-{together}-together-{epochs}-epochs", make) / "t.h5"

    return table


@pytest.fixture(scope="session")
def toy_table(tmp_path_factory):
    """A table of all 64 cells of `TOY_SPACE`, each for itself: 3 epochs, 3 seeds, noise, and one diverged training."""
    rng = np.random.default_rng(1)
    rows = TOY_SPACE.all()
    shape = (len(rows), len(TOY_SEEDS), len(TOY_EPOCHS))
    worth = 0.5 + 0.4 * rng.random(len(rows))[:, None, None]
    learnt = np.array([0.6, 0.8, 1.0])
    metrics = {
        "validation_accuracy": worth * learnt + rng.normal(0, 0.01, shape),
        "test_accuracy": worth * learnt - 0.02 + rng.normal(0, 0.01, shape),
        "train_seconds": np.cumsum(rng.uniform(0.5, 1.5, shape), axis=2),
    }
    metrics = {name: values.astype(np.float32) for name, values in metrics.items()}
    status = np.ones(shape[:2], dtype=np.uint8)
    status[5, 1] = 2  # diverged after its first epoch
    for name in ("validation_accuracy", "test_accuracy"):
        metrics[name][5, 1, 1:] = np.nan
    metrics["train_seconds"][5, 1, 1:] = metrics["train_seconds"][5, 1, 0]
    task = Task("toy", TOY_EPOCHS, {name: standard_metric(name) for name in metrics}, TOY_SEEDS)
    path = tmp_path_factory.mktemp("tables") / "toy.h5"
    write_table(path, TableData(TOY_SPACE, rows, "row", [TaskData(task, metrics, status)]))
    return path


@pytest.fixture(scope="session")
def toy_oracle(toy_table):
    """The table of `toy_table` as an oracle."""
    return TableOracle(toy_table)


@pytest.fixture
def command(monkeypatch, capsys):
    """Run the command line in this process: ``command("spaces", "--json")`` gives exit code, stdout and stderr."""

    def run(*arguments):
        capsys.readouterr()
        code = run_main(monkeypatch, arguments)
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return run


@pytest.fixture(scope="session")
def command_once():
    """`command`, for what is made once for many tests."""

    def run(*arguments):
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            code = run_main(patch, arguments)
        return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())

    return run


def run_main(monkeypatch, arguments):
    """Run the command line with the given arguments; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["nasbench", *map(str, arguments)])
    try:
        main()
    except SystemExit as leaving:
        return leaving.code or 0
    return 0


@pytest.fixture(scope="session")
def trained(made_once):
    """A folder with a space of 27 cells, a recipe, and the table that the command line trained of them on digits."""

    def make(folder):
        (folder / "space.toml").write_text('nodes = 3\noperations = ["none", "skip_connect", "nor_conv_1x1"]\n')
        (folder / "recipe.toml").write_text("epochs = 2\nchannels = 2\nbatch_size = 128\n")
        arguments = ["generate", "space.toml", "--recipe", "recipe.toml", "--seeds", "2", "--jobs", "1"]
        command = [*COMMAND, *arguments, "--out", "table.h5", "--json"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        assert (summary["trained"], summary["reused"], summary["diverged"]) == (18, 0, 0)
        assert "training space on digits: 18/18" in done.stderr

    return made_once("trained", make)


@pytest.fixture
def ax():
    """Axes of a figure as `nasbench.figures.style.write_figure` makes them; what was drawn is rendered in the end."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.add_subplot()
    figure.canvas.draw()
