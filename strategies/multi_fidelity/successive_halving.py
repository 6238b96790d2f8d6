"""Successive halving (Jamieson and Talwalkar, AISTATS 2016): many short trainings, of which the best go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strategies.multi_fidelity.brackets import Bracket, BracketStrategy
from strategies.strategy import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from nasbench.spaces import Space


class SuccessiveHalving(BracketStrategy):
    """Trains a batch of random architectures briefly, the best ``1/eta`` of them longer, and so on; then a new batch.

    The epochs of the rungs are those on offer nearest to ``R, R/eta, R/eta^2, ...`` with ``R`` the last. While a rung's
    last results are outstanding, `ask` has nothing to propose.

    Parameters
    ----------
    space, rng, fidelities
        See `strategies.strategy.Strategy`.
    eta : int
        One in ``eta`` goes on; 3 as in Hyperband.
    candidates : int, optional
        n, the architectures in a batch; by default the fewest that leave one for full training,
        ``eta ** (number of rungs - 1)``, as in Hyperband's first bracket.

    Raises
    ------
    StrategyError
        If an option is out of its range, or the fidelities make one rung only.
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
