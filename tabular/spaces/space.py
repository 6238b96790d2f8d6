"""The protocol every search space follows, and what all of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.spaces.choices import Choices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from tabular.recipe import Recipe
    from tabular.spaces.graph import Graph


class Space(Choices, ABC):
    """A set of architectures, each a row of ``L`` choices.

    An architecture is a ``(L,)`` uint8 vector; many are a ``(N, L)`` array. Every operation takes either and answers in
    kind: one row gives one value, ``N`` rows give ``N`` values.

    Parameters
    ----------
    name : str
        The name that files and the command line use.
    cardinalities : sequence of int
        Number of choices at each of the ``L`` positions, each in 1..256.

    Raises
    ------
    SpaceError
        If a position has no choice or more than 256.
    """

    def __init__(self, name: str, cardinalities: Sequence[int]) -> None:
        super().__init__(name, cardinalities)
        self._mutable = [i for i, c in enumerate(self._choices) if c > 1]
        self._neighbour_positions, self._neighbour_shifts = _single_changes(self._choices)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self.size:,} architectures of {self.length} choices>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.declaration() == other.declaration()

    def __hash__(self) -> int:
        return hash((type(self), self.name, self.size))

    # What a space says of itself.

    @abstractmethod
    def declaration(self) -> dict[str, Any]:
        """Return the JSON-ready declaration from which `tabular.spaces.declared_space` builds this space again."""

    @abstractmethod
    def canonical_key(self, architectures: NDArray[np.uint8]) -> Any:
        """Return a uint64 that is equal for two rows exactly when the space takes them for the same network.

        Parameters
        ----------
        architectures : (N, L) or (L,) uint8

        Returns
        -------
        (N,) uint64 or uint64
        """

    @abstractmethod
    def to_text(self, architectures: NDArray[np.uint8]) -> Any:
        """Write rows as text: a ``str`` for one row, a list of ``str`` for many."""

    @abstractmethod
    def from_text(self, text: str | Sequence[str]) -> NDArray[np.uint8]:
        """Read what `to_text` wrote.

        Raises
        ------
        InvalidArchitectureError
            Naming the text and the place in it that cannot be read.
        """

    @abstractmethod
    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> nn.Module:
        """Build the torch network that a row stands for (this imports torch).

        Parameters
        ----------
        architecture : (L,) uint8
        recipe : Recipe
            Width and depth.
        image_shape : (channels, height, width)
        classes : int
        """

    @abstractmethod
    def encode(self, architectures: NDArray[np.uint8], encoding: str = "one_hot") -> NDArray[np.float32]:
        """Turn rows into features for a model.

        Parameters
        ----------
        architectures : (N, L) or (L,) uint8
        encoding : str
            One of `encodings`.

        Returns
        -------
        (N, F) or (F,) float32
        """

    @property
    @abstractmethod
    def encodings(self) -> tuple[str, ...]:
        """Names that `encode` takes."""

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:  # noqa: ARG002 - what a space is given
        """Return what rows compute as graphs, one for each kind of cell, the same number for every row.

        By default a space does not say, with no graph at all; surrogates then see its encodings alone.

        Parameters
        ----------
        architectures : (N, L) uint8
        """
        return ()

    def named_choices(self) -> Mapping[str, tuple[str | int, ...]]:
        """Return the name of each position, in their order, with the names of its choices: hyperparameters to others.

        Returns
        -------
        mapping of str to tuple
            By default ``choice_0``, ``choice_1``, ... with the choices 0, 1, ...
        """
        return {f"choice_{place}": tuple(range(count)) for place, count in enumerate(self._choices)}

    def unique(self) -> NDArray[np.uint8]:
        """Return the first row, in index order, of each class that `canonical_key` takes for the same network."""
        rows = self.all()
        _, first = np.unique(self.canonical_key(rows), return_index=True)
        return rows[np.sort(first)]

    # What search strategies do.

    def sample(self, rng: np.random.Generator, n: int | None = None) -> NDArray[np.uint8]:
        """Draw rows uniformly from all rows, isomorphic ones counted each.

        Returns
        -------
        (L,) uint8 if ``n`` is None, else (n, L) uint8
        """
        shape = (self.length,) if n is None else (n, self.length)
        choices: NDArray[np.float64] = rng.random(shape) * self.cardinalities
        return choices.astype(np.uint8)

    def mutate(self, architectures: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Change one position, drawn uniformly, of each row to another choice, drawn uniformly.

        Returns
        -------
        array of the shape given, a copy
        """
        children: NDArray[np.uint8] = architectures.copy()
        if not self._mutable:
            return children
        if children.ndim == 1:  # plain numbers: ten times faster than array operations on one row
            place = self._mutable[int(rng.random() * len(self._mutable))]
            choices = self._choices[place]
            children[place] = (int(children[place]) + 1 + int(rng.random() * (choices - 1))) % choices
            return children
        places = np.asarray(self._mutable)[(rng.random(len(children)) * len(self._mutable)).astype(np.int64)]
        choices_there = self.cardinalities[places]
        shifts = 1 + (rng.random(len(children)) * (choices_there - 1)).astype(np.int64)
        each = np.arange(len(children))
        children[each, places] = (children[each, places] + shifts) % choices_there
        return children

    def neighbours(self, architecture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return all rows that differ from this one in exactly one position.

        Parameters
        ----------
        architecture : (L,) uint8

        Returns
        -------
        (M, L) uint8
        """
        row = self.check(architecture)
        places = self._neighbour_positions
        rows = np.repeat(row[None], len(places), axis=0)
        rows[np.arange(len(places)), places] = (row[places] + self._neighbour_shifts) % self.cardinalities[places]
        return rows

    def crossover(
        self, first: NDArray[np.uint8], second: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Mix pairs of parents: each position comes from either with equal chance (uniform crossover, Syswerda 1989).

        Parameters
        ----------
        first, second : (N, L) or (L,) uint8, of the same shape
        """
        return np.where(rng.random(first.shape) < 0.5, first, second)


def _single_changes(choices: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    changes = [(place, shift) for place, count in enumerate(choices) for shift in range(1, count)]
    table = np.asarray(changes, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
