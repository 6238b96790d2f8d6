"""Warm starts: a search begins with the best architectures of another task.

Feurer, Springenberg and Hutter, AAAI 2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strategies.evolution.regularized_evolution import RegularizedEvolution
from strategies.strategy import check_whole
from strategies.warm_start.wrapper import TheseFirst, Wrapper, good_architectures

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from strategies.strategy import StrategyFactory
    from strategies.warm_start.wrapper import Architectures
    from tabular.measures import Oracle
    from tabular.spaces.space import Space


class WarmStart(Wrapper):
    """Runs another strategy that starts from given architectures.

    Its first random architectures are the best of another task, or any that are given.

    They come one by one, the best first, in place of the strategy's random draws; after them its draws are as ever. So
    they do whatever its initial design does: fill a population, teach a model, enter a bracket.

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
    top : int
        The number of the source's best that are taken.
    architectures : sequence of str or of rows, optional
        Instead of a source: these, in this order.

    Raises
    ------
    StrategyError
        If there is neither source nor architectures, or both; if the source is of another space, or the measure a test
        metric; if ``top`` is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> from strategies import LocalSearch
    >>> known = ["|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|"]
    >>> search = WarmStart(space, np.random.default_rng(0), [12], strategy=LocalSearch, architectures=known)
    >>> best = 0.0
    >>> for _ in range(40):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "warm-start"
    paper = "Feurer et al., AAAI 2015"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        strategy: StrategyFactory = RegularizedEvolution,
        source: Oracle | None = None,
        measure: str | None = None,
        top: int = 10,
        architectures: Architectures | None = None,
    ) -> None:
        check_whole(self.name, "top", top, least=1)
        good, ranked = good_architectures(self.name, space, source, measure, architectures)
        super().__init__(space, rng, fidelities, strategy, TheseFirst(space, good[:top] if ranked else good))
