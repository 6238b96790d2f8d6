"""`nasbench plot`: every figure by its kind, of results, tables, surrogates and verifications."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from nasbench.cli.reporting import load_all
from tabular.errors import QueryError, UnknownNameError
from tabular.measures import DEFAULT_REPORT, DEFAULT_SIGNAL

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from tabular import Table

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


@dataclass(frozen=True)
class _Choices:
    """What a user chose for figures that are not of results."""

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
    from nasbench.comparison.verification import read_verification
    from nasbench.figures.verification import promised_against_measured, verification_frame

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
    from nasbench.analysis import map_frames
    from nasbench.analysis import table_frames as figure_frames
    from nasbench.figures.learning_curves import learning_curves
    from nasbench.figures.noise_ceiling import noise_ceiling
    from nasbench.figures.rank_by_epoch import rank_by_epoch
    from nasbench.figures.space_map import space_map
    from tabular import Table

    table, task = Table.open(path), choices.task
    signal, report = choices.metric or DEFAULT_SIGNAL, choices.metric or DEFAULT_REPORT
    if kind == "learning-curves":
        curves = figure_frames.learning_curve_frame(table, task, signal)
        return lambda ax: learning_curves(ax, curves)
    if kind == "rank-by-epoch":
        ranks = figure_frames.rank_by_epoch_frame(table, task, signal)
        return lambda ax: rank_by_epoch(ax, ranks)
    if kind == "noise-ceiling":
        ceiling = figure_frames.noise_ceiling_frame(table, task, signal)
        return lambda ax: noise_ceiling(ax, ceiling)
    import pandas as pd

    everything = map_frames.space_map_frame(table, task, choices.cost, report)
    found = [map_frames.found_frame(table, each, task, choices.cost, report) for each in load_all(others)]
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
