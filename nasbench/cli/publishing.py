"""Everything that is made of results: figures, tables, the checklist and the report, in one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench.cli import console
from tabular.errors import QueryError
from tabular.files import write_text_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nasbench.analysis.paper_tables import FinalTable, SideBySide
    from nasbench.comparison import Results

ENDINGS = ("pdf", "png")
"""A figure for the paper, and one to look at."""


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
            written += _drawn(results[name], folder / "figures" / f"{name}-{kind}", kind, style, told=bool(kinds))
    several = list(results.values())
    tables: dict[str, FinalTable | SideBySide] = {name: final_table(each) for name, each in results.items()}
    if len(several) > 1:
        for kind in ("pooled", "critical-difference"):
            if kind in asked:
                written += _drawn(several, folder / "figures" / f"all-{kind}", kind, style, told=bool(kinds))
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


def _drawn(results: Results | list[Results], path: Path, kind: str, style: str, *, told: bool) -> list[Path]:
    """Draw one figure, if the results suffice for it."""
    from nasbench.analysis.figures import save_figure

    paths = [path.with_name(f"{path.name}.{ending}") for ending in ENDINGS]
    try:
        save_figure(results, paths, kind, style=style)
    except QueryError as error:
        if told:
            console.note(f"no figure {path.name}: {error}")
        return []
    return paths
