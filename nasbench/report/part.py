"""One results file's part of the report: what its template shows, and the charts it draws."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from nasbench.comparison.compare import summarise
from nasbench.figures.style import BUDGET_LABELS
from nasbench.report.charts import look
from nasbench.report.curve_data import UNITS, units_of
from nasbench.report.incumbents import median_runs
from nasbench.report.sections import fronts_section, ranks_section, regret_section
from nasbench.report.tables import ALPHA, FinalTable, final_table, significance
from nasbench.report.wording import UNKNOWN, compared, counted, listed, measure_name, number, report_names

if TYPE_CHECKING:
    from nasbench.comparison.results import Results

Shown = dict[str, Any]

_LEVEL = f"at a level of {100 * ALPHA:g} %"
_MANY = 8
"""Strategies from which on their bands lie on one another too often to be shown at first."""


def part_of(results: Results, part: str, name: str) -> tuple[Shown, dict[str, Shown], Shown]:
    """Return what the template shows of results, their charts by place, and what the page's script knows of them.

    Parameters
    ----------
    results : Results
        Of one strategy at least.
    part : str
        What the places of this part on the page begin with.
    name : str
        What the part is called.
    """
    names = list(results.trials)
    table = final_table(results)
    order, verdicts, tests_missing = significance(results)
    found = finding(results, table)
    charts: dict[str, Shown] = {}
    runs, svgs = median_runs(results)
    runs = {name: runs[name] for name in order}
    shown = next(((name, run) for name, run in runs.items() if run.steps), None)
    part_shown: Shown = {
        "id": part,
        "name": name,
        "compared": compared(results),
        "finding": found,
        "failed": list(results.failed.items()),
        "notes": _notes(results),
        "units": [(unit, UNITS[unit]) for unit in units_of(results)],
        "reports": list(report_names(results).items()),
        "bands": [("on", "shown"), ("off", "hidden")][:: -1 if len(names) > _MANY else 1],
        "scales": [("log", "log"), ("linear", "linear")],
        "report_name": measure_name(results.report),
        "budget": str(results.protocol.budget),
        "swatches": {name: swatch(name, names) for name in names},
        "final": table,
        "tested": any(good for _, good, _ in table.rows),
        "order": order,
        "verdicts": verdicts,
        "tests_missing": tests_missing,
        "regret": regret_section(results, part, found, charts),
        "ranks": ranks_section(results, part, charts),
        "fronts": fronts_section(results, part, charts) if results.protocol.objectives else None,
        "runs": {name: asdict(run) for name, run in runs.items()},
        "shown_name": shown[0] if shown else "",
        "shown": asdict(shown[1]) if shown else None,
        "shown_svg": Markup(svgs[shown[1].steps[-1].drawing]) if shown else "",  # noqa: S704  # escapes what it draws
    }
    part_shown["sections"] = [
        ("regret", part_shown["regret"]["short"]),
        ("final", "Final table"),
        ("tests", "Significance"),
        ("ranks", "Ranks"),
        *([("fronts", "Fronts")] if part_shown["fronts"] else []),
        ("cells", "Architectures"),
    ]
    script = {
        "unit": units_of(results)[0],
        "report": str(results.report),
        "units": {unit: BUDGET_LABELS[unit] for unit in units_of(results)},
        "names": names,
        "cells": {"runs": part_shown["runs"], "svgs": svgs, "regret": results.reference is not None},
    }
    return part_shown, charts, script


def swatch(name: str, names: list[str]) -> Markup:
    """Return a short line in a strategy's colour and dashes."""
    colour, dashes = look(name, names)
    pattern = " ".join(map(str, dashes))
    return Markup(
        '<svg class="swatch" width="28" height="10" aria-hidden="true">'
        '<line x1="1" y1="5" x2="27" y2="5" stroke="{}" stroke-width="2.5" stroke-dasharray="{}"/></svg>'
    ).format(colour, pattern)


def finding(results: Results, table: FinalTable) -> str:
    """Say in a sentence how the comparison ended."""
    rows = [row for row in summarise(results) if row.runs]
    best, unit = rows[0], results.report_metric.unit
    said = measure_name(results.report)
    value = number(best.report, unit)
    if value == UNKNOWN:
        return f"No strategy ended with a known {said}."
    if len(rows) == 1:
        return f"{best.strategy} ended with a mean {said} of {value}."
    text = f"{best.strategy} ended with the best mean {said}, {value}"
    alike = [name for name, good, _ in table.rows if good and name != best.strategy]
    if not any(good for _, good, _ in table.rows):
        return f"{text}; there are no tests of whether that is more than chance."
    two = len(rows) == 2
    if not alike:
        return f"{text}, significantly better than {'the other' if two else 'all others'} ({_LEVEL})."
    if len(alike) == len(rows) - 1:
        return f"{text}, but {'the other is not' if two else 'none of the others is'} significantly worse ({_LEVEL})."
    return f"{text}; not significantly worse ({_LEVEL}): {listed(alike)}."


def enough_runs(strategies: int) -> int:
    """Return how many runs a signed-rank test of all pairs needs to be able to find anything.

    Where one wins all of n runs, its exact p-value is 2 to the power of 1 - n, which Holm's correction multiplies by
    the number of pairs.
    """
    pairs = math.comb(strategies, 2)
    return 1 + math.ceil(math.log2(max(pairs, 1) / ALPHA))


def _notes(results: Results) -> list[str]:
    """Say what these results cannot tell."""
    notes = []
    names = list(results.trials)
    if len(names) == 1:
        notes.append(f"Only {names[0]} ran: there is nothing to compare it with.")
    single = [name for name, trials in results.trials.items() if trials.runs == 1]
    if single:
        notes.append(f"One run alone has no spread: there is no band for {listed(single)}.")
    fewest, enough = min(trials.runs for trials in results.trials.values()), enough_runs(len(names))
    if len(names) > 1 and fewest < enough:
        notes.append(
            f"With {counted(fewest, 'run')} no difference between {len(names)} strategies can come out as significant, "
            f"however clear it is; that takes {enough} runs of each."
        )
    if results.reference is None:
        notes.append(
            f"The best {measure_name(results.report)} of the space is not known to {results.oracle}: incumbents are "
            "shown instead of regret."
        )
    return notes
