"""Simulated annealing (Kirkpatrick, Gelatt and Vecchi, Science 1983).

Neighbours are accepted by the rule of Metropolis et al. (1953).
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from strategies.strategy import Proposal, Strategy, check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space


class SimulatedAnnealing(Strategy):
    """Moves to a better neighbour, and by chance to a worse one.

    The chance is exp(-dE / T) if it is worse by dE, while T falls.

    A neighbour differs in one choice. T has the unit of the values, so it starts from what the first, random
    architectures show of it: T_0 is ``heat`` times their best less their median. That a few trainings failed does not
    change it, and it is right for accuracies and losses alike. As no strategy knows its budget, T falls with the
    number of results: by ``cooling`` after every ``steps`` of them.

    With several evaluations under way, each result is weighed against the architecture that is current when it arrives.

    Parameters
    ----------
    initial : int
        Random architectures before the walk, which starts from their best.
    heat : float
        T_0 in units of the spread of the first values, at least 0; 0 never moves to a worse neighbour. A quarter suits
        searches of 100 to 300 trainings of NAS-Bench-201's space; 1 and more walk at random for too long.
    cooling : float
        The ratio of one temperature to the one before, above 0, at most 1; 0.9 is Kirkpatrick et al.'s.
    steps : int
        Results at each temperature. Kirkpatrick et al. take ten accepted moves for each position, more than a search
        that trains has to spend.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = SimulatedAnnealing(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(100):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "simulated-annealing"
    family = "evolution"
    paper = "Kirkpatrick et al., Science 1983"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        initial: int = 10,
        heat: float = 0.25,
        cooling: float = 0.9,
        steps: int = 10,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "initial", initial, least=1)
        check_number(self.name, "heat", heat, 0)
        check_number(self.name, "cooling", cooling, 0, 1, above=True)
        check_whole(self.name, "steps", steps, least=1)
        self.initial = initial
        self.heat = heat
        self.cooling = cooling
        self.steps = steps
        self._first: list[float] = []
        self._walked = 0
        self._initial_temperature = 0.0
        self._value = -math.inf
        self._current: NDArray[np.uint8] | None = None

    @property
    def temperature(self) -> float:
        """T, in the unit of the values; infinite while the first architectures are out."""
        if len(self._first) < self.initial:
            return math.inf
        return self._initial_temperature * self.cooling ** (self._walked // self.steps)

    def ask(self) -> Proposal:
        """Propose a random architecture at first, then a neighbour of the current one."""
        if self._current is None or len(self._first) < self.initial:
            return Proposal(self.space.sample(self.rng), self.fidelities[-1])
        return Proposal(self.space.mutate(self._current, self.rng), self.fidelities[-1])

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Move to the proposal, or stay."""
        if len(self._first) < self.initial:
            self._first.append(value)
            moves = value >= self._value
            if len(self._first) == self.initial:
                finite = [value for value in self._first if math.isfinite(value)]
                self._initial_temperature = self.heat * (max(finite) - median(finite)) if finite else 0.0
        else:
            moves = self._accepts(value)
            self._walked += 1
        if moves:
            self._value, self._current = value, proposal.architecture

    def _accepts(self, value: float) -> bool:
        if value >= self._value:
            return True
        temperature = self.temperature
        # Metropolis et al.: with -dE = value - self._value, as values are maximised.
        return temperature > 0 and self.rng.random() < math.exp((value - self._value) / temperature)
