"""REINFORCE (Williams 1992) on one categorical distribution per choice.

So it was run on NAS-Bench-101 and NAS-Bench-201.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.reinforcement.policy import Adam, Baseline, draw_inside
from strategies.strategy import Proposal, Strategy, check_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space


class Reinforce(Strategy):
    """Draws every choice from a softmax of its own.

    It shifts those towards what did better than the average.

    After each training, theta climbs by Adam along (R - b) * grad log pi(architecture; theta), where b is the moving
    average of rewards, R included. Adam makes steps of the same size whatever the unit of R. Ying et al. (2019) climb
    by plain gradient steps instead, with rate 0.1 for accuracies as fractions.

    With several evaluations under way, a result moves the policy of the moment, which may be a few steps on from the
    one that drew it.

    Parameters
    ----------
    learning_rate : float
        Of Adam, above 0. The commands that Dong et al. (TPAMI 2021) give for NATS-Bench have 0.01; their code for
        NAS-Bench-201 (ICLR 2020) has no default and tries 0.01 to 0.5. A logit moves by about this much a training, so
        0.01 turns few choices within 100 trainings.
    momentum : float
        Of the moving average, in [0, 1); 0.9 in all three papers.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = Reinforce(space, np.random.default_rng(0), [12], learning_rate=0.1)
    >>> best = 0.0
    >>> for _ in range(100):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "reinforce"
    family = "reinforcement"
    paper = "Dong and Yang, ICLR 2020"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        learning_rate: float = 0.01,
        momentum: float = 0.9,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_number(self.name, "learning_rate", learning_rate, 0, above=True)
        check_number(self.name, "momentum", momentum, 0, 1, below=True)
        absent = np.arange(space.cardinalities.max()) >= space.cardinalities[:, None]
        self._theta = np.where(absent, -np.inf, 1e-3 * rng.standard_normal(absent.shape))
        self._adam = Adam(self._theta, learning_rate)
        self._baseline = Baseline(momentum)
        self._positions = np.arange(space.length)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The policy, (L, C): of each position its choices, 0 beyond the last of them."""
        weights = np.exp(self._theta - self._theta.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def _draw(self, n: int) -> NDArray[np.uint8]:
        # The largest of logits, each with Gumbel noise, is distributed as their softmax.
        noisy = self._theta + self.rng.gumbel(size=(n, *self._theta.shape))
        choices: NDArray[np.uint8] = noisy.argmax(axis=2).astype(np.uint8)
        return choices

    def ask(self) -> Proposal:
        """Propose an architecture drawn from the policy."""
        return Proposal(draw_inside(self.space, self.rng, 1, self._draw)[0], self.fidelities[-1])

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Climb along the gradient of this one architecture."""
        for reward in self._baseline.finite([value]):
            self._baseline.update(reward)
            gradient = -self.probabilities
            gradient[self._positions, proposal.architecture] += 1
            self._adam.ascend((reward - self._baseline.value) * gradient)
