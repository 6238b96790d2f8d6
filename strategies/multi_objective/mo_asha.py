"""Multi-objective asynchronous successive halving, MO-ASHA.

Schmucker, Donini, Zafar, Salinas and Archambeau, arXiv 2021.
"""

from __future__ import annotations

from itertools import chain, takewhile
from typing import TYPE_CHECKING

import numpy as np

from strategies.multi_fidelity.brackets import rungs_offered
from strategies.multi_objective.dominance import BestFronts
from strategies.strategy import MultiObjectiveStrategy, Proposal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space


def epsilon_net(values: NDArray[np.float64], k: int) -> list[int]:
    """Return k points of a front that are spread over it.

    They are in the order in which they were chosen.

    The first is the best in the first objective; each next is the farthest from those chosen (EpsNet, after Clarkson
    2006). Distances are Euclidean, with each objective as a share of its range in the front.

    Parameters
    ----------
    values : (N, M) float64
        Finite, no two rows equal.
    k : int
        1 to N.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    scaled = (values - low) / np.where(high > low, high - low, 1)
    chosen = [int(values[:, 0].argmax())]
    distances = np.full(len(values), np.inf)
    while len(chosen) < k:
        distances = np.minimum(distances, np.square(scaled - scaled[chosen[-1]]).sum(axis=1))
        distances[chosen] = -1  # what is next to one chosen may be at distance 0 by rounding
        chosen.append(int(distances.argmax()))
    return chosen


class _Rung:
    """The results of one length of training, and those of them that have not gone on."""

    def __init__(self, eta: int) -> None:
        self._eta = eta
        self._architectures: list[NDArray[np.uint8]] = []
        self._best = BestFronts()
        self._values: dict[int, NDArray[np.float64]] = {}
        self._left: dict[int, dict[int, None]] = {}
        self._diverged = -1
        self._waiting: list[tuple[int, int]] = []
        self._stale = False

    def put(self, architecture: NDArray[np.uint8], values: NDArray[np.float64], violation: float) -> None:
        """Take a result."""
        point, changed = self._best.add(values.tolist(), violation)
        self._values.setdefault(point, values)
        self._left.setdefault(point, {})[len(self._architectures)] = None
        if not np.isfinite(values).all():
            self._diverged = point
        self._architectures.append(architecture)
        self._stale |= changed or len(self._architectures) % self._eta == 0

    def promote(self) -> NDArray[np.uint8] | None:
        """Return the best architecture, (L,) uint8, that may go on and has not yet.

        None until more results come.
        """
        if self._stale:
            self._waiting = self._may_go_on(len(self._architectures) // self._eta)[::-1]
            self._stale = False
        if not self._waiting:
            return None
        result, point = self._waiting.pop()
        del self._left[point][result]
        return self._architectures[result]

    def _may_go_on(self, k: int) -> list[tuple[int, int]]:
        """Return results among the k best that were not promoted, in order.

        Each comes with its point.

        These are front after front, the oldest first, and of the last that enters the epsilon-net of its points; if all
        of these enter, also the oldest of the results that are like them. What diverged goes nowhere.
        """
        self._best.sort_out(k)
        waiting: list[tuple[int, int]] = []
        for front in self._best.fronts:
            if k <= 0 or front[0] == self._diverged:
                break
            n = sum(map(len, map(self._best.results.__getitem__, front)))
            if n <= k:
                waiting += sorted([(result, point) for point in front for result in self._left[point]])
            else:
                waiting += self._of_last(sorted(front), k)
            k -= n
        return waiting

    def _of_last(self, front: list[int], k: int) -> list[tuple[int, int]]:
        results = self._best.results
        net = epsilon_net(np.array([self._values[point] for point in front]), min(k, len(front)))
        firsts = [(results[front[index]][0], front[index]) for index in net]
        waiting = [(result, point) for result, point in firsts if result in self._left[point]]
        if k > len(front):
            alike = sorted(chain.from_iterable(results[point][1:] for point in front))
            latest = alike[k - len(front) - 1]
            more = ((result, point) for point in front for result in takewhile(latest.__ge__, self._left[point]))
            waiting += sorted((result, point) for result, point in more if result != results[point][0])
        return waiting


class MOASHA(MultiObjectiveStrategy):
    """Trains for longer whoever is in the best 1/eta of a rung; never waits.

    The best are told by nondominated front and epsilon-net.

    Whenever a worker is free, the highest rung with something to promote sends the best of it on; if there is none, a
    random architecture starts in the lowest (get_job of ASHA, Li et al., MLSys 2020). Fronts are those of constraint
    domination (`strategies.multi_objective.dominance`).

    Parameters
    ----------
    eta : int
        One in ``eta`` goes on to the next rung; 3 is Syne Tune's.

    Attributes
    ----------
    rungs : tuple of int
        The epochs on offer nearest to ``R, R/eta, R/eta^2, ...`` with ``R`` the last (see `tabular.measures.rungs`).

    Raises
    ------
    StrategyError
        If the fidelities make one rung only.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_3x3"))
    >>> search = MOASHA(space, np.random.default_rng(0), [1, 3, 9])
    >>> front = {}
    >>> for _ in range(200):
    ...     proposal = search.ask()
    ...     convolutions = int((proposal.architecture == 2).sum())  # made up: they cost, and are worth more than skips
    ...     accuracy = float(convolutions + 0.6 * (proposal.architecture == 1).sum()) / 6
    ...     search.tell_objectives(proposal, np.array([accuracy, -convolutions]), 0.0, seconds=1.0)
    ...     front[convolutions] = max(front.get(convolutions, 0.0), round(accuracy, 2))
    >>> sorted(front.items())
    [(0, 0.5), (1, 0.67), (2, 0.73), (3, 0.8), (4, 0.87), (5, 0.83), (6, 1.0)]
    """

    name = "mo-asha"
    family = "multi-objective"
    paper = "Schmucker et al., arXiv 2021"
    multi_fidelity = True

    def __init__(self, space: Space, rng: np.random.Generator, fidelities: Sequence[int], *, eta: int = 3) -> None:
        super().__init__(space, rng, fidelities)
        self.rungs = rungs_offered(self.name, self.fidelities, eta)
        self.eta = eta
        self._results = {epochs: _Rung(eta) for epochs in self.rungs[:-1]}
        self._steps = list(zip(self.rungs[-2::-1], self.rungs[:0:-1], strict=True))

    def ask(self) -> Proposal:
        """Propose to train an architecture for longer, or a random one.

        Rungs are looked through from the highest down.
        """
        for epochs, longer in self._steps:
            architecture = self._results[epochs].promote()
            if architecture is not None:
                return Proposal(architecture, longer)
        return Proposal(self.space.sample(self.rng), self.rungs[0])

    def tell_objectives(
        self,
        proposal: Proposal,
        values: NDArray[np.float64],
        violation: float,
        seconds: float,  # noqa: ARG002 - rungs count epochs
    ) -> None:
        """Take a result; those of full trainings decide nothing any more."""
        if proposal.epochs in self._results:
            self._results[proposal.epochs].put(proposal.architecture, values, violation)
