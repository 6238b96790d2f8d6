"""Tidy frames of a table for figures: curves, rank correlations, noise, maps.

What a reader must know beside the numbers, such as how many architectures were left out, is in ``frame.attrs["note"]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.comparison.pareto import non_dominated
from tabular.card import only_task
from tabular.errors import QueryError
from tabular.frames import to_frame
from tabular.measures import DEFAULT_REPORT, DEFAULT_SIGNAL, mean_of_known
from tabular.reliability import between_means, epochs_to_final, epochs_to_other_final, kendall_tau, seed_sets
from tabular.wording import spaced

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.results import Results
    from tabular.table import Table

QUARTILES = (0.25, 0.5, 0.75)


def learning_curve_frame(
    table: Table,
    task: str | None = None,
    metric: str = DEFAULT_SIGNAL,
    *,
    by: str = DEFAULT_SIGNAL,
    random: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the learning curves of the best, the median and the worst architecture, and of some drawn at random.

    Parameters
    ----------
    table : Table
    task : str, optional
        May be left out where there is one only.
    metric : str
        What the curves are of.
    by : str
        The metric that ranks architectures, by the mean over seeds after the last epoch.
    random : int
        How many are drawn.
    seed : int
        Of the draw.

    Returns
    -------
    DataFrame
        Columns architecture, choice (``best``, ``median``, ``worst``, ``random 1``, ...), epoch, value (median over
        seeds), low, high (quartiles; NaN where there is one seed) and seeds (how many have a value).

    Raises
    ------
    UnknownNameError
        If there is no such task or metric.
    QueryError
        If the task has one epoch on record, or no architecture has a value.
    """
    import pandas as pd

    task = _task_with_epochs(table, task)
    worth = table.tasks[task].metrics[by].sign * _final_means(table, task, by)
    known = np.flatnonzero(~np.isnan(worth))
    if not len(known):
        raise QueryError(f"{table.path}: task {task!r}: no architecture has a {by} after the last epoch")
    ranked = known[np.argsort(-worth[known], kind="stable")]
    drawn = np.random.default_rng(seed).permutation(known)[:random]
    chosen = {"best": ranked[0], "median": ranked[len(ranked) // 2], "worst": ranked[-1]}
    chosen |= {f"random {number}": row for number, row in enumerate(drawn, 1)}
    table.metric(task, metric)  # names a metric that is not there
    parts = []
    for choice, row in chosen.items():
        values = to_frame(table, task, slice(row, row + 1)).groupby("epoch")[metric]
        low, center, high = (values.quantile(level) for level in QUARTILES)
        curve = pd.DataFrame({"value": center, "low": low, "high": high, "seeds": values.count()}).reset_index()
        curve.loc[curve.seeds < 2, ["low", "high"]] = np.nan
        curve.insert(0, "architecture", table.space.to_text(table.architectures[row]))
        curve.insert(1, "choice", choice)
        parts.append(curve)
    frame = pd.concat(parts, ignore_index=True)
    notes = [_left_out(len(table) - len(known), len(table))]
    if table.tasks[task].restarts:
        notes.append("each epoch ended a training of its own")
    if table.means_only(task) or len(table.tasks[task].seeds) == 1:
        notes.append("no quartiles: one value for each architecture")
    return _noted(frame, *notes, metric=metric)


def rank_by_epoch_frame(table: Table, task: str | None = None, metric: str = DEFAULT_SIGNAL) -> pd.DataFrame:
    """Return how well ranks after each epoch agree with those after the last.

    Parameters
    ----------
    table : Table
    task : str, optional
        May be left out where there is one only.
    metric : str

    Returns
    -------
    DataFrame
        Columns epoch, correlation (Kendall's tau-b of means over seeds with those after the last epoch), other (of one
        training with another one after the last epoch) and ceiling (of two trainings after the last epoch: what no
        single training can be expected to exceed). The last two are NaN where there is one seed.

    Raises
    ------
    UnknownNameError, QueryError
        If there is no such task or metric, or one epoch only.
    """
    import pandas as pd

    task = _task_with_epochs(table, task)
    values, left_out = _whole(table, task, metric)
    other = epochs_to_other_final(values)
    frame = pd.DataFrame(
        {
            "epoch": table.tasks[task].epochs,
            "correlation": epochs_to_final(values),
            "other": other,
            "ceiling": other[-1],
        }
    )
    alone = "no ceiling: one training of each architecture" if np.isnan(other[-1]) else ""
    return _noted(frame, _left_out(left_out, len(table)), alone, metric=metric)


def noise_ceiling_frame(
    table: Table, task: str | None = None, signal: str = DEFAULT_SIGNAL, report: str = DEFAULT_REPORT
) -> pd.DataFrame:
    """Return how far the noise of training limits any search: ranks and choices by the mean of one seed, of two, ...

    The report counts all trainings, those too whose signal is looked at, as in every regret of this program. What both
    have in common makes the choice by few seeds look a little better than it is.

    Parameters
    ----------
    table : Table
    task : str, optional
        May be left out where there is one only.
    signal : str
        What architectures are ranked by, after the last epoch.
    report : str
        What the choice is judged by: its mean over all seeds after the last epoch.

    Returns
    -------
    DataFrame
        Columns seeds (how many are averaged), between (Kendall's tau-b of two such means of the signal that share no
        seed; NaN where seeds do not suffice), with_report (of such a mean with the report), regret (of the architecture
        with the best such mean: its report below the best report of the table; mean over all sets of so many seeds),
        regret_low, regret_high (lowest and highest) and sets (how many there are).

    Raises
    ------
    UnknownNameError, QueryError
        If there is no such task or metric, or one training of each architecture only.
    """
    import pandas as pd

    task = task or only_task(table)
    if table.means_only(task) or len(table.tasks[task].seeds) < 2:
        what = "holds means over seeds only" if table.means_only(task) else "has one training of each architecture"
        raise QueryError(f"{table.path}: task {task!r} {what}; a noise ceiling needs a table with two seeds or more")
    both = [table.metric(task, name)[:, :, -1].astype(np.float64) for name in (signal, report)]
    whole = np.asarray(np.isfinite(np.concatenate(both, axis=1)).all(axis=1))
    _check_enough(table, task, whole)
    meanings = table.tasks[task].metrics
    signals = meanings[signal].sign * both[0][whole]
    reports = meanings[report].sign * both[1][whole].mean(axis=1)
    rows = []
    for size in range(1, signals.shape[1] + 1):
        means = [signals[:, chosen].mean(axis=1) for chosen in seed_sets(signals.shape[1], size)]
        regrets = [float(reports.max() - reports[mean.argmax()]) for mean in means]
        agreed = float(np.mean([kendall_tau(mean, reports) for mean in means]))
        spread = (float(np.mean(regrets)), min(regrets), max(regrets))
        rows.append((size, between_means(signals, size), agreed, *spread, len(means)))
    columns = ["seeds", "between", "with_report", "regret", "regret_low", "regret_high", "sets"]
    frame = pd.DataFrame(rows, columns=columns)
    return _noted(frame, _left_out(int((~whole).sum()), len(table)), signal=signal, report=report)


def _task_with_epochs(table: Table, task: str | None) -> str:
    task = task or only_task(table)
    table.status(task)  # names a task that is not there
    epochs = table.tasks[task].epochs
    if len(epochs) < 2:
        raise QueryError(f"{table.path}: task {task!r} has one epoch on record, {epochs[0]}; a curve needs two or more")
    return task


def _final_means(table: Table, task: str, metric: str) -> NDArray[np.float64]:
    return mean_of_known(table.metric(task, metric)[:, :, -1].astype(np.float64))


def _whole(table: Table, task: str, metric: str) -> tuple[NDArray[np.float64], int]:
    """Return the values of architectures that have all, (N, S, E), and how many others there are."""
    values = table.metric(task, metric).astype(np.float64)
    whole = np.asarray(np.isfinite(values).all(axis=(1, 2)))
    _check_enough(table, task, whole)
    return values[whole], int((~whole).sum())


def _check_enough(table: Table, task: str, whole: NDArray[np.bool_]) -> None:
    if whole.sum() < 2:
        raise QueryError(
            f"{table.path}: task {task!r}: {int(whole.sum())} of {len(whole)} architectures have a value for each seed "
            "and epoch; ranks need two"
        )


def _left_out(count: int, of: int) -> str:
    return f"{count:,} of {of:,} architectures left out: trainings missing or diverged" if count else ""


def _noted(frame: pd.DataFrame, *notes: str, **attributes: Any) -> pd.DataFrame:
    frame.attrs.update(attributes, note="; ".join(filter(None, notes)))
    return frame


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
    words = spaced(cost)
    frame.attrs["x_label"] = LABELS.get(cost, f"{words} ({unit})" if unit and unit != "count" else words)
    frame.attrs["y_label"] = spaced(metric)
    return frame
