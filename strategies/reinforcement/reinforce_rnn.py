"""Neural architecture search with reinforcement learning: REINFORCE on an LSTM.

Zoph and Le, ICLR 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.reinforcement.controller import Controller, ControllerSearch
from strategies.reinforcement.policy import Adam, Baseline
from strategies.strategy import check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space


class ReinforceRNN(ControllerSearch):
    """Draws choice after choice from an LSTM.

    It makes those more likely that did better than the average before.

    After each batch of m architectures, Adam climbs along section 3.2's gradient, the mean over the batch of the sum
    over choices of grad log P(a_t | a_(t-1)...a_1; theta_c) * (R_k - b). b averages the rewards of earlier batches;
    the first batch is measured against its own mean. R is the value itself, where the paper cubes accuracies: near
    their upper end a cube is all but linear, Adam does not mind the slope, and not every signal is an accuracy.

    Parameters
    ----------
    learning_rate : float
        Of Adam, above 0. The paper's 0.0006 is for 12,800 trainings; a search of 100 to 300 needs 0.003 to 0.03.
    momentum : float
        Of the moving average b, in [0, 1). The paper does not say; 0.9 is that of `strategies.Reinforce`.
    batch : int
        m=8, as each of the paper's controller replicas has it.
    hidden, layers : int
        35 units in each of 2 layers, the paper's. Its weights start uniform between -0.08 and 0.08.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = ReinforceRNN(space, np.random.default_rng(0), [12], learning_rate=0.03, hidden=10)
    >>> best = 0.0
    >>> for _ in range(100):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "reinforce-rnn"
    paper = "Zoph and Le, ICLR 2017"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        learning_rate: float = 0.0006,
        momentum: float = 0.9,
        batch: int = 8,
        hidden: int = 35,
        layers: int = 2,
    ) -> None:
        check_number(self.name, "learning_rate", learning_rate, 0, above=True)
        check_number(self.name, "momentum", momentum, 0, 1, below=True)
        check_whole(self.name, "batch", batch, least=1)
        check_whole(self.name, "hidden", hidden, least=1)
        check_whole(self.name, "layers", layers, least=1)
        controller = Controller(space.cardinalities, hidden, layers, 0.08, rng)
        super().__init__(space, rng, fidelities, controller, batch)
        self._adam = Adam(controller.theta, learning_rate)
        self._baseline = Baseline(momentum)

    def update(self, rows: NDArray[np.uint8], rewards: list[float]) -> None:
        """Climb once."""
        rewards = self._baseline.finite(rewards)
        if rewards:
            weights = np.repeat(self._baseline.advantages(rewards)[:, None] / len(rows), rows.shape[1], axis=1)
            self._adam.ascend(self.controller.gradient(self.controller.read(rows), weights))
