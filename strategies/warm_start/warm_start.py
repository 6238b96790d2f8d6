"""Warm starts: a search begins with what is best elsewhere (Feurer, Springenberg and Hutter, AAAI 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.strategy_options import check_whole
from strategies.warm_start.sources import good_architectures
from strategies.warm_start.wrapper import Wrapper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.strategy import StrategyFactory
    from strategies.warm_start.sources import Architectures
    from tabular.measures import Oracle
    from tabular.spaces import Space


class WarmStart(Wrapper):
    """Runs another strategy whose first random architectures are the best of another task, or any that are given.

    They come one by one, the best first, in place of the strategy's random draws; after them its draws are as ever. So
    they do whatever its initial design does: fill a population, teach a model, enter a bracket.

    Parameters
    ----------
    space, rng, fidelities
        See `nasbench.strategy.Strategy`.
    strategy : str or callable
        What is run: a name, with options in parentheses if need be, or a class.
    source : Oracle, optional
        Of the same space: a table or surrogate of another data set, say. What it knows is ranked once, for all runs.
    measure : str, optional
        By what the source's architectures are ranked, as ``task/metric@epochs``; by default its validation accuracy
        after its last epoch.
    top : int
        How many of the source's best are taken.
    architectures : sequence of str or of rows, optional
        Instead of a source: these, in this order.

    Raises
    ------
    StrategyError
        If there is neither source nor architectures, or both; if the source is of another space, or the measure a test
        metric; if ``top`` is out of its range.
    """

    name = "warm-start"
    paper = "Feurer et al., AAAI 2015"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        strategy: str | StrategyFactory = "regularized-evolution",
        source: Oracle | None = None,
        measure: str | None = None,
        top: int = 10,
        architectures: Architectures | None = None,
    ) -> None:
        check_whole(self.name, "top", top, least=1)
        good, ranked = good_architectures(self.name, space, source, measure, architectures)
        super().__init__(space, rng, fidelities, strategy, TheseFirst(space, good[:top] if ranked else good))


class TheseFirst:
    """Draws some architectures in their order, then at random.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    """

    def __init__(self, space: Space, architectures: NDArray[np.uint8]) -> None:
        self._space = space
        self._left = [row.copy() for row in architectures[::-1]]

    def __call__(self, rng: np.random.Generator, n: int | None = None) -> NDArray[np.uint8]:
        """Return the next architecture, (L,) uint8, or the next ``n``, (n, L)."""
        if n is None:
            return self._left.pop() if self._left else self._space.sample(rng)
        these = [self._left.pop() for _ in range(min(n, len(self._left)))]
        others = self._space.sample(rng, n - len(these))
        return np.concatenate([np.array(these, dtype=np.uint8), others]) if these else others
