"""Figures of a table: learning curves, rank correlations, noise, a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.figures.axes import check_frame, check_strategies
from nasbench.figures.style import COLOURS, DASHES, add_legend, marker, write_note
from tabular.errors import QueryError, UnknownNameError
from tabular.wording import spaced

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

    check_frame(frame, ("epoch", "value", "low", "high"), "learning curves", ["architecture"])
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
    ax.set_ylabel(label or spaced(str(frame.attrs.get("metric", "value"))))
    band = "lines: median of seeds, bands: quartiles" if frame.low.notna().any() else ""
    write_note(ax, band, str(frame.attrs.get("note", "")))
    add_legend(ax)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


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
    check_frame(frame, ("epoch", "correlation"), "rank correlations by epoch")
    ax.plot(frame.epoch, frame.correlation, color=COLOURS[0], marker="o", markersize=4, label="means of seeds")
    if "other" in frame and frame.other.notna().any():
        ax.plot(frame.epoch, frame.other, color=COLOURS[1], linestyle="--", marker="s", markersize=4,
                label="one seed, with another's end")  # fmt: skip
    if "ceiling" in frame and frame.ceiling.notna().any():
        ceiling = float(frame.ceiling.iloc[-1])
        ax.axhline(ceiling, color="0.35", linestyle=":", label=f"two seeds at the end: {ceiling:.2f}")
    ax.locator_params(axis="x", integer=True)
    ax.set_ylim(top=1.02)
    metric = spaced(str(frame.attrs.get("metric", "")))
    ax.set_xlabel("epochs trained")
    ax.set_ylabel("Kendall tau")
    write_note(ax, f"ranks by {metric} against those at the end" if metric else "", str(frame.attrs.get("note", "")))
    add_legend(ax)


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
    check_frame(frame, columns, "noise ceilings")
    signal, report = (spaced(str(frame.attrs.get(each, each))) for each in ("signal", "report"))
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


MOST_POINTS = 2000
"""More architectures than this are counted in hexagons: points would cover each other."""

DECADES = 30.0
"""From this ratio of the largest to the smallest cost on, the axis is logarithmic."""


def space_map(
    ax: Axes,
    frame: pd.DataFrame,
    found: pd.DataFrame | None = None,
    *,
    x_label: str = "",
    y_label: str = "",
    y_from: float | None = None,
) -> None:
    """Draw all architectures, the front of the cheapest and best, and those that runs found.

    Parameters
    ----------
    ax : matplotlib Axes
    frame : DataFrame
        Columns x, y and front; rows without x or y are counted in a note.
    found : DataFrame, optional
        Columns strategy, x, y; drawn as markers in the strategies' colours.
    x_label, y_label : str
        By default what the frame's ``attrs`` say.
    y_from : float, optional
        Where the y axis begins; architectures below are counted in a note.

    Raises
    ------
    QueryError
        If no architecture has both x and y, or none lies above ``y_from``.
    """
    import matplotlib as mpl

    check_frame(frame, ("x", "y", "front"), "maps of a space")
    font, line = float(mpl.rcParams["font.size"]), 0.7 * float(mpl.rcParams["lines.linewidth"])
    known = frame[np.isfinite(frame.x) & np.isfinite(frame.y)]
    above = known if y_from is None else known[known.y >= y_from]
    if above.empty:
        where = "" if y_from is None or known.empty else f" from {y_from:g} on"
        raise QueryError(f"a map needs architectures with both values{where}; none of {len(frame):,} has them")
    logarithmic = known.x.min() > 0 and known.x.max() > DECADES * known.x.min()
    if logarithmic:
        ax.set_xscale("log")
    notes = []
    if len(above) > MOST_POINTS:
        drawn = ax.hexbin(
            above.x.to_numpy(), above.y.to_numpy(), gridsize=45, mincnt=1, bins="log", cmap="Greys", linewidths=0.1,
            xscale="log" if logarithmic else "linear",
        )  # fmt: skip
        drawn.set_clim(vmin=0.3)  # a single architecture is light grey, not white
        most = int(np.max(np.asarray(drawn.get_array())))
        notes.append(f"darkest hexagon: {most:,} architectures")
    else:
        ax.scatter(
            above.x, above.y, s=0.12 * font**2, color="0.5", alpha=0.4, linewidths=0, zorder=2, label="architectures"
        )
    front = above[above.front].sort_values("x")
    look: dict[str, Any] = {"color": "black", "linewidth": line, "marker": "."}
    ax.plot(front.x, front.y, drawstyle="steps-post", label="front of the table", zorder=3, **look)
    unknown, below = len(frame) - len(known), len(known) - len(above)
    notes.append(f"{unknown:,} of {len(frame):,} architectures not measured" if unknown else "")
    notes.append(f"{below:,} of {len(known):,} architectures below {y_from:g}, not shown" if below else "")
    if found is not None:
        notes.append(_draw_found(ax, found, y_from))
    if y_from is not None:
        ax.set_ylim(bottom=y_from)
    ax.set_xlabel(x_label or str(frame.attrs.get("x_label", "x")))
    ax.set_ylabel(y_label or str(frame.attrs.get("y_label", "y")))
    write_note(ax, *notes)
    add_legend(ax)


def _draw_found(ax: Axes, found: pd.DataFrame, y_from: float | None) -> str:
    import matplotlib as mpl

    font = float(mpl.rcParams["font.size"])
    names = check_strategies(found, ("x", "y"), "found architectures")
    shown = found[np.isfinite(found.x) & np.isfinite(found.y)]
    if y_from is not None:
        shown = shown[shown.y >= y_from]
    for index, name in enumerate(names):
        part = shown[shown.strategy == name]
        size = (0.9 - 0.6 * index / max(1, len(names) - 1)) * font**2  # later ones cover earlier ones
        look: dict[str, Any] = {"s": size, "edgecolors": "white", "linewidths": 0.6, **marker(name, names)}
        ax.scatter(part.x, part.y, zorder=4, label=name, **look)
    return f"{len(found) - len(shown):,} of {len(found):,} found are not on the map" if len(shown) < len(found) else ""
