"""What stands below a final table: what was tested and how, on how many runs, and what was left out."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nasbench.analysis.wording import capital, counted, listed, name_of, seeds_text
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nasbench.analysis.final_table import FinalRow
    from nasbench.comparison.results import Results


def why_untested(results: Results, alpha: float) -> str:
    """Return why strategies cannot be tested against each other; nothing where they can.

    Raises
    ------
    QueryError
        If alpha is not between 0 and 1, or there is no strategy.
    """
    if not 0 < alpha < 1:
        raise QueryError(f"a level of significance is between 0 and 1, such as 0.05; got alpha {alpha:g}")
    if not results.trials:
        raise QueryError(f"a final table needs a strategy, and these results on {results.oracle} have none")
    if len(results.trials) == 1:
        return "there is one strategy, and a test takes two"
    for (one, its), (other, others) in combinations(results.trials.items(), 2):
        shared = len(np.intersect1d(its.seeds, others.seeds))
        if shared < 2:
            found = "one run" if shared else "no run"
            return f"{one} and {other} have {found} with the same seed, and a test takes two"
    return ""


def notes_of(results: Results, rows: Sequence[FinalRow], alpha: float, untested: str) -> Iterator[str]:
    """Yield the notes, each a sentence or two."""
    ours = [row for row in rows if row.kind == "strategy"]
    spread = any(row.std == row.std for row in ours)
    what = "Mean ± standard deviation over runs" if spread else "What runs ended with"
    if not spread and any(row.runs > 1 for row in ours):
        what = "Mean over runs"
    yield (
        f"{what}, each judged by its last incumbent, which was chosen by {name_of(results.signal_metric)}; "
        f"{seeds_text(results)}."
    )
    if any(row.runs == 1 for row in ours):
        yield "One run has no standard deviation, and tells nothing of what another seed would give."
    yield from _on_the_test(results, ours, alpha, untested)
    yield from (_missing(row, untested) for row in ours if row.missing)
    if results.failed:
        yield f"Broke off with an error, and not in the table: {listed(results.failed)}."
    if results.protocol.constraints:
        yield f"Incumbents keep to {listed(results.protocol.constraints)}."
    yield from _on_the_space(results, rows)


def _missing(row: FinalRow, untested: str) -> str:
    loses = "" if untested else "; in the test it loses to every number"
    if row.missing == row.runs:
        return f"No run of {row.strategy} has a value of the report{loses}."
    verb = "has" if row.missing == 1 else "have"
    return (
        f"{row.missing} of {counted(row.runs, 'run')} of {row.strategy} {verb} no value of the report: left out of its "
        f"mean, spread and regret{loses}."
    )


def _on_the_test(results: Results, ours: Sequence[FinalRow], alpha: float, untested: str) -> Iterator[str]:
    if untested:
        bold = "The best mean is in bold; nothing" if len(ours) > 1 else "Nothing"
        yield f"{bold} was tested: {untested}."
        return
    pairs = len(ours) * (len(ours) - 1) // 2
    correction = f", Holm's correction over all {pairs} pairs" if pairs > 1 else ""
    yield (
        "Bold: the best mean, and every strategy that is not significantly worse than it (two-sided Wilcoxon "
        f"signed-rank test of runs matched by seed{correction}, α = {alpha:g})."
    )
    shared = [np.intersect1d(a.seeds, b.seeds) for a, b in combinations(results.trials.values(), 2)]
    runs = max(map(len, shared))
    # Were every run to favour one side, the exact p would be 2 / 2**runs, and Holm multiplies the least by all pairs.
    if pairs * 2.0 ** (1 - runs) >= alpha:
        enough = next(n for n in range(runs, runs + 200) if pairs * 2.0 ** (1 - n) < alpha)
        yield (
            f"{counted(runs, 'matched run')} cannot give significance for {counted(pairs, 'pair')} at this level, "
            f"however large a difference is; it takes {enough}."
        )


def _on_the_space(results: Results, rows: Sequence[FinalRow]) -> Iterator[str]:
    within = " among those that keep to the constraints" if results.protocol.constraints else ""
    if results.reference is None:
        yield f"{capital(results.oracle)} does not know the best of its space, so that there is no regret."
    else:
        yield (
            f"Optimum: the best architecture of the space by the same measure{within}; random architecture: mean ± "
            "standard deviation over the space, and the regret of that mean. Regret: the incumbent's distance from the "
            "optimum."
        )
    if any(row.hypervolume == row.hypervolume for row in rows):
        scale = "the space" if results.worst is not None else "all that was found"
        objectives = listed(each.metric.replace("_", " ") for each in results.protocol.objectives)
        yield (
            f"Hypervolume: of the last front of report and {objectives}, scaled so that the worst of {scale} is 0 and "
            "the best 1; it plays no part in the test."
        )
