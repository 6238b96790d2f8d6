"""Parts of searches by policy gradient: baseline, Adam, draws inside the space."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tabular.spaces.space import ConstrainedSpace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space

SPARE = 64
"""The fewest rows that are drawn at a time to stand in for those that the space does not admit."""

TRIES = 20
"""The number of times that they are drawn before random rows of the space stand in."""


class Baseline:
    """An exponential moving average of rewards, without bias towards 0.

    The bias is corrected as in section 3 of Kingma and Ba (2015). A divergence, -inf, counts as the worst reward that
    was finite; before there is one, it says nothing.

    Parameters
    ----------
    momentum : float
        The weight of the past, in [0, 1).
    """

    def __init__(self, momentum: float) -> None:
        self.momentum = momentum
        self._numerator = self._denominator = 0.0
        self._worst = math.inf

    @property
    def value(self) -> float:
        """The average; nan before the first reward."""
        return self._numerator / self._denominator if self._denominator else math.nan

    def finite(self, rewards: Sequence[float]) -> list[float]:
        """Return rewards with divergences as bad as the worst reward so far.

        Nothing if none was finite yet.
        """
        self._worst = min([self._worst, *(reward for reward in rewards if math.isfinite(reward))])
        if self._worst == math.inf:
            return []
        return [reward if math.isfinite(reward) else self._worst for reward in rewards]

    def update(self, reward: float) -> None:
        """Let the average see a finite reward."""
        self._numerator = self.momentum * self._numerator + (1 - self.momentum) * reward
        self._denominator = self.momentum * self._denominator + (1 - self.momentum)

    def advantages(self, rewards: Sequence[float]) -> NDArray[np.float64]:
        """Return by how much each finite reward of a batch exceeds the average, (N,).

        The average is of previous rewards; then see these.

        The first batch has no previous ones: its own mean stands in.
        """
        batch = np.array(rewards, dtype=np.float64)
        advantages = batch - (self.value if self._denominator else batch.mean())
        for reward in rewards:
            self.update(reward)
        return advantages


class Adam:
    """Gradient ascent in steps that do not depend on the scale of gradients.

    Algorithm 1 of Kingma and Ba, ICLR 2015.

    Parameters
    ----------
    theta : float64 array of any shape
        The parameters, changed in place.
    learning_rate : float
        alpha; beta1=0.9, beta2=0.999 and epsilon=1e-8 are the paper's.
    """

    def __init__(self, theta: NDArray[np.float64], learning_rate: float) -> None:
        self.theta = theta
        self.learning_rate = learning_rate
        self._m = np.zeros_like(theta)
        self._v = np.zeros_like(theta)
        self._t = 0

    def ascend(self, gradient: NDArray[np.float64]) -> None:
        """Take one step up a gradient of the shape of ``theta``."""
        self._t += 1
        self._m *= 0.9  # beta1
        self._m += 0.1 * gradient
        self._v *= 0.999  # beta2
        self._v += 0.001 * gradient**2
        # Algorithm 1 in the order of computation that its section 2 offers, with epsilon not scaled.
        correction = math.sqrt(1 - 0.999**self._t)
        step = np.sqrt(self._v)
        step += 1e-8 * correction
        np.divide(self._m, step, out=step)
        step *= self.learning_rate * correction / (1 - 0.9**self._t)
        self.theta += step


def draw_inside(
    space: Space, rng: np.random.Generator, n: int, draw: Callable[[int], NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """Return ``n`` rows of a policy, (n, L) uint8.

    Those that the space does not admit are drawn again.

    So rows follow the policy given that they are admitted. Its log-probability then lacks a normaliser; the gradient of
    that, times rewards less their mean, is zero on average, so policy gradients can go without. A policy that rewards
    have driven far outside gives way to random rows of the space.

    Parameters
    ----------
    space : Space
    rng : numpy.random.Generator
    n : int
    draw : callable
        ``(n) -> (n, L) uint8``, the policy.
    """
    rows = draw(n)
    if not isinstance(space, ConstrainedSpace):
        return rows
    outside = np.flatnonzero(~space.is_valid(rows))
    for _ in range(TRIES):
        if not len(outside):
            return rows
        drawn = draw(max(SPARE, len(outside)))
        inside = drawn[space.is_valid(drawn)][: len(outside)]
        rows[outside[: len(inside)]] = inside
        outside = outside[len(inside) :]
    rows[outside] = space.sample(rng, len(outside))
    return rows
