"""Step curves over the budget, with bands: regret, report, rank, fronts, ECDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.figures.axes import check_strategies, numbers
from nasbench.figures.style import NOTHING, add_legend, label_axis, line_style, log_budget_axis, marker, noted
from tabular.errors import UnknownNameError
from tabular.wording import counted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

INDICATORS = {"hypervolume": "hypervolume (more is better)", "igd+": "IGD+ (less is better)"}
MARKED = 6
"""Markers on a curve, where markers are needed."""


def regret_curves(ax: Axes, frame: pd.DataFrame, unit: str, label: str) -> None:
    """Draw the regret of each strategy's incumbent over the budget, both axes logarithmic.

    Where a curve or its band reaches zero, the optimum, the axis has a linear piece down to it.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        One row for each strategy and point of the budget: ``strategy``, ``spent`` (in ``unit``), ``center``, ``low``,
        ``high`` (of the band), and ``runs``, the runs with a value there. NaN is not drawn; a strategy of nothing else
        is in the legend with a note, and a single run has no band.
    unit : str
        ``seconds``, ``epochs`` or ``evaluations``.
    label : str
        Of the y axis: ``regret of test accuracy``, say.

    Raises
    ------
    QueryError
        If the frame lacks a column or has no rows.
    """
    from nasbench.figures.axes import log_where_positive

    _draw(ax, frame, unit, "center", "regret curves")
    ends = np.concatenate([numbers(frame, "center"), _reached(frame)])
    log_where_positive(ax.yaxis, ends)
    _finish(ax, label)


def incumbent_curves(ax: Axes, frame: pd.DataFrame, unit: str, label: str, best: float | None = None) -> None:
    """Draw the report of each strategy's incumbent over the budget.

    Parameters
    ----------
    ax, frame, unit
        As for `regret_curves`.
    label : str
        Of the y axis: ``test accuracy``, say.
    best : float, optional
        The best of the space, drawn as a level line.

    Raises
    ------
    QueryError
        If the frame lacks a column or has no rows.
    """
    _draw(ax, frame, unit, "center", "incumbent curves")
    if best is not None and np.isfinite(best):
        ax.axhline(best, color="0.35", linewidth=0.8, label="best of the space", zorder=1)
    _finish(ax, label)


def rank_curves(ax: Axes, frame: pd.DataFrame, unit: str) -> None:
    """Draw the mean rank of each strategy over the budget, the best rank, 1, at the top.

    Parameters
    ----------
    ax, unit
        As for `regret_curves`.
    frame : DataFrame
        As for `regret_curves`, with ``rank`` in place of ``center``.

    Raises
    ------
    QueryError
        If the frame lacks a column or has no rows.
    """
    from matplotlib.ticker import MaxNLocator

    strategies = _draw(ax, frame, unit, "rank", "rank curves")
    margin = 0.04 * max(len(strategies) - 1, 1)
    ax.set_ylim(max(len(strategies), 2) + margin, 1 - margin)
    ax.yaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    ax.set_yticks([1, *(tick for tick in ax.get_yticks() if 1.5 < tick <= len(strategies))])
    _finish(ax, "mean rank (1 is best)")


def hypervolume_curves(ax: Axes, frame: pd.DataFrame, unit: str, indicator: str = "hypervolume") -> None:
    """Draw how good the front of each strategy is over the budget.

    Parameters
    ----------
    ax, frame, unit
        As for `regret_curves`.
    indicator : str
        ``hypervolume``, of the cube from the worst of the space to its best; or ``igd+``, the distance to the front of
        the space, logarithmic.

    Raises
    ------
    QueryError
        If the frame lacks a column or has no rows.
    UnknownNameError
        If there is no such indicator.
    """
    from nasbench.figures.axes import log_where_positive

    if indicator not in INDICATORS:
        raise UnknownNameError("indicator", indicator, INDICATORS)
    _draw(ax, frame, unit, "center", f"{indicator} curves")
    if indicator == "igd+":
        log_where_positive(ax.yaxis, np.concatenate([numbers(frame, "center"), _reached(frame)]))
    _finish(ax, INDICATORS[indicator])


def _draw(ax: Axes, frame: pd.DataFrame, unit: str, column: str, figure: str) -> list[str]:
    strategies = check_strategies(frame, ("spent", column, "low", "high", "runs"), figure)
    final = _runs_at_the_end(frame, column)
    looks = {name: line_style(name, strategies) for name in strategies}
    alike = len({str(look["linestyle"]) for look in looks.values()}) < len(strategies)
    opacity = min(0.18, 1.0 / len(strategies))
    by_name = frame["strategy"].astype(str)
    for place, name in enumerate(strategies):
        part = frame[by_name == name].sort_values("spent")
        spent, runs = numbers(part, "spent"), numbers(part, "runs")
        look = looks[name]
        if alike:  # dashes come again, and grey does not tell them apart
            every = max(1, len(spent) // MARKED)
            start = every * place // len(strategies)
            look = {**look, **marker(name, strategies), "markevery": (start, every), "markersize": 3.5}
        ax.plot(
            spent,
            numbers(part, column),
            drawstyle="steps-post",
            label=noted(name, _note(name, final)),
            **look,
            zorder=3,
        )
        low, high = (np.where(runs > 1, numbers(part, end), np.nan) for end in ("low", "high"))
        if (np.isfinite(low) & np.isfinite(high)).any():
            ax.fill_between(spent, low, high, step="post", color=look["color"], alpha=opacity, linewidth=0, zorder=2)
    _budget_axis(ax, numbers(frame, "spent"), unit)
    return strategies


def _runs_at_the_end(frame: pd.DataFrame, column: str) -> dict[str, int]:
    """Return how many runs each strategy's last value is of; 0 where there is none."""
    known = frame[np.isfinite(numbers(frame, column))].sort_values("spent")
    ends = known.groupby(known["strategy"].astype(str))["runs"].last()
    return {name: int(ends.get(name, 0)) for name in frame["strategy"].astype(str).unique()}


def _note(name: str, final: dict[str, int]) -> str:
    runs = final[name]
    if not runs:
        return NOTHING
    return counted(runs, "run") if runs == 1 or runs < max(final.values()) else ""


def _reached(frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a zero if the low end of a band is at or below it, so that the axis has a place for it."""
    low = numbers(frame, "low")[numbers(frame, "runs") > 1]
    return np.zeros(1 if (low <= 0).any() else 0)


def _budget_axis(ax: Axes, spent: np.ndarray[tuple[int], np.dtype[np.float64]], unit: str) -> None:
    from nasbench.figures.axes import plain_log_ticks

    log_budget_axis(ax, unit)
    plain_log_ticks(ax.xaxis)
    known = spent[np.isfinite(spent) & (spent > 0)]
    if known.size and known.min() < known.max():
        ax.set_xlim(known.min(), known.max())


def _finish(ax: Axes, label: str) -> None:
    label_axis(ax.yaxis, label, add_legend(ax))


def ecdf_curves(ax: Axes, frame: pd.DataFrame, unit: str, target_label: str) -> None:
    """Draw the share of each strategy's runs that had reached a target, over the budget.

    Runs that never reached it count: a curve that stays below 1 is said so in the legend. So is a strategy of which no
    run did.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        One row for each step of a strategy: ``strategy``, ``spent`` (in ``unit``) and ``share``, rising from 0 to 1 at
        most. A strategy that never reached the target has a row with share 0, or with a NaN.
    unit : str
        ``seconds``, ``epochs`` or ``evaluations``.
    target_label : str
        What is reached: ``regret <= 0.01``, say.

    Raises
    ------
    QueryError
        If the frame lacks a column or has no rows.
    """
    from nasbench.figures.axes import plain_log_ticks

    strategies = check_strategies(frame, ("spent", "share"), "ECDF curves")
    spent = numbers(frame, "spent")
    known = spent[np.isfinite(spent) & (spent > 0)]
    # A little before the first, so that the step up from 0 is seen.
    start, end = (known.min() / 1.15, known.max()) if known.size else (1.0, 10.0)
    looks = {name: line_style(name, strategies) for name in strategies}
    alike = len({str(look["linestyle"]) for look in looks.values()}) < len(strategies)
    by_name = frame["strategy"].astype(str)
    for name in strategies:
        part = frame[by_name == name].dropna(subset=["spent", "share"]).sort_values(["spent", "share"])
        share = numbers(part, "share")
        last = float(share[-1]) if share.size else 0.0
        look = {**looks[name], **marker(name, strategies), "markersize": 3.5} if alike else looks[name]
        if alike:
            look["markevery"] = [len(share) + 1]  # where it ends
        ax.plot(
            np.concatenate([[start], numbers(part, "spent"), [end]]),
            np.concatenate([[0.0], share, [last]]),
            drawstyle="steps-post",
            label=noted(name, _missed(last)),
            clip_on=False,
            zorder=3,
            **look,
        )
    log_budget_axis(ax, unit)
    plain_log_ticks(ax.xaxis)
    ax.set_xlim(start, end)
    ax.set_ylim(0, 1)
    label_axis(ax.yaxis, f"share of runs with {target_label}", add_legend(ax))


def _missed(last: float) -> str:
    """Return which share of the runs never reached the target."""
    if last >= 1:
        return ""
    return "never" if last <= 0 else f"{max(1 - last, 0.01):.0%} never"
