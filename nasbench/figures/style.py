"""Looks of figures: sizes, fonts, colours of strategies, legends, and files."""

from __future__ import annotations

import shutil
import textwrap
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from strategies.registry import STRATEGIES
from tabular.errors import OutputError, UnknownNameError
from tabular.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by colour-blind readers; dashes and markers tell strategies apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 1)), (0, (4, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "*")

_FIRST_STYLED = (
    "random-search", "regularized-evolution", "local-search", "successive-halving", "hyperband", "genetic-algorithm",
    "simulated-annealing", "asha", "bohb", "dehb", "bananas", "reinforce", "reinforce-rnn", "tpe",
    "bayesian-optimization", "nas-bowl", "smac", "npenas", "neural-predictor", "pnas", "mcts", "ppo", "median-stopping",
    "curve-extrapolation", "warm-start", "operation-prior", "zero-cost", "nsga2", "mo-regularized-evolution", "parego",
    "mo-asha", "optuna", "nevergrad", "smac3",
)  # fmt: skip

STYLED = (*_FIRST_STYLED, *(name for name in STRATEGIES if name not in _FIRST_STYLED))
"""Strategies whose look is the same in every figure, in the order in which looks are given out.

A new one of the registry comes last, so that the others keep theirs.
"""

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
    """Size and settings of figures for one medium.

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


NOTHING = "nothing valid"
"""Said of a strategy that never found a valid architecture."""

BOTTOM = 3.6
"""Height of the numbers and label below an axes, in font sizes."""

LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "$": r"\textdollar{}",  # with a backslash alone, matplotlib would take it for its own and drop that
    **{each: "\\" + each for each in "&%#_{}"},
}

_for_latex: ContextVar[bool] = ContextVar("_for_latex", default=False)


@contextmanager
def text_for_latex() -> Iterator[None]:
    """Draw for LaTeX, which reads the text of PGF files as its own: what is special there is written as a command."""
    before = _for_latex.set(True)
    try:
        yield
    finally:
        _for_latex.reset(before)


def plain(text: str) -> str:
    """Return text that is shown as it is, dollar signs and all, by matplotlib or by LaTeX."""
    if _for_latex.get():
        return "".join(LATEX.get(each, each) for each in text)
    return text.replace("$", r"\$")


def noted(name: str, note: str) -> str:
    """Return the name of a strategy as a figure shows it, with a note in parentheses if there is one."""
    return plain(f"{name} ({note})" if note else name)


def font_size(setting: str | float) -> float:
    """Return a size of matplotlib's, such as ``small``, in points."""
    from matplotlib.font_manager import FontProperties

    return float(FontProperties(size=setting).get_size_in_points())


def text_width(text: str, points: float) -> float:
    """Return how wide text is, in points, in the font of the moment."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    width, _, _ = TextToPath().get_text_width_height_descent(text, FontProperties(size=points), ismath=False)
    return float(width)


def figure_size(ax: Axes) -> tuple[float, float]:
    """Return width and height of the part of a figure that an axes has for itself and its labels, in points."""
    figure = ax.figure
    width, height = figure.bbox.width / figure.dpi * 72, figure.bbox.height / figure.dpi * 72
    place = ax.get_subplotspec()
    if place is None:
        return width, height
    grid = place.get_gridspec()
    return width * len(place.colspan) / grid.ncols, height * len(place.rowspan) / grid.nrows


def make_taller(ax: Axes, points: float) -> None:
    """Make a figure taller; one with several axes stays as it is."""
    from matplotlib.figure import Figure

    figure = ax.figure
    if len(figure.axes) == 1 and isinstance(figure, Figure) and points > 0:
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + points / 72)


def label_axis(axis: Axis, text: str, room: float) -> None:
    """Label an axis, in as many lines as it takes for the label to be no longer than the room, in points."""
    import matplotlib as mpl

    size = font_size(mpl.rcParams["axes.labelsize"])
    fitting = max(8, int(len(text) * room / max(text_width(text, size), 1e-9)))
    lines = _wrapped(text, fitting)
    for narrower in range(fitting - 1, 7, -1):  # lines of about the same length
        if len(_wrapped(text, narrower)) > len(lines):
            break
        lines = _wrapped(text, narrower)
    axis.set_label_text(plain("\n".join(lines)))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


HANDLE, GAP, SPACING, LINE = 2.6, 0.5, 1.2, 1.5
"""In font sizes: length of a line in the legend, its distance from the name, that between columns, height of a row."""

SIZES = (0.95, 0.85, 0.75, 0.65, 0.6)
"""Of the font, the largest first, as shares of the figure's."""

SHARE = 0.42
"""Of the figure that is to be left for the data, if a smaller font can help."""

LEAST = 0.3
"""Of the figure that is left at least; a figure of one axes is made taller for it."""


class _Plan(NamedTuple):
    """A possible legend, and the room that it leaves for the data, in points."""

    right: bool
    font: float
    columns: int
    width: float
    height: float
    left_width: float
    left_height: float

    @property
    def area(self) -> float:
        """Of what is left; nothing if that is too narrow to show anything."""
        return max(self.left_width, 0.0) * max(self.left_height, 0.0)


def add_legend(ax: Axes) -> float:
    """Add a legend of all that has a label, right of the axes or below, wherever more room is left for the data.

    A figure of one axes is made taller if it holds too many strategies.

    Returns
    -------
    float
        Height that the axes has for itself, in points.
    """
    import matplotlib as mpl

    handles, names = ax.get_legend_handles_labels()
    width, height = figure_size(ax)
    base = font_size(mpl.rcParams["font.size"])
    if not names:
        return height - BOTTOM * base
    plan = _choose(list(_plans(names, width, height, base)), width * height)
    if plan.area < LEAST * width * height:
        below = [each for each in _plans(names, width, 100 * height, base) if not each.right]
        flattest = min(below, key=lambda each: each.height)
        plan = flattest._replace(left_height=0.5 * width)
        make_taller(ax, BOTTOM * base + plan.height + plan.left_height - height)
    _draw_legend(ax, handles, names, plan)
    return plan.left_height


def _plans(names: Sequence[str], width: float, height: float, base: float) -> Iterator[_Plan]:
    # In font sizes. Small letters are up to a tenth wider in pixels than in print.
    lengths = [1.1 * text_width(name, 10) / 10 + HANDLE + GAP for name in names]
    left, bottom = 4.5 * base, BOTTOM * base
    for size in SIZES:
        font = size * base
        for columns in range(1, len(names) + 1):
            rows = -(-len(names) // columns)
            if (columns - 1) * rows >= len(names):
                continue  # the last column would be empty
            own = [max(lengths[start : start + rows]) for start in range(0, len(names), rows)]
            wide, high = (sum(own) + SPACING * (columns - 1)) * font, (rows * LINE + 0.6) * font
            if wide <= width - font:
                yield _Plan(False, font, columns, wide, high, width - left, height - bottom - high)
            if high <= height - bottom:
                yield _Plan(True, font, columns, wide, high, width - left - wide - font, height - bottom)


def _choose(plans: Sequence[_Plan], whole: float) -> _Plan:
    """Return the largest font that leaves enough for the data, or else what leaves most."""
    best: dict[float, _Plan] = {}
    for plan in plans:
        if plan.font not in best or plan.area > best[plan.font].area:
            best[plan.font] = plan
    enough = [plan for plan in best.values() if plan.area >= SHARE * whole]
    return enough[0] if enough else max(best.values(), key=lambda each: each.area)


def _draw_legend(ax: Axes, handles: Sequence[Artist], names: Sequence[str], plan: _Plan) -> None:
    from matplotlib.transforms import ScaledTranslation

    look: dict[str, Any] = {
        "fontsize": plan.font,
        "ncols": plan.columns,
        "handlelength": HANDLE,
        "handletextpad": GAP,
        "columnspacing": SPACING,
        "labelspacing": LINE - 1.1,
        "borderpad": 0,
        "borderaxespad": 0,
        "frameon": False,
    }
    figure = ax.figure
    if plan.right:
        beside = ax.transAxes + ScaledTranslation(plan.font / 72, 0, figure.dpi_scale_trans)
        ax.legend(handles, names, loc="upper left", bbox_to_anchor=(1, 1), bbox_transform=beside, **look)
    else:
        box = ax.xaxis.get_tightbbox()  # numbers and label below the axes
        drop = 0.0 if box is None else (ax.bbox.y0 - box.y0) / figure.dpi
        # Wider than the axes, it goes under the label and numbers of the y axis too.
        aside = max(0.0, plan.width - plan.left_width) / 2 / 72
        below = ax.transAxes + ScaledTranslation(-aside, -drop - 0.4 * plan.font / 72, figure.dpi_scale_trans)
        ax.legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below, **look)


GREY = "0.35"
SIZE = 0.83
"""Of the text of notes, as a share of the font's."""


def write_note(ax: Axes, *notes: str) -> None:
    """Write notes above the axes, each in lines of its own; nothing if all are empty."""
    import matplotlib as mpl

    size = SIZE * float(mpl.rcParams["font.size"])
    width = 72 * ax.figure.get_figure(root=True).get_figwidth()
    letters = max(20, int(0.85 * width / (0.55 * size)))  # the axes are a little narrower than the figure
    lines = [line for note in notes for line in textwrap.wrap(note, letters)]
    if lines:
        ax.set_title("\n".join(lines), loc="left", fontsize=size, color=GREY, parse_math=False)
