"""Figures of a surrogate's scores: predictions, calibration, learning curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.figures.style import COLOURS, write_figure
from surrogates.scorecard import coverage, seed_error
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from surrogates.scorecard import Score

MOST_POINTS = 2000
"""More networks than this are counted in hexagons: points would cover each other."""

RESAMPLES = 200
"""Of the bootstrap."""


def predicted_against_measured(
    ax: Axes, truth: NDArray[np.float64], mean: NDArray[np.float64], label: str = ""
) -> None:
    """Draw each network's prediction over what was measured, with the diagonal on which both are the same.

    Parameters
    ----------
    ax : matplotlib Axes
    truth, mean : (N,) float64
        Measured and predicted.
    label : str
        What is predicted: ``test accuracy``, say.
    """
    both = np.concatenate([truth, mean])
    margin = 0.03 * (float(np.ptp(both)) or 1.0)
    limits = (both.min() - margin, both.max() + margin)
    if len(truth) > MOST_POINTS:
        drawn = ax.hexbin(
            truth, mean, gridsize=50, extent=(*limits, *limits), mincnt=1, bins="log", cmap="Blues", linewidths=0.1
        )
        drawn.set_clim(vmin=0.3)  # a single network is light blue, not white
        ax.figure.colorbar(drawn, ax=ax, label="networks", format="{x:g}")
    else:
        ax.scatter(truth, mean, s=10, color=COLOURS[0], alpha=0.5, linewidths=0, zorder=2)
    ax.axline((limits[0], limits[0]), slope=1, color=COLOURS[1], linestyle="--", linewidth=0.9, zorder=3)
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.set_xlabel(f"measured {label}".rstrip())
    ax.set_ylabel(f"predicted {label}".rstrip())


def calibration(ax: Axes, values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]) -> None:
    """Draw which share of the trainings lies inside the predicted central interval, over the share that should.

    Below the diagonal the surrogate is too sure of itself, above it not sure enough.

    Parameters
    ----------
    ax : matplotlib Axes
    values : (N, S) float64
        Held-out trainings, NaN where there is none.
    mean, std : (N,) float64
    """
    levels = np.append(np.linspace(0.05, 0.95, 19), 0.99)
    observed = [coverage(values, mean, std, level) for level in levels]
    ax.axline((0, 0), slope=1, color="0.35", linestyle="--", linewidth=0.9)
    ax.plot(levels, observed, color=COLOURS[0], marker="o", markersize=3)
    ax.text(0.97, 0.05, "too sure", ha="right", color="0.35", transform=ax.transAxes)
    ax.text(0.03, 0.93, "not sure enough", va="top", color="0.35", transform=ax.transAxes)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set_xlabel("predicted share inside the interval")
    ax.set_ylabel("share of trainings inside it")


def learning_curve(ax: Axes, scores: Sequence[Score]) -> None:
    """Draw Kendall's tau over the number of networks fitted, with that of a single training as a line.

    Both are with the mean over the other trainings, as `surrogates.scorecard.against_others` explains; where each
    network was trained once there is no line, and tau is that with the one training.

    Parameters
    ----------
    ax : matplotlib Axes
    scores : sequence of Score
        Of one measure, at several sizes.

    Raises
    ------
    QueryError
    """
    ordered = _by_size(scores)
    repeated = all(np.isfinite(each.seed_tau) for each in ordered)
    taus = [each.others_tau if repeated else each.kendall_tau for each in ordered]
    _draw_over_size(ax, ordered, taus)
    if repeated:
        ceiling = float(np.mean([each.seed_tau for each in ordered]))
        ax.axhline(ceiling, color=COLOURS[1], linestyle="--", label="one training")
    ax.set_ylabel("Kendall tau with the other trainings" if repeated else "Kendall tau")


def error_by_size(ax: Axes, scores: Sequence[Score], values: NDArray[np.float64], label: str = "") -> None:
    """Draw the mean absolute error over the number of networks fitted, with that of a single training as a line.

    Where the curve is below the line, the surrogate tells the mean over trainings better than a table of one training
    does (NAS-Bench-301, Zela et al. 2022). The band is the line's 95 % interval if other networks had been held out, by
    the bootstrap. Where each network was trained once there is no line.

    Parameters
    ----------
    ax : matplotlib Axes
    scores : sequence of Score
        Of one measure, at several sizes.
    values : (N, S) float64
        The trainings of the held-out networks that did not fail, NaN where there is none.
    label : str
        What is predicted: ``test accuracy``, say.

    Raises
    ------
    QueryError
    """
    ordered = _by_size(scores)
    repeated = all(np.isfinite(each.others_error) for each in ordered)
    _draw_over_size(ax, ordered, [each.others_error if repeated else each.mae for each in ordered])
    if repeated:
        rng = np.random.default_rng(0)
        resampled = [seed_error(values[rng.integers(len(values), size=len(values))]) for _ in range(RESAMPLES)]
        ax.axhspan(*np.nanquantile(resampled, (0.025, 0.975)), color=COLOURS[1], alpha=0.2, linewidth=0)
        ax.axhline(seed_error(values), color=COLOURS[1], linestyle="--", label="one training")
    ax.set_ylim(bottom=0)
    ax.set_ylabel(f"mean absolute error of {label}".removesuffix(" of "))


def _by_size(scores: Sequence[Score]) -> list[Score]:
    measures = sorted({each.measure for each in scores})
    if len(measures) != 1:
        raise QueryError(f"a curve is drawn of the scores of one measure, got {', '.join(measures) or 'none'}")
    return sorted(scores, key=lambda each: each.train)


def _draw_over_size(ax: Axes, scores: Sequence[Score], heights: Sequence[float]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.plot([each.train for each in scores], heights, color=COLOURS[0], marker="o", markersize=4, label="surrogate")
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("networks fitted")


ENDINGS = ("pdf", "png")


def save_picture(path: Path, title: str, draw: Callable[[Axes], None]) -> list[Path]:
    """Draw one picture into a PDF and a PNG file.

    Parameters
    ----------
    path : Path
        Without the ending.
    title : str
    draw : callable
        Draws into the axes it is given.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputError
    """

    def draw_titled(ax: Axes) -> None:
        draw(ax)
        ax.set_title(title, fontsize="medium")
        if ax.get_legend_handles_labels()[0]:
            ax.legend()

    paths = [path.with_name(f"{path.name}.{ending}") for ending in ENDINGS]
    write_figure(paths, draw_titled)
    return paths
