"""Spaces that admit some rows of choices only."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError
from tabular.spaces.choices import Choices
from tabular.spaces.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

CROSSOVER_TRIES = 100
"""Mixtures of two parents that are tried before the child is the first parent."""


class ConstrainedSpace(Space):
    """A space with a constraint on the first ``head`` choices of a row; the others are free.

    Its architectures are numbered without gaps, in the order of counting, and its moves stay inside.

    Parameters
    ----------
    name : str
    cardinalities : sequence of int
    head : int
        How many choices the constraint is about; all their combinations are looked at when the first index is asked
        for, so there should be a few million at most.
    size : int
        How many rows are admitted.
    """

    def __init__(self, name: str, cardinalities: Sequence[int], head: int, size: int) -> None:
        super().__init__(name, cardinalities)
        self.size = size
        self._head = head
        self._heads = Choices(name, cardinalities[:head])
        self._tails = Choices(name, cardinalities[head:]) if head < len(cardinalities) else None

    @abstractmethod
    def admits(self, architectures: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Say of each row, (N, L), whether the constraint holds; every choice is in its range already."""

    @abstractmethod
    def why_not(self, row: list[int]) -> str:
        """Say in words what is wrong with a row that is not admitted."""

    # Validity.

    def check(self, architectures: ArrayLike) -> NDArray[np.uint8]:
        """Return the rows as uint8, or say which one is not in the space, and why."""
        rows = super().check(architectures)
        batch = np.atleast_2d(rows)
        outside = np.flatnonzero(~self.admits(batch))
        if len(outside):
            where = f"row {outside[0]}: " if rows.ndim == 2 else ""
            reason = self.why_not(batch[outside[0]].tolist())
            raise InvalidArchitectureError(f"not an architecture of {self.name!r}: {where}{reason}")
        return rows

    def is_valid(self, architectures: ArrayLike) -> Any:
        """Say of each row whether it is in the space: bool, or (N,) bool."""
        valid = np.array(super().is_valid(architectures), ndmin=1)
        if valid.any():
            valid[valid] = self.admits(np.atleast_2d(architectures)[valid].astype(np.uint8))
        return bool(valid[0]) if np.ndim(architectures) < 2 else valid

    # Numbers.

    @cached_property
    def _admitted_heads(self) -> NDArray[np.int64]:
        """The rank of every head that is admitted, ascending."""
        found = []
        for ranks in np.array_split(np.arange(self._heads.size), max(1, self._heads.size >> 17)):
            rows = np.zeros((len(ranks), self.length), dtype=np.uint8)
            rows[:, : self._head] = self._heads.from_index(ranks)
            found.append(ranks[self.admits(rows)])
        return np.concatenate(found)

    @cached_property
    def _place_of_head(self) -> NDArray[np.int32]:
        """For every head, by rank, its place among the admitted ones; -1 if it is not."""
        places = np.full(self._heads.size, -1, dtype=np.int32)
        places[self._admitted_heads] = np.arange(len(self._admitted_heads))
        return places

    def rank(self, architectures: NDArray[np.uint8]) -> Any:
        """Return each row's place among the admitted rows in the order of counting, (N,) int64 or int."""
        rows = self.check(architectures)
        places = self._place_of_head[self._heads.rank(rows[..., : self._head])].astype(np.int64)
        if self._tails is not None:
            places = places * self._tails.size + self._tails.rank(rows[..., self._head :])
        return places if rows.ndim == 2 else int(places)

    def _unrank(self, ranks: NDArray[np.int64]) -> NDArray[np.uint8]:
        tails = 1 if self._tails is None else self._tails.size
        rows = np.empty((*ranks.shape, self.length), dtype=np.uint8)
        rows[..., : self._head] = self._heads.from_index(self._admitted_heads[ranks // tails])
        if self._tails is not None:
            rows[..., self._head :] = self._tails.from_index(ranks % tails)
        return rows

    # What search strategies do.

    def sample(self, rng: np.random.Generator, n: int | None = None) -> NDArray[np.uint8]:
        """Draw rows uniformly from all that are admitted, (L,) or (n, L)."""
        drawn = rng.random(n) * self.size
        return self._unrank(np.asarray(drawn, dtype=np.int64))

    def mutate(self, architectures: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Change one position of each row, drawn again until the space admits the child."""
        children = super().mutate(architectures, rng)
        batch, parents = np.atleast_2d(children), np.atleast_2d(architectures)
        outside = np.flatnonzero(~self.admits(batch))
        while len(outside):
            batch[outside] = super().mutate(parents[outside], rng)
            outside = outside[~self.admits(batch[outside])]
        return children

    def neighbours(self, architecture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return all admitted rows that differ from this one in exactly one position, (M, L)."""
        rows = super().neighbours(architecture)
        return rows[self.admits(rows)]

    def crossover(
        self, first: NDArray[np.uint8], second: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Mix pairs of parents uniformly, drawn again until the space admits the child; else it is the first parent."""
        children = super().crossover(first, second, rng)
        batch, mothers, fathers = (np.atleast_2d(rows) for rows in (children, first, second))
        outside = np.flatnonzero(~self.admits(batch))
        for _ in range(CROSSOVER_TRIES):
            if not len(outside):
                return children
            batch[outside] = super().crossover(mothers[outside], fathers[outside], rng)
            outside = outside[~self.admits(batch[outside])]
        batch[outside] = mothers[outside]
        return children
