"""Learning curves of some architectures, with the spread between trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasbench.figures.columns import check_columns
from nasbench.figures.legend import add_legend
from nasbench.figures.notes import write_note
from nasbench.figures.style import COLOURS, DASHES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LONGEST = 32
"""Letters of an architecture in the legend."""


def learning_curves(ax: Axes, frame: pd.DataFrame, label: str = "") -> None:
    """Draw one curve for each architecture, with a band where low and high are known.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        Columns architecture, epoch, value, low, high, and optionally choice, what the architecture was chosen for:
        those chosen at random are grey.
    label : str
        Of the y axis; by default the metric that the frame's ``attrs`` name.

    Raises
    ------
    QueryError
        If a column is missing, or there are no rows.
    """
    import matplotlib as mpl

    check_columns(frame, ("architecture", "epoch", "value", "low", "high"), "a learning curve")
    thin = 0.6 * float(mpl.rcParams["lines.linewidth"])
    named = frame
    if "choice" not in frame:
        places = {text: place for place, text in enumerate(dict.fromkeys(frame.architecture), 1)}
        named = frame.assign(choice=[f"{places[text]}: {_shortened(text)}" for text in frame.architecture])
    curves = list(named.groupby("choice", sort=False))
    strangers = [choice for choice, _ in curves if str(choice).startswith("random")]
    others = [choice for choice, _ in curves if choice not in strangers]
    for choice, curve in curves:
        look: dict[str, Any]
        if choice in strangers:
            place = strangers.index(choice)
            look = {"color": "0.55", "linestyle": DASHES[(place + 1) % len(DASHES)], "linewidth": thin, "zorder": 1.5}
        else:
            place = others.index(choice)
            look = {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place % len(DASHES)]}
        ax.plot(curve.epoch, curve.value, label=str(choice), **look)
        ax.fill_between(curve.epoch, curve.low, curve.high, color=look["color"], alpha=0.18, linewidth=0)
    ax.locator_params(axis="x", integer=True)
    ax.margins(x=0.02)
    ax.set_xlabel("epochs trained")
    ax.set_ylabel(label or str(frame.attrs.get("metric", "value")).replace("_", " "))
    band = "lines: median of seeds, bands: quartiles" if frame.low.notna().any() else ""
    write_note(ax, band, str(frame.attrs.get("note", "")))
    add_legend(ax)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
