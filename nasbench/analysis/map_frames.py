"""Tidy frames of all architectures of a table over a cost, and of those that searches found, for a map of the space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.pareto import non_dominated
from tabular.card import only_task
from tabular.errors import QueryError
from tabular.measures import DEFAULT_REPORT, mean_of_known

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results
    from tabular.table import Table

LABELS = {
    "parameters": "parameters",
    "flops": "FLOPs",
    "latency_seconds": "latency (s)",
    "train_seconds": "training time (s)",
    "activation_bytes": "activations (bytes)",
}


def space_map_frame(
    table: Table, task: str | None = None, cost: str = "parameters", metric: str = DEFAULT_REPORT
) -> pd.DataFrame:
    """Return all architectures of a table: what they cost and how good they are.

    Parameters
    ----------
    table : Table
    task : str, optional
        May be left out where there is one only.
    cost : str
        A cost of the table, or a metric in seconds, as ``train_seconds``: its mean over seeds after the last epoch.
    metric : str
        The mean over seeds after the last epoch.

    Returns
    -------
    DataFrame
        Columns architecture, x (the cost), y (the metric), both NaN where not measured, and front (whether no other
        architecture is as cheap and as good and better in one of both). What x and y are is in ``attrs``, as
        ``x_label`` and ``y_label``.

    Raises
    ------
    UnknownNameError, QueryError
        If there is no such task, metric or cost; the message lists the costs.
    """
    import pandas as pd

    task = task or only_task(table)
    x, y = _cost(table, task, cost), _metric(table, task, metric)
    front = non_dominated(np.stack([-x, table.tasks[task].metrics[metric].sign * y], axis=1))
    architectures = table.space.to_text(table.architectures)
    return _labelled(
        pd.DataFrame({"architecture": architectures, "x": x, "y": y, "front": front}), table, task, cost, metric
    )


def found_frame(
    table: Table, results: Results, task: str | None = None, cost: str = "parameters", metric: str = DEFAULT_REPORT
) -> pd.DataFrame:
    """Return where on the map of a table the architectures lie with which runs ended.

    Parameters
    ----------
    table : Table
    results : Results
    task, cost, metric : str
        As `space_map_frame`.

    Returns
    -------
    DataFrame
        Columns strategy, run, architecture, x and y; the last two are NaN where the table does not have it.

    Raises
    ------
    UnknownNameError, QueryError
        As `space_map_frame`, and if the results are of another space.
    """
    import pandas as pd

    if results.space != table.space:
        raise QueryError(f"the results are of space {results.space.name!r}, {table.path} is of {table.space.name!r}")
    task = task or only_task(table)
    x, y = (np.append(values, np.nan) for values in (_cost(table, task, cost), _metric(table, task, metric)))
    parts = []
    for strategy, trials in results.trials.items():
        found = trials.architectures[trials.incumbent[trials.last]]
        rows = table.rows(found)  # -1, the NaN at the end, where there is none
        parts.append(
            pd.DataFrame(
                {
                    "strategy": strategy,
                    "run": np.arange(trials.runs),
                    "architecture": table.space.to_text(found),
                    "x": x[rows],
                    "y": y[rows],
                }
            )
        )
    return _labelled(pd.concat(parts, ignore_index=True), table, task, cost, metric)


def _cost(table: Table, task: str, cost: str) -> NDArray[np.float64]:
    costs, metrics = table.costs(task), table.tasks[task].metrics
    if cost in costs:
        return table.cost(task, cost).astype(np.float64)
    timed = [name for name, meaning in metrics.items() if meaning.unit == "second"]
    if cost in timed:
        return _metric(table, task, cost)
    known = ", ".join([*costs, *timed]) or "none"
    raise QueryError(f"{table.path}: task {task!r} records no cost {cost!r}; it has {known}")


def _metric(table: Table, task: str, metric: str) -> NDArray[np.float64]:
    return mean_of_known(table.metric(task, metric)[:, :, -1].astype(np.float64))


def _labelled(frame: pd.DataFrame, table: Table, task: str, cost: str, metric: str) -> pd.DataFrame:
    unit = table.costs(task).get(cost)
    words = cost.replace("_", " ")
    frame.attrs["x_label"] = LABELS.get(cost, f"{words} ({unit})" if unit and unit != "count" else words)
    frame.attrs["y_label"] = metric.replace("_", " ")
    return frame
