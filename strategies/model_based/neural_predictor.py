"""Search by one neural predictor.

Wen, Liu, Chen, Li, Bender and Kindermans, ECCV 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strategies.model_based.candidates import new_random
from strategies.model_based.guided import PredictorGuided, best_of
from strategies.predictor import DEFAULT_PREDICTOR
from strategies.strategy import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from strategies.predictor import PredictorFactory
    from tabular.spaces.space import Space


ENUMERATED = 20_000
"""The most architectures of a space that is predicted as a whole."""


class NeuralPredictor(PredictorGuided):
    """Trains N random architectures, fits once, and trains the predicted best.

    It predicts many, and trains the top K in the order of prediction.

    There the paper ends. A search with trainings left goes on in the same way: it fits again to all that was trained,
    predicts many others and trains the top K of these.

    Parameters
    ----------
    initial : int
        N. The paper takes 172 in NAS-Bench-101, for searches of up to thousands of trainings; the default suits some
        hundred.
    top : int
        K.
    predicted : int
        Random architectures that are predicted in a space of more than `ENUMERATED`; in a smaller one all are.
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
    >>> search = NeuralPredictor(space, np.random.default_rng(0), [12], initial=20, top=10)
    >>> best = 0.0
    >>> for _ in range(40):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "neural-predictor"
    paper = "Wen et al., ECCV 2020"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        initial: int = 40,
        top: int = 20,
        predicted: int = 5_000,
        predictor: str | PredictorFactory = DEFAULT_PREDICTOR,
    ) -> None:
        super().__init__(space, rng, fidelities, initial=initial, predictor=predictor)
        check_whole(self.name, "top", top, least=1)
        check_whole(self.name, f"predicted (with top={top})", predicted, least=top)
        self.top = top
        self.predicted = predicted

    def choose(self) -> NDArray[np.uint8]:
        """Fit, predict many, and take the top K."""
        self.fit()
        many = self.history.new(self.space.all()) if self.space.size <= ENUMERATED else None
        if many is None or not len(many):
            many = new_random(self.history, self.rng, self.predicted)
        return best_of(many, self.predictor.predict(many).mean, self.top)
