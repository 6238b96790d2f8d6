"""Multi-objective regularized evolution: that of Real et al. (AAAI 2019) with parents chosen by domination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench.strategy import MultiObjectiveStrategy, Proposal
from strategies.multi_objective.dominance import Domination, crowding_distance
from strategies.options import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nasbench.spaces import Space


class MultiObjectiveRegularizedEvolution(MultiObjectiveStrategy):
    """Mutates the best of a random sample of the population, from which the oldest member dies with every birth.

    The best of a sample is in the first front of the whole population that has any of the sample, and of these the
    least crowded one (`strategies.multi_objective.dominance`). All else is as in `strategies.RegularizedEvolution`.
    Syne Tune offers the same as MOREA, with an epsilon-net instead of the crowding distance.

    Parameters
    ----------
    space, rng, fidelities
        See `nasbench.strategy.Strategy`.
    population : int
        P, the number of members alive.
    sample : int
        S, the number of members drawn, with replacement, of which the best becomes the parent; at most ``population``.
        P=100 and S=10 are Syne Tune's.

    Raises
    ------
    StrategyError
        If an option is out of its range.
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
        self._domination = Domination(population)
        self._oldest = 0

    def ask(self) -> Proposal:
        """Propose a random architecture while the population fills, then a child of the best of a random sample."""
        if len(self._architectures) < self.population:
            return Proposal(self.space.sample(self.rng), self.fidelities[-1])
        parent = self._architectures[self._best_of_sample()]
        return Proposal(self.space.mutate(parent, self.rng), self.fidelities[-1])

    def _best_of_sample(self) -> int:
        drawn = set((self.rng.random(self.sample) * self.population).astype(int).tolist())
        front = next(front for front in self._domination.fronts() if not drawn.isdisjoint(front.tolist()))
        members: list[int] = front.tolist()
        best = [place for place, member in enumerate(members) if member in drawn]
        if len(best) == 1:
            return members[best[0]]
        crowding = crowding_distance(self._domination.values[front])
        return members[max(best, key=crowding.tolist().__getitem__)]

    def tell_objectives(
        self,
        proposal: Proposal,
        values: NDArray[np.float64],
        violation: float,
        seconds: float,  # noqa: ARG002 - time plays no part
    ) -> None:
        """Let the proposal join the population as its youngest member."""
        if len(self._architectures) < self.population:
            self._domination.put(len(self._architectures), values, violation)
            self._architectures.append(proposal.architecture)
            return
        self._domination.put(self._oldest, values, violation)
        self._architectures[self._oldest] = proposal.architecture
        self._oldest = (self._oldest + 1) % self.population
