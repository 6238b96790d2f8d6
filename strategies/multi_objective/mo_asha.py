"""Multi-objective asynchronous successive halving, MO-ASHA (Schmucker, Donini, Zafar, Salinas and Archambeau, 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.strategy import MultiObjectiveStrategy, Proposal
from strategies.multi_fidelity.rungs_offered import rungs_offered
from strategies.multi_objective.dominance import Domination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.spaces import Space

_ROOM = 64
"""For how many results a rung has room before it grows."""


def epsilon_net(values: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return k members of a front that are spread over it, (k,), in the order in which they were chosen.

    The first is the best in the first objective; each next is the farthest from those chosen (EpsNet, after Clarkson
    2006). Distances are Euclidean, with each objective as a share of its range in the front.

    Parameters
    ----------
    values : (N, M) float64
        Finite.
    k : int
        1 to N.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    places = (values - low) / np.where(high > low, high - low, 1)
    chosen = [int(values[:, 0].argmax())]
    distances = np.full(len(values), np.inf)
    for _ in range(k - 1):
        latest = places[chosen[-1]]
        distances = np.minimum(distances, np.square(places - latest).sum(axis=1))
        distances[chosen[-1]] = -1  # below that of one equal to a chosen one
        chosen.append(int(distances.argmax()))
    return np.array(chosen)


class _Rung:
    """The results of one length of training, and who of them has gone on."""

    def __init__(self, eta: int) -> None:
        self._eta = eta
        self._architectures: list[NDArray[np.uint8]] = []
        self._domination = Domination(_ROOM)
        self._promoted: set[int] = set()
        self._waiting: list[int] = []
        self._stale = False

    def put(self, architecture: NDArray[np.uint8], values: NDArray[np.float64], violation: float) -> None:
        """Take a result."""
        place = len(self._architectures)
        self._domination.put(place, values, violation)
        self._architectures.append(architecture)
        k = len(self._architectures) // self._eta
        # Whom k others dominate is in a front behind all of theirs, and moves nobody in those.
        if k > place // self._eta or self._domination.dominators(place) < k:
            self._stale = True

    def promote(self) -> NDArray[np.uint8] | None:
        """Return the best architecture, (L,) uint8, that may go on and has not yet; None until more results come."""
        if self._stale:
            top = self._top(len(self._architectures) // self._eta)
            self._waiting = [place for place in top if place not in self._promoted][::-1]
            self._stale = False
        if not self._waiting:
            return None
        self._promoted.add(self._waiting[-1])
        return self._architectures[self._waiting.pop()]

    def _top(self, k: int) -> list[int]:
        """Return the k best: front after front, of the last one that enters an epsilon-net; no diverged ones."""
        top: list[int] = []
        for front in self._domination.fronts():
            values = self._domination.values[front]
            if len(top) == k or not np.isfinite(values[0]).all():
                break
            room = k - len(top)
            top += (front if len(front) <= room else front[epsilon_net(values, room)]).tolist()
        return top


class MOASHA(MultiObjectiveStrategy):
    """Trains for longer whoever is in the best 1/eta of a rung, by nondominated front and epsilon-net; never waits.

    Whenever a worker is free, the highest rung with somebody to promote sends the best of them on; if there is none, a
    random architecture starts in the lowest (get_job of ASHA, Li et al., MLSys 2020). Fronts are those of constraint
    domination (`strategies.multi_objective.dominance`).

    Parameters
    ----------
    space, rng, fidelities
        See `nasbench.strategy.Strategy`.
    eta : int
        One in ``eta`` goes on to the next rung; 3 is Syne Tune's.

    Attributes
    ----------
    rungs : tuple of int
        The epochs on offer nearest to ``R, R/eta, R/eta^2, ...`` with ``R`` the last (see `nasbench.fidelity.rungs`).

    Raises
    ------
    StrategyError
        If ``eta`` is out of its range, or the fidelities make one rung only.
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
        """Propose to train somebody for longer, from the highest rung down, or a random architecture."""
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
