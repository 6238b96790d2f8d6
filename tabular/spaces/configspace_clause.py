"""A forbidden clause of ConfigSpace for the rows that a space does not admit.

It derives from a class of ConfigSpace, so this module is imported where one is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ConfigSpace.forbidden import ForbiddenConjunction, ForbiddenInClause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ConfigSpace.hyperparameters import CategoricalHyperparameter
    from numpy.typing import NDArray

    from tabular.spaces.space import Space


class Inadmissible(ForbiddenConjunction):
    """Forbids every configuration whose row the space does not admit.

    ConfigSpace only knows clauses about one or two hyperparameters and conjunctions of them; this is a conjunction in
    name, so that ConfigSpace looks at it whenever any position changes, and asks the space itself.

    Parameters
    ----------
    space : Space
    hyperparameters : sequence of CategoricalHyperparameter
        One for each position, in the order of a row.
    """

    def __init__(self, space: Space, hyperparameters: list[CategoricalHyperparameter]) -> None:
        super().__init__(*(ForbiddenInClause(one, one.choices) for one in hyperparameters))
        self._space, self._hyperparameters = space, hyperparameters
        self._columns = np.arange(len(hyperparameters))

    def __copy__(self) -> Inadmissible:
        return type(self)(self._space, list(self._hyperparameters))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Inadmissible) and self._space == other._space

    def __hash__(self) -> int:
        return hash(self._space)

    def __repr__(self) -> str:
        return f"(not an architecture of {self._space.name})"

    def set_vector_idx(self, hyperparameter_to_idx: Mapping[str, int]) -> None:
        """Note at which index ConfigSpace, which sorts by name, keeps each position."""
        super().set_vector_idx(hyperparameter_to_idx)
        self._columns = np.array([hyperparameter_to_idx[one.name] for one in self._hyperparameters])

    def is_forbidden_value(self, values: dict[str, Any]) -> bool:
        """Say whether a dict of names and choices is not an architecture."""
        row = [choices.index(values[name]) for name, choices in self._space.named_choices().items()]
        return not self._space.is_valid(np.array(row))

    def is_forbidden_vector(self, vector: NDArray[np.float64]) -> bool:
        """Say whether a configuration's vector of choices, (L,), is not an architecture."""
        return not self._space.is_valid(vector[self._columns].astype(np.int64))

    def is_forbidden_vector_array(self, arr: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say of many vectors, the columns of an (L, N) array, which are not architectures, (N,) bool."""
        admitted: NDArray[np.bool_] = self._space.is_valid(arr[self._columns].T.astype(np.int64))
        return ~admitted

    def to_dict(self) -> dict[str, Any]:
        """Return a description for display."""
        return {"type": "INADMISSIBLE", "space": self._space.name}
