"""Figures of a comparison. Each function draws into the axes it is given; `save_figure` makes a file of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.comparison.regret import budget_grid, curve
from nasbench.errors import OutputError, UnknownNameError
from nasbench.replacing import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from nasbench.comparison.results import Results

# Okabe and Ito's palette: told apart by colour-blind readers; the dashes tell curves apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 1)), (0, (4, 1, 1, 1)))
STYLED = ("random-search", "regularized-evolution", "local-search", "successive-halving", "hyperband")
FORMATS = ("pdf", "svg", "png")
LABELS = {"seconds": "simulated training time (s)", "epochs": "epochs trained", "evaluations": "evaluations"}
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "nasbench",
}


def line_style(strategy: str, others: list[str]) -> dict[str, Any]:
    """Return colour and dashes of a strategy: the same in every figure for those that come with the toolkit.

    Options in parentheses do not matter, as long as no two of ``others`` differ in nothing else.
    """
    bases = [name.partition("(")[0] for name in others]
    known = [name for name, base in zip(others, bases, strict=True) if base in STYLED and bases.count(base) == 1]
    strangers = [name for name in others if name not in known]
    own = strategy in known
    place = STYLED.index(strategy.partition("(")[0]) if own else len(STYLED) + strangers.index(strategy)
    turn = place // len(COLOURS)  # colours come again with other dashes
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[(place + turn) % len(DASHES)]}


def plot_regret(results: Results, ax: Axes, center: str = "median") -> None:
    """Draw the regret of each strategy's incumbent over the budget, both axes logarithmic.

    Where the best of the space is not known, the incumbent's report itself is drawn instead.

    Parameters
    ----------
    results : Results
    ax : matplotlib Axes
    center : str
        ``median`` with quartiles, or ``mean`` with its standard error.
    """
    regret = results.reference is not None
    _plot_curves(results, ax, center, regret=regret)
    report = _measure_label(results)
    ax.set_ylabel(f"regret of {report}" if regret else report)
    if regret:
        _log_or_linear(ax)


def plot_incumbent(results: Results, ax: Axes, center: str = "median") -> None:
    """Draw the report of each strategy's incumbent over the budget, with the best of the space where it is known."""
    _plot_curves(results, ax, center, regret=False)
    ax.set_ylabel(_measure_label(results))
    if results.reference is not None:
        ax.axhline(
            results.reference.best, color="0.4", linewidth=0.8, linestyle=":", label="best in the space", zorder=0
        )


def _plot_curves(results: Results, ax: Axes, center: str, *, regret: bool) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    grid = budget_grid(results)
    names = list(results.trials)
    for name in names:
        line = curve(results, name, grid, center, regret=regret)
        style = line_style(name, names)
        ax.plot(line.spent, line.center, drawstyle="steps-post", label=name, **style)
        ax.fill_between(line.spent, line.low, line.high, step="post", color=style["color"], alpha=0.15, linewidth=0)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(grid[0], grid[-1])
    ax.set_xlabel(LABELS[results.protocol.budget.unit])
    runs = {trials.runs for trials in results.trials.values()}
    band = "median and quartiles" if center == "median" else "mean and standard error"
    ax.set_title(f"{results.oracle}: {band} of {'/'.join(map(str, sorted(runs)))} runs", fontsize="medium")


def _measure_label(results: Results) -> str:
    report = results.report
    return f"{report.metric.replace('_', ' ')} ({report.task}, {report.epochs} epochs)"


def _log_or_linear(ax: Axes) -> None:
    drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in ax.get_lines()])
    if (drawn[np.isfinite(drawn)] > 0).all():
        ax.set_yscale("log")
    else:  # a logarithm has no place for the runs that found the optimum
        smallest = drawn[drawn > 0]
        ax.set_yscale("symlog", linthresh=smallest.min() if smallest.size else 1e-3)
        ax.set_ylim(bottom=0)


KINDS: dict[str, Callable[..., None]] = {"regret": plot_regret, "incumbent": plot_incumbent}


def save_figure(
    results: Results,
    path: str | Path,
    kind: str = "regret",
    center: str = "median",
    size: tuple[float, float] = (4.6, 3.2),
) -> None:
    """Draw one figure into a PDF, SVG or PNG file.

    Parameters
    ----------
    results : Results
    path : str or Path
        Its ending decides the format.
    kind : str
        One of `KINDS`.
    center : str
        ``median`` or ``mean``.
    size : (width, height)
        In inches.

    Raises
    ------
    UnknownNameError, OutputError
    """
    path = Path(path)
    if kind not in KINDS:
        raise UnknownNameError("kind of figure", kind, KINDS)
    ending = path.suffix.lstrip(".").lower()
    if ending not in FORMATS:
        raise OutputError(f"{path}: a figure's file ends in {', '.join('.' + f for f in FORMATS)}")

    def draw(ax: Axes) -> None:
        KINDS[kind](results, ax, center)
        ax.legend()

    write_figure([path], draw, size)


def write_figure(paths: Sequence[Path], draw: Callable[[Axes], None], size: tuple[float, float] = (4.6, 3.2)) -> None:
    """Draw one figure in the house's style into files, whose endings decide the formats.

    Parameters
    ----------
    paths : sequence of Path
        Each ends in one of `FORMATS`.
    draw : callable
        Draws into the axes it is given.
    size : (width, height)
        In inches.

    Raises
    ------
    OutputError
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.add_subplot())
        for path in paths:
            ending = path.suffix.lstrip(".").lower()
            with replacing(path) as temporary:
                figure.savefig(temporary, format=ending, dpi=200, metadata={"Date": None} if ending == "svg" else None)
