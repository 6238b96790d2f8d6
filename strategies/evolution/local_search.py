"""Local search, hill climbing over single changes.

Algorithm 1 of White, Nolen and Savani, UAI 2021.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from strategies.strategy import Proposal, Strategy, check_flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space


class LocalSearch(Strategy):
    """Climbs from a random architecture to its best neighbour, until none is better.

    Then climbs from another.

    Neighbours differ in one choice and are trained in random order; none is trained twice in one climb.

    Parameters
    ----------
    full_neighbourhood : bool
        Train all neighbours before moving to the best of them, as Algorithm 1 does; if false, move to the first that is
        better (the paper's variant "query until lower").

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = LocalSearch(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(100):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "local-search"
    family = "evolution"
    paper = "White et al., UAI 2021"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        full_neighbourhood: bool = True,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_flag(self.name, "full_neighbourhood", full_neighbourhood)
        self.full_neighbourhood = full_neighbourhood
        self._under_way = 0
        self._start_climb()

    def _start_climb(self) -> None:
        self._queue = [self.space.sample(self.rng)]
        self._trained: set[bytes] = set()
        self._centre_value = self._best_value = -math.inf
        self._best = self._queue[0]

    def ask(self) -> Proposal | None:
        """Propose an untrained neighbour, or a random start at a local optimum.

        None while that depends on results.
        """
        if self._best_value > self._centre_value and (
            not self.full_neighbourhood or not (self._queue or self._under_way)
        ):
            self._move()
        if not self._queue:
            if self._under_way:
                return None
            self._start_climb()
        architecture = self._queue.pop()
        self._trained.add(architecture.tobytes())
        self._under_way += 1
        return Proposal(architecture, self.fidelities[-1])

    def _move(self) -> None:
        """Make the best architecture of this climb its centre."""
        self._centre_value = self._best_value
        neighbours: NDArray[np.uint8] = self.rng.permutation(self.space.neighbours(self._best))
        self._queue = [row for row in neighbours if row.tobytes() not in self._trained]

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Remember the best architecture of this climb."""
        self._under_way -= 1
        if value > self._best_value:
            self._best_value, self._best = value, proposal.architecture
