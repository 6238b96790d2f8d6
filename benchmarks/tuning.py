"""How the default parameters of the XGBoost ensemble were found: ``python benchmarks/tuning.py OUT.csv``.

`tuning.csv` holds what it wrote. A random search, the same at every run: each candidate is fitted as a surrogate would
be, to few and to many architectures of several data sets, and scored by Kendall's tau on others. NAS-Bench-201 is
taken on CIFAR-100 alone, and of NAS-Bench-101 the last 4,001 cells are left out, so that no parameter was tuned to
CIFAR-10 or to those cells.
"""

from __future__ import annotations

import csv
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from published_data import nasbench101_cells, nasbench201_trials

from nasbench import get_space
from surrogates.features import Inputs
from surrogates.models.xgboost import MEMBERS, XGBoostEnsemble
from surrogates.scorecard import kendall_tau
from tabular import Table
from tabular.measures import mean_of_known
from tabular.table import located

if TYPE_CHECKING:
    from numpy.typing import NDArray

CANDIDATES = 20
REPETITIONS = 1


class Case(NamedTuple):
    """One thing to learn: one training's target of every row, and what predictions of other rows are held against."""

    name: str
    inputs: Inputs
    target: NDArray[np.float64]
    truth: NDArray[np.float64]
    sizes: tuple[int, ...]
    others: int


def cases() -> list[Case]:
    """Return what every candidate is fitted to."""
    found = []
    rows, trials = nasbench201_trials("cifar100_valtest200")
    one = np.where(np.isfinite(trials[:, 0]), trials[:, 0], trials[:, 1])
    for blocks in (("graph",), ("one_hot",)):
        inputs = Inputs(get_space("nb201"), rows, blocks)
        found.append(Case(f"nb201 {blocks[0]}", inputs, one, mean_of_known(trials), (100, 300, 1000), 3000))
    table = Table.open(located("nb201-digits"))
    accuracy = table.metric("digits", "validation_accuracy")[:, :, -1].astype(np.float64)
    inputs = Inputs(table.space, table.architectures, ("graph",))
    found.append(Case("digits", inputs, accuracy[:, 0], accuracy.mean(axis=1), (300, 3000), 3000))
    cells, accuracies = nasbench101_cells()
    for blocks in (("graph",), ("graph", "one_hot")):
        inputs = Inputs(get_space("nb101"), cells[:16_000], blocks)
        name = f"nb101 {' + '.join(blocks)}"
        found.append(Case(name, inputs, accuracies[:16_000], accuracies[:16_000], (1000, 5000), 4000))
    return found


def candidates() -> list[dict[str, float | int]]:
    """Return what is tried: what a first look by hand had found, then others drawn at random."""
    rng = np.random.default_rng(0)
    drawn: list[dict[str, float | int]] = [
        {
            "trees": 200,
            "eta": 0.1,
            "max_depth": 6,
            "subsample": 0.8,
            "colsample_bytree": 0.5,
            "colsample_bynode": 1.0,
            "min_child_weight": 2,
            "reg_lambda": 1.0,
            "max_bin": 64,
        }
    ]
    for _ in range(CANDIDATES):
        trees = int(rng.choice([150, 200, 300]))
        drawn.append(
            {
                "trees": trees,
                "eta": round(float(rng.choice([12, 16, 20, 24])) / trees, 3),
                **{name: rng.choice(values).item() for name, values in SEARCHED.items()},
            }
        )
    return drawn


SEARCHED: dict[str, list[float]] = {
    "max_depth": [4, 6, 8],
    "subsample": [0.5, 0.65, 0.8],
    "colsample_bytree": [0.3, 0.5, 0.8],
    "colsample_bynode": [0.6, 1.0],
    "min_child_weight": [1, 2, 4],
    "reg_lambda": [1, 3],
    "max_bin": [32, 64, 256],
}


def main(arguments: list[str]) -> None:
    """Try every candidate and write its scores, one row a candidate."""
    known = cases()
    with open(arguments[0], "w", newline="") as file:  # noqa: PTH123 - what the user named
        writer = None
        for number, parameters in enumerate(candidates()):
            began = time.perf_counter()
            scores = {f"{case.name} @ {size}": _score(case, size, parameters) for case in known for size in case.sizes}
            row = {**parameters, **scores, "mean": float(np.mean(list(scores.values())))}
            if writer is None:
                writer = csv.DictWriter(file, row)
                writer.writeheader()
            writer.writerow({name: f"{value:.4g}" for name, value in row.items()})
            file.flush()
            print(f"{number}: mean tau {row['mean']:.4f}, {time.perf_counter() - began:.0f} s, {parameters}")


def _score(case: Case, size: int, parameters: dict[str, float | int]) -> float:
    taus = []
    for repetition in range(REPETITIONS):
        order = np.random.default_rng([repetition, size]).permutation(len(case.inputs))
        train, others = order[:size], order[size : size + case.others]
        target = -np.log(1 - case.target[train] + 0.001)
        model = XGBoostEnsemble.fit(
            case.inputs.take(train), target, np.arange(size), seed=repetition, members=MEMBERS, **parameters
        )
        taus.append(kendall_tau(case.truth[others], model.predict(case.inputs.take(others)).mean))
    return float(np.mean(taus))


if __name__ == "__main__":
    main(sys.argv[1:])
