"""The protocol every search space follows.

Rows of choices, what a space says of them, and how a search moves.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tabular.errors import InvalidArchitectureError, SpaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from tabular.networks import Module
    from tabular.recipe import Recipe
    from tabular.spaces.graph import Graph

Answers = TypeVar("Answers", bound="NDArray[Any]")

ENUMERABLE = 1 << 22
"""Spaces up to this many rows are enumerated in memory by operations that need all of them."""

CROSSOVER_TRIES = 100
"""Mixtures of two parents that a constrained space tries before the child is the first parent."""


class Choices:
    """All rows of ``L`` choices, and the number of each.

    A row is a ``(L,)`` uint8 vector, many are ``(N, L)``.

    Parameters
    ----------
    name : str
        The name that errors, files and the command line use.
    cardinalities : sequence of int
        Number of choices at each of the ``L`` positions, each in 1..256.

    Raises
    ------
    SpaceError
        If a position has no choice or more than 256.
    """

    def __init__(self, name: str, cardinalities: Sequence[int]) -> None:
        if not cardinalities or not all(1 <= c <= 256 for c in cardinalities):
            raise SpaceError(f"space {name!r}: every position needs 1 to 256 choices, got {list(cardinalities)}")
        self.name = name
        self.cardinalities = np.asarray(cardinalities, dtype=np.int64)
        self.length = len(cardinalities)
        self.size = math.prod(cardinalities)
        """Number of rows, isomorphic ones counted separately."""
        self._choices = [int(c) for c in cardinalities]
        self._smallest = min(self._choices)
        self._weights = _mixed_radix_weights(self._choices)
        self._pairs_fit_a_byte = self.length % 2 == 0 and len(set(self._choices)) == 1 and self._choices[0] <= 16

    def check(self, architectures: ArrayLike) -> NDArray[np.uint8]:
        """Return the rows as uint8, or say which one is not in the space.

        Parameters
        ----------
        architectures : (N, L) or (L,) integers

        Raises
        ------
        InvalidArchitectureError
            Naming the first row outside the space, the position, and what is allowed there.
        """
        if isinstance(architectures, np.ndarray) and architectures.dtype == np.uint8:
            rows = architectures
        else:
            rows = self._to_uint8(architectures)
        if rows.ndim not in {1, 2} or rows.shape[-1] != self.length:
            raise InvalidArchitectureError(
                f"space {self.name!r} has architectures of {self.length} choices: expected shape ({self.length},) or "
                f"(N, {self.length}), got {rows.shape}"
            )
        # One flat pass settles nearly every call; only rows that fail it, or mixed cardinalities, need the exact look.
        if rows.size and int(rows.max()) >= self._smallest:
            self._check_ranges(rows)
        return rows

    def _to_uint8(self, architectures: ArrayLike) -> NDArray[np.uint8]:
        try:
            rows = np.asarray(architectures)
        except ValueError as error:
            raise InvalidArchitectureError(f"not a rectangular array of choices: {error}") from None
        if rows.size == 0:
            return rows.astype(np.uint8)
        if rows.dtype.kind not in "iub" or (rows < 0).any() or (rows > 255).any():
            raise InvalidArchitectureError(
                f"choices are whole numbers from 0, one per position of space {self.name!r}; got {_shorten(rows)}"
            )
        return rows.astype(np.uint8)

    def _check_ranges(self, rows: NDArray[np.uint8]) -> None:
        bad = np.atleast_2d(rows) >= self.cardinalities
        if bad.any():
            row, position = (int(i) for i in np.argwhere(bad)[0])
            value = int(np.atleast_2d(rows)[row, position])
            where = f"row {row}, " if rows.ndim == 2 else ""
            raise InvalidArchitectureError(
                f"not an architecture of {self.name!r}: {where}position {position} has choice {value}, "
                f"allowed are 0 to {self._choices[position] - 1}"
            )

    def is_valid(self, architectures: ArrayLike) -> Any:
        """Tell which rows are in the space, (N,) bool; a plain bool for one row."""
        rows = np.asarray(architectures)
        if rows.shape[-1:] != (self.length,) or rows.dtype.kind not in "iub":
            return False if rows.ndim < 2 else np.zeros(len(rows), dtype=bool)
        valid = ((rows >= 0) & (rows < self.cardinalities)).all(axis=-1)
        return bool(valid) if rows.ndim == 1 else valid

    def index(self, architectures: NDArray[np.uint8]) -> Any:
        """Return the position of each row in the order of `enumerate`.

        Returns
        -------
        (N,) int64 or int

        Raises
        ------
        SpaceError
            If the space has more rows than an int64 counts.
        """
        return self.rank(architectures)

    def rank(self, architectures: NDArray[np.uint8]) -> Any:
        """Return each row read as a number in mixed radix, its first choice the most significant.

        The same as `index` unless a space numbers its rows in an order of its own; this is the faster of the two.

        Returns
        -------
        (N,) int64 or int
        """
        rows = self.check(architectures)
        self._need_indices()
        if rows.ndim == 1:
            return sum(map(int.__mul__, rows.tolist(), self._weights))
        if self.size < 1 << 24:  # float32 holds these exactly, and its matrix product is the fastest there is
            weights = np.asarray(self._weights, dtype=np.float32)
            ranks = np.empty(len(rows), dtype=np.int64)
            for start in range(0, len(rows), 1 << 15):  # a block at a time stays in the processor's cache
                block = rows[start : start + (1 << 15)]
                if self._pairs_fit_a_byte:
                    ranks[start : start + len(block)] = self._join_pairs(block).astype(np.float32) @ weights[1::2]
                else:
                    ranks[start : start + len(block)] = block.astype(np.float32) @ weights
            return ranks
        return rows.astype(np.int64) @ np.asarray(self._weights, dtype=np.int64)

    def _join_pairs(self, rows: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Return each pair of neighbouring choices ``a, b`` as one number ``a * choices + b``: half as much to sum.

        Two bytes are the 16-bit word ``a + 256 b``. Times ``256 choices + 1``, modulo 2^16, that is
        ``256 (a choices + b) + a``.
        """
        words: NDArray[np.uint16] = np.ascontiguousarray(rows).view("<u2")
        joined: NDArray[np.uint16] = (words * np.uint16(256 * self._choices[0] + 1)) >> np.uint16(8)
        return joined

    def from_index(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the rows, (N, L), at these positions of `enumerate`; one row, (L,), for a plain number.

        Raises
        ------
        SpaceError
            If an index is not in 0..size-1.
        """
        return self._unrank(self._check_indices(indices))

    def _check_indices(self, indices: ArrayLike) -> NDArray[np.int64]:
        self._need_indices()
        wanted = np.asarray(indices, dtype=np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= self.size):
            bad = int(wanted[(wanted < 0) | (wanted >= self.size)].flat[0])
            raise SpaceError(f"space {self.name!r} has indices 0 to {self.size - 1}, got {bad}")
        return wanted

    def _unrank(self, ranks: NDArray[np.int64]) -> NDArray[np.uint8]:
        weights = np.asarray(self._weights, dtype=np.int64)
        return (ranks[..., None] // weights % self.cardinalities).astype(np.uint8)

    def _need_indices(self) -> None:
        if self.size > np.iinfo(np.int64).max:
            raise SpaceError(
                f"space {self.name!r} has {self.size:.1e} architectures: too many to number; sample it instead"
            )

    def enumerate(self, chunk: int = 1 << 16) -> Iterator[NDArray[np.uint8]]:
        """Yield all rows in index order, ``chunk`` rows at a time."""
        for start in range(0, self.size, chunk):
            yield self.from_index(np.arange(start, min(start + chunk, self.size)))

    def all(self) -> NDArray[np.uint8]:
        """Return all rows in index order.

        Raises
        ------
        SpaceError
            If there are more than `ENUMERABLE`; use `enumerate` or `sample` there.
        """
        if self.size > ENUMERABLE:
            raise SpaceError(
                f"space {self.name!r} has {self.size:,} architectures, too many to hold at once; "
                "use enumerate() or sample()"
            )
        return self.from_index(np.arange(self.size))


def _mixed_radix_weights(choices: list[int]) -> list[int]:
    weights = [1] * len(choices)
    for i in range(len(choices) - 2, -1, -1):
        weights[i] = weights[i + 1] * choices[i + 1]
    return weights


def _shorten(rows: NDArray[Any]) -> str:
    text = np.array2string(rows, threshold=8, separator=", ").replace("\n", "")
    return text if len(text) < 80 else text[:77] + "..."


class Space(Choices, ABC):
    """A set of architectures, each a row of choices.

    Every operation takes one row, ``(L,)``, or many, ``(N, L)``, and answers in kind: one value, or ``N`` values.
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
            Naming the text and the part of it that cannot be read.
        """

    @abstractmethod
    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> Module:
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

        By default ``choice_0``, ``choice_1``, ... with the choices 0, 1, ...
        """
        return {f"choice_{position}": tuple(range(count)) for position, count in enumerate(self._choices)}

    def unique(self) -> NDArray[np.uint8]:
        """Return the first row, in index order, of each class that `canonical_key` takes for the same network."""
        rows = self.all()
        _, first = np.unique(self.canonical_key(rows), return_index=True)
        return rows[np.sort(first)]

    # One row or many, for the methods of a space that are written for one of the two.

    def _answer(self, architectures: NDArray[np.uint8], answer: Callable[[NDArray[np.uint8]], Answers]) -> Answers:
        """Return what a function of many rows, (N, L), says of rows.

        Of one row, (L,), its first answer.
        """
        rows = self.check(architectures)
        if rows.ndim == 2:
            return answer(rows)
        first: Answers = answer(rows[None])[0]
        return first

    def _write(self, architectures: NDArray[np.uint8], write: Callable[[list[int]], str]) -> Any:
        """Write rows by a function of one row."""
        rows = self.check(architectures)
        return [write(row) for row in rows.tolist()] if rows.ndim == 2 else write(rows.tolist())

    def _read(self, text: str | Sequence[str], read: Callable[[str], list[int]]) -> NDArray[np.uint8]:
        """Read rows by a function of one text."""
        if isinstance(text, str):
            return np.array(read(text), dtype=np.uint8)
        return np.array([read(one) for one in text], dtype=np.uint8).reshape(-1, self.length)

    # The moves of search strategies.

    def sample(self, rng: np.random.Generator, n: int | None = None) -> NDArray[np.uint8]:
        """Draw rows uniformly from all rows, isomorphic ones counted separately.

        Returns
        -------
        (L,) uint8 if ``n`` is None, else (n, L) uint8
        """
        shape = (self.length,) if n is None else (n, self.length)
        choices: NDArray[np.float64] = rng.random(shape) * self.cardinalities
        return choices.astype(np.uint8)

    def mutate(self, architectures: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Change one position, drawn uniformly, of each row to another choice, drawn uniformly."""
        children: NDArray[np.uint8] = architectures.copy()
        if not self._mutable:
            return children
        if children.ndim == 1:  # plain numbers: ten times faster than array operations on one row
            position = self._mutable[int(rng.random() * len(self._mutable))]
            count = self._choices[position]
            children[position] = (int(children[position]) + 1 + int(rng.random() * (count - 1))) % count
            return children
        positions = np.asarray(self._mutable)[(rng.random(len(children)) * len(self._mutable)).astype(np.int64)]
        counts = self.cardinalities[positions]
        shifts = 1 + (rng.random(len(children)) * (counts - 1)).astype(np.int64)
        rows = np.arange(len(children))
        children[rows, positions] = (children[rows, positions] + shifts) % counts
        return children

    def neighbours(self, architecture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return all rows, (M, L), that differ from this one, (L,), in exactly one position."""
        row = self.check(architecture)
        positions = self._neighbour_positions
        rows = np.repeat(row[None], len(positions), axis=0)
        changed = (row[positions] + self._neighbour_shifts) % self.cardinalities[positions]
        rows[np.arange(len(positions)), positions] = changed
        return rows

    def crossover(
        self, first: NDArray[np.uint8], second: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Mix pairs of parents.

        Each position comes from either with equal chance (uniform crossover, Syswerda 1989).

        Parameters
        ----------
        first, second : (N, L) or (L,) uint8, of the same shape
        """
        return np.where(rng.random(first.shape) < 0.5, first, second)


def _single_changes(choices: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all changes of one choice.

    The position, and by how much it moves on, (M,) each.
    """
    changes = [(position, shift) for position, count in enumerate(choices) for shift in range(1, count)]
    table = np.asarray(changes, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


class ConstrainedSpace(Space):
    """A space with a constraint on the first ``head`` choices of a row.

    The others are free.

    Its architectures are numbered without gaps, in the order of counting, and its moves stay inside.

    Parameters
    ----------
    name, cardinalities
        As for every space.
    head : int
        The number of choices that the constraint is about; all their combinations are looked at when the first index is
        asked for, so there should be a few million at most.
    size : int
        The number of rows that are admitted.
    """

    def __init__(self, name: str, cardinalities: Sequence[int], head: int, size: int) -> None:
        super().__init__(name, cardinalities)
        self.size = size
        self._head = head
        self._heads = Choices(name, cardinalities[:head])
        self._tails = Choices(name, cardinalities[head:]) if head < len(cardinalities) else None

    @abstractmethod
    def admits(self, architectures: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell for which rows, (N, L), the constraint holds.

        Every choice is in its range already.
        """

    @abstractmethod
    def why_not(self, row: list[int]) -> str:
        """Return the reason, in words, for which a row is not admitted."""

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
        """Tell which rows are in the space, (N,) bool; a plain bool for one row."""
        valid = np.array(super().is_valid(architectures), ndmin=1)
        if valid.any():
            valid[valid] = self.admits(np.atleast_2d(architectures)[valid].astype(np.uint8))
        return bool(valid[0]) if np.ndim(architectures) < 2 else valid

    # The numbers of rows.

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
    def _numbers_of_heads(self) -> NDArray[np.int32]:
        """The number of every head, by its rank, among those that are admitted.

        -1 if it is not.
        """
        numbers = np.full(self._heads.size, -1, dtype=np.int32)
        numbers[self._admitted_heads] = np.arange(len(self._admitted_heads))
        return numbers

    def rank(self, architectures: NDArray[np.uint8]) -> Any:
        """Return each row's number among the admitted rows in the order of counting, (N,) int64 or int."""
        rows = self.check(architectures)
        numbers = self._numbers_of_heads[self._heads.rank(rows[..., : self._head])].astype(np.int64)
        if self._tails is not None:
            numbers = numbers * self._tails.size + self._tails.rank(rows[..., self._head :])
        return numbers if rows.ndim == 2 else int(numbers)

    def _unrank(self, ranks: NDArray[np.int64]) -> NDArray[np.uint8]:
        tails = 1 if self._tails is None else self._tails.size
        rows = np.empty((*ranks.shape, self.length), dtype=np.uint8)
        rows[..., : self._head] = self._heads.from_index(self._admitted_heads[ranks // tails])
        if self._tails is not None:
            rows[..., self._head :] = self._tails.from_index(ranks % tails)
        return rows

    # The moves of search strategies.

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
        """Return all admitted rows that differ from this one in exactly one position.

        The shape is (M, L).
        """
        rows = super().neighbours(architecture)
        return rows[self.admits(rows)]

    def crossover(
        self, first: NDArray[np.uint8], second: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Mix pairs of parents uniformly, drawn again until the space admits the child.

        Else it is the first parent.
        """
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


def one_hot(architectures: NDArray[np.uint8], cardinalities: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mark the choice at each position.

    Parameters
    ----------
    architectures : (N, L) uint8
    cardinalities : (L,) int64

    Returns
    -------
    (N, sum of cardinalities) float32
    """
    offsets = np.concatenate([[0], np.cumsum(cardinalities)[:-1]])
    features = np.zeros((len(architectures), int(cardinalities.sum())), dtype=np.float32)
    features[np.arange(len(features))[:, None], architectures + offsets] = 1
    return features
