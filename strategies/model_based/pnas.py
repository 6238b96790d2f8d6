"""Progressive neural architecture search (Liu et al., ECCV 2018), Algorithm 1."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from strategies.model_based.candidates import new_random
from strategies.model_based.guided import PredictorGuided, best_of
from strategies.predictor import DEFAULT_PREDICTOR
from strategies.strategy import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strategies.predictor import PredictorFactory
    from strategies.strategy import Proposal
    from tabular.spaces.space import Space

SIMPLEST = ("skip_connect", "identity", "none")
"""The choice at a position before the search comes to it: the first of these that it has, else its first."""

MOST_EXPANSIONS = 5_000
"""The most expansions of a level that are all predicted; of more, so many are drawn."""


class PNAS(PredictorGuided):
    """Searches from simple cells to complex ones.

    A beam of K, to which a predictor admits what the last one grows to.

    The paper's cells grow block by block. Here all rows have one length, so their choices are divided, in their order,
    into B blocks, and a cell of b blocks is a row whose choices after block b are simplest: an identity, or else a zero
    operation, or else the first choice. Level b expands each cell of the beam by all choices of block b (S'_b). The K
    of which the predictor expects most are the new beam (S_b). The K new ones of which it expects most are trained;
    they are the beam itself unless expansions were trained before, as those by simplest choices. Then it fits again. Of
    level 1, before there is a predictor, K are drawn at random (the paper trains all).

    The paper ends after level B. This search goes on with another round, in which the K best architectures so far are
    the beam that is expanded block by block again. Where the simplest row is not in the space, a random one is taken.
    A level waits for all its results.

    Parameters
    ----------
    beam : int
        K; the paper's is 256, for 1,280 trainings in 5 levels.
    blocks : int
        B, 5 in the paper; no more than there are choices.
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
    >>> search = PNAS(space, np.random.default_rng(0), [12], blocks=3)
    >>> best = 0.0
    >>> for _ in range(40):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "pnas"
    paper = "Liu et al., ECCV 2018"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        beam: int = 10,
        blocks: int = 5,
        predictor: str | PredictorFactory = DEFAULT_PREDICTOR,
    ) -> None:
        check_whole(self.name, "beam", beam, least=1)
        check_whole(self.name, "blocks", blocks, least=1)
        super().__init__(space, rng, fidelities, initial=1, predictor=predictor)
        self.beam = beam
        free = np.flatnonzero(space.cardinalities > 1)
        self.blocks = np.array_split(free, max(1, min(blocks, len(free))))
        self._cells = _simplest(space)[None]
        if not space.is_valid(self._cells[0]):
            self._cells = space.sample(rng, 1)
        self._level = 0
        self._under_way = 0

    def ask(self) -> Proposal | None:
        """Propose what is left of a level; None while the next one depends on results."""
        if not self._queue:
            if self._under_way:
                return None
            self._queue.extend(self.choose())
        self._under_way += 1
        return self.propose()

    def choose(self) -> NDArray[np.uint8]:
        """Go on to the next level that has something to train.

        Draw at random if none has.
        """
        self.fit()
        for _ in range(2 * len(self.blocks)):
            if self._level == len(self.blocks):
                self._level, self._cells = 0, self.history.best(self.beam)
            expansions = self._expand(self.blocks[self._level])  # S'_b
            merit = self.predictor.predict(expansions).mean if len(self.history) else self.rng.random(len(expansions))
            ranked = best_of(expansions, merit, len(expansions))
            self._cells = ranked[: self.beam]  # S_b
            self._level += 1
            new = self.history.new(ranked)[: self.beam]
            if len(new):
                return new
        return new_random(self.history, self.rng, self.beam)

    def _expand(self, block: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the cells with all choices of a block, (N, L) uint8.

        They are in random order, one of each network.
        """
        counts = self.space.cardinalities[block].tolist()
        if len(self._cells) * math.prod(counts) <= MOST_EXPANSIONS:
            choices = np.array(list(itertools.product(*map(range, counts))), dtype=np.uint8)
            rows = np.repeat(self._cells, len(choices), axis=0)
            rows[:, block] = np.tile(choices, (len(self._cells), 1))
        else:
            rows = np.repeat(self._cells, -(-MOST_EXPANSIONS // len(self._cells)), axis=0)
            rows[:, block] = self.rng.random((len(rows), len(block))) * counts
        rows = self.rng.permutation(np.concatenate([self._cells, rows[self.space.is_valid(rows)]]))
        _, first = np.unique(self.space.canonical_key(rows), return_index=True)
        expansions: NDArray[np.uint8] = rows[np.sort(first)]
        return expansions

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Note the value."""
        self._under_way -= 1
        super().tell(proposal, value, seconds)


def _simplest(space: Space) -> NDArray[np.uint8]:
    """Return the row of the simplest choices, (L,) uint8.

    The space may not admit it.
    """
    row = []
    for names in space.named_choices().values():
        known = [names.index(name) for name in SIMPLEST if name in names]
        row.append(known[0] if known else 0)
    return np.array(row, dtype=np.uint8)
