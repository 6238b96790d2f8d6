"""A generational genetic algorithm (Holland 1975).

The rates are those of Genetic CNN (Xie and Yuille, ICCV 2017).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from strategies.strategy import Proposal, Strategy, check_choice, check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space

SELECTIONS = ("truncation", "tournament")
"""The ways in which parents are selected."""


class GeneticAlgorithm(Strategy):
    """Breeds each generation from the one before.

    Parents are selected, crossed and mutated; the best live on.

    The first generation is random. A generation ends when as many results have arrived as it has children; while
    some are still out, more children are bred from the same parents, so no worker waits, and late results belong to
    the generation in which they arrive.

    Parameters
    ----------
    population : int
        N, members of a generation.
    crossover : float
        p_C, the chance that a child mixes two parents, position by position; else it copies one.
    mutation : float
        p_M, the chance that one choice of a child is changed. N=20, p_C=0.2 and p_M=0.8 are Xie and Yuille's.
    elitism : int
        The number of best members that live on without another training, less than ``population``: 1, as De Jong
        (1975) has it.
    selection : str
        ``"truncation"``: a parent is any of the ``survivors`` best members, as with Guo et al. (ECCV 2020).
        ``"tournament"``: a parent is the best of ``tournament`` members, drawn with replacement. Xie and Yuille draw
        parents in proportion to fitness, which depends on its unit.
    survivors : int or None
        At most ``population``; by default a fifth of it, as Guo et al. keep 10 of 50.
    tournament : int
        2 is Goldberg and Deb's (1991) binary tournament.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = GeneticAlgorithm(space, np.random.default_rng(0), [12], population=10)
    >>> best = 0.0
    >>> for _ in range(150):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "genetic-algorithm"
    family = "evolution"
    paper = "Xie and Yuille, ICCV 2017"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        population: int = 20,
        crossover: float = 0.2,
        mutation: float = 0.8,
        elitism: int = 1,
        selection: str = "truncation",
        survivors: int | None = None,
        tournament: int = 2,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "population", population, least=1)
        check_number(self.name, "crossover", crossover, 0, 1)
        check_number(self.name, "mutation", mutation, 0, 1)
        check_whole(self.name, f"elitism (with population={population})", elitism, least=0, most=population - 1)
        check_choice(self.name, "selection", selection, SELECTIONS)
        check_whole(self.name, "tournament", tournament, least=1)
        survivors = math.ceil(population / 5) if survivors is None else survivors
        check_whole(self.name, f"survivors (with population={population})", survivors, least=1, most=population)
        self.population = population
        self.crossover = crossover
        self.mutation = mutation
        self.elitism = elitism
        self.selection = selection
        self.tournament = tournament
        self.survivors = survivors
        self._members: list[tuple[float, NDArray[np.uint8]]] = []  # the best first
        self._born: list[tuple[float, NDArray[np.uint8]]] = []

    def ask(self) -> Proposal:
        """Propose a random architecture in the first generation, then a child."""
        if not self._members:
            return Proposal(self.space.sample(self.rng), self.fidelities[-1])
        child = self._parent()
        if self.rng.random() < self.crossover:
            child = self.space.crossover(child, self._parent(), self.rng)
        if self.rng.random() < self.mutation:
            child = self.space.mutate(child, self.rng)
        return Proposal(child, self.fidelities[-1])

    def _parent(self) -> NDArray[np.uint8]:
        if self.selection == "truncation":
            index = int(self.rng.random() * self.survivors)
        else:
            index = int(min(self.rng.random(self.tournament).tolist()) * self.population)
        return self._members[index][1]

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Let the proposal join its generation.

        A full one takes the place of its parents, save the elite.
        """
        self._born.append((value, proposal.architecture))
        elite = self._members[: self.elitism]
        if len(self._born) + len(elite) == self.population:
            # Of equals the younger stands first, so that the elite does not hold out on a plateau.
            self._members = sorted(self._born + elite, key=lambda member: -member[0])
            self._born = []
