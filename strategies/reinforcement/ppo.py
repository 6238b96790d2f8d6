"""NASNet's search: an LSTM by proximal policy optimization.

Zoph, Vasudevan, Shlens and Le, CVPR 2018.
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


class PPO(ControllerSearch):
    """Draws choices from an LSTM, and climbs several times on each batch.

    It draws choice after choice, and climbs no further than a trust allows.

    The objective is Schulman et al.'s (2017), eq. 7 and 9, the mean over choices of min(r A, clip(r, 1 - epsilon,
    1 + epsilon) A) + c_2 S: r is the ratio of a choice's probability to what it was when it was drawn, A the reward
    less the moving average of earlier ones, S the entropy. The first batch is measured against its own mean.

    Parameters
    ----------
    learning_rate : float
        Of Adam, above 0. NASNet's 0.00035 is for 20,000 trainings; a search of a few hundred needs about 0.01.
    clip : float
        epsilon, above 0 and below 1; Schulman et al.'s 0.2.
    entropy : float
        c_2, at least 0; NASNet's 0.00001, for rewards that are fractions.
    momentum : float
        Of the moving average, in [0, 1); NASNet's 0.95.
    batch : int
        Architectures in an update; NASNet's 20.
    epochs : int
        K, steps on each batch. NASNet does not say; 3 is Schulman et al.'s for games, whose actions are choices too.
    hidden : int
        100 units in one layer, NASNet's. Its weights start uniform between -0.1 and 0.1.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = PPO(space, np.random.default_rng(0), [12], learning_rate=0.03, hidden=10)
    >>> best = 0.0
    >>> for _ in range(100):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "ppo"
    paper = "Zoph et al., CVPR 2018"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        learning_rate: float = 0.00035,
        clip: float = 0.2,
        entropy: float = 0.00001,
        momentum: float = 0.95,
        batch: int = 20,
        epochs: int = 3,
        hidden: int = 100,
    ) -> None:
        check_number(self.name, "learning_rate", learning_rate, 0, above=True)
        check_number(self.name, "clip", clip, 0, 1, above=True, below=True)
        check_number(self.name, "entropy", entropy, 0)
        check_number(self.name, "momentum", momentum, 0, 1, below=True)
        check_whole(self.name, "batch", batch, least=1)
        check_whole(self.name, "epochs", epochs, least=1)
        check_whole(self.name, "hidden", hidden, least=1)
        controller = Controller(space.cardinalities, hidden, 1, 0.1, rng)
        super().__init__(space, rng, fidelities, controller, batch)
        self.clip = clip
        self.entropy = entropy
        self.epochs = epochs
        self._adam = Adam(controller.theta, learning_rate)
        self._baseline = Baseline(momentum)
        self._log_old: dict[bytes, NDArray[np.float64]] = {}

    def drawn(self, rows: NDArray[np.uint8]) -> None:
        """Remember how likely each choice was."""
        log_probabilities = self.controller.read(rows).log_probabilities
        self._log_old.update(zip((row.tobytes() for row in rows), log_probabilities, strict=True))

    def update(self, rows: NDArray[np.uint8], rewards: list[float]) -> None:
        """Climb ``epochs`` times on one batch."""
        rewards = self._baseline.finite(rewards)
        if not rewards:
            return
        advantages = self._baseline.advantages(rewards)[:, None]
        self.drawn(rows[[row.tobytes() not in self._log_old for row in rows]])  # results that were not proposed
        log_old = np.array([self._log_old[row.tobytes()] for row in rows])
        for _ in range(self.epochs):
            reading = self.controller.read(rows)
            ratio = np.exp(np.minimum(reading.log_probabilities - log_old, 50.0))
            # The gradient of eq. 7 is 0 where the clipped term is the smaller.
            inside = np.where(advantages > 0, ratio < 1 + self.clip, ratio > 1 - self.clip)
            gradient = self.controller.gradient(reading, inside * ratio * advantages, self.entropy)
            self._adam.ascend(gradient / rows.size)
