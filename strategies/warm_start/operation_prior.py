"""Random architectures from the univariate marginals of good ones.

Mühlenbein and Paaß, PPSN 1996.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from strategies.evolution.regularized_evolution import RegularizedEvolution
from strategies.strategy import check_number
from strategies.warm_start.wrapper import Wrapper, good_architectures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strategies.strategy import StrategyFactory
    from strategies.warm_start.wrapper import Architectures
    from tabular.measures import Oracle
    from tabular.spaces.space import Space

TRIES = 100
"""Draws that a space may refuse in a row before one that is uniform takes their place."""

AHEAD = 64
"""Rows that are drawn at a time where one is asked for: drawn many at a time, one costs a tenth."""


class OperationPrior(Wrapper):
    """Runs another strategy whose random architectures follow a prior.

    They prefer, at each position, what good ones have there.

    p_i(c), the chance of choice c at position i, is its frequency among the best of another task, or among
    architectures that are given; positions are drawn independently. A share of draws stays uniform.

    Parameters
    ----------
    strategy : callable
        The strategy that is run: a class, or a function ``(space, rng, fidelities)`` that makes one.
    source : Oracle, optional
        Of the same space: a table or surrogate of another data set, say. Its architectures are ranked once, for all
        runs.
    measure : str, optional
        By what the source's architectures are ranked, as ``task/metric@epochs``; by default its validation accuracy
        after its last epoch.
    share : float
        The share of the source's networks that count as good, its best, at least one.
    architectures : sequence of str or of rows, optional
        Instead of a source: all of these are good.
    smoothing : float
        Added to every count, so that what no good one has can still be drawn.
    epsilon : float
        The share of draws that are uniform.

    Raises
    ------
    StrategyError
        If there is neither source nor architectures, or both; if the source is of another space, or the measure a test
        metric; if a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> from strategies import RandomSearch
    >>> known = ["|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|"]
    >>> search = OperationPrior(space, np.random.default_rng(0), [12], strategy=RandomSearch, architectures=known)
    >>> best = 0.0
    >>> for _ in range(100):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    0.83
    """

    name = "operation-prior"
    paper = "Mühlenbein and Paaß, PPSN 1996"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        strategy: StrategyFactory = RegularizedEvolution,
        source: Oracle | None = None,
        measure: str | None = None,
        share: float = 0.01,
        architectures: Architectures | None = None,
        smoothing: float = 1.0,
        epsilon: float = 0.1,
    ) -> None:
        check_number(self.name, "share", share, least=0, most=1, above=True)
        check_number(self.name, "smoothing", smoothing, least=0)
        check_number(self.name, "epsilon", epsilon, least=0, most=1)
        good, ranked = good_architectures(self.name, space, source, measure, architectures)
        good = good[: math.ceil(share * len(good))] if ranked else good
        super().__init__(space, rng, fidelities, strategy, MarginalDraw(space, good, smoothing, epsilon))


class MarginalDraw:
    """A draw of every position by itself, by the frequency of its choices.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
        The good ones, whose frequencies count.
    smoothing : float
        Added to every count.
    epsilon : float
        The share of draws that are uniform.

    Attributes
    ----------
    chances : (L, C) float64
        p_i(c), for the C choices of the position that has most; 0 where a position has fewer.
    """

    def __init__(self, space: Space, architectures: NDArray[np.uint8], smoothing: float, epsilon: float) -> None:
        self._space, self._epsilon = space, epsilon
        self._ahead: list[NDArray[np.uint8]] = []
        choices = np.arange(int(space.cardinalities.max()))
        counts = (architectures[:, :, None] == choices).sum(axis=0) + smoothing
        counts = np.where(choices < space.cardinalities[:, None], counts, 0.0)
        self.chances: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
        self._bounds = np.cumsum(self.chances, axis=1)[:, :-1]
        self._last = space.cardinalities - 1

    def __call__(self, rng: np.random.Generator, n: int | None = None) -> NDArray[np.uint8]:
        """Return an architecture, (L,) uint8, or ``n``, (n, L)."""
        if n is None:
            if not self._ahead:
                self._ahead = list(self(rng, AHEAD))
            row: NDArray[np.uint8] = self._ahead.pop().copy()
            return row
        rows = self._space.sample(rng, n)
        missing = np.flatnonzero(rng.random(n) >= self._epsilon)
        for _ in range(TRIES):
            if not len(missing):
                break
            u = rng.random((len(missing), self._space.length, 1))
            drawn = np.minimum((u >= self._bounds).sum(axis=2), self._last).astype(np.uint8)
            admitted: NDArray[np.bool_] = self._space.is_valid(drawn)
            rows[missing[admitted]] = drawn[admitted]
            missing = missing[~admitted]
        return rows
