"""Parts of strategies that replace another strategy's random architectures.

`good_architectures` ranks those known from elsewhere, `space_view` makes a space draw them, `Wrapper` runs the other
strategy over that space.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from strategies.strategy import MultiObjectiveStrategy, Proposal, check_factory
from tabular.errors import StrategyError
from tabular.measures import Oracle, resolve_measure
from tabular.spaces.space import ENUMERABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from strategies.strategy import StrategyFactory
    from tabular.measures import Measure
    from tabular.spaces.space import Space

    Draw = Callable[[np.random.Generator, int | None], NDArray[np.uint8]]
    """A stand-in for `tabular.spaces.Space.sample`: one row, (L,) uint8, for None, else n rows, (n, L)."""

    Architectures = Sequence[str] | Sequence[Sequence[int]] | NDArray[np.uint8]

SAMPLED = 10_000
"""The random architectures that stand for a space too large to be asked for whole, of which no table has a list."""

_RANKED: WeakKeyDictionary[Any, dict[Measure, NDArray[np.uint8]]] = WeakKeyDictionary()
"""Of each source, its architectures by each measure that was asked for, the best first."""


class Wrapper(MultiObjectiveStrategy):
    """A strategy that runs another one over a view of the space.

    It trains for other epochs than the last, and weighs several objectives, exactly if the wrapped one does.

    Parameters
    ----------
    space, rng, fidelities
        See `strategies.strategy.Strategy`; the wrapped strategy draws from the same ``rng``.
    strategy : callable
        A strategy class, or a function ``(space, rng, fidelities)`` that makes a strategy.
    draw : callable
        The random draws of the view.
    """

    family = "transfer"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        strategy: StrategyFactory,
        draw: Draw,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_factory(self.name, "strategy", strategy)
        self.wrapped = strategy(space_view(space, draw), rng, self.fidelities)
        self.multi_fidelity = self.wrapped.multi_fidelity  # type: ignore[misc] # each instance is as what it wraps

    def ask(self) -> Proposal | None:
        """Propose what the wrapped strategy does."""
        return self.wrapped.ask()

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Tell the wrapped strategy."""
        self.wrapped.tell(proposal, value, seconds)

    def tell_objectives(
        self, proposal: Proposal, values: NDArray[np.float64], violation: float, seconds: float
    ) -> None:
        """Tell the wrapped strategy.

        One of a single objective sees the signal, -inf if a constraint is broken.
        """
        if isinstance(self.wrapped, MultiObjectiveStrategy):
            self.wrapped.tell_objectives(proposal, values, violation, seconds)
        else:
            self.wrapped.tell(proposal, -math.inf if violation > 0 else float(values[0]), seconds)


def space_view(space: Space, draw: Draw) -> Space:
    """Return a space equal to this one, whose ``sample`` is ``draw``.

    It has the same class, state, declaration and hash.

    Whatever either of the two computes and keeps, the other has too.
    """
    cls = _view_class(type(space))
    view: Space = cls.__new__(cls)
    view.__dict__ = space.__dict__
    view._draw, view._seen = draw, space  # type: ignore[attr-defined]
    return view


@cache
def _view_class(cls: type[Space]) -> type[Space]:
    """Return a class whose instances share the attributes of a space.

    They keep only the draw for themselves.
    """

    def sample(self: Any, rng: np.random.Generator, n: int | None = None) -> NDArray[np.uint8]:
        drawn: NDArray[np.uint8] = self._draw(rng, n)
        return drawn

    def of_space(self: Any) -> int:
        return hash(self._seen)

    def like_space(self: Any) -> tuple[Any, ...]:
        return space_view, (self._seen, self._draw)

    members = {
        "__slots__": ("_draw", "_seen"),
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
        "__hash__": of_space,
        "__reduce__": like_space,
        "sample": sample,
    }
    return type(cls.__name__, (cls,), members)


class TheseFirst:
    """A draw of some architectures, (N, L) uint8, in their order, then at random."""

    def __init__(self, space: Space, architectures: NDArray[np.uint8]) -> None:
        self._space = space
        self._left = [row.copy() for row in architectures[::-1]]

    def __call__(self, rng: np.random.Generator, n: int | None = None) -> NDArray[np.uint8]:
        """Return the next architecture, (L,) uint8, or the next ``n``, (n, L)."""
        if n is None:
            return self._left.pop() if self._left else self._space.sample(rng)
        these = [self._left.pop() for _ in range(min(n, len(self._left)))]
        others = self._space.sample(rng, n - len(these))
        return np.concatenate([np.array(these, dtype=np.uint8), others]) if these else others


def good_architectures(
    strategy: str,
    space: Space,
    source: Oracle | None,
    measure: str | None,
    architectures: Architectures | None,
) -> tuple[NDArray[np.uint8], bool]:
    """Return architectures, the best first, and whether they come from a source.

    They are (N, L) uint8; those of a source are all it knows.

    Parameters
    ----------
    strategy : str
        Named by errors.
    space : Space
    source : Oracle, optional
    measure : str, optional
        Of the source; by default its validation accuracy after the last epoch.
    architectures : sequence of str or of rows, optional
        Instead of a source; as they stand.

    Raises
    ------
    StrategyError
        If there is neither, or both; if the source is no oracle, or of another space; if the measure is a test metric,
        or was measured of no architecture.
    InvalidArchitectureError, QueryError, UnknownNameError
        If an architecture or the measure cannot be read.
    """
    if (source is None) == (architectures is None):
        raise StrategyError(
            f"{strategy} starts from what is known to be good: give source=, an oracle of the same space, or "
            "architectures=, a list of texts or rows" + ("; both were given" if source is not None else "")
        )
    if architectures is not None:
        return _read(strategy, space, architectures), False
    if not isinstance(source, Oracle):
        raise StrategyError(f"{strategy}: source must be an oracle, such as TableOracle('table.h5'); got {source!r}")
    if source.space != space:
        raise StrategyError(
            f"{strategy}: the source {source.name!r} knows architectures of {source.space!r}, and this is a search of "
            f"{space!r}; give a source of the same space"
        )
    meant = resolve_measure(measure, source.tasks)
    if source.tasks[meant.task].metrics[meant.metric].split == "test":
        raise StrategyError(f"{strategy}: {meant} is a test metric; a search may learn from validation metrics only")
    try:
        ranked = _RANKED.setdefault(source, {})
    except TypeError:  # it has no hash or no weak references: each run asks it anew
        ranked = {}
    if meant not in ranked:
        ranked[meant] = _rank(source, meant)
    if not len(ranked[meant]):
        raise StrategyError(f"{strategy}: {source.name} has measured {meant} of no architecture")
    return ranked[meant], True


def best_first(space: Space, architectures: NDArray[np.uint8], worths: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return architectures by their worth, (M, L) uint8.

    Those of NaN are left out; one of each network stays.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    worths : (N,) float64
        To be maximised; of equal ones the first comes first.
    """
    order = np.argsort(-worths, kind="stable")
    rows = architectures[order[~np.isnan(worths[order])]]
    _, first = np.unique(space.canonical_key(rows), return_index=True)
    return rows[np.sort(first)]


def _rank(source: Oracle, measure: Measure) -> NDArray[np.uint8]:
    rows = _known(source)
    sign = 1 if source.tasks[measure.task].metrics[measure.metric].direction == "maximize" else -1
    return best_first(source.space, rows, sign * np.asarray(source.query(rows, measure), dtype=np.float64))


def _known(source: Oracle) -> NDArray[np.uint8]:
    """Return the rows to ask for.

    Those of a table, which may hold a part of the space, else all, else some.
    """
    table = getattr(source, "table", None)
    if table is not None:
        rows: NDArray[np.uint8] = table.architectures
        return rows
    if source.space.size <= ENUMERABLE:
        return source.space.all()
    return source.space.sample(np.random.default_rng(0), SAMPLED)


def _read(strategy: str, space: Space, architectures: Architectures) -> NDArray[np.uint8]:
    given: list[Any] = [architectures] if isinstance(architectures, str) else list(architectures)
    if not given:
        raise StrategyError(f"{strategy}: architectures is empty; give at least one text or row")
    return np.stack([space.from_text(row) if isinstance(row, str) else space.check(row) for row in given])
