"""Which features, and trees of which depth, suit a table: small ensembles, cross-validated, tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from surrogates.inputs import Inputs, feature_blocks
from surrogates.models.xgboost_ensemble import out_of_fold
from tabular.errors import QueryError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space

FOLDS = 3
TREES = 150
DEPTHS = (4, 6, 8)
CLEARLY = 0.01
"""A costlier choice must lower the error by so much of it."""

Choice = TypeVar("Choice")
MOST_ROWS = 6000
"""More rows are not needed to tell which is better."""


def all_candidates(space: Space) -> list[tuple[str, ...]]:
    """Return the active graph's features alone, those with one-hot choices, and all blocks: as far as there are."""
    blocks = feature_blocks(space)
    return list(dict.fromkeys([blocks[:1], blocks[:2], blocks]))


def check_blocks(space: Space, blocks: Sequence[str]) -> tuple[str, ...]:
    """Return the blocks of features that a user named.

    Raises
    ------
    UnknownNameError, QueryError
    """
    if not blocks:
        raise QueryError(f"name at least one block of features; {space.name} has {', '.join(feature_blocks(space))}")
    for block in blocks:
        if block not in feature_blocks(space):
            raise UnknownNameError("features", block, feature_blocks(space), of=f"space {space.name!r}")
    return tuple(blocks)


def choose(
    space: Space,
    architectures: NDArray[np.uint8],
    target: NDArray[np.float64],
    groups: NDArray[np.int64],
    candidates: Sequence[tuple[str, ...]],
    seed: int,
) -> tuple[tuple[str, ...], int]:
    """Return the blocks of features and the depth of trees that err least.

    The blocks are chosen first, with trees of middling depth. The error is the mean absolute one on folds left out, so
    that a few failed trainings do not decide.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    target : (N,) float64
    groups : (N,) int64
        From 0; rows of one group are one network.
    candidates : sequence of blocks
        At least one.
    seed : int
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(target))[:MOST_ROWS])
    _, groups = np.unique(groups[rows], return_inverse=True)
    learnt = (target[rows] - target[rows].mean()) / target[rows].std()

    def error(inputs: Inputs, depth: int) -> float:
        left_out = out_of_fold(inputs, learnt, groups, folds=FOLDS, seed=seed, trees=TREES, max_depth=depth)
        return float(np.abs(left_out - learnt).mean())

    seen = {blocks: Inputs(space, architectures[rows], blocks) for blocks in candidates}
    middling = DEPTHS[len(DEPTHS) // 2]
    errors = {blocks: error(inputs, middling) for blocks, inputs in seen.items()}
    blocks = _first_that_is_good(errors)
    by_depth = {depth: errors[blocks] if depth == middling else error(seen[blocks], depth) for depth in DEPTHS}
    return blocks, _first_that_is_good(by_depth)


def _first_that_is_good(errors: dict[Choice, float]) -> Choice:
    """Return the first choice, the cheapest, that no later one beats clearly."""
    best, *others = errors
    for other in others:
        if errors[other] < (1 - CLEARLY) * errors[best]:
            best = other
    return best
