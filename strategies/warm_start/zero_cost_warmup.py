"""Warm-up by a score that costs no training.

Section 5.1 of Abdelfattah, Mehrotra, Dudziak and Lane, ICLR 2021.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from strategies.evolution.regularized_evolution import RegularizedEvolution
from strategies.strategy import check_whole
from strategies.warm_start.wrapper import TheseFirst, Wrapper, best_first
from tabular.errors import StrategyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from strategies.strategy import StrategyFactory
    from tabular.spaces.space import Space

    Score = Callable[[NDArray[np.uint8]], NDArray[np.float64]]

REMEMBERED = 200_000
"""Scores of one function that are kept for later runs."""

_SCORES: WeakKeyDictionary[Any, dict[Space, dict[bytes, float]]] = WeakKeyDictionary()
"""Of each function and each space, the scores of the rows that were asked for."""


class ZeroCostWarmup(Wrapper):
    """Runs another strategy that starts from the best by a cheap score.

    Its first random architectures are the best of a random pool.

    They come one by one, the best first, in place of the strategy's random draws; after them its draws are as ever.

    Parameters
    ----------
    strategy : callable
        The strategy that is run: a class, or a function ``(space, rng, fidelities)`` that makes one.
    score : callable or str
        ``(N, L) uint8 -> (N,)``, the higher the better and NaN for what has none: a zero-cost proxy such as synflow, a
        number of parameters, a surrogate of another task. It is a function of the row alone, for it is asked once about
        each row, for all runs. As text ``module:function``.
    pool : int
        N, the random architectures that are scored; 3,000 as in the paper.
    top : int
        The number of best ones that are taken; 64, the population of the paper's aging evolution.

    Raises
    ------
    StrategyError
        If there is no score, it cannot be imported or gives something else; if a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> from strategies import LocalSearch
    >>> def operations(rows):  # a cheap score: the number of operations
    ...     return np.sum(rows > 0, axis=1)
    >>> options = {"strategy": LocalSearch, "score": operations, "pool": 200, "top": 10}
    >>> search = ZeroCostWarmup(space, np.random.default_rng(0), [12], **options)
    >>> best = 0.0
    >>> for _ in range(40):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    0.83
    """

    name = "zero-cost"
    paper = "Abdelfattah et al., ICLR 2021"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        strategy: StrategyFactory = RegularizedEvolution,
        score: Score | str | None = None,
        pool: int = 3000,
        top: int = 64,
    ) -> None:
        check_whole(self.name, "pool", pool, least=1)
        check_whole(self.name, f"top (with pool={pool})", top, least=1, most=pool)
        function = _function(score)
        drawn = space.sample(rng, pool)
        best = best_first(space, drawn, _scores(function, space, drawn))[:top]
        super().__init__(space, rng, fidelities, strategy, TheseFirst(space, best))


def _function(score: Score | str | None) -> Score:
    if isinstance(score, str):
        module, _, name = score.partition(":")
        try:
            found: Any = getattr(importlib.import_module(module), name)
        except (AttributeError, ImportError, TypeError, ValueError) as error:
            raise StrategyError(f"zero-cost: cannot import score={score!r} ({error}); write module:function") from error
    else:
        found = score
    if not callable(found):
        raise StrategyError(
            "zero-cost ranks architectures before any is trained: give score=, a function (N, L) -> (N,) of rows, or "
            f"its name as 'module:function'; got {score!r}"
        )
    function: Score = found
    return function


def _scores(function: Score, space: Space, rows: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the score of each row, (N,).

    Only those that are not remembered are asked for.
    """
    try:
        known = _SCORES.setdefault(function, {}).setdefault(space, {})
    except TypeError:  # it has no hash or no weak references: each run asks it anew
        known = {}
    keys = [row.tobytes() for row in rows]
    new = list({key: index for index, key in enumerate(keys) if key not in known}.values())
    scores = dict(zip((keys[index] for index in new), _ask(function, rows[new]), strict=True)) if new else {}
    answer = np.array([scores[key] if key in scores else known[key] for key in keys])
    if len(known) + len(scores) <= REMEMBERED:
        known.update(scores)
    return answer


def _ask(function: Score, rows: NDArray[np.uint8]) -> list[float]:
    answer = np.asarray(function(rows))
    if answer.shape != (len(rows),) or answer.dtype.kind not in "biuf":
        raise StrategyError(
            f"zero-cost: the score of {len(rows)} architectures must be {len(rows)} numbers; {function!r} gave an "
            f"array of shape {answer.shape} and type {answer.dtype}"
        )
    numbers: list[float] = answer.astype(np.float64).tolist()
    return numbers
