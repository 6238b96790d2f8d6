"""How well surrogates with default settings rank published benchmarks: ``python benchmarks/accuracy.py [MODEL ...]``.

NAS-Bench-201: fitted on one training's validation accuracy of some architectures drawn at random, scored on the mean
over the trainings of 4,000 others; mean and standard deviation over repetitions. NAS-Bench-101: fitted on the first
cells of a uniform sample with one training each, scored on its last 4,001.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from published_data import nasbench101_cells, nasbench201_trials
from timing import machine

from nasbench import Space, Task, get_space
from surrogates import fit_surrogate
from surrogates.models import DEFAULT_MODEL
from surrogates.scorecard import kendall_tau, mae, r2
from tabular import Table, TableData, TaskData, write_table
from tabular.measures import mean_of_known, standard_metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from surrogates import Surrogate

REPETITIONS = 5
OTHERS = 4000
FAILED = 0.8
"""Cells of NAS-Bench-101 below this accuracy are counted as failed trainings."""


FORETOLD = 0.01
"""Which cells fail is mostly chance: from this probability on a failure is counted as foretold."""


class Scores(NamedTuple):
    """Of one fit on architectures it did not see."""

    tau: float
    r2: float
    mae: float
    seconds: float


def one_training_table(path: Path, space: Space, rows: NDArray[np.uint8], accuracies: NDArray[np.float64]) -> Table:
    """Write a table of one training's validation accuracy of each architecture, and open it."""
    metrics = {"validation_accuracy": accuracies[:, None, None].astype(np.float32)}
    task = Task("published", (1,), {name: standard_metric(name) for name in metrics}, (0,))
    status = np.ones((len(rows), 1), dtype=np.uint8)
    write_table(path, TableData(space, rows, "row", [TaskData(task, metrics, status)]))
    return Table.open(path)


def fit(
    table: Table, train: NDArray[np.int64], others: NDArray[np.int64], seed: int, model: str
) -> tuple[Surrogate, float]:
    """Fit a surrogate with default settings, and time it."""
    began = time.perf_counter()
    surrogate = fit_surrogate(
        table, metrics=["validation_accuracy"], train=train, held_out=others, model=model, seed=seed
    )
    return surrogate, time.perf_counter() - began


def score(surrogate: Surrogate, rows: NDArray[np.uint8], truth: NDArray[np.float64], seconds: float) -> Scores:
    """Score predictions of architectures that were not fitted."""
    mean = surrogate.predict(rows).mean
    return Scores(kendall_tau(truth, mean), r2(truth, mean), mae(truth, mean), seconds)


def nasbench201(folder: Path, column: str, model: str) -> list[str]:
    """Return one line for each number of architectures fitted."""
    rows, trials = nasbench201_trials(column)
    one = np.where(np.isfinite(trials[:, 0]), trials[:, 0], mean_of_known(trials))
    table = one_training_table(folder / f"{column}.h5", get_space("nb201"), rows, one)
    truth, lines = mean_of_known(trials), []
    for size in (100, 300, 1000):
        found = []
        for repetition in range(REPETITIONS):
            order = np.random.default_rng(repetition).permutation(len(rows))
            others = order[size : size + OTHERS]
            surrogate, seconds = fit(table, order[:size], others, repetition, model)
            found.append(score(surrogate, rows[others], truth[others], seconds))
        lines.append(_line(f"NAS-Bench-201 {column}", size, found))
    return lines


def nasbench101(folder: Path, model: str) -> list[str]:
    """Return one line for each number of cells fitted, with failed trainings and without."""
    rows, accuracies = nasbench101_cells()
    table = one_training_table(folder / "nb101.h5", get_space("nb101"), rows, accuracies)
    others, lines = np.arange(16_000, len(rows)), []
    failed = accuracies[others] < FAILED
    for size in (1000, 5000, 16_000):
        surrogate, seconds = fit(table, np.arange(size), others, 0, model)
        everything = score(surrogate, rows[others], accuracies[others], seconds)
        sound = score(surrogate, rows[others[~failed]], accuracies[others[~failed]], seconds)
        foretold = surrogate.predict(rows[others]).fails > FORETOLD
        lines.append(_line("NAS-Bench-101", size, [everything]))
        lines.append(_line("NAS-Bench-101 without failed trainings", size, [sound]))
        hits = int((foretold & failed).sum())
        lines.append(f"|  failed trainings foretold: {hits} of {failed.sum()}, {int(foretold.sum()) - hits} wrongly |")
    return lines


def _line(what: str, size: int, found: list[Scores]) -> str:
    means, stds = np.mean(found, axis=0), np.std(found, axis=0)
    tau, share, error, seconds = (f"{mean:.3f} ({std:.3f})" for mean, std in zip(means, stds, strict=True))
    return f"| {what} | {size:,} | {tau} | {share} | {error} | {float(seconds.split()[0]):.1f} s |"


def main(arguments: list[str]) -> None:
    """Measure the default model on everything, or those that are named on NAS-Bench-201's CIFAR-10."""
    print(f"Measured on: {machine()}\n")
    for model in arguments or [DEFAULT_MODEL]:
        print(f"| {model} | fitted | Kendall tau | R2 | mean absolute error | fit |\n{6 * '| --- '}|")
        with tempfile.TemporaryDirectory() as folder:
            print("\n".join(nasbench201(Path(folder), "cifar10_valid200", model)), flush=True)
            if model == DEFAULT_MODEL:  # the others take long
                print("\n".join(nasbench201(Path(folder), "cifar100_valtest200", model)), flush=True)
                print("\n".join(nasbench101(Path(folder), model)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
