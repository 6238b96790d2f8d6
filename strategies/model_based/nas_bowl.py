"""NAS-BOWL: Bayesian optimisation with the Weisfeiler-Lehman kernel.

Ru, Wan, Dong and Osborne, ICLR 2021.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.history import History
from strategies.model_based.candidates import best_first, expected_improvement, new_random, normal_scores, one_new
from strategies.model_based.gaussian_process import GaussianProcess
from strategies.model_based.kernels import SubtreeKernel
from strategies.strategy import Proposal, Strategy, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space

PARENTS = 10
"""The number of best results that are mutated, as in the authors' code."""


class NASBOWL(Strategy):
    """Proposes, from a pool, the candidates of greatest expected improvement.

    A Gaussian process over graphs says what to expect.

    Algorithm 1: the process is fitted to all results; a pool is made of mutations of the best ten and of random
    architectures; the ``batch`` of greatest expected improvement are trained before the process is fitted again. With
    several evaluations under way, the next batch is chosen as soon as the last of this one is asked for.

    The process learns normal scores of the results, where the authors take the logarithm of the error.

    Parameters
    ----------
    space, rng, fidelities
        See `strategies.strategy.Strategy`; the space must say what its architectures are as graphs.
    initial : int
        Random architectures to begin with.
    pool : int
        Candidates for a batch; those whose network was asked for before are thrown away.
    mutated : int
        The mutations among them; at most ``pool``.
    batch : int
        Proposals between two fits; at most ``pool``. The defaults are the ones that the authors give for
        NAS-Bench-101; on NAS-Bench-201 they mutate all 200.

    Raises
    ------
    StrategyError
        If the space has no graphs.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = NASBOWL(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(40):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "nas-bowl"
    family = "model-based"
    paper = "Ru et al., ICLR 2021"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        initial: int = 10,
        pool: int = 200,
        mutated: int = 100,
        batch: int = 5,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "initial", initial, least=1)
        check_whole(self.name, "pool", pool, least=1)
        check_whole(self.name, f"mutated (with pool={pool})", mutated, least=0, most=pool)
        check_whole(self.name, f"batch (with pool={pool})", batch, least=1, most=pool)
        self.initial = initial
        self.pool = pool
        self.mutated = mutated
        self.batch = batch
        self._history = History(space)
        self._process = GaussianProcess(SubtreeKernel(space, self.name))
        self._batch: list[NDArray[np.uint8]] = []

    def ask(self) -> Proposal:
        """Propose a random architecture to begin with, then one of a batch.

        That is what is left of a batch, or the first of a new one.
        """
        if len(self._history) < self.initial:
            architecture = one_new(self._history, self.rng)
        else:
            if not self._batch:
                self._batch = self._most_promising()
            architecture = self._batch.pop()
        self._history.ask(architecture)
        return Proposal(architecture, self.fidelities[-1])

    def _most_promising(self) -> list[NDArray[np.uint8]]:
        """Return the next batch, the best last."""
        scores = normal_scores(self._history.values)
        self._process.fit(self._history.architectures, scores)
        pool = self._candidates()
        improvement = expected_improvement(self._process.predict(pool), float(scores.max()))
        return list(pool[best_first(improvement)[: self.batch][::-1]])

    def _candidates(self) -> NDArray[np.uint8]:
        parents = self._history.best(PARENTS)
        mutations = self.space.mutate(parents[np.arange(self.mutated) % len(parents)], self.rng)
        drawn = self.space.sample(self.rng, self.pool - self.mutated)
        new = self._history.new(np.concatenate([mutations, drawn]))
        return new if len(new) else new_random(self._history, self.rng, self.pool)

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Learn the value."""
        self._history.tell(proposal.architecture, value)
