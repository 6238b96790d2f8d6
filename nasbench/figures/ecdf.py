"""Which share of the runs had reached a target by when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.figures.checking import check_frame, numbers
from nasbench.figures.labels import label_axis, noted
from nasbench.figures.legend import add_legend
from nasbench.figures.style import line_style, log_budget_axis, marker

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


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
    from nasbench.figures.log_ticks import plain_log_ticks

    strategies = check_frame(frame, ("spent", "share"), "ECDF curves")
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
            label=noted(name, _note(last)),
            clip_on=False,
            zorder=3,
            **look,
        )
    log_budget_axis(ax, unit)
    plain_log_ticks(ax.xaxis)
    ax.set_xlim(start, end)
    ax.set_ylim(0, 1)
    label_axis(ax.yaxis, f"share of runs with {target_label}", add_legend(ax))


def _note(last: float) -> str:
    """Return which share of the runs never reached the target."""
    if last >= 1:
        return ""
    return "never" if last <= 0 else f"{max(1 - last, 0.01):.0%} never"
