"""What a table has on record, and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tabular.invariants import DIVERGED, DONE, MISSING

if TYPE_CHECKING:
    from tabular.table import Table


@dataclass(frozen=True)
class Completeness:
    """Of one task, how much of it is there.

    Parameters
    ----------
    task : str
    architectures, seeds, epochs : int
    means : bool
        The numbers are means over seeds, so that "training" below stands for a mean.
    done, diverged, missing : int
        Trainings; together architectures x seeds.
    metric_gaps : dict of str to int
        Of each metric with gaps, how many numbers are not there among those of trainings that are done.
    cost_gaps : dict of str to int
        Of each cost with gaps, how many architectures it is not known of.
    """

    task: str
    architectures: int
    seeds: int
    epochs: int
    means: bool
    done: int
    diverged: int
    missing: int
    metric_gaps: dict[str, int]
    cost_gaps: dict[str, int]


def completeness(table: Table) -> list[Completeness]:
    """Say of each task of a table what is on record and what is missing.

    Raises
    ------
    FileFormatError
        If the table is damaged.
    """
    return [_of_task(table, name) for name in table.tasks]


def _of_task(table: Table, name: str) -> Completeness:
    task, status = table.tasks[name], table.status(name)
    gaps = {each: int(np.isnan(table.metric(name, each)[status == DONE]).sum()) for each in task.metrics}
    cost_gaps = {each: int(np.isnan(table.cost(name, each)).sum()) for each in table.costs(name)}
    return Completeness(
        name,
        architectures=len(table),
        seeds=len(task.seeds),
        epochs=len(task.epochs),
        means=table.means_only(name),
        done=int((status == DONE).sum()),
        diverged=int((status == DIVERGED).sum()),
        missing=int((status == MISSING).sum()),
        metric_gaps={each: count for each, count in gaps.items() if count},
        cost_gaps={each: count for each, count in cost_gaps.items() if count},
    )
