"""A table as a blackbox of Syne Tune.

Its simulator backend runs schedulers on it in simulated time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import QueryError, UnknownNameError
from tabular.layout import DIVERGED
from tabular.lazy import load_optional
from tabular.measures import SECONDS
from tabular.spaces.space import ENUMERABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular

    from tabular.table import Table

FIDELITY = "epochs"
"""The name of the fidelity: the ``time_attr`` of schedulers such as ASHA."""

ELAPSED_TIME = SECONDS
"""The objective that holds the seconds trained so far: the ``elapsed_time_attr`` of the simulator backend."""

FOR_DIVERGED = ("worst", "nan")
_EXTRA = "syne-tune"
_PURPOSE = "Syne Tune's blackboxes, after pip install --no-deps syne-tune,"


def blackbox(
    table: Table, task: str, *, metrics: Sequence[str] | None = None, diverged: str = "worst"
) -> BlackboxTabular:
    """Return a task of a table as a `syne_tune.blackbox_repository.BlackboxTabular`.

    A configuration is a row by the names of `tabular.spaces.named_choices`, the fidelity is called ``epochs``, the
    objectives are the metrics that a search may see, ``train_seconds`` (cumulative) and the costs of the architecture.
    Test metrics are left out, since a scheduler is told all objectives: judge what it found by
    ``TableOracle.query(from_named(space, configuration), "test_accuracy")``.

    A table of classes answers for every row of its space, as long as the space can be enumerated. An architecture of
    which a training is missing is left out, since Syne Tune draws a seed without asking which are on record: it then
    refuses the configuration, unless its ``add_surrogate`` guesses. So it does with a row that the space does not
    admit. Where each recorded epoch ended a training of its own (NAS-Bench-101) there is one fidelity, the last.

    Parameters
    ----------
    table : Table
    task : str
    metrics : sequence of str, optional
        Some of the task's metrics; by default all but test metrics. The seconds come with them.
    diverged : str
        What stands for values that a training diverged before: ``worst``, an infinity, which ranks below all
        others; or ``nan``, as recorded. With NaN a rung of ASHA is sorted wrongly; ``add_surrogate`` bears no infinity,
        and puts the last value before in the place of a NaN.

    Returns
    -------
    BlackboxTabular
        With ``objectives_evaluations`` (N, seeds, epochs, objectives) float32.

    Raises
    ------
    UnknownNameError
    QueryError
        If a metric is a test metric, the task has no seconds, or no architecture has all of its trainings.
    NasbenchError
        If Syne Tune is not installed.
    """
    names = _checked_metrics(table, task, metrics)
    if diverged not in FOR_DIVERGED:
        raise UnknownNameError("way to show what diverged", diverged, FOR_DIVERGED)
    tabular = load_optional("syne_tune.blackbox_repository.blackbox_tabular", _EXTRA, _PURPOSE).BlackboxTabular
    domains = load_optional("syne_tune.config_space", _EXTRA, _PURPOSE)
    import pandas as pd

    epochs = table.tasks[task].epochs[-1:] if table.tasks[task].restarts else table.tasks[task].epochs
    rows, answers = _complete_rows(table, task, len(epochs))
    named = table.space.named_choices()
    columns = {
        name: np.array(choices, dtype=object)[rows[:, place]] for place, (name, choices) in enumerate(named.items())
    }
    made: BlackboxTabular = tabular(
        hyperparameters=pd.DataFrame(columns),
        configuration_space={name: domains.choice(list(choices)) for name, choices in named.items()},
        fidelity_space={FIDELITY: domains.randint(epochs[0], epochs[-1])},
        objectives_evaluations=_objectives(table, task, names, diverged)[answers, :, -len(epochs) :],
        fidelity_values=np.array(epochs),
        objectives_names=[*names, *table.costs(task)],
    )
    return made


def _checked_metrics(table: Table, task: str, metrics: Sequence[str] | None) -> list[str]:
    if task not in table.tasks:
        raise UnknownNameError("task", task, table.tasks)
    known = table.tasks[task].metrics
    if SECONDS not in known:
        raise QueryError(f"task {task!r} of {table.path} has no {SECONDS!r}; the simulated clock needs it")
    if metrics is None:
        return [name for name, metric in known.items() if metric.split != "test"]
    for name in metrics:
        if name not in known:
            raise UnknownNameError("metric", name, known, of=f"task {task!r}")
        if known[name].split == "test":
            raise QueryError(
                f"{name} is a test metric; a scheduler may see validation only, so leave it out of metrics"
            )
    return list(dict.fromkeys([*metrics, SECONDS]))


def _complete_rows(table: Table, task: str, epochs: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the rows of which every training has its seconds, (N, L), and the row of the table that answers for each.

    Seconds are on record of every training, diverged or not, unless it is missing or a CSV did not tell them.
    """
    seconds = table.metric(task, SECONDS)[:, :, -epochs:]
    complete = np.asarray(~np.isnan(seconds).any(axis=(1, 2)))
    rows, answers = table.architectures, np.arange(len(table))
    if table.represents == "class" and table.space.size <= ENUMERABLE:
        rows = table.space.all()
        answers = table.rows(rows)
    kept = (answers >= 0) & complete[answers]
    if not kept.any():
        raise QueryError(
            f"{table.path}: task {task!r} has no architecture with all of its trainings; finish the table with "
            "'nasbench generate'"
        )
    return rows[kept], answers[kept]


def _objectives(table: Table, task: str, names: list[str], diverged: str) -> NDArray[np.float32]:
    """Return metrics and costs of the table's architectures, (N, S, E, objectives)."""
    unknown = (table.status(task) == DIVERGED)[:, :, None]
    values = []
    for name in names:
        metric, recorded = table.tasks[task].metrics[name], table.metric(task, name)
        worst = np.float32(-np.inf if metric.direction == "maximize" else np.inf)
        hide = diverged == "worst" and metric.unit != "second"
        values.append(np.where(unknown & np.isnan(recorded), worst, recorded) if hide else recorded)
    for name in table.costs(task):
        cost = table.cost(task, name).astype(np.float32)
        values.append(np.broadcast_to(cost[:, None, None], values[0].shape))
    return np.stack(values, axis=-1)
