"""Differential evolution over rows of choices: individuals, and how they breed (Storn and Price 1997, rand/1/bin)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space


class Individual(NamedTuple):
    """A vector of [0, 1)^L, (L,) float64, the row it stands for, (L,) uint8, and its value; NaN before training."""

    vector: NDArray[np.float64]
    row: NDArray[np.uint8]
    value: float = math.nan


class Subpopulation:
    """Individuals trained for as many epochs, each in its place until a child takes it.

    Parameters
    ----------
    individuals : list of Individual
        At least one.
    """

    def __init__(self, individuals: list[Individual]) -> None:
        self.individuals = individuals
        self._next = 0

    def next_target(self) -> int:
        """Return the place whose turn it is; turns go round."""
        target = self._next
        self._next = (target + 1) % len(self.individuals)
        return target

    def trained(self) -> list[Individual]:
        """Return those that have a value, the best first."""
        known = [each for each in self.individuals if not math.isnan(each.value)]
        return sorted(known, key=lambda each: -each.value)

    def select(self, target: int, child: Individual) -> None:
        """Let a trained child have the target's place if it is as good or better, or the target was never trained."""
        if not child.value < self.individuals[target].value:
            self.individuals[target] = child


def random_individuals(space: Space, rng: np.random.Generator, n: int) -> list[Individual]:
    """Return ``n`` individuals of random rows, their vectors uniform among those that stand for the row."""
    rows = space.sample(rng, n)
    vectors = (rows + rng.random(rows.shape)) / space.cardinalities
    return [Individual(vector, row) for vector, row in zip(vectors, rows, strict=True)]


def row_of(vector: NDArray[np.float64], cardinalities: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the choices of a vector of [0, 1)^L, ``floor(x * cardinality)``."""
    return (vector * cardinalities).astype(np.uint8)


def mutant(parents: Sequence[NDArray[np.float64]], factor: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return ``x_r1 + F (x_r2 - x_r3)``, (L,); what leaves [0, 1) is drawn anew.

    Parameters
    ----------
    parents : three of (L,) float64
        x_r1, x_r2 and x_r3.
    factor : float
        F.
    rng : numpy.random.Generator
    """
    first, second, third = parents
    vector = first + factor * (second - third)
    outside = (vector < 0) | (vector >= 1)
    return np.where(outside, rng.random(len(vector)), vector) if outside.any() else vector


def binomial_crossover(
    target: NDArray[np.float64], mutated: NDArray[np.float64], rate: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the child, (L,): each number is the mutant's by chance ``rate``, and one drawn at random always is."""
    take = rng.random(len(target)) < rate
    take[int(rng.random() * len(target))] = True
    return np.where(take, mutated, target)
