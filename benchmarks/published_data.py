"""Published accuracies that surrogates are measured on, where the folder with them is beside the project."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasbench import get_space
from tabular.spaces.nb101 import NB101

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "../shared/data"

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""As NAS-Bench-101's file numbers them."""


def nasbench201_trials(column: str) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return NAS-Bench-201's cells and each single training's accuracy after 200 epochs.

    Parameters
    ----------
    column : str
        ``cifar10_valid200`` or ``cifar100_valtest200``.

    Returns
    -------
    architectures : (15625, 6) uint8
        In the official order.
    accuracies : (15625, 3) float64
        Fractions; NaN where a cell was trained twice only.
    """
    with np.load(DATA / "nasbench201/trials_200_epochs.npz") as trials:
        accuracies = np.full((15_625, len(trials["seeds"])), np.nan)
        accuracies[trials["arch_index"], trials["seed_slot"]] = trials[column] / 100
    return get_space("nb201").from_index(np.arange(15_625)), accuracies


def nasbench101_cells() -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return 20,001 cells of NAS-Bench-101, a uniform sample, and one training's validation accuracy after 108 epochs.

    Returns
    -------
    architectures : (20001, 26) uint8
    accuracies : (20001,) float64
        Fractions.
    """
    space = NB101()
    rows, accuracies = [], []
    with (DATA / "nasbench101/nasbench101_first20001.csv").open(newline="") as file:
        for record in csv.DictReader(file):
            vertices = int(record["n_vertices"])
            matrix = np.zeros((vertices, vertices), dtype=np.int64)
            matrix[np.triu_indices(vertices, 1)] = list(map(int, record["adjacency_upper"]))
            operations = [OPERATIONS[int(digit)] for digit in record["ops"]]
            rows.append(space.from_cell(matrix, ["input", *operations, "output"]))
            accuracies.append(float(record["valid_acc_108"]))
    return np.array(rows), np.array(accuracies)
