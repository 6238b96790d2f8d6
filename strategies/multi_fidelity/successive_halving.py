"""Successive halving (Jamieson and Talwalkar, AISTATS 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strategies.multi_fidelity.brackets import Bracket, BracketStrategy
from strategies.strategy import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from tabular.spaces import Space


class SuccessiveHalving(BracketStrategy):
    """Trains a batch of random architectures briefly, the best of them longer.

    The best ``1/eta`` go on at each step; then comes a new batch.

    The epochs of the rungs are those on offer nearest to ``R, R/eta, R/eta^2, ...`` with ``R`` the last. While a rung's
    last results are outstanding, `ask` has nothing to propose.

    Parameters
    ----------
    eta : int
        One in ``eta`` goes on; 3 as in Hyperband.
    candidates : int, optional
        n, the architectures in a batch; by default the fewest that leave one for full training,
        ``eta ** (number of rungs - 1)``, as in Hyperband's first bracket.

    Raises
    ------
    StrategyError
        If the fidelities make one rung only.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = SuccessiveHalving(space, np.random.default_rng(0), [1, 3, 9])
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

    name = "successive-halving"
    paper = "Jamieson and Talwalkar, AISTATS 2016"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        eta: int = 3,
        candidates: int | None = None,
    ) -> None:
        super().__init__(space, rng, fidelities, eta)
        fewest = eta ** (len(self.rungs) - 1)
        self.candidates = fewest if candidates is None else candidates
        check_whole(self.name, f"candidates (for {len(self.rungs)} rungs, eta={eta})", self.candidates, least=fewest)

    def next_bracket(self) -> Bracket:
        """Return a bracket through all rungs with new random candidates."""
        return Bracket(self.space.sample(self.rng, self.candidates), self.candidates, self.rungs, self.eta)
