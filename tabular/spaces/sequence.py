"""Spaces whose networks are sequences of layers, one choice each."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError, UnknownNameError
from tabular.spaces.encoding import one_hot
from tabular.spaces.hashing import mix
from tabular.spaces.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class SequenceSpace(Space):
    """A space in which each row is a network of its own, unless `canonical_rows` says which are the same.

    Parameters
    ----------
    name : str
    cardinalities : sequence of int
    """

    def canonical_rows(self, architectures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return for each row, (N, L), the one row that stands for all that are the same network."""
        return architectures

    @abstractmethod
    def _row_to_text(self, row: list[int]) -> str:
        """Write one row."""

    @abstractmethod
    def _row_from_text(self, text: str) -> list[int] | str:
        """Read one row, or say in words why the text is none."""

    def canonical_key(self, architectures: NDArray[np.uint8]) -> Any:
        """Return a key of the row that stands for the network: different for different ones without exception.

        Parameters
        ----------
        architectures : (N, L) or (L,) uint8

        Returns
        -------
        (N,) uint64 or uint64
        """
        rows = self.check(architectures)
        keys = mix(self.rank(self.canonical_rows(np.atleast_2d(rows))).astype(np.uint64))
        return keys if rows.ndim == 2 else keys[0]

    def to_text(self, architectures: NDArray[np.uint8]) -> Any:
        """Write rows as text: a ``str`` for one row, a list of ``str`` for many."""
        rows = self.check(architectures)
        return [self._row_to_text(row) for row in rows.tolist()] if rows.ndim == 2 else self._row_to_text(rows.tolist())

    def from_text(self, text: str | Sequence[str]) -> NDArray[np.uint8]:
        """Read rows that `to_text` wrote.

        Raises
        ------
        InvalidArchitectureError
            Naming the text and what is wrong with it.
        """
        if not isinstance(text, str):
            return np.array([self.from_text(each) for each in text], dtype=np.uint8).reshape(-1, self.length)
        row = self._row_from_text(text)
        if isinstance(row, str):
            raise InvalidArchitectureError(f"not an architecture of {self.name!r}: {text!r} {row}")
        return np.array(row, dtype=np.uint8)

    @property
    def encodings(self) -> tuple[str, ...]:
        """``one_hot``."""
        return ("one_hot",)

    def encode(self, architectures: NDArray[np.uint8], encoding: str = "one_hot") -> NDArray[np.float32]:
        """Mark each choice of the row that stands for the network, so that equal networks have equal features."""
        if encoding not in self.encodings:
            raise UnknownNameError("encoding", encoding, self.encodings)
        rows = self.check(architectures)
        features = one_hot(self.canonical_rows(np.atleast_2d(rows)), self.cardinalities)
        return features if rows.ndim == 2 else features[0]
