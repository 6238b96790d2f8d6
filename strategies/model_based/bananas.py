"""BANANAS, Bayesian optimisation with neural architectures.

Algorithm 1 of White, Neiswanger and Savani, AAAI 2021.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strategies.model_based.candidates import new_children, thompson_sample
from strategies.model_based.guided import PredictorGuided, best_of
from strategies.predictor import DEFAULT_PREDICTOR
from strategies.strategy import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from strategies.predictor import PredictorFactory
    from tabular.spaces.space import Space


class BANANAS(PredictorGuided):
    """Trains the mutations of incumbents that are best in a Thompson sample.

    The sample is independent for each candidate.

    The paper's ensemble of five perceptrons on the path encoding is ``predictor="path-encoding"``; boosted trees fit
    thirty times as fast and rank better.

    Parameters
    ----------
    initial : int
        t_0, the random architectures that are trained first.
    batch : int
        k, the architectures that are chosen at a time.
    candidates : int
        The mutations that are predicted for a batch.
    incumbents : int
        The best architectures, of which these are. The paper leaves the number open; its authors' code goes no further
        than the best five.
    predictor : str or callable
        See `strategies.predictor.make_predictor`.

    Raises
    ------
    StrategyError, UnknownNameError
        If the predictor cannot be made.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = BANANAS(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(60):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "bananas"
    paper = "White et al., AAAI 2021"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        initial: int = 10,
        batch: int = 10,
        candidates: int = 100,
        incumbents: int = 5,
        predictor: str | PredictorFactory = DEFAULT_PREDICTOR,
    ) -> None:
        super().__init__(space, rng, fidelities, initial=initial, predictor=predictor)
        check_whole(self.name, "batch", batch, least=1)
        check_whole(self.name, f"candidates (with batch={batch})", candidates, least=batch)
        check_whole(self.name, "incumbents", incumbents, least=1)
        self.batch = batch
        self.candidates = candidates
        self.incumbents = incumbents

    def choose(self) -> NDArray[np.uint8]:
        """Mutate the incumbents, and take the best of the sample."""
        self.fit()
        children = new_children(self.history, self.rng, self.history.best(self.incumbents), self.candidates)
        return best_of(children, thompson_sample(self.predictor.predict(children), self.rng), self.batch)
