"""NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE TEC 2002)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.multi_objective.dominance import crowding_distance, nondominated_fronts, standing
from strategies.strategy import MultiObjectiveStrategy, Proposal, check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space


class NSGA2(MultiObjectiveStrategy):
    """Keeps the best N of parents and children.

    They are ordered by nondominated front, then by crowding distance.

    Parents win binary tournaments by the crowded-comparison operator. The space's crossover makes one child of a pair,
    and the space's mutation changes one of its L positions: as many as the paper's p_m = 1/L does on average. With
    several evaluations under way, children are made of the present parents for as long as they are asked for, and the
    next N that arrive, whoever their parents were, are the next generation of children.

    Parameters
    ----------
    population : int
        N. The paper spends 25,000 evaluations on 250 generations of 100; with 20, the 300 trainings that a search of
        architectures can pay for make 15 generations.
    crossover : float
        p_c, the chance that a child has two parents instead of one; 0.9 is the paper's.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_3x3"))
    >>> search = NSGA2(space, np.random.default_rng(0), [12])
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

    name = "nsga2"
    family = "multi-objective"
    paper = "Deb et al., IEEE TEC 2002"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        population: int = 20,
        crossover: float = 0.9,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "population", population, least=2)
        check_number(self.name, "crossover", crossover, least=0, most=1)
        self.population = population
        self.crossover = crossover
        self._members: list[NDArray[np.uint8]] = []  # parents, then the children with results so far
        self._values: list[NDArray[np.float64]] = []
        self._standings: list[list[float]] = []
        self._full = population
        self._queue: list[NDArray[np.uint8]] = []

    def ask(self) -> Proposal:
        """Propose a random architecture for the first generation, then a child.

        Its parents are the present ones.
        """
        if not self._queue:
            self._queue = list(self._children() if self._full > self.population else self._random())
        return Proposal(self._queue.pop(), self.fidelities[-1])

    def _random(self) -> NDArray[np.uint8]:
        return self.space.sample(self.rng, self.population)

    def _children(self) -> NDArray[np.uint8]:
        """Return N children (make-new-pop)."""
        parents = self._parents[self._tournament(2 * self.population)]
        first, second = parents[: self.population], parents[self.population :]
        crossed = self.rng.random((self.population, 1)) < self.crossover
        children = np.where(crossed, self.space.crossover(first, second, self.rng), first)
        return self.space.mutate(children, self.rng)

    def _tournament(self, n: int) -> NDArray[np.int64]:
        """Return the winners of n binary tournaments between parents.

        Of two that are alike, the one drawn first.
        """
        first, second = (self.rng.random((2, n)) * self.population).astype(np.int64)
        winners: NDArray[np.int64] = np.where(self._order[first] <= self._order[second], first, second)
        return winners

    def tell_objectives(
        self,
        proposal: Proposal,
        values: NDArray[np.float64],
        violation: float,
        seconds: float,  # noqa: ARG002 - time plays no part
    ) -> None:
        """Let the proposal join the children; the N-th ends the generation."""
        self._members.append(proposal.architecture)
        self._values.append(values)
        self._standings.append(standing(values.tolist(), violation))
        if len(self._members) == self._full:
            self._select()

    def _select(self) -> None:
        """Make parents of the best N members, and note how they stand.

        They stand in crowded-comparison order, 1 the best.
        """
        values = np.array(self._values)
        chosen: list[int] = []
        steps: list[bool] = []
        for front in nondominated_fronts(np.array(self._standings)):
            crowding = crowding_distance(values[front])
            order = (-crowding).argsort(kind="stable")
            chosen += front[order].tolist()
            steps += [True, *(crowding[order[1:]] != crowding[order[:-1]]).tolist()]
            if len(chosen) >= self.population:
                break
        del chosen[self.population :]
        self._order = np.cumsum(steps)
        self._members = [self._members[index] for index in chosen]
        self._values = [self._values[index] for index in chosen]
        self._standings = [self._standings[index] for index in chosen]
        self._parents = np.array(self._members)
        self._full = 2 * self.population
        self._queue = []
