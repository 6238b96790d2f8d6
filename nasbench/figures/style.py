"""How figures look: sizes and fonts for papers and slides, a look of its own for each strategy, and files of them."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasbench.figures.labels import text_for_latex
from tabular.errors import OutputError, UnknownNameError
from tabular.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by colour-blind readers; dashes and markers tell strategies apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 1)), (0, (4, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "*")
STYLED = (
    "random-search", "regularized-evolution", "local-search", "successive-halving", "hyperband", "genetic-algorithm",
    "simulated-annealing", "asha", "bohb", "dehb", "bananas", "reinforce", "reinforce-rnn", "tpe",
    "bayesian-optimization", "nas-bowl", "smac", "npenas", "neural-predictor", "pnas", "mcts", "ppo", "median-stopping",
    "curve-extrapolation", "warm-start", "operation-prior", "zero-cost", "nsga2", "mo-regularized-evolution", "parego",
    "mo-asha", "optuna", "nevergrad", "smac3",
)  # fmt: skip
"""Strategies whose look is the same in every figure, in the order in which looks are given out."""

FORMATS = ("pdf", "svg", "pgf", "png")
BUDGET_LABELS = {"seconds": "simulated training time (s)", "epochs": "epochs trained", "evaluations": "evaluations"}

_COMMON: dict[str, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # TrueType, embedded whole; publishers refuse Type 3
    "svg.fonttype": "path",
    "svg.hashsalt": "nasbench",
    "pgf.rcfonts": False,  # the document's own
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure is the same everywhere
}


@dataclass(frozen=True)
class Style:
    """What a figure is made for.

    Parameters
    ----------
    size : (width, height)
        In inches.
    settings : dict
        Of matplotlib.
    """

    size: tuple[float, float]
    settings: dict[Any, Any]


def _sized(size: tuple[float, float], font: float, line: float, **more: object) -> Style:
    return Style(size, {**_COMMON, "font.size": font, "lines.linewidth": line, **more})


STYLES = {
    "paper": _sized((4.6, 3.2), 8, 1.4),
    # Text is 5.5 inches wide in NeurIPS papers, a column 3.25 inches in ICML's, both are set in Times.
    "neurips": _sized((5.5, 3.0), 9, 1.4, **{"font.family": "STIXGeneral", "mathtext.fontset": "stix"}),
    "icml": _sized((3.25, 2.4), 8, 1.1, **{"font.family": "STIXGeneral", "mathtext.fontset": "stix"}),
    "slides": _sized((8.0, 4.5), 16, 2.6),
}


def _place(strategy: str, others: Sequence[str]) -> int:
    """Return which look a strategy has.

    Options in parentheses do not matter, as long as no two of ``others`` differ in nothing else.
    """
    bases = [name.partition("(")[0] for name in others]
    known = [name for name, base in zip(others, bases, strict=True) if base in STYLED and bases.count(base) == 1]
    if strategy in known:
        return STYLED.index(strategy.partition("(")[0])
    return len(STYLED) + [name for name in others if name not in known].index(strategy)


def line_style(strategy: str, others: Sequence[str]) -> dict[str, Any]:
    """Return colour and dashes of a strategy: the same in every figure for those that come with the toolkit.

    Parameters
    ----------
    strategy : str
        As results call it, options included.
    others : sequence of str
        All strategies of the figure, this one among them.
    """
    place = _place(strategy, others)
    turn = place // len(COLOURS)  # colours come again with other dashes
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[(place + turn) % len(DASHES)]}


def marker(strategy: str, others: Sequence[str]) -> dict[str, Any]:
    """Return colour and marker of a strategy, for points; as `line_style`."""
    place = _place(strategy, others)
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}


def log_budget_axis(ax: Axes, unit: str) -> None:
    """Make the x axis the budget, logarithmic, with numbers that are read without powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(BUDGET_LABELS.get(unit, unit))


def get_style(name: str) -> Style:
    """Return a style by its name.

    Raises
    ------
    UnknownNameError
    """
    if name not in STYLES:
        raise UnknownNameError("style", name, STYLES)
    return STYLES[name]


def check_format(path: Path) -> None:
    """Make sure that a figure can be written in the format that a file's ending names.

    Raises
    ------
    OutputError
    """
    ending = path.suffix.lstrip(".").lower()
    if ending not in FORMATS:
        raise OutputError(f"{path}: a figure's file ends in {', '.join('.' + f for f in FORMATS)}")
    if ending == "pgf" and not any(map(shutil.which, ("xelatex", "lualatex", "pdflatex"))):
        raise OutputError(f"{path}: PGF needs LaTeX to measure its text, which is not installed here; write a .pdf")


def write_figure(
    paths: Sequence[Path],
    draw: Callable[[Axes], None],
    style: str = "paper",
    size: tuple[float, float] | None = None,
) -> None:
    """Draw one figure into files, whose endings decide the formats.

    Parameters
    ----------
    paths : sequence of Path
        Each ends in one of `FORMATS`.
    draw : callable
        Draws into the axes it is given.
    style : str
        One of `STYLES`.
    size : (width, height), optional
        In inches; by default the style's.

    Raises
    ------
    OutputError, UnknownNameError
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    look = get_style(style)
    for path in paths:
        check_format(path)
    for latex in (False, True):  # which reads text as its own, so that names are written otherwise
        own = [path for path in paths if (path.suffix.lower() == ".pgf") == latex]
        if own:
            with mpl.rc_context(look.settings), text_for_latex() if latex else nullcontext():
                figure = Figure(figsize=size or look.size, layout="constrained")
                FigureCanvasAgg(figure)
                draw(figure.add_subplot())
                for path in own:
                    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    import matplotlib as mpl

    ending = path.suffix.lstrip(".").lower()
    undated: dict[str, dict[str, Any]] = {
        "svg": {"metadata": {"Date": None}},
        "pdf": {"metadata": {"CreationDate": None}},
    }  # the same bytes
    engine = next((each for each in ("xelatex", "lualatex", "pdflatex") if shutil.which(each)), "xelatex")
    with replacing(path) as temporary, mpl.rc_context({"pgf.texsystem": engine}):
        figure.savefig(temporary, format=ending, dpi=200, **undated.get(ending, {}))
