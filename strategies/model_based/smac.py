"""SMAC: sequential model-based configuration with a random forest.

Hutter, Hoos and Leyton-Brown, LION 2011.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.history import History
from strategies.model_based.candidates import climb, expected_improvement, normal_scores, one_new
from strategies.predictor import Belief
from strategies.strategy import Proposal, Strategy, check_number, check_whole
from tabular.spaces.space import one_hot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space


class SMAC(Strategy):
    """Proposes what a random forest expects to improve most on the best result.

    Now and then it proposes a random architecture.

    The forest's trees are grown in full on bootstrap samples of the rows, one-hot; mean and variance are those over
    its trees (Section 4.1). Expected improvement is maximised by local search from the best results and random
    candidates (Section 4.3). Random architectures come in between, so that no region is left out for good.

    The forest learns normal scores of the results, where the authors take the logarithm of costs. An evaluation is
    never repeated: intensification (Section 3), which is for targets that are measured many times, is left out.

    Parameters
    ----------
    initial : int
        Random architectures to begin with. The authors' SMAC3 takes a tenth of the budget, which a strategy does not
        know: 10 are those of 100 evaluations.
    trees : int
        At least 2.
    random_share : float
        0 to below 1. The chance that a proposal is random; the paper has one after each other, 0.5.
    retrain : int
        Proposals between two fits: one in the paper, eight in SMAC3, from whose defaults for hyperparameters ``trees``
        and ``random_share`` are. Four find nearly what two find, at 0.6 of the time.
    candidates : int
        Candidates in a step of the local search.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = SMAC(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(60):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    0.83
    """

    name = "smac"
    family = "model-based"
    paper = "Hutter et al., LION 2011"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        initial: int = 10,
        trees: int = 10,
        random_share: float = 0.2,
        retrain: int = 4,
        candidates: int = 100,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "initial", initial, least=1)
        check_whole(self.name, "trees", trees, least=2)
        check_number(self.name, "random_share", random_share, 0, 1, below=True)
        check_whole(self.name, "retrain", retrain, least=1)
        check_whole(self.name, "candidates", candidates, least=1)
        self.initial = initial
        self.trees = trees
        self.random_share = random_share
        self.retrain = retrain
        self.candidates = candidates
        self._history = History(space)
        self._forest: list[Any] = []
        self._best = 0.0
        self._left = 0

    def ask(self) -> Proposal:
        """Propose a random architecture to begin with, then the most promising.

        Now and then it is random too, else the one of greatest expected improvement.
        """
        if len(self._history) < self.initial or self.rng.random() < self.random_share:
            architecture = one_new(self._history, self.rng)
        else:
            architecture = self._most_promising()
        self._history.ask(architecture)
        return Proposal(architecture, self.fidelities[-1])

    def _most_promising(self) -> NDArray[np.uint8]:
        if not self._left:
            self._fit()
            self._left = self.retrain
        self._left -= 1

        def improvement(architectures: NDArray[np.uint8]) -> NDArray[np.float64]:
            return expected_improvement(self.predict(architectures), self._best)

        return climb(self._history, self.rng, improvement, self.candidates)

    def _fit(self) -> None:
        from sklearn.ensemble import RandomForestRegressor

        scores = normal_scores(self._history.values)
        forest = RandomForestRegressor(self.trees, random_state=int(self.rng.integers(2**31)), n_jobs=1)
        forest.fit(one_hot(self._history.architectures, self.space.cardinalities), scores)
        self._forest = [tree.tree_ for tree in forest.estimators_]
        self._best = float(scores.max())

    def predict(self, architectures: NDArray[np.uint8]) -> Belief:
        """Return the forest's belief about architectures, (N, L) uint8.

        It is in normal scores of the results.
        """
        features = one_hot(architectures, self.space.cardinalities)
        of_trees = np.array([tree.predict(features)[:, 0] for tree in self._forest])
        return Belief(of_trees.mean(axis=0), of_trees.std(axis=0))

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Learn the value."""
        self._history.tell(proposal.architecture, value)
