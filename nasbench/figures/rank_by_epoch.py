"""How early ranks tell the final ones: rank correlation by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench.figures.columns import check_columns
from nasbench.figures.legend import add_legend
from nasbench.figures.notes import write_note
from nasbench.figures.style import COLOURS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def rank_by_epoch(ax: Axes, frame: pd.DataFrame) -> None:
    """Draw the rank correlation of each epoch with the last, and that of two trainings as a line.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        Columns epoch and correlation, and optionally other (one training with another one's end) and ceiling, see
        `nasbench.analysis.table_frames.rank_by_epoch_frame`.

    Raises
    ------
    QueryError
        If a column is missing, or there are no rows.
    """
    check_columns(frame, ("epoch", "correlation"), "rank correlation by epoch")
    ax.plot(frame.epoch, frame.correlation, color=COLOURS[0], marker="o", markersize=4, label="means of seeds")
    if "other" in frame and frame.other.notna().any():
        ax.plot(frame.epoch, frame.other, color=COLOURS[1], linestyle="--", marker="s", markersize=4,
                label="one seed, with another's end")  # fmt: skip
    if "ceiling" in frame and frame.ceiling.notna().any():
        ceiling = float(frame.ceiling.iloc[-1])
        ax.axhline(ceiling, color="0.35", linestyle=":", label=f"two seeds at the end: {ceiling:.2f}")
    ax.locator_params(axis="x", integer=True)
    ax.set_ylim(top=1.02)
    metric = str(frame.attrs.get("metric", "")).replace("_", " ")
    ax.set_xlabel("epochs trained")
    ax.set_ylabel("Kendall tau")
    write_note(ax, f"ranks by {metric} against those at the end" if metric else "", str(frame.attrs.get("note", "")))
    add_legend(ax)
