"""`nasbench report`, `nasbench summary` and `nasbench checklist`: results for co-authors and for the paper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli import console
from nasbench.cli.console import AsJson
from tabular.errors import OutputError, QueryError, UnknownNameError
from tabular.files import check_writable, write_text_file

if TYPE_CHECKING:
    from nasbench.comparison import Results, Verified
    from tabular.measures import Oracle

WRITERS = {"latex": ".tex", "markdown": ".md", "csv": ".csv"}
"""What tables are written as, and how the names of such files end."""

ResultFiles = Annotated[list[Path], typer.Argument(help="Results files.")]
As = Annotated[
    str | None, typer.Option("--as", help="latex, markdown or csv; by default what the ending of --out says.")
]
Out = Annotated[Path | None, typer.Option("--out", help="A file to write in place of printing.")]


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
    from nasbench.cli.oracles import open_oracle
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
