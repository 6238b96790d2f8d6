"""Asynchronous successive halving, ASHA (Li et al., MLSys 2020), Algorithm 2."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from strategies.multi_fidelity.brackets import rungs_offered
from strategies.strategy import Proposal, Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space


class ASHA(Strategy):
    """Promotes whatever is among the best ``1/eta`` of its rung so far.

    With nothing to promote, starts at the bottom.

    A worker that is free looks from the highest rung but one downwards (``get_job``): of the results of a rung, the
    best ``floor(n / eta)`` may go on, and the best of those that have not yet is trained for the epochs of the next
    rung. So nothing waits for a rung to fill, and `ask` always proposes. A diverged training counts among the results
    of its rung, and is never promoted.

    Parameters
    ----------
    eta : int
        One in ``eta`` goes on to the next rung: 3 as in Hyperband; the paper's experiments have 4.

    Attributes
    ----------
    rungs : tuple of int
        The epochs on offer nearest to ``R, R/eta, R/eta^2, ...`` with ``R`` the last; the paper's early-stopping rate s
        is 0, so that all are used.

    Raises
    ------
    StrategyError
        If the fidelities make one rung only.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = ASHA(space, np.random.default_rng(0), [1, 3, 9])
    >>> best, trainings = 0.0, dict.fromkeys(search.fidelities, 0)
    >>> for _ in range(130):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3)) * (1 - 0.1 / proposal.epochs)  # made up
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    ...     trainings[proposal.epochs] += 1
    >>> round(best, 2), trainings
    (0.82, {1: 90, 3: 30, 9: 10})
    """

    name = "asha"
    family = "multi-fidelity"
    paper = "Li et al., MLSys 2020"
    multi_fidelity = True

    def __init__(self, space: Space, rng: np.random.Generator, fidelities: Sequence[int], *, eta: int = 3) -> None:
        super().__init__(space, rng, fidelities)
        self.rungs = rungs_offered(self.name, self.fidelities, eta)
        self.eta = eta
        self._below_top = [_Rung(eta) for _ in self.rungs[:-1]]
        self._rung_of = dict(zip(self.rungs, self._below_top, strict=False))

    def ask(self) -> Proposal:
        """Promote from the highest rung that has something to promote.

        Else propose a random architecture.
        """
        for k in range(len(self._below_top) - 1, -1, -1):  # Alg. 2, get_job
            promoted = self._below_top[k].promote()
            if promoted is not None:
                return Proposal(promoted, self.rungs[k + 1])
        return Proposal(self.space.sample(self.rng), self.rungs[0])

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - rungs count epochs
        """Note a result in its rung."""
        rung = self._rung_of.get(proposal.epochs)
        if rung is not None:
            rung.add(proposal.architecture, value)


class _Rung:
    """The results of one rung, the best first, and those that were not promoted."""

    def __init__(self, eta: int) -> None:
        self._eta = eta
        self._ranked: list[tuple[float, int]] = []
        self._waiting: list[tuple[float, int]] = []
        self._architectures: list[NDArray[np.uint8]] = []

    def add(self, architecture: NDArray[np.uint8], value: float) -> None:
        result = -value, len(self._architectures)
        self._architectures.append(architecture)
        insort(self._ranked, result)
        if value > -math.inf:
            heapq.heappush(self._waiting, result)

    def promote(self) -> NDArray[np.uint8] | None:
        """Return the best that was not promoted if it is of the best ``1/eta``.

        All that are better were promoted.
        """
        candidates = len(self._ranked) // self._eta  # Alg. 2, top_k(rung k, |rung k| / eta)
        if not self._waiting or bisect_left(self._ranked, self._waiting[0]) >= candidates:
            return None
        return self._architectures[heapq.heappop(self._waiting)[1]]
