"""Agreement of the ranks in a table, by Kendall's tau-b.

It is measured between seeds, between splits and along epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from tabular.spaces.space import ENUMERABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tabular.table import Table

SEEDS_IN_A_MEAN = 3

MOST_SETS = 60
"""Of more sets of seeds a sample is looked at, always the same."""


@dataclass(frozen=True)
class Reliability:
    """Kendall rank correlations (tau-b) and noise of one task of a table.

    All are of the table's rows whose trainings went through with every seed. NaN where seeds do not suffice.

    Parameters
    ----------
    architectures : int
        How many these are.
    between_seeds : float
        Of the final validation accuracies of two seeds: the mean over all pairs of seeds.
    between_seeds_drawn : float
        The same over all architectures of the space, in which a row that stands for many counts as often: as a search
        that draws from the space meets them. NaN for a space that is too large to list.
    between_seeds_upper_half : float
        As ``between_seeds``, among the better half by mean validation accuracy.
    between_losses : float
        As ``between_seeds``, of the final validation losses.
    between_means : float
        Of the final validation accuracies of two means of three seeds that share none: the mean over all such pairs.
    validation_test : float
        Of final validation and test accuracy, means over seeds.
    epoch_to_final : tuple of E float
        Of the validation accuracy after each epoch and after the last, means over seeds.
    ties : float
        The share of pairs of architectures with equal final validation accuracy in one training: mean over seeds.
    seed_deviation : float
        The standard deviation of final validation accuracy between seeds: the root of the mean variance.
    deviation : float
        That of the architectures' mean final validation accuracies, to hold it against.
    quantiles : tuple of 5 float
        Of the architectures' mean final validation accuracies: lowest, 10 %, median, 90 %, highest.
    """

    architectures: int
    between_seeds: float
    between_seeds_drawn: float
    between_seeds_upper_half: float
    between_losses: float
    between_means: float
    validation_test: float
    epoch_to_final: tuple[float, ...]
    ties: float
    seed_deviation: float
    deviation: float
    quantiles: tuple[float, ...]


def reliability(table: Table, task: str) -> Reliability:
    """Measure how far the ranks of a task can be trusted.

    Raises
    ------
    UnknownNameError
        If there is no such task, or it has no validation and test accuracy and loss.
    """
    names = ("validation_accuracy", "validation_loss", "test_accuracy")
    metrics = {name: table.metric(task, name).astype(np.float64) for name in names}
    whole = np.asarray(np.isfinite(metrics["validation_accuracy"]).all(axis=(1, 2)))
    accuracy, loss, test = (metrics[name][whole] for name in names)
    final = accuracy[:, :, -1]
    means = accuracy.mean(axis=1)
    upper = means[:, -1] >= np.median(means[:, -1]) if len(means) else np.zeros(0, dtype=bool)
    return Reliability(
        architectures=int(whole.sum()),
        between_seeds=between_means(final, 1),
        between_seeds_drawn=between_means(final[_rows_of_all(table, whole)], 1),
        between_seeds_upper_half=between_means(final[upper], 1),
        between_losses=between_means(loss[:, :, -1], 1),
        between_means=between_means(final, SEEDS_IN_A_MEAN),
        validation_test=kendall_tau(means[:, -1], test[:, :, -1].mean(axis=1)),
        epoch_to_final=epochs_to_final(accuracy),
        ties=float(np.mean([_share_of_ties(values) for values in final.T])),
        seed_deviation=float(np.sqrt(final.var(axis=1, ddof=1).mean())) if final.shape[1] > 1 else float("nan"),
        deviation=float(means[:, -1].std()),
        quantiles=tuple(np.quantile(means[:, -1], (0, 0.1, 0.5, 0.9, 1)).tolist()),
    )


def _rows_of_all(table: Table, whole: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the index among the ``whole`` rows of each architecture that has one."""
    if table.space.size > ENUMERABLE:
        return np.zeros(0, dtype=np.int64)
    rows = table.rows(table.space.all())
    rows = rows[rows >= 0]
    return (np.cumsum(whole) - 1)[rows[whole[rows]]]


def _share_of_ties(values: NDArray[np.float64]) -> float:
    counts = np.unique(values, return_counts=True)[1]
    pairs = len(values) * (len(values) - 1)
    return float((counts * (counts - 1)).sum() / pairs) if pairs else float("nan")


def kendall_tau(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return Kendall's tau-b of two (N,) arrays.

    NaN for fewer than two numbers or where all are equal.
    """
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).statistic) if len(first) > 1 else float("nan")


def epochs_to_final(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the correlation after each epoch with the last, of means over seeds.

    E numbers.

    Parameters
    ----------
    values : (N, S, E) float64
        All numbers.
    """
    means = values.mean(axis=1)
    return tuple(kendall_tau(after_epoch, means[:, -1]) for after_epoch in means.T)


def epochs_to_other_final(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the correlation after each epoch with another training's last.

    E numbers. Each is the mean over all pairs of seeds, in both orders; NaN where there is one seed.

    Parameters
    ----------
    values : (N, S, E) float64
        All numbers.
    """
    _, seeds, epochs = values.shape
    pairs = list(permutations(range(seeds), 2))[: 2 * MOST_SETS]
    taus = np.full((max(1, len(pairs)), epochs), np.nan)
    for number, (one, other) in enumerate(pairs):
        taus[number] = [kendall_tau(values[:, one, epoch], values[:, other, -1]) for epoch in range(epochs)]
    return tuple(taus.mean(axis=0).tolist())


def between_means(values: NDArray[np.float64], size: int) -> float:
    """Return the correlation of means of so many trainings and of as many others.

    It is the mean over all such pairs.

    Parameters
    ----------
    values : (N, S) float64
        All numbers.
    size : int

    Returns
    -------
    float
        NaN where there are not ``2 * size`` seeds.
    """
    seeds = values.shape[1]
    if 2 * size > seeds:
        return float("nan")
    # The first half of each set of 2 * size seeds against the second, for each way to halve it.
    pairs = [
        (half, tuple(seed for seed in chosen if seed not in half))
        for chosen in seed_sets(seeds, 2 * size)
        for half in combinations(chosen, size)
        if half[0] == chosen[0]
    ]
    rng = np.random.default_rng(0)
    kept = sorted(rng.choice(len(pairs), min(len(pairs), MOST_SETS), replace=False).tolist())
    means = (
        (values[:, one].mean(axis=1), values[:, other].mean(axis=1)) for one, other in map(pairs.__getitem__, kept)
    )
    return float(np.mean([kendall_tau(one, other) for one, other in means]))


def seed_sets(seeds: int, size: int) -> list[tuple[int, ...]]:
    """Return all sets of so many out of some seeds.

    A sample where there are more than ``MOST_SETS``.
    """
    if comb(seeds, size) <= MOST_SETS:
        return list(combinations(range(seeds), size))
    rng = np.random.default_rng(0)
    return sorted({tuple(sorted(rng.choice(seeds, size, replace=False).tolist())) for _ in range(MOST_SETS)})
