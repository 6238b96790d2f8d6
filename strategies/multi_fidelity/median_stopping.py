"""The median stopping rule of Vizier.

Section 3.2.2 of Golovin, Solnik, Moitra, Kochanski, Karro and Sculley, KDD 2017.
"""

from __future__ import annotations

from bisect import insort
from itertools import accumulate
from typing import TYPE_CHECKING

from strategies.evolution.regularized_evolution import RegularizedEvolution
from strategies.multi_fidelity.stopping import StoppingStrategy, Training
from strategies.strategy import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from strategies.strategy import StrategyFactory
    from tabular.spaces.space import Space


class MedianStopping(StoppingStrategy):
    """Stops a training that is below the median of the others.

    Its best value so far is compared with what the others were on average by then.

    The others are those trainings that have ended, finished or stopped, but not diverged, which reached the epoch in
    question; the running average of one is that of its values at the checks up to there. The rule needs no model of
    curves, and as these rise from low values it spares all but the clearly worse. The inner strategy is told the best
    value of what was stopped.

    Parameters
    ----------
    strategy, checks
        See `strategies.multi_fidelity.stopping.StoppingStrategy`.
    grace : int
        Checks that a training passes whatever its values; the paper has none.
    others : int
        The trainings that must have ended before one is stopped, at least 1; the paper does not say.

    Raises
    ------
    StrategyError
        See `strategies.multi_fidelity.stopping.StoppingStrategy`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> from strategies import LocalSearch
    >>> search = MedianStopping(space, np.random.default_rng(0), [1, 3, 9], strategy=LocalSearch)
    >>> best, trainings = 0.0, dict.fromkeys(search.fidelities, 0)
    >>> for _ in range(150):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3)) * (1 - 0.1 / proposal.epochs)  # made up
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    ...     trainings[proposal.epochs] += 1
    >>> round(best, 2), trainings
    (0.82, {1: 53, 3: 49, 9: 48})
    """

    name = "median-stopping"
    paper = "Golovin et al., KDD 2017"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        strategy: StrategyFactory = RegularizedEvolution,
        checks: int = 12,
        grace: int = 0,
        others: int = 5,
    ) -> None:
        super().__init__(space, rng, fidelities, strategy, checks)
        check_whole(self.name, "grace", grace, least=0)
        check_whole(self.name, "others", others, least=1)
        self.grace, self.others = grace, others
        self._averages: dict[int, list[float]] = {check: [] for check in self.checks}
        """Of each check, the running averages up to it, ascending."""

    def judge(self, training: Training) -> float | None:
        """Return the best value if it is below the median of the others.

        A training in its grace goes on.
        """
        averages = self._averages[training.epochs[-1]]
        if len(training.epochs) <= self.grace or len(averages) < self.others:
            return None
        middle = len(averages) // 2
        median = averages[middle] if len(averages) % 2 else (averages[middle - 1] + averages[middle]) / 2
        best = max(training.values)
        return best if best < median else None

    def learn(self, training: Training) -> None:
        """Note the running averages of a training that has ended."""
        if training.diverged:
            return
        for number, total in enumerate(accumulate(training.values), start=1):
            insort(self._averages[training.epochs[number - 1]], total / number)
