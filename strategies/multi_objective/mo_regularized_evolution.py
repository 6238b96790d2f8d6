"""Multi-objective regularized evolution.

That of Real et al. (AAAI 2019) with parents chosen by domination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.multi_objective.dominance import Domination, crowding_distance
from strategies.strategy import MultiObjectiveStrategy, Proposal, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space


class MultiObjectiveRegularizedEvolution(MultiObjectiveStrategy):
    """Mutates the best of a random sample of the population.

    The oldest member dies with every birth.

    The best of a sample is in the first front of the whole population that has any of the sample, and of these the
    least crowded one (`strategies.multi_objective.dominance`). All else is as in `strategies.RegularizedEvolution`.
    Syne Tune offers the same as MOREA, with an epsilon-net instead of the crowding distance.

    Parameters
    ----------
    population : int
        P, the number of members alive.
    sample : int
        S, the number of members drawn, with replacement, of which the best becomes the parent; at most ``population``.
        P=100 and S=10 are Syne Tune's.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_3x3"))
    >>> search = MultiObjectiveRegularizedEvolution(space, np.random.default_rng(0), [12], population=20, sample=5)
    >>> front = {}
    >>> for _ in range(200):
    ...     proposal = search.ask()
    ...     convolutions = int((proposal.architecture == 2).sum())  # made up: they cost, and are worth more than skips
    ...     accuracy = float(convolutions + 0.6 * (proposal.architecture == 1).sum()) / 6
    ...     search.tell_objectives(proposal, np.array([accuracy, -convolutions]), 0.0, seconds=1.0)
    ...     front[convolutions] = max(front.get(convolutions, 0.0), round(accuracy, 2))
    >>> sorted(front.items())
    [(0, 0.6), (1, 0.67), (2, 0.73), (3, 0.8), (4, 0.87), (5, 0.93), (6, 1.0)]
    """

    name = "mo-regularized-evolution"
    family = "multi-objective"
    paper = "Real et al., AAAI 2019; Salinas et al., ICLR NAS workshop 2021"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        population: int = 100,
        sample: int = 10,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "population", population, least=1)
        check_whole(self.name, f"sample (with population={population})", sample, least=1, most=population)
        self.population = population
        self.sample = sample
        self._architectures: list[NDArray[np.uint8]] = []
        self._values: list[NDArray[np.float64]] = []
        self._domination = Domination(population)
        self._next = 0

    def ask(self) -> Proposal:
        """Propose a random architecture while the population fills, then a child.

        The parent is the best of a random sample.
        """
        if len(self._architectures) < self.population:
            return Proposal(self.space.sample(self.rng), self.fidelities[-1])
        parent = self._architectures[self._best_of_sample()]
        return Proposal(self.space.mutate(parent, self.rng), self.fidelities[-1])

    def _best_of_sample(self) -> int:
        """Return the best member of a sample; of several alike, the one drawn first."""
        drawn: dict[int, None] = dict.fromkeys((self.rng.random(self.sample) * self.population).astype(int).tolist())
        fronts = map(np.ndarray.tolist, self._domination.fronts())
        members: list[int] = next(front for front in fronts if not drawn.keys().isdisjoint(front))
        best = [member for member in drawn if member in members]
        if len(best) == 1:
            return best[0]
        crowding = crowding_distance(np.array([self._values[member] for member in members])).tolist()
        return max(best, key=dict(zip(members, crowding, strict=True)).__getitem__)

    def tell_objectives(
        self,
        proposal: Proposal,
        values: NDArray[np.float64],
        violation: float,
        seconds: float,  # noqa: ARG002 - time plays no part
    ) -> None:
        """Let the proposal join the population as its youngest member."""
        self._domination.put(self._next, values.tolist(), violation)
        # A slice of one: it appends while the population fills, and replaces the oldest member after that.
        self._architectures[self._next : self._next + 1] = [proposal.architecture]
        self._values[self._next : self._next + 1] = [values]
        self._next = (self._next + 1) % self.population
