"""A space as another strategy is to see it: the same in everything but what its random draws are."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space

    Draw = Callable[[np.random.Generator, int | None], NDArray[np.uint8]]
    """What `tabular.spaces.Space.sample` does: one row, (L,) uint8, for None, else as many as asked for, (n, L)."""


def space_view(space: Space, draw: Draw) -> Space:
    """Return a space of the same class, state, declaration and hash, equal to it, whose ``sample`` is ``draw``.

    What either computes and keeps, the other has too.
    """
    cls = _view_class(type(space))
    view: Space = cls.__new__(cls)
    view.__dict__ = space.__dict__
    view._draw, view._seen = draw, space  # type: ignore[attr-defined]
    return view


@cache
def _view_class(cls: type[Space]) -> type[Space]:
    """Return a class whose instances share the attributes of a space and keep only the draw for themselves."""

    def sample(self: Any, rng: np.random.Generator, n: int | None = None) -> NDArray[np.uint8]:
        drawn: NDArray[np.uint8] = self._draw(rng, n)
        return drawn

    def of_space(self: Any) -> int:
        return hash(self._seen)

    def like_space(self: Any) -> tuple[Any, ...]:
        return space_view, (self._seen, self._draw)

    members = {
        "__slots__": ("_draw", "_seen"),
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
        "__hash__": of_space,
        "__reduce__": like_space,
        "sample": sample,
    }
    return type(cls.__name__, (cls,), members)
