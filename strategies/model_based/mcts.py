"""Monte Carlo tree search as in AlphaX.

Wang, Zhao, Jinnai, Tian and Fonseca, AAAI 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strategies.history import History
from strategies.model_based.candidates import new_random
from strategies.predictor import make_predictor
from strategies.strategy import Proposal, Strategy, check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strategies.predictor import Predictor, PredictorFactory
    from tabular.spaces.space import Space

    Prefix = tuple[int, ...]

REFIT = 10
"""The trainings after which the predictor is fitted again."""

COMPLETIONS = 16
"""The random completions of a prefix among which a new architecture is looked for; if none is, the prefix is closed."""

DESCENTS = 50
"""How often the tree is descended anew after it ended at a prefix below which nothing new was found."""


@dataclass(slots=True)
class Node:
    """A prefix of choices in the tree.

    Parameters
    ----------
    visits : int
        N, trainings below it, those under way counted.
    estimates, total : int, float
        The number of estimates of its value, and their sum.
    """

    visits: int = 0
    estimates: int = 0
    total: float = 0.0


class MCTS(Strategy):
    """Chooses position after position by UCT in a tree of prefixes.

    The new prefix is completed at random.

    Selection maximises ``Q(s, a) + 2 c sqrt(2 log N(s) / N(s, a))``, Q scaled so that the worst value so far is 0 and
    the best 1; a choice that was not tried comes first. The tree grows by one node a training. A training's value is
    added to all prefixes on the way. With a predictor, AlphaX's meta-DNN, it is averaged with the mean of what that
    expects of k random completions of the new prefix.

    Visits are counted when an architecture is proposed, so that several workers part. A prefix below which no new
    network is found is closed.

    Parameters
    ----------
    c : float
        How much is explored. UCT's own constant is 1 / sqrt(2) and that of AlphaX's code is 2, for runs of thousands;
        with these, some hundred trainings are spread over all choices almost evenly, as a random search does.
    simulations : int
        k.
    predictor : str, callable or None
        See `strategies.predictor.make_predictor`. It is fitted every `REFIT` trainings.

    Raises
    ------
    StrategyError, UnknownNameError
        If the predictor cannot be made.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = MCTS(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(150):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "mcts"
    family = "model-based"
    paper = "Wang et al., AAAI 2020"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        c: float = 0.1,
        simulations: int = 10,
        predictor: str | PredictorFactory | None = None,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_number(self.name, "c", c, least=0)
        check_whole(self.name, "simulations", simulations, least=1)
        self.c = c
        self.simulations = simulations
        self.history = History(space)
        self.predictor = None if predictor is None else make_predictor(predictor, space)
        self.nodes: dict[Prefix, Node] = {(): Node()}
        self._choices = space.cardinalities.tolist()
        self._closed: set[Prefix] = set()
        self._under_way: dict[bytes, list[Prefix]] = {}
        self._worst, self._best = math.inf, -math.inf
        self._fitted = 0

    # Selection, expansion and simulation.

    def ask(self) -> Proposal:
        """Propose a random completion of the prefix at which the descent ends."""
        prefix, architecture = self._select()
        for length in range(len(prefix) + 1):
            self.nodes.setdefault(prefix[:length], Node()).visits += 1
        if len(prefix) == len(self._choices):
            self._close(prefix)
        self._under_way.setdefault(architecture.tobytes(), []).append(prefix)
        self.history.ask(architecture)
        return Proposal(architecture, self.fidelities[-1])

    def _select(self) -> tuple[Prefix, NDArray[np.uint8]]:
        for _ in range(DESCENTS):
            if () in self._closed:
                break
            prefix = self._descend()
            new = self.history.new(self._complete(prefix, COMPLETIONS))
            if len(new):
                return prefix, new[0]
            self._close(prefix)
        return (), new_random(self.history, self.rng, 1)[0]

    def _descend(self) -> Prefix:
        prefix: Prefix = ()
        while len(prefix) < len(self._choices):
            children = [(*prefix, choice) for choice in range(self._choices[len(prefix)])]
            children = [child for child in children if child not in self._closed]
            untried = [child for child in children if child not in self.nodes]
            if untried:
                return untried[int(self.rng.random() * len(untried))]
            explore = 2 * self.c * math.sqrt(2 * math.log(self.nodes[prefix].visits))  # 2 c sqrt(2 log N(s))
            prefix = max(children, key=lambda child: self._uct(self.nodes[child], explore))
        return prefix

    def _uct(self, node: Node, explore: float) -> float:
        spread = self._best - self._worst
        value = (node.total / node.estimates - self._worst) / spread if node.estimates and spread > 0 else 0.0
        return value + explore / math.sqrt(node.visits)  # Q(s, a) + 2 c sqrt(2 log N(s) / N(s, a))

    def _complete(self, prefix: Prefix, n: int) -> NDArray[np.uint8]:
        """Return at most ``n`` random architectures that start with a prefix.

        The shape is (N, L) uint8.
        """
        if len(prefix) == len(self._choices):
            rows = np.array([prefix], dtype=np.uint8)
        else:
            rows = self.space.sample(self.rng, n)
            rows[:, : len(prefix)] = prefix
        valid: NDArray[np.uint8] = rows[self.space.is_valid(rows)]
        return valid

    def _close(self, prefix: Prefix) -> None:
        self._closed.add(prefix)
        while prefix:
            prefix = prefix[:-1]
            if not all((*prefix, choice) in self._closed for choice in range(self._choices[len(prefix)])):
                return
            self._closed.add(prefix)

    # Backpropagation.

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Add the value to all prefixes on the way.

        A divergence is as bad as the worst that did not diverge.
        """
        self.history.tell(proposal.architecture, value)
        key = proposal.architecture.tobytes()
        prefix = self._under_way[key].pop()
        if not self._under_way[key]:
            del self._under_way[key]
        if math.isfinite(value):
            self._worst, self._best = min(self._worst, value), max(self._best, value)
        elif math.isfinite(self._worst):
            value = self._worst
        else:
            return
        if self.predictor is not None:
            value = (value + self._expected(self.predictor, prefix, value)) / 2
        for length in range(len(prefix) + 1):
            node = self.nodes[prefix[:length]]
            node.estimates += 1
            node.total += value

    def _expected(self, predictor: Predictor, prefix: Prefix, value: float) -> float:
        """Return what the predictor expects of random completions.

        Before it was fitted, the value itself.
        """
        if len(self.history) >= self._fitted + REFIT:
            self._fitted = len(self.history)
            predictor.fit(self.history.architectures, self.history.values, int(self.rng.integers(2**31)))
        rows = self._complete(prefix, self.simulations)
        return float(predictor.predict(rows).mean.mean()) if self._fitted and len(rows) else value
