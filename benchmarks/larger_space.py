"""What a surrogate of a small table is worth on larger spaces: ``python benchmarks/larger_space.py [FIGURE]``.

The surrogate is fitted to `nb201-digits` (cells of 4 nodes). It is asked about networks that it was not made for and
that were really trained: cells of 5 nodes, and wider and deeper networks; without and with 20 or 100 of these.
Strategies are run on it and on the table, where both exist. At last strategies search the larger space on the
surrogate, and what they find is trained.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from timing import machine

from nasbench.analysis import curves, measure_label
from nasbench.cli.options import read_strategies
from nasbench.comparison import compare
from nasbench.figures.curves import incumbent_curves
from nasbench.figures.style import STYLES
from surrogates import SurrogateOracle, fit_surrogate
from surrogates.examining import exploits
from surrogates.scorecard import spearman
from surrogates.transferring import transfer
from tabular import Table, TableOracle, shipped_tables
from tabular.training import TrainingOracle

if TYPE_CHECKING:
    from nasbench.comparison import Results
    from surrogates import Surrogate

SMALL = "nb201-digits"
LARGER = ("nb201-5nodes-digits", "nb201-digits-deeper")
DRAWS = 5
STRATEGIES = (
    "random-search,regularized-evolution,regularized-evolution(population=10,sample=3),local-search,"
    "successive-halving,hyperband"
)
FITTED = 1000
RUNS, EPOCHS = 200, 100 * 12
FRESH = 1_000_000
WINNERS = 4


def transfers(surrogate: Surrogate) -> None:
    """Print how the surrogate ranks what it was not made for, with and without some of it."""
    print(f"| table | with | Kendall tau | R2 | of one training: tau |\n{5 * '| --- '}|")
    for name in (each for each in LARGER if each in shipped_tables()):
        with Table.open(name) as table:
            for size in (0, 20, 100):
                scores = [
                    transfer(surrogate, table, train_size=size, seed=seed).scorecard.scores
                    for seed in range(DRAWS if size else 1)
                ]
                last = [each for some in scores for each in some if each.measure.endswith("test_accuracy@12")]
                tau, r2, seed_tau = (
                    np.mean([getattr(each, field) for each in last]) for field in ("kendall_tau", "r2", "seed_tau")
                )
                print(f"| {name} | {size} | {tau:.3f} | {r2:.3f} | {seed_tau:.3f} |", flush=True)
    print()


def side_by_side(surrogate: Surrogate) -> tuple[Results, Results]:
    """Run strategies on the table and on the surrogate, and print what they found."""
    strategies = read_strategies(STRATEGIES)
    on_table, on_surrogate = (
        compare(strategies, oracle, f"{EPOCHS}ep", runs=RUNS, jobs=2)
        for oracle in (TableOracle(SMALL), SurrogateOracle(surrogate, "surrogate"))
    )
    found = [_final_means(results) for results in (on_table, on_surrogate)]
    print(f"| strategy | on the table | on the surrogate |\n{3 * '| --- '}|")
    for name in strategies:
        print(f"| {name} | {found[0][name]:.4f} | {found[1][name]:.4f} |")
    ranks = spearman(*(np.array(list(each.values())) for each in found))
    print(f"\nSpearman correlation of the two rankings: {ranks:.2f}\n")
    return on_table, on_surrogate


def _final_means(results: Results) -> dict[str, float]:
    return {name: float(np.nanmean(trials.report[trials.last])) for name, trials in results.trials.items()}


def winners(surrogate: Surrogate) -> None:
    """Search the larger space on the surrogate, train what was found, and print promise and measurement."""
    with Table.open(LARGER[0]) as table:
        carried = surrogate.extrapolate(table.space)
        provenance = table.tasks["digits"].provenance
        best = float(table.metric("digits", "test_accuracy")[:, :, -1].mean(axis=1).max())
    training = TrainingOracle.from_provenance(carried.space, provenance, seeds=(FRESH, FRESH + 1, FRESH + 2))
    oracle = SurrogateOracle(carried)
    results = compare(read_strategies("random-search,regularized-evolution,local-search"), oracle, 300, runs=WINNERS)
    chosen = {name: each.architectures[each.incumbent[each.last]] for name, each in results.trials.items()}
    measure = next(each for each in carried.measures if str(each).endswith("test_accuracy@12"))
    print(f"| strategy on the surrogate | promised | measured | off by its own account | unfamiliar |\n{5 * '| --- '}|")
    for each in exploits(carried, measure, chosen, training):
        numbers = f"{each.promised:.4f} | {each.measured:.4f} | {each.promised_std:.4f} | {each.unfamiliar:.2f}"
        print(f"| {each.strategy} | {numbers} |", flush=True)
    print(f"\nThe best of 400 drawn at random: {best:.4f}")


def draw(results: tuple[Results, Results], path: str) -> None:
    """Draw the runs on the table beside those on the surrogate."""
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLES["paper"].settings):
        figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.0), sharey=True)
        for ax, each in zip(axes, results, strict=True):
            best = each.reference.best if each.reference else None
            label = measure_label(each)
            incumbent_curves(ax, curves(each, "report", "mean"), each.protocol.budget.unit, label, best)
            ax.set_title(f"{each.oracle}: mean and standard error", fontsize="medium")
        axes[1].set_ylabel("")
        axes[0].legend(fontsize="x-small")
        figure.tight_layout()
        figure.savefig(path, dpi=200)


def main(arguments: list[str]) -> None:
    """Print all of it, and draw the runs if a figure is named."""
    print(f"Measured on: {machine()}\n")
    with Table.open(SMALL) as table:
        surrogate = fit_surrogate(table, features=["graph"], train_fraction=0.9)
        of_few = fit_surrogate(table, features=["graph"], train_size=FITTED)
    transfers(surrogate)
    results = side_by_side(of_few)
    winners(surrogate)
    if arguments:
        draw(results, arguments[0])


if __name__ == "__main__":
    main(sys.argv[1:])
