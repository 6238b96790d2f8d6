"""Geometric ladders of training lengths, snapped to those on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence


def rungs(fidelities: Sequence[int], eta: int = 3) -> tuple[int, ...]:
    """Return the fidelities nearest to ``R, R/eta, R/eta^2, ...``, where ``R`` is the longest.

    Near is meant as a ratio, as a ladder's steps are. Two ideal rungs with the same nearest fidelity become one, and
    the ladder ends where an ideal rung lies more than half a step (a factor of ``sqrt(eta)``) below the shortest.

    Parameters
    ----------
    fidelities : sequence of int
        Epochs on record, in any order, at least one.
    eta : int
        The factor from one rung to the next, at least 2.

    Returns
    -------
    tuple of int
        Ascending and distinct; the last is the longest fidelity.

    Raises
    ------
    QueryError
        If there is no fidelity, one below 1, or ``eta`` is below 2.

    Examples
    --------
    >>> rungs(range(1, 82)), rungs([12, 200]), rungs([200])
    ((1, 3, 9, 27, 81), (12, 200), (200,))
    """
    if not fidelities or min(fidelities) < 1:
        raise QueryError(f"a ladder needs fidelities of 1 epoch or more, at least one; got {list(fidelities)}")
    if eta < 2:
        raise QueryError(f"eta is the factor from one rung to the next, at least 2; got {eta}")
    ascending = sorted(fidelities)
    ladder, ideal = set(), float(ascending[-1])
    while ideal * eta**0.5 >= ascending[0]:
        ladder.add(min(ascending, key=lambda epochs: max(epochs / ideal, ideal / epochs)))
        ideal /= eta
    return tuple(sorted(ladder))
