"""Spaces of choices alone.

Hyperparameters, or an architecture space of another tool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tabular.errors import SpaceError
from tabular.spaces.layers import SequenceSpace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.networks import Module
    from tabular.recipe import Recipe


class CategoricalSpace(SequenceSpace):
    """All rows of choices.

    Each row is a network of its own, and none can be trained here.

    Tables of such a space are imported; strategies search it, and surrogates are fitted to one-hot choices.

    Parameters
    ----------
    name : str
    choices : dict of str to sequence of str or int
        What each position can be, by its name.

    Raises
    ------
    SpaceError
        If there is no position, or one without or with equal choices.

    Examples
    --------
    >>> space = CategoricalSpace("recipes", {"optimizer": ["sgd", "adam"], "layers": [2, 4, 8]})
    >>> space.size, space.to_text(space.from_index(5))
    (6, 'adam,8')
    """

    def __init__(self, name: str, choices: Mapping[str, Sequence[str | int]]) -> None:
        self.choices = {position: tuple(names) for position, names in choices.items()}
        for position, names in self.choices.items():
            if not names or len({str(choice) for choice in names}) != len(names):
                raise SpaceError(
                    f"space {name!r}: {position!r} needs choices that differ, at least one; got {list(names)}"
                )
            if any("," in str(choice) for choice in names):
                raise SpaceError(f"space {name!r}: a choice of {position!r} has a comma, which divides choices in text")
        super().__init__(name, [len(names) for names in self.choices.values()])

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "categorical", "name", "choices"}``."""
        choices = {position: list(names) for position, names in self.choices.items()}
        return {"kind": "categorical", "name": self.name, "choices": choices}

    def named_choices(self) -> dict[str, tuple[str | int, ...]]:
        """Return the choices of each position."""
        return self.choices

    def _row_to_text(self, row: list[int]) -> str:
        """Write the choices with commas between."""
        return ",".join(str(names[choice]) for names, choice in zip(self.choices.values(), row, strict=True))

    def _row_from_text(self, text: str) -> list[int] | str:
        """Read choices with commas between."""
        words = [word.strip() for word in text.split(",")]
        if len(words) != self.length:
            like = self._row_to_text([0] * self.length)
            return f"has {len(words)} choices, expected {self.length} ({', '.join(self.choices)}), like {like!r}"
        row = []
        for word, (position, names) in zip(words, self.choices.items(), strict=True):
            known = [str(choice) for choice in names]
            if word not in known:
                return f"has the {position} {word!r}, allowed are {', '.join(known)}"
            row.append(known.index(word))
        return row

    def network(
        self,
        architecture: NDArray[np.uint8],  # noqa: ARG002 - what every space is given
        recipe: Recipe,  # noqa: ARG002
        image_shape: tuple[int, int, int],  # noqa: ARG002
        classes: int,  # noqa: ARG002
    ) -> Module:
        """Raise SpaceError: nothing is known of the networks."""
        raise SpaceError(f"space {self.name!r} knows choices only, it has no network that could be trained")
