"""Strategies that start warm, made without options or with texts, as the conformance suite makes them."""

from __future__ import annotations

import numpy as np

from nasbench.testing.strategy import PlantedOracle
from strategies import read_strategy
from strategies.warm_start.operation_prior import OperationPrior
from strategies.warm_start.warm_start import WarmStart
from strategies.warm_start.zero_cost_warmup import ZeroCostWarmup

ELSEWHERE = 99
"""The seed of the optimum of another task, which has nothing to do with that of the task searched."""


def elsewhere(space):
    return PlantedOracle(space, (1,), seed=ELSEWHERE)


class WarmEvolution(WarmStart):
    def __init__(self, space, rng, fidelities, *, strategy="regularized-evolution"):
        super().__init__(space, rng, fidelities, strategy=read_strategy(strategy), source=elsewhere(space))


class PriorEvolution(OperationPrior):
    def __init__(self, space, rng, fidelities, *, strategy="regularized-evolution"):
        super().__init__(space, rng, fidelities, strategy=read_strategy(strategy), source=elsewhere(space))


class ScoredEvolution(ZeroCostWarmup):
    def __init__(self, space, rng, fidelities, *, strategy="regularized-evolution"):
        super().__init__(
            space,
            rng,
            fidelities,
            strategy=read_strategy(strategy),
            score="search.warm_starts:choices",
            pool=200,
            top=20,
        )


def choices(rows):
    """A score that favours high choices."""
    return rows.sum(axis=1).astype(np.float64)
