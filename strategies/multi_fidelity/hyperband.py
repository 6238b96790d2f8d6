"""Hyperband.

Algorithm 1 of Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, JMLR 2018.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from strategies.multi_fidelity.brackets import Bracket, BracketStrategy, first_candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from tabular.spaces import Space


class Hyperband(BracketStrategy):
    """Runs brackets of successive halving, over and over.

    They go from many short first trainings to few full ones.

    Bracket s, from s_max to 0, starts n = ceil((s_max + 1) / (s + 1) * eta^s) random architectures at R / eta^s epochs.
    R is the last fidelity, and the epochs are those on offer nearest to the ideal ones. While a rung's last results are
    outstanding, `ask` has nothing to propose.

    Parameters
    ----------
    eta : int
        One in ``eta`` goes on to the next rung; the paper's default is 3.

    Raises
    ------
    StrategyError
        If the fidelities make one rung only.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = Hyperband(space, np.random.default_rng(0), [1, 3, 9])
    >>> best, trainings = 0.0, dict.fromkeys(search.fidelities, 0)
    >>> for _ in range(132):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3)) * (1 - 0.1 / proposal.epochs)  # made up
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    ...     trainings[proposal.epochs] += 1
    >>> round(best, 2), trainings
    (0.82, {1: 54, 3: 48, 9: 30})
    """

    name = "hyperband"
    paper = "Li et al., JMLR 2018"

    def __init__(self, space: Space, rng: np.random.Generator, fidelities: Sequence[int], *, eta: int = 3) -> None:
        super().__init__(space, rng, fidelities, eta)
        self._next_s = itertools.cycle(reversed(range(len(self.rungs))))

    def next_bracket(self) -> Bracket:
        """Return the next of Algorithm 1's brackets, with new random candidates."""
        s, s_max = next(self._next_s), len(self.rungs) - 1  # Alg. 1, line 1
        n = first_candidates(s, s_max, self.eta)  # line 2
        return Bracket(self.space.sample(self.rng, n), n, self.rungs[s_max - s :], self.eta)
