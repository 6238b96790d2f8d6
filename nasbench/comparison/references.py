"""What is possible in a space: the best report, the front of several measures, and what a random architecture gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.pareto import non_dominated
from tabular.errors import QueryError
from tabular.measures import Measure, Oracle, Reference, metric_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.comparison.protocol import Constraint

MOST_LISTED = 100_000
"""Spaces up to this many rows are gone through; of larger ones the best is what their oracle says, if it does."""


@dataclass(frozen=True)
class Possible:
    """What the architectures of a space that keep to the constraints can give.

    Parameters
    ----------
    references : tuple of (Reference or None)
        Of each report.
    front : (K, M) float64 or None
        The non-dominated values of the first report and the objectives, as they are recorded.
    worst : (M,) float64 or None
        The worst value of each over the space.
    """

    references: tuple[Reference | None, ...]
    front: NDArray[np.float64] | None = None
    worst: NDArray[np.float64] | None = None


def possible(
    oracle: Oracle,
    reports: Sequence[Measure],
    objectives: Sequence[Measure] = (),
    constraints: Sequence[Constraint] = (),
) -> Possible:
    """Return what a space can give; what cannot be known is None.

    Parameters
    ----------
    oracle : Oracle
    reports, objectives : sequence of Measure
    constraints : sequence of Constraint

    Raises
    ------
    QueryError
        If no architecture of the space keeps to the constraints.
    """
    if not (objectives or constraints):
        return Possible(tuple(oracle.reference(report) for report in reports))
    rows = _kept(oracle, reports[0], constraints)
    if rows is None:
        return Possible((None,) * len(reports))
    signs = [metric_of(oracle, report).sign for report in reports]
    values = [oracle.query(rows, report) for report in reports]
    references = tuple(_reference(value, sign) for value, sign in zip(values, signs, strict=True))
    if not objectives:
        return Possible(references)
    weighed = np.column_stack([values[0], *(oracle.query(rows, objective) for objective in objectives)])
    weighed = weighed[np.isfinite(weighed).all(axis=1)]
    towards = np.array([signs[0], *(metric_of(oracle, objective).sign for objective in objectives)])
    front = np.unique(weighed[non_dominated(weighed * towards)], axis=0)
    return Possible(references, front, (weighed * towards).min(axis=0) * towards)


def _kept(oracle: Oracle, some: Measure, constraints: Sequence[Constraint]) -> NDArray[np.uint8] | None:
    """Return all rows that keep to the constraints, (N, L); None if the oracle does not know all of a small space."""
    if oracle.space.size > MOST_LISTED:
        return None
    rows = oracle.space.all()
    try:
        oracle.query(rows, some)
    except QueryError:
        return None  # a table that does not hold all of its space
    for constraint in constraints:
        values = oracle.query(rows, constraint.measure)
        kept = constraint.violation(values) == 0
        if not kept.any():
            nearest = np.nanmin(values) if constraint.at_most else np.nanmax(values)
            others = " of those that keep to the other constraints" if constraint is not constraints[0] else ""
            raise QueryError(
                f"no architecture of {oracle.name}{others} keeps to {constraint}: the nearest has {nearest:g}"
            )
        rows = rows[kept]
    return rows


def _reference(values: NDArray[np.float64], sign: int) -> Reference | None:
    known = values[~np.isnan(values)]
    return (
        Reference(float(sign * (sign * known).max()), float(known.mean()), float(known.std())) if len(known) else None
    )
