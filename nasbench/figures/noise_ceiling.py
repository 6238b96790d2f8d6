"""How far the noise of training limits any search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench.figures.columns import check_columns
from nasbench.figures.legend import add_legend
from nasbench.figures.notes import write_note
from nasbench.figures.style import COLOURS
from tabular.errors import UnknownNameError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

OF = ("correlation", "regret")


def noise_ceiling(ax: Axes, frame: pd.DataFrame, of: str = "correlation") -> None:
    """Draw what ranking all architectures by the mean of one seed, of two, and so on, gives at best.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        Columns seeds, between, with_report, regret, regret_low, regret_high, see
        `nasbench.analysis.table_frames.noise_ceiling_frame`.
    of : str
        ``correlation`` of ranks, or the ``regret`` of the architecture that ranks first.

    Raises
    ------
    UnknownNameError, QueryError
        If a column is missing, or there are no rows.
    """
    if of not in OF:
        raise UnknownNameError("noise ceiling of", of, OF)
    columns = ("seeds", "between", "with_report", "regret", "regret_low", "regret_high")
    check_columns(frame, columns, "a noise ceiling")
    signal, report = (str(frame.attrs.get(each, each)).replace("_", " ") for each in ("signal", "report"))
    if of == "correlation":
        ax.plot(frame.seeds, frame.with_report, color=COLOURS[0], marker="o", markersize=5,
                label=f"with {report}")  # fmt: skip
        known = frame[frame.between.notna()]
        ax.plot(known.seeds, known.between, color=COLOURS[1], linestyle="--", marker="s", markersize=5,
                label="with as many other seeds")  # fmt: skip
        for seeds, tau in zip(known.seeds, known.between, strict=True):
            ax.annotate(f"{tau:.2f}", (seeds, tau), (6, -3), textcoords="offset points", va="top", fontsize="small")
        ax.set_ylabel("Kendall tau")
        what = f"ranks by mean {signal}"
        ax.margins(y=0.15)
    else:
        spread = [frame.regret - frame.regret_low, frame.regret_high - frame.regret]
        ax.errorbar(frame.seeds, frame.regret, yerr=spread, color=COLOURS[0], marker="o", markersize=5, capsize=3,
                    label="mean and range of sets of seeds")  # fmt: skip
        ax.set_ylim(bottom=0)
        ax.set_ylabel(f"regret of {report}")
        what = f"of the best architecture by mean {signal}"
    ax.set_xticks(frame.seeds)
    ax.margins(x=0.12)
    ax.set_xlabel("seeds averaged for each architecture")
    write_note(ax, what, str(frame.attrs.get("note", "")))
    add_legend(ax)
