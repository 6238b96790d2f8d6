"""`nasbench plot`, `summary`, `checklist` and `report`: results for papers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.options import open_oracle
from tabular.errors import OutputError, QueryError, UnknownNameError
from tabular.files import check_writable, write_text_file
from tabular.measures import DEFAULT_REPORT, DEFAULT_SIGNAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nasbench.analysis.paper_tables import FinalTable, SideBySide
    from nasbench.comparison import Results, Verified
    from tabular import Table
    from tabular.measures import Oracle

    Draw = Callable[[Axes], None]

OTHER_KINDS = {
    "learning-curves": ("a table", "validation accuracy by epoch: best, median, worst and random architectures"),
    "rank-by-epoch": ("a table", "how early ranks agree with the final ones"),
    "noise-ceiling": ("a table", "how far the noise of trainings limits any search"),
    "space-map": ("a table", "accuracy against a cost, all architectures; and results, to mark what was found"),
    "cell": ("a table or a space", "an architecture, drawn: the best of a table, or --architecture"),
    "scatter": ("a surrogate and its table", "predicted against measured, on networks held out"),
    "calibration": ("a surrogate and its table", "how often its intervals hold"),
    "verification": ("what 'nasbench verify --out' wrote", "promised against measured"),
}

OF_SURROGATES = ("scatter", "calibration")

KIND_HELP = (
    "Of results: regret, simple-regret, incumbent, rank, ecdf, box, violin, fronts, hypervolume, igd+; of one or "
    "several: critical-difference, pooled. Of a table: learning-curves, rank-by-epoch, noise-ceiling, space-map (then "
    "results, to mark their finds), cell (or of a space). Of a surrogate and its table: scatter, calibration. Of a "
    "verification: verification."
)

WRITERS = {"latex": ".tex", "markdown": ".md", "csv": ".csv"}
"""The forms that tables are written in, with the endings of such files."""

ENDINGS = ("pdf", "png")
"""A figure for the paper, and one to look at."""

ResultFiles = Annotated[list[Path], typer.Argument(help="Results files.")]
As = Annotated[
    str | None, typer.Option("--as", help="latex, markdown or csv; by default what the ending of --out says.")
]
Out = Annotated[Path | None, typer.Option("--out", help="A file to write in place of printing.")]


@dataclass(frozen=True)
class _Choices:
    """The options of figures that are not of results."""

    task: str | None
    metric: str | None
    cost: str


def plot(
    sources: Annotated[
        list[Path], typer.Argument(help="A results file; or what the kind is of: a table, a surrogate, a verification.")
    ],
    out: Annotated[
        list[Path], typer.Option("--out", help="The figure to write: .pdf, .svg, .pgf or .png. May be given again.")
    ],
    kind: Annotated[str, typer.Option("--kind", help=KIND_HELP)] = "regret",
    style: Annotated[
        str, typer.Option("--style", help="paper, neurips, icml or slides: size, fonts and line widths.")
    ] = "paper",
    center: Annotated[str, typer.Option("--center", help="Of the runs: median, mean or iqm.")] = "median",
    band: Annotated[
        str | None,
        typer.Option("--band", help="quartiles, error (standard) or bootstrap (95 %); by default what suits."),
    ] = None,
    target: Annotated[
        float | None, typer.Option("--target", help="For ecdf: the regret to reach; by default the median final one.")
    ] = None,
    report: Annotated[
        str | None, typer.Option("--report", help="Judge by this of the reports, as task/metric@epochs.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="Of a table, where there are several.")] = None,
    metric: Annotated[str | None, typer.Option("--metric", help="Of a table.")] = None,
    cost: Annotated[
        str, typer.Option("--cost", help="For space-map: parameters, flops, latency_seconds, ...")
    ] = "parameters",
    architecture: Annotated[str | None, typer.Option("--architecture", help="For cell: which, as text.")] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a figure for a paper or for slides.

    A strategy has the same colour in every figure. Colours are safe for colour-blind readers, dashes and markers tell
    strategies apart in grey.
    """
    from nasbench.analysis.figures import KINDS, save_figure
    from nasbench.figures.style import write_figure
    from tabular.files import check_writable

    known = {**{name: ("results", each.about) for name, each in KINDS.items()}, **OTHER_KINDS}
    if kind not in known:
        raise UnknownNameError("kind of figure", kind, known)
    for path in out:
        check_writable(path)
    if kind in KINDS:
        results = load_all(sources)
        if report is not None:
            results = [each.reported_by(report) for each in results]
        save_figure(results, out, kind, style=style, center=center, band=band, target=target)
    else:
        _check_count(kind, sources)
        if kind == "cell":
            _draw_cell(sources[0], architecture, out, style)
        else:
            write_figure(out, _draw(kind, sources, _Choices(task, metric, cost)), style)
    if as_json:
        console.print_json({"paths": out, "kind": kind, "style": style})
    else:
        console.say(f"written to {', '.join(map(str, out))}")


def _check_count(kind: str, sources: list[Path]) -> None:
    count = 2 if kind in OF_SURROGATES else 1
    if len(sources) < count or (len(sources) > count and kind != "space-map"):
        raise QueryError(f"a figure of the kind {kind} is of {OTHER_KINDS[kind][0]}, got {len(sources)} sources")


def _draw(kind: str, sources: list[Path], choices: _Choices) -> Draw:
    """Return what draws a figure that is not of results alone."""
    first, *others = sources
    if kind == "verification":
        return _verification(first)
    if kind in OF_SURROGATES:
        return _of_surrogate(kind, first, others[0])
    return _of_table(kind, first, others, choices)


def _verification(path: Path) -> Draw:
    from nasbench.comparison.verification import read_verification, verification_frame
    from nasbench.figures.verification import promised_against_measured

    found = read_verification(path)
    return lambda ax: promised_against_measured(ax, verification_frame(found.verified), found.report)


def _of_surrogate(kind: str, surrogate: Path, table: Path) -> Draw:
    from nasbench.figures import surrogates as figures
    from surrogates import Surrogate
    from surrogates.examining import check_fitted_to, held_out_again, leading_measure
    from tabular import Table
    from tabular.measures import mean_of_known

    loaded, opened = Surrogate.load(surrogate), Table.open(table)
    check_fitted_to(loaded, opened)
    held_out = held_out_again(loaded, opened)
    label = leading_measure(loaded).metric.replace("_", " ")
    if kind == "scatter":
        return lambda ax: figures.predicted_against_measured(ax, mean_of_known(held_out.values), held_out.mean, label)
    return lambda ax: figures.calibration(ax, held_out.values, held_out.mean, held_out.std)


def _of_table(kind: str, path: Path, others: list[Path], choices: _Choices) -> Draw:
    from nasbench.analysis import table_frames
    from nasbench.figures.table_figures import learning_curves, noise_ceiling, rank_by_epoch, space_map
    from tabular import Table

    table, task = Table.open(path), choices.task
    signal, report = choices.metric or DEFAULT_SIGNAL, choices.metric or DEFAULT_REPORT
    if kind == "learning-curves":
        curves = table_frames.learning_curve_frame(table, task, signal)
        return lambda ax: learning_curves(ax, curves)
    if kind == "rank-by-epoch":
        ranks = table_frames.rank_by_epoch_frame(table, task, signal)
        return lambda ax: rank_by_epoch(ax, ranks)
    if kind == "noise-ceiling":
        ceiling = table_frames.noise_ceiling_frame(table, task, signal)
        return lambda ax: noise_ceiling(ax, ceiling)
    import pandas as pd

    everything = table_frames.space_map_frame(table, task, choices.cost, report)
    found = [table_frames.found_frame(table, each, task, choices.cost, report) for each in load_all(others)]
    return lambda ax: space_map(ax, everything, pd.concat(found) if found else None)


def _draw_cell(source: Path, architecture: str | None, out: list[Path], style: str) -> None:
    """Draw an architecture of a table or of a space; of a table by default the best by validation accuracy."""
    from nasbench.figures.cell import cell_size, draw_cell
    from nasbench.figures.style import get_style, write_figure
    from tabular import Table
    from tabular.spaces import get_space, space_names

    if str(source) in space_names() or source.suffix == ".toml":
        space = get_space(str(source))
        if architecture is None:
            raise QueryError(f"which architecture of the space {space.name!r}? give it with --architecture")
        row = space.from_text(architecture)
    else:
        table = Table.open(source)
        space = table.space
        row = space.from_text(architecture) if architecture else _best(table)
    look = get_style(style)
    size = cell_size(space, row, look.size[0], look.settings["font.size"])
    write_figure(out, lambda ax: draw_cell(ax, space, row), style, size)


def _best(table: Table) -> NDArray[np.uint8]:
    """Return the architecture of a table with the best mean validation accuracy after the last epoch."""
    import numpy as np

    from tabular import TableOracle
    from tabular.card import only_task

    values = TableOracle(table).query(table.architectures, f"{only_task(table)}/{DEFAULT_SIGNAL}")
    best: NDArray[np.uint8] = table.architectures[int(np.nanargmax(values))]
    return best


def summary(
    results: ResultFiles,
    kind: As = None,
    out: Out = None,
    report: Annotated[
        str | None, typer.Option("--report", help="Judge by this of the reports, as task/metric@epochs.")
    ] = None,
    alpha: Annotated[float, typer.Option("--alpha", min=1e-9, max=0.5, help="Level of significance.")] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Write the final table of results for a paper.

    The best strategy and those not significantly worse are in bold (Wilcoxon signed-rank tests, Holm's correction).
    Several results files stand side by side.
    """
    from nasbench.analysis import final_table, side_by_side

    writer = _writer(kind, out)
    loaded = load_all(results)
    if report is not None:
        loaded = [each.reported_by(report) for each in loaded]
    table = final_table(loaded[0], alpha=alpha) if len(loaded) == 1 else side_by_side(loaded, alpha=alpha)
    if as_json:
        console.print_json({"rows": table.records()})
        return
    text = {"latex": table.to_latex, "markdown": table.to_markdown, "csv": table.to_csv}[writer]()
    _give(text, out)


def checklist(results: ResultFiles, kind: As = None, out: Out = None, as_json: AsJson = False) -> None:
    """Fill in the NAS best-practice checklist.

    The one of Lindauer and Hutter (2020). What the results files know is answered; what remains is for the author.
    """
    from nasbench.analysis.checklist import checklist as fill_in
    from nasbench.analysis.checklist import to_latex, to_markdown

    writer = _writer(kind, out)
    if writer == "csv":
        raise QueryError("the checklist is written as latex or markdown, got 'csv'")
    items = fill_in(load_all(results))
    if as_json:
        console.print_json(items)
        return
    _give(to_latex(items) if writer == "latex" else to_markdown(items), out)


def report(
    results: ResultFiles,
    out: Annotated[Path, typer.Option("--out", help="The .html file to write.")],
    verification: Annotated[
        list[Path] | None,
        typer.Option("--verification", help="What 'nasbench verify --out' wrote. May be given again."),
    ] = None,
    oracles: Annotated[
        list[Path] | None,
        typer.Option("--oracle", help="The table or surrogate, for its data card or scorecard. May be given again."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write one page that shows everything about results.

    The page needs no network and no installation: it can be sent to a co-author or put on any web server.
    """
    from nasbench.comparison.verification import read_verification
    from nasbench.report import write_report

    check_writable(out)
    if out.suffix.lower() not in {".html", ".htm"}:
        raise OutputError(f"{out}: a report's file ends in .html")
    loaded = load_all(results)
    verified: dict[str, list[Verified]] = {}
    for path in verification or ():
        found = read_verification(path)
        verified.setdefault(found.oracle, []).extend(found.verified)
    described = [_described(open_oracle(path), loaded) for path in oracles or ()]
    write_report(
        loaded,
        out,
        verification=verified,
        cards={name: text for name, text, _ in described if text},
        scorecards={name: rows for name, _, rows in described if rows},
        command=console.command_line(),
    )
    if as_json:
        console.print_json({"path": str(out), "bytes": out.stat().st_size})
    else:
        console.say(f"written to {out}, {out.stat().st_size / 1e6:.1f} MB")


def _described(oracle: Oracle, results: list[Results]) -> tuple[str, str, list[dict[str, object]]]:
    """Return an oracle's name, its data card if it is a table, and its scorecard if it is a surrogate."""
    from surrogates import SurrogateOracle
    from tabular import TableOracle
    from tabular.card import data_card

    names = sorted({each.oracle for each in results})
    if oracle.name not in names:
        raise UnknownNameError("oracle of these results", oracle.name, names)
    if isinstance(oracle, TableOracle):
        return oracle.name, data_card(oracle.table, results[0].report.task), []
    rows = oracle.surrogate.scorecard.rows() if isinstance(oracle, SurrogateOracle) else []
    return oracle.name, "", rows


def load_all(paths: list[Path]) -> list[Results]:
    """Read results files."""
    from nasbench.comparison import Results

    return [Results.load(path) for path in paths]


def _writer(kind: str | None, out: Path | None) -> str:
    if out is not None:
        check_writable(out)
    if kind is None:
        endings = {ending: name for name, ending in WRITERS.items()}
        return endings.get(out.suffix.lower(), "markdown") if out is not None else "markdown"
    if kind not in WRITERS:
        raise UnknownNameError("way to write a table", kind, WRITERS)
    return kind


def _give(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        return
    write_text_file(out, text)
    console.say(f"written to {out}")


def publish(
    results: Mapping[str, Results], folder: Path, style: str = "paper", kinds: Sequence[str] = ()
) -> list[Path]:
    """Write figures, tables, the checklist and the report of results.

    What results do not suffice for is left out; where its kind was asked for, with a note.

    Parameters
    ----------
    results : mapping of str to Results
        By the name that files are to have.
    folder : Path
    style : str
        One of `nasbench.figures.style.STYLES`.
    kinds : sequence of str
        Of `nasbench.analysis.figures.KINDS`; by default all that the results suffice for.

    Returns
    -------
    list of Path
        The files.
    """
    from nasbench.analysis import KINDS, final_table, side_by_side
    from nasbench.analysis.checklist import checklist, to_latex, to_markdown
    from nasbench.report import write_report

    written: list[Path] = []
    asked = kinds or tuple(KINDS)
    with console.progress("drawing figures") as progress:
        steps = [(name, kind) for name in results for kind in asked if kind != "pooled"]
        for i, (name, kind) in enumerate(steps):
            progress(i, len(steps), f"{name}: {kind}")
            written += _drawn(results[name], folder / "figures" / f"{name}-{kind}", kind, style, printed=bool(kinds))
    several = list(results.values())
    tables: dict[str, FinalTable | SideBySide] = {name: final_table(each) for name, each in results.items()}
    if len(several) > 1:
        for kind in ("pooled", "critical-difference"):
            if kind in asked:
                written += _drawn(several, folder / "figures" / f"all-{kind}", kind, style, printed=bool(kinds))
        try:
            tables["all"] = side_by_side(several)
        except QueryError as error:
            console.note(f"no table of all: {error}")
    texts = {
        folder / "tables" / f"{name}.{ending}": text
        for name, table in tables.items()
        for ending, text in (("tex", table.to_latex()), ("md", table.to_markdown()), ("csv", table.to_csv()))
    }
    items = checklist(several)
    texts |= {folder / "checklist.md": to_markdown(items), folder / "checklist.tex": to_latex(items)}
    for path, text in texts.items():
        write_text_file(path, text)
    write_report(several, folder / "report.html", command=console.command_line())
    return [*written, *texts, folder / "report.html"]


def _drawn(results: Results | list[Results], path: Path, kind: str, style: str, *, printed: bool) -> list[Path]:
    """Draw one figure, if the results suffice for it."""
    from nasbench.analysis.figures import save_figure

    paths = [path.with_name(f"{path.name}.{ending}") for ending in ENDINGS]
    try:
        save_figure(results, paths, kind, style=style)
    except QueryError as error:
        if printed:
            console.note(f"no figure {path.name}: {error}")
        return []
    return paths
