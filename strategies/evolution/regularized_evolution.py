"""Regularized evolution, also called aging evolution.

Algorithm 1 of Real, Aggarwal, Huang and Le, AAAI 2019.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from strategies.strategy import Proposal, Strategy, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space


class RegularizedEvolution(Strategy):
    """Mutates the best of a random sample of the population.

    The oldest member dies with every birth.

    The population is filled with random architectures first. With several evaluations under way, architectures are
    drawn at random until the population is full, and members age in the order in which their results arrive.

    Parameters
    ----------
    population : int
        P, the number of members alive.
    sample : int
        S, the number of members drawn, with replacement, of which the best becomes the parent; at most ``population``.
        P=100 and S=25 are the paper's for CIFAR-10; NAS-Bench-201 is searched with P=10 and S=3.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = RegularizedEvolution(space, np.random.default_rng(0), [12], population=10, sample=3)
    >>> best = 0.0
    >>> for _ in range(150):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "regularized-evolution"
    family = "evolution"
    paper = "Real et al., AAAI 2019"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        population: int = 100,
        sample: int = 25,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "population", population, least=1)
        check_whole(self.name, f"sample (with population={population})", sample, least=1, most=population)
        self.population = population
        self.sample = sample
        self._architectures: deque[NDArray[np.uint8]] = deque(maxlen=population)  # a full one drops the oldest
        self._values: deque[float] = deque(maxlen=population)

    def ask(self) -> Proposal:
        """Propose a random architecture while the population fills, then a child.

        The parent is the best of a random sample.
        """
        if len(self._values) < self.population:
            return Proposal(self.space.sample(self.rng), self.fidelities[-1])
        drawn = (self.rng.random(self.sample) * self.population).astype(int).tolist()
        parent = self._architectures[max(drawn, key=self._values.__getitem__)]  # Alg. 1, highest accuracy in sample
        return Proposal(self.space.mutate(parent, self.rng), self.fidelities[-1])

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Let the proposal join the population as its youngest member."""
        self._architectures.append(proposal.architecture)
        self._values.append(value)
