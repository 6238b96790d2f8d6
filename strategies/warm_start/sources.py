"""Which architectures are good, by what is known elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from tabular.errors import StrategyError
from tabular.measures import Oracle, resolve_measure
from tabular.spaces.space import ENUMERABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.measures import Measure
    from tabular.spaces import Space

    Architectures = Sequence[str] | Sequence[Sequence[int]] | NDArray[np.uint8]

SAMPLED = 10_000
"""The random architectures that stand for a space too large to be asked for whole, of which no table has a list."""

_RANKED: WeakKeyDictionary[Any, dict[Measure, NDArray[np.uint8]]] = WeakKeyDictionary()


def good_architectures(
    strategy: str,
    space: Space,
    source: Oracle | None,
    measure: str | None,
    architectures: Architectures | None,
) -> tuple[NDArray[np.uint8], bool]:
    """Return architectures, (N, L) uint8, the best first, and whether they come from a source, so are all it knows.

    Parameters
    ----------
    strategy : str
        What errors name.
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
    """Return architectures by their worth, (M, L) uint8, without those of NaN, and one of each network.

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
    """Return what there is to ask for: the rows of a table, which may hold a part of the space, else all, else some."""
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
    return np.stack([space.from_text(each) if isinstance(each, str) else space.check(each) for each in given])
