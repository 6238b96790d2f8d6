"""Published results as tables, where the folder with them is beside the project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from published_data import DATA

from nasbench import Task
from tabular import Table, TableData, TaskData, write_table
from tabular.importers.mapped import import_csv
from tabular.measures import standard_metric
from tabular.spaces.categorical import CategoricalSpace

BUDGETS = (4, 12, 36, 108)
"""The rungs of NAS-Bench-201's BOHB."""

MAPPING = Path(__file__).parents[1] / "examples/nasbench201.toml"


def nasbench201_table(folder: Path) -> Table:
    """Import NAS-Bench-201 as docs/nasbench201.md does."""
    return import_csv(DATA / "nasbench201/nasbench201.csv", MAPPING, folder / "nasbench201.h5")


def nasbench201_without_budgets(folder: Path) -> Table:
    """Make of NAS-Bench-201 what its BOHB searched: an evaluation with any budget trains for 12 epochs, and costs that.

    Its worker is handed a budget and does not use it (``exps/algos/BOHB.py`` of AutoDL-Projects, by the same authors):
    four rungs, from 3 to 108 by eta 3, have the same value and the same price, and each rung is a training of its own.
    """
    path = folder / "nasbench201-without-budgets.h5"
    with nasbench201_table(folder) as table:
        tasks = {name: table.tasks[name] for name in ("cifar10-12", "cifar10-200", "cifar100-200")}
        data = []
        for name, task in tasks.items():
            metrics = {metric: table.metric(name, metric) for metric in task.metrics}
            if name == "cifar10-12":
                metrics = {metric: np.repeat(values, len(BUDGETS), axis=2) for metric, values in metrics.items()}
                task = replace(task, epochs=BUDGETS, provenance={**task.provenance, "restarts": True})  # noqa: PLW2901
            data.append(TaskData(task, metrics, table.status(name)))
        write_table(path, TableData(table.space, table.architectures, table.represents, data))
    return Table.open(path)


def spikenas_table(folder: Path) -> Table:
    """Import SpikeNAS-Bench: spiking networks on CIFAR-10, one training each, with validation after each of 100 epochs.

    Its file numbers the five operations and does not say what they are, so the space is one of bare choices. Each epoch
    takes an equal share of its training's seconds. The test accuracy is that of the end of the training, which for 690
    architectures came after 200 epochs.
    """
    with np.load(DATA / "spikenas/spikenas_CIFAR10.npz") as file:
        choices, curves, trained = file["ops"], file["curves"], file["n_epochs"]
        test, elapsed = file["test_acc"], file["elapsed"]
        edges = [str(edge) for edge in file["edge"]]
    epochs = np.arange(1, 101)
    seconds = np.array([_seconds(text) for text in elapsed.tolist()]) / trained
    accuracy = np.full((len(choices), 1, len(epochs)), np.nan, dtype=np.float32)
    accuracy[:, 0, -1] = test / 100
    metrics = {
        "validation_accuracy": curves[:, None, : len(epochs), 2] / np.float32(100),
        "test_accuracy": accuracy,
        "train_seconds": (seconds[:, None, None] * epochs).astype(np.float32),
    }
    task = Task("cifar10", tuple(epochs.tolist()), {name: standard_metric(name) for name in metrics}, (0,))
    status = np.ones((len(choices), 1), dtype=np.uint8)
    space = CategoricalSpace("spikenas", {edge: tuple(range(5)) for edge in edges})
    path = folder / "spikenas.h5"
    write_table(path, TableData(space, choices.astype(np.uint8), "row", [TaskData(task, metrics, status)]))
    return Table.open(path)


def _seconds(elapsed: str) -> float:
    hours, rest = elapsed.split("hour")
    minutes, rest = rest.split("minute")
    return 3600 * float(hours) + 60 * float(minutes) + float(rest.removesuffix("second"))
