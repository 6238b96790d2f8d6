"""NPENAS, neural predictor guided evolution.

Wei, Niu, Tang, Wang, Hu and Liang, TNNLS 2022.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strategies.model_based.candidates import new_children, thompson_sample
from strategies.model_based.guided import PredictorGuided, best_of
from strategies.predictor import DEFAULT_PREDICTOR
from strategies.strategy import check_choice, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from strategies.predictor import PredictorFactory
    from tabular.spaces.space import Space

RANKINGS = ("mean", "thompson")
"""The ways in which children are ranked."""


class NPENAS(PredictorGuided):
    """Evolution in which a predictor chooses the children that are trained.

    Every parent has many children.

    Parameters
    ----------
    initial : int
        Random architectures that are trained first, the first population.
    parents : int
        The best of the population, which become parents.
    children : int
        Of all parents together, from which a generation is chosen.
    generation : int
        k, how many children are trained and join the population, which keeps all.
    rank : str
        ``mean``, what the predictor expects (NPENAS-NP), or ``thompson``, a sample of what it believes (NPENAS-BO).
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
    >>> search = NPENAS(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(60):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "npenas"
    paper = "Wei et al., TNNLS 2022"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        initial: int = 10,
        parents: int = 10,
        children: int = 100,
        generation: int = 10,
        rank: str = "mean",
        predictor: str | PredictorFactory = DEFAULT_PREDICTOR,
    ) -> None:
        super().__init__(space, rng, fidelities, initial=initial, predictor=predictor)
        check_whole(self.name, "parents", parents, least=1)
        check_whole(self.name, "generation", generation, least=1)
        check_whole(self.name, f"children (with generation={generation})", children, least=generation)
        check_choice(self.name, "rank", rank, RANKINGS)
        self.parents = parents
        self.children = children
        self.generation = generation
        self.rank = rank

    def choose(self) -> NDArray[np.uint8]:
        """Let the best have children, and take those that are ranked first."""
        self.fit()
        children = new_children(self.history, self.rng, self.history.best(self.parents), self.children)
        belief = self.predictor.predict(children)
        merit = belief.mean if self.rank == "mean" else thompson_sample(belief, self.rng)
        return best_of(children, merit, self.generation)
