"""Rank correlations (Kendall's tau-b) within a table: between trainings, between means of them, and along epochs."""

from __future__ import annotations

from itertools import combinations, permutations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_SETS = 60
"""Of more sets of seeds a sample is looked at, always the same."""


def kendall_tau(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return Kendall's tau-b of two (N,) arrays; NaN for fewer than two numbers or where all are equal."""
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).statistic) if len(first) > 1 else float("nan")


def epochs_to_final(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the correlation of means over seeds after each epoch and after the last, E numbers.

    Parameters
    ----------
    values : (N, S, E) float64
        All numbers.
    """
    means = values.mean(axis=1)
    return tuple(kendall_tau(each, means[:, -1]) for each in means.T)


def epochs_to_other_final(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the correlation of one training after each epoch and another one after the last, E numbers.

    Each is the mean over all pairs of seeds, in both orders; NaN where there is one seed.

    Parameters
    ----------
    values : (N, S, E) float64
        All numbers.
    """
    _, seeds, epochs = values.shape
    pairs = list(permutations(range(seeds), 2))[: 2 * MOST_SETS]
    taus = np.full((max(1, len(pairs)), epochs), np.nan)
    for place, (one, other) in enumerate(pairs):
        taus[place] = [kendall_tau(values[:, one, epoch], values[:, other, -1]) for epoch in range(epochs)]
    return tuple(taus.mean(axis=0).tolist())


def between_means(values: NDArray[np.float64], size: int) -> float:
    """Return the correlation of means of so many trainings and of as many others: the mean over all such pairs.

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
        (half, tuple(seed for seed in each if seed not in half))
        for each in seed_sets(seeds, 2 * size)
        for half in combinations(each, size)
        if half[0] == each[0]
    ]
    rng = np.random.default_rng(0)
    kept = sorted(rng.choice(len(pairs), min(len(pairs), MOST_SETS), replace=False).tolist())
    means = (
        (values[:, one].mean(axis=1), values[:, other].mean(axis=1)) for one, other in map(pairs.__getitem__, kept)
    )
    return float(np.mean([kendall_tau(one, other) for one, other in means]))


def seed_sets(seeds: int, size: int) -> list[tuple[int, ...]]:
    """Return all sets of so many out of some seeds; a sample where there are more than ``MOST_SETS``."""
    if comb(seeds, size) <= MOST_SETS:
        return list(combinations(range(seeds), size))
    rng = np.random.default_rng(0)
    return sorted({tuple(sorted(rng.choice(seeds, size, replace=False).tolist())) for _ in range(MOST_SETS)})
