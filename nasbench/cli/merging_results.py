"""The part of `nasbench merge` that joins results of comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench.cli import console
from nasbench.cli.outputs import check_output
from tabular.errors import PlanMismatchError
from tabular.storage import file_format_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nasbench.comparison import Results

RESULTS = "nasbench-results"


def are_results(out: Path, sources: Sequence[Path]) -> bool:
    """Return whether results are to be merged, which is so if one of the files holds some.

    Raises
    ------
    PlanMismatchError
        If another one is a table.
    """
    formats = {path: file_format_of(path) for path in [out, *sources] if path.is_file()}
    results = next((path for path, found in formats.items() if found == RESULTS), None)
    table = next((path for path, found in formats.items() if found == "nasbench-table"), None)
    if results and table:
        raise PlanMismatchError(
            f"{results} holds results and {table} is a table: merge results with results and tables with tables"
        )
    return results is not None


def merge_results_files(out: Path, sources: Sequence[Path], *, as_json: bool) -> None:
    """Join results files to one, with what ``out`` holds already."""
    from nasbench.comparison import Results
    from nasbench.comparison.merge import VERSIONS, further_of_all, merge_results

    check_output(out, RESULTS)
    paths = list(dict.fromkeys([*([out] if out.exists() else []), *sources]))
    parts = [Results.load(path) for path in paths]
    merged = merge_results(parts, [str(path) for path in paths])
    merged.save(out)
    kept = {merged.report, *further_of_all(parts)}
    dropped = dict.fromkeys(str(each) for part in parts for each in part.reports if each not in kept)
    repeated = sum(map(_runs, parts)) - _runs(merged)
    if as_json:
        console.print_json(
            {
                "path": out,
                "runs": {name: trials.runs for name, trials in merged.trials.items()},
                "repeated": repeated,
                "reports": [str(each) for each in merged.reports],
                "dropped_reports": list(dropped),
                "failed": merged.failed,
            }
        )
        return
    console.say(f"{out}: {_runs(merged):,} runs of {len(merged.trials)} strategies")
    for name, trials in merged.trials.items():
        console.say(f"  {name}: {trials.runs:,} runs")
    if repeated:
        console.say(f"{repeated:,} runs were there more than once and are the same; each counts once")
    if dropped:
        console.say(f"left out the reports that not all have: {', '.join(dropped)}")
    versions = merged.provenance.get(VERSIONS, [])
    if versions:
        made_with = dict.fromkeys(str(each.get("nasbench", "unknown")) for each in versions)
        console.say(f"made by different versions, which the file lists: nasbench {', '.join(made_with)}")
    for name in merged.failed:
        console.say(f"failed in one of them: {name}")


def _runs(results: Results) -> int:
    return sum(trials.runs for trials in results.trials.values())
