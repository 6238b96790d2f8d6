"""Random search: the baseline that any other strategy has to beat (Li and Talwalkar, UAI 2019)."""

from __future__ import annotations

from strategies.strategy import Proposal, Strategy


class RandomSearch(Strategy):
    """Trains architectures drawn uniformly, with replacement, for the full number of epochs."""

    name = "random-search"
    family = "baseline"
    paper = "Li and Talwalkar, UAI 2019"

    def ask(self) -> Proposal:
        """Propose an architecture drawn from all rows of the space."""
        return Proposal(self.space.sample(self.rng), self.fidelities[-1])

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Learn nothing."""
