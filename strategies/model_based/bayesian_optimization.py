"""Bayesian optimisation with a Gaussian process over categorical choices.

CASMOPOLITAN (Wan et al., ICML 2021), without the trust region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strategies.history import History
from strategies.model_based.candidates import climb, expected_improvement, normal_scores, one_new
from strategies.model_based.gaussian_process import GaussianProcess
from strategies.model_based.kernels import OverlapKernel
from strategies.strategy import Proposal, Strategy, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tabular.spaces import Space


class BayesianOptimization(Strategy):
    """Proposes what a Gaussian process expects to improve most on the best result.

    The process sees the rows of choices: architectures are the more alike, the fewer positions differ, and it learns
    how much each position matters. Expected improvement is maximised by local search over single changes, as
    CASMOPOLITAN does, from random candidates and the best results, as SMAC does. CASMOPOLITAN's trust region, which
    is for spaces of many more choices, is left out. The process learns normal scores of the results.

    Parameters
    ----------
    initial : int
        Random architectures to begin with.
    candidates : int
        Candidates in a step of the local search.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = BayesianOptimization(space, np.random.default_rng(0), [12], initial=10)
    >>> best = 0.0
    >>> for _ in range(40):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "bayesian-optimization"
    family = "model-based"
    paper = "Wan et al., ICML 2021"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        initial: int = 20,
        candidates: int = 50,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "initial", initial, least=1)
        check_whole(self.name, "candidates", candidates, least=1)
        self.initial = initial
        self.candidates = candidates
        self._history = History(space)
        self._process = GaussianProcess(OverlapKernel(space))

    def ask(self) -> Proposal:
        """Propose a random architecture to begin with, then the most promising.

        That is the one of greatest expected improvement.
        """
        begun = len(self._history) >= self.initial
        architecture = self._most_promising() if begun else one_new(self._history, self.rng)
        self._history.ask(architecture)
        return Proposal(architecture, self.fidelities[-1])

    def _most_promising(self) -> NDArray[np.uint8]:
        scores = normal_scores(self._history.values)
        self._process.fit(self._history.architectures, scores)
        best = float(scores.max())

        def improvement(architectures: NDArray[np.uint8]) -> NDArray[np.float64]:
            return expected_improvement(self._process.predict(architectures), best)

        return climb(self._history, self.rng, improvement, self.candidates)

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Learn the value."""
        self._history.tell(proposal.architecture, value)
