"""DEHB, Hyperband's rungs bred by differential evolution.

Awad, Mallik and Hutter, IJCAI 2021. Differential evolution is Storn and Price's (1997), rand/1/bin.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strategies.multi_fidelity.brackets import OverlappingBrackets, UnderWay, first_candidates
from strategies.strategy import Proposal, check_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space


PARENTS = 3
"""The individuals that a mutant is made of."""

TRIES = 20
"""The number of times that a child is bred before a random architecture stands in for those outside the space."""


class DEHB(OverlappingBrackets):
    """Breeds each rung of Hyperband from the best of the rung below.

    What is bred are architectures.

    An individual is a vector of [0, 1]^L; its choices are ``floor(x * cardinality)``. Every rung has a subpopulation,
    as large as Hyperband's largest number of trainings there. The first run of Hyperband trains random individuals and
    promotes the best that the higher subpopulation lacks. From then on, target after target of a rung's subpopulation
    meets a child: a mutant ``x_r1 + F (x_r2 - x_r3)`` of three of the best of the rung below (in the lowest rung of a
    bracket, of its own subpopulation), crossed with the target by chance Cr at each choice (rand/1/bin). A child that
    is as good as its target or better takes its place. Where a mutant leaves [0, 1], it is drawn anew.

    A rung waits for the one below; when all brackets under way wait, the next begins.

    Parameters
    ----------
    eta : int
        One in ``eta`` goes on to the next rung. The defaults are all the paper's.
    mutation : float
        F, the factor of the difference.
    crossover : float
        Cr, the chance of each choice to be the mutant's; one at least is.

    Raises
    ------
    StrategyError
        If the fidelities make one rung only.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = DEHB(space, np.random.default_rng(0), [1, 3, 9])
    >>> best, trainings = 0.0, dict.fromkeys(search.fidelities, 0)
    >>> for _ in range(200):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3)) * (1 - 0.1 / proposal.epochs)  # made up
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    ...     trainings[proposal.epochs] += 1
    >>> round(best, 2), trainings
    (0.99, {1: 83, 3: 72, 9: 45})
    """

    name = "dehb"
    paper = "Awad et al., IJCAI 2021"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        eta: int = 3,
        mutation: float = 0.5,
        crossover: float = 0.5,
    ) -> None:
        super().__init__(space, rng, fidelities, eta)
        check_number(self.name, "mutation", mutation, 0, 2, above=True)
        check_number(self.name, "crossover", crossover, 0, 1)
        self.mutation, self.crossover = mutation, crossover
        s_max = len(self.rungs) - 1
        self._sizes = [[first_candidates(s, s_max, eta) // eta**i for i in range(s + 1)] for s in range(s_max + 1)]
        # Counted from the last rung, which all brackets reach, a rung has the same place in each that has it.
        largest = [max(sizes[-i] for sizes in self._sizes[i - 1 :]) for i in range(s_max + 1, 0, -1)]
        self.populations = [Subpopulation(random_individuals(space, rng, size)) for size in largest]
        """One for each rung."""
        self._started = 0

    def next_bracket(self) -> EvolvingBracket:
        """Return the next of Hyperband's brackets, s from s_max to 0 and over again."""
        s_max = len(self.rungs) - 1
        run, number = divmod(self._started, s_max + 1)
        s = s_max - number
        self._started += 1
        return EvolvingBracket(self, s_max - s, self._sizes[s], promotes=run == 0)

    def breed(self, parents: Sequence[Individual], target: Individual) -> Individual:
        """Return a child of a target and of three parents.

        Where there are fewer, any individuals stand in.
        """
        vectors = [parent.vector for parent in parents]
        if len(vectors) < PARENTS:
            everyone = [one.vector for population in self.populations for one in population.individuals]
            vectors += [everyone[int(self.rng.random() * len(everyone))] for _ in range(PARENTS - len(vectors))]
        for _ in range(TRIES):
            chosen = [vectors[index] for index in self.rng.permutation(len(vectors))[:PARENTS].tolist()]
            mutated = mutant(chosen, self.mutation, self.rng)
            vector = binomial_crossover(target.vector, mutated, self.crossover, self.rng)
            row = row_of(vector, self.space.cardinalities)
            if self.space.is_valid(row):
                return Individual(vector, row)
        return random_individuals(self.space, self.rng, 1)[0]


class EvolvingBracket:
    """A bracket of promoted or bred individuals, a given number in each rung.

    Parameters
    ----------
    strategy : DEHB
    lowest : int
        The index of its first rung in the ladder.
    sizes : sequence of int
        n_i, the trainings of each rung.
    promotes : bool
        Whether it promotes, as in the first run of Hyperband, or breeds.
    """

    def __init__(self, strategy: DEHB, lowest: int, sizes: Sequence[int], *, promotes: bool) -> None:
        self._strategy, self._lowest, self._sizes, self._promotes = strategy, lowest, sizes, promotes
        self._under_way: UnderWay[tuple[int, Individual]] = UnderWay()
        self._enter_rung(0)

    def _enter_rung(self, i: int) -> None:
        self._i, self._waiting, self._outstanding = i, self._sizes[i], self._sizes[i]
        rung = self._lowest + i
        self._epochs = self._strategy.rungs[rung]
        self._population = self._strategy.populations[rung]
        below = self._strategy.populations[rung - 1 if i else rung].trained()
        self._parents = below[: self._sizes[i]] if i else below
        self._promoted: list[Individual] = []
        if self._promotes and i:
            there = {one.row.tobytes() for one in self._population.trained()}
            alive = [one for one in below if one.value > -math.inf and one.row.tobytes() not in there]
            self._promoted = alive[: self._sizes[i]][::-1]

    @property
    def ended(self) -> bool:
        """True once there is nothing left to propose and no result left to come."""
        return not self._outstanding and self._i == len(self._sizes) - 1

    def ask(self) -> Proposal | None:
        """Propose the child for the next target of the rung's subpopulation.

        None while results of the rung are out.
        """
        if not self._waiting:
            return None
        self._waiting -= 1
        index = self._population.next_target()
        target = self._population.individuals[index]
        if self._promoted:
            child = self._promoted.pop()
        elif self._promotes and not self._i and math.isnan(target.value):
            child = target
        else:
            child = self._strategy.breed(self._parents if self._i else self._population.trained(), target)
        proposal = Proposal(child.row, self._epochs)
        self._under_way.start(proposal, (index, child))
        return proposal

    def tell(self, proposal: Proposal, value: float) -> None:
        """Take a result; the last of a rung opens the next one.

        The child may replace its target.
        """
        owner = self._under_way.end(proposal)
        if owner is None:
            return
        index, child = owner
        self._population.select(index, child._replace(value=value))
        self._outstanding -= 1
        if not self._outstanding and self._i < len(self._sizes) - 1:
            self._enter_rung(self._i + 1)


class Individual(NamedTuple):
    """A vector of [0, 1)^L, its row of choices, its value (NaN before training)."""

    vector: NDArray[np.float64]
    row: NDArray[np.uint8]
    value: float = math.nan


class Subpopulation:
    """Individuals of one rung, at least one, that children replace one by one."""

    def __init__(self, individuals: list[Individual]) -> None:
        self.individuals = individuals
        self._next = 0

    def next_target(self) -> int:
        """Return the index of the individual whose turn it is; turns go round."""
        target = self._next
        self._next = (target + 1) % len(self.individuals)
        return target

    def trained(self) -> list[Individual]:
        """Return those that have a value, the best first."""
        known = [one for one in self.individuals if not math.isnan(one.value)]
        return sorted(known, key=lambda one: -one.value)

    def select(self, target: int, child: Individual) -> None:
        """Replace the target by a trained child that is as good or better.

        A target that was never trained is always replaced.
        """
        if not child.value < self.individuals[target].value:
            self.individuals[target] = child


def random_individuals(space: Space, rng: np.random.Generator, n: int) -> list[Individual]:
    """Return ``n`` individuals of random rows.

    Their vectors are uniform among those that stand for the row.
    """
    rows = space.sample(rng, n)
    vectors = (rows + rng.random(rows.shape)) / space.cardinalities
    return [Individual(vector, row) for vector, row in zip(vectors, rows, strict=True)]


def row_of(vector: NDArray[np.float64], cardinalities: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the choices of a vector of [0, 1)^L, ``floor(x * cardinality)``."""
    return (vector * cardinalities).astype(np.uint8)


def mutant(parents: Sequence[NDArray[np.float64]], factor: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return ``x_r1 + F (x_r2 - x_r3)``, (L,); what leaves [0, 1) is drawn anew.

    Parameters
    ----------
    parents : three of (L,) float64
        x_r1, x_r2 and x_r3.
    factor : float
        F.
    rng : numpy.random.Generator
    """
    first, second, third = parents  # r1, r2, r3
    vector = first + factor * (second - third)
    outside = (vector < 0) | (vector >= 1)
    return np.where(outside, rng.random(len(vector)), vector) if outside.any() else vector


def binomial_crossover(
    target: NDArray[np.float64], mutated: NDArray[np.float64], rate: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the child, (L,).

    Each number is the mutant's by chance ``rate``, and one drawn at random always is.
    """
    take = rng.random(len(target)) < rate
    take[int(rng.random() * len(target))] = True
    return np.where(take, mutated, target)
