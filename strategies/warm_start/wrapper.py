"""What strategies share that change where another strategy's random architectures come from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nasbench.strategy import MultiObjectiveStrategy, Proposal, Strategy
from strategies.warm_start.space_view import space_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nasbench.strategy import StrategyFactory
    from strategies.warm_start.space_view import Draw
    from tabular.spaces import Space


class Wrapper(MultiObjectiveStrategy):
    """Runs another strategy over a view of the space.

    It trains for other epochs than the last, and weighs several objectives, exactly if the wrapped one does.

    Parameters
    ----------
    space, rng, fidelities
        See `nasbench.strategy.Strategy`; the wrapped strategy draws from the same ``rng``.
    strategy : str or callable
        As `strategies.registry.make_strategy` takes it.
    draw : callable
        See `strategies.warm_start.space_view`.

    Attributes
    ----------
    wrapped : Strategy
    """

    family = "transfer"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        strategy: str | StrategyFactory,
        draw: Draw,
    ) -> None:
        super().__init__(space, rng, fidelities)
        from strategies.registry import make_strategy  # which knows this module

        self.wrapped: Strategy = make_strategy(strategy, space_view(space, draw), rng, self.fidelities)
        self.multi_fidelity = self.wrapped.multi_fidelity  # type: ignore[misc] # each instance is as what it wraps

    def ask(self) -> Proposal | None:
        """Propose what the wrapped strategy does."""
        return self.wrapped.ask()

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Tell the wrapped strategy."""
        self.wrapped.tell(proposal, value, seconds)

    def tell_objectives(
        self, proposal: Proposal, values: NDArray[np.float64], violation: float, seconds: float
    ) -> None:
        """Tell the wrapped strategy; one of a single objective sees the signal, -inf if a constraint is broken."""
        if isinstance(self.wrapped, MultiObjectiveStrategy):
            self.wrapped.tell_objectives(proposal, values, violation, seconds)
        else:
            self.wrapped.tell(proposal, -math.inf if violation > 0 else float(values[0]), seconds)
