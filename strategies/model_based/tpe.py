"""The tree-structured Parzen estimator.

Section 4 of Bergstra, Bardenet, Bengio and Kegl, NeurIPS 2011.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from strategies.history import History
from strategies.model_based.candidates import best_first, one_new
from strategies.strategy import Proposal, Strategy, check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space

TRIES = 3
"""The number of times that candidates are drawn where none before was a new network of the space."""

MOST_GOOD = 25
"""The most architectures that count as good, hyperopt's."""


class TPE(Strategy):
    """Proposes what is likely among good architectures and unlikely among the others.

    The N results are split into good ones, the ceil(gamma sqrt(N)) best (25 at most), and the others. Each
    position has a categorical density in either part, l and g; candidates are drawn from the product of the l, and the
    one of greatest l(x) / g(x), by which expected improvement grows (eq. 3), is proposed.

    hyperopt is the authors' implementation: its split stands in for the paper's quantile, and its defaults are the
    ones here. Unlike it, and like the paper, candidates are compared as a whole, not position by position; hyperopt's
    forgetting of old results is left out. Candidates that are not in the space, or whose network was asked for before,
    are thrown away; where none is left, after a few tries, a random architecture stands in.

    Parameters
    ----------
    gamma : float
        Above 0. The factor in the number of good architectures, see above.
    candidates : int
        Candidates in a proposal.
    startup : int
        Random architectures to begin with.
    prior_weight : float
        Above 0. Added to the count of each choice, in either density.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = TPE(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(100):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "tpe"
    family = "model-based"
    paper = "Bergstra et al., NeurIPS 2011"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        gamma: float = 0.25,
        candidates: int = 24,
        startup: int = 20,
        prior_weight: float = 1.0,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_number(self.name, "gamma", gamma, 0, above=True)
        check_whole(self.name, "candidates", candidates, least=1)
        check_whole(self.name, "startup", startup, least=1)
        check_number(self.name, "prior_weight", prior_weight, 0, above=True)
        self.gamma = gamma
        self.candidates = candidates
        self.startup = startup
        self.prior_weight = prior_weight
        self._history = History(space)

    def ask(self) -> Proposal:
        """Propose a random architecture to begin with, then the best candidate.

        That is the candidate of greatest l(x) / g(x).
        """
        architecture = self._likely_good() if len(self._history) >= self.startup else None
        if architecture is None:
            architecture = one_new(self._history, self.rng)
        self._history.ask(architecture)
        return Proposal(architecture, self.fidelities[-1])

    def _likely_good(self) -> NDArray[np.uint8] | None:
        good, others = self.split()
        likely, unlikely = self.density(good), self.density(others)  # l and g, eq. 2
        # Expected improvement grows with l / g, eq. 3.
        ratio = np.log(np.divide(likely, unlikely, where=unlikely > 0, out=np.ones_like(likely)))
        for _ in range(TRIES):
            drawn = self._draw(likely)
            new = self._history.new(drawn[self.space.is_valid(drawn)])
            if len(new):
                best: NDArray[np.uint8] = new[best_first(ratio[np.arange(self.space.length), new].sum(axis=1))[0]]
                return best
        return None

    def split(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the good architectures and the others, (G, L) and (N - G, L) uint8."""
        order = np.argsort(-self._history.values, kind="stable")
        good = min(math.ceil(self.gamma * math.sqrt(len(order))), MOST_GOOD)
        rows = self._history.architectures
        return rows[order[:good]], rows[order[good:]]

    def density(self, architectures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the share of each choice at each position, smoothed, (L, most choices).

        0 where there is no choice.

        Parameters
        ----------
        architectures : (N, L) uint8
        """
        width = int(self.space.cardinalities.max())
        cells = np.arange(self.space.length) * width + architectures
        counts = np.bincount(cells.ravel(), minlength=self.space.length * width).reshape(-1, width)
        smoothed = (counts + self.prior_weight) * (np.arange(width) < self.space.cardinalities[:, None])
        shares: NDArray[np.float64] = smoothed / smoothed.sum(axis=1, keepdims=True)
        return shares

    def _draw(self, density: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Draw rows from densities, (candidates, L) uint8.

        Each position's distribution function is inverted.
        """
        drawn = self.rng.random((self.candidates, self.space.length, 1))
        choices: NDArray[np.int64] = (drawn > density.cumsum(axis=1)).sum(axis=2)
        return np.minimum(choices, self.space.cardinalities - 1).astype(np.uint8)

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Remember the value."""
        self._history.tell(proposal.architecture, value)
