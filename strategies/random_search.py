"""Random search, the baseline to beat (Li and Talwalkar, UAI 2019)."""

from __future__ import annotations

from strategies.strategy import Proposal, Strategy


class RandomSearch(Strategy):
    """Trains architectures drawn uniformly, for the full number of epochs.

    They are drawn with replacement.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = RandomSearch(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(100):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    0.83
    """

    name = "random-search"
    family = "baseline"
    paper = "Li and Talwalkar, UAI 2019"

    def ask(self) -> Proposal:
        """Propose an architecture drawn from all rows of the space."""
        return Proposal(self.space.sample(self.rng), self.fidelities[-1])

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Learn nothing."""
