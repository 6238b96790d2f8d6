"""When a surrogate beats a single training: ``python benchmarks/one_training.py [FIGURE]``.

Fitted to one training of each of some networks, the surrogate predicts others. What it says, and what their one
training says, are held against the mean of their other trainings, as in NAS-Bench-301 (Zela et al. 2022).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from accuracy import one_training_table
from published_data import DATA, nasbench201_trials
from timing import machine

from nasbench import Space, get_space
from nasbench.figures.style import COLOURS, STYLES
from surrogates import fit_surrogate
from surrogates.scorecard import kendall_tau, mae
from tabular import Table
from tabular.measures import mean_of_known

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = (30, 100, 300, 1000, 3000, 10_000)


class Case(NamedTuple):
    """A published set of trainings."""

    name: str
    space: Space
    rows: NDArray[np.uint8]
    values: NDArray[np.float64]


class Point(NamedTuple):
    """Errors and rank correlations with the mean of the other trainings, on networks that were not fitted."""

    size: int
    error: float
    error_of_one: float
    tau: float
    tau_of_one: float


def cases() -> list[Case]:
    """Return the shipped table, and NAS-Bench-201 where it is at hand."""
    with Table.open("nb201-digits") as table:
        test = table.metric("digits", "test_accuracy")[:, :, -1].astype(np.float64)
        found = [Case("nb201-digits, test accuracy", table.space, table.architectures, test)]
    if DATA.exists():
        rows, trials = nasbench201_trials("cifar10_valid200")
        found.append(Case("NAS-Bench-201, CIFAR-10 validation accuracy", get_space("nb201"), rows, trials))
    return found


def points(case: Case, folder: Path) -> list[Point]:
    """Fit ever more networks' first trainings, and score the rest."""
    repeated = np.isfinite(case.values[:, 0]) & np.isfinite(case.values[:, 1:]).any(axis=1)
    rows, values = case.rows[repeated], case.values[repeated]
    table = one_training_table(folder / "one.h5", case.space, rows, values[:, 0])
    others = mean_of_known(values[:, 1:])
    order = np.random.default_rng(0).permutation(len(rows))
    found = []
    for size in SIZES:
        if size > 0.9 * len(rows):
            break
        surrogate = fit_surrogate(table, metrics=["validation_accuracy"], train=order[:size])
        rest = order[size:]
        mean = surrogate.predict(rows[rest]).mean
        one, truth = values[rest, 0], others[rest]
        found.append(Point(size, mae(truth, mean), mae(truth, one), kendall_tau(truth, mean), kendall_tau(truth, one)))
    return found


def draw(found: dict[str, list[Point]], path: str) -> None:
    """Draw the errors over the number of networks fitted."""
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLES["paper"].settings):
        figure, axes = plt.subplots(1, len(found), figsize=(3.4 * len(found), 2.8), squeeze=False)
        for ax, (name, line) in zip(axes[0], found.items(), strict=True):
            sizes = [point.size for point in line]
            ax.plot(sizes, [100 * p.error for p in line], color=COLOURS[0], marker="o", markersize=4, label="surrogate")
            one = [100 * point.error_of_one for point in line]
            ax.plot(sizes, one, color=COLOURS[1], linestyle="--", label="one training")
            ax.set(xscale="log", title=name, xlabel="networks fitted, one training each")
            ax.set_ylim(0, 1.1 * ax.get_ylim()[1])
            ax.xaxis.set_major_formatter("{x:,g}")
        axes[0][0].set_ylabel("mean absolute error to the\nother trainings' mean (points)")
        axes[0][0].legend()
        figure.tight_layout()
        figure.savefig(path, dpi=200)


def main(arguments: list[str]) -> None:
    """Print the errors, and draw them if a figure is named."""
    print(f"Measured on: {machine()}\n")
    found = {}
    for case in cases():
        with tempfile.TemporaryDirectory() as folder:
            found[case.name] = points(case, Path(folder))
        print(f"| {case.name}: fitted | error | of one training | tau | of one training |\n{5 * '| --- '}|")
        for point in found[case.name]:
            errors = " | ".join(f"{100 * each:.2f}" for each in (point.error, point.error_of_one))
            print(f"| {point.size:,} | {errors} | {point.tau:.3f} | {point.tau_of_one:.3f} |", flush=True)
        print()
    if arguments:
        draw(found, arguments[0])


if __name__ == "__main__":
    main(sys.argv[1:])
