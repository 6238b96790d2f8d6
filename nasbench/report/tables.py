"""The tables of the report: what strategies ended with, which differences are more than chance, curves in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.analysis.ranks import final_ranks
from nasbench.analysis.significance import not_worse, pairwise
from nasbench.comparison.compare import summarise
from nasbench.report.curve_data import Curves, milestones
from nasbench.report.wording import (
    UNKNOWN,
    counted,
    measure_name,
    number,
    probability,
    report_names,
    sentence,
    with_quartiles,
    with_spread,
)
from tabular.errors import NasbenchError
from tabular.measures import mean_of_known, std_of_known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nasbench.comparison.results import Results
    from tabular.measures import Metric

ALPHA = 0.05


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and the number it is sorted by."""

    text: str
    order: float = math.nan

    @property
    def sort_key(self) -> str:
        """The number as the page reads it; empty where there is none, which goes last."""
        return f"{self.order:.8g}" if math.isfinite(self.order) else ""


@dataclass(frozen=True)
class FinalTable:
    """What strategies ended with.

    Parameters
    ----------
    columns : list of (str, str)
        Of the numbers: title, and ``ascending`` or ``descending``, in which order the best comes first.
    rows : list of (str, bool, list of Cell)
        A strategy, whether it is the best or not significantly worse, and its numbers; best mean report first.
    references : list of (str, list of Cell)
        The optimum and a random architecture, where known.
    note : str
        What is missing, and why.
    """

    columns: list[tuple[str, str]]
    rows: list[tuple[str, bool, list[Cell]]]
    references: list[tuple[str, list[Cell]]]
    note: str


@dataclass(frozen=True)
class Verdict:
    """A cell of the significance matrix: ``better``, ``worse``, ``alike`` or ``self``, and what there is to say."""

    kind: str
    p: str = ""
    words: str = ""


def final_table(results: Results) -> FinalTable:
    """Return the final table; of each report the mean over runs, of the first the regret too."""
    notes: list[str] = []
    good: list[str] = []
    ranks: dict[str, float] = {}
    try:
        ranks = {str(name): float(rank) for name, rank in final_ranks(results).itertuples(index=False)}
        good = not_worse(results, ALPHA)
    except NasbenchError as error:
        notes.append(sentence(str(error)))
    front = bool(results.protocol.objectives)
    judged = [results.reported_by(measure) for measure in results.reports]
    columns = [("runs", "descending"), ("evaluations a run", "ascending")]
    names = report_names(results)
    columns += [(f"{names[str(each.report)]}, mean ± std", _best_first(each.report_metric)) for each in judged]
    columns += [("median regret (quartiles)", "ascending"), ("mean rank", "ascending")]
    columns += [("hypervolume", "descending")] if front else []
    columns += [("own ms a trial", "ascending")]

    rows, references = [], []
    for row in summarise(results):
        reports, regret = [Cell(UNKNOWN)] * len(judged), Cell(UNKNOWN)
        if row.runs:
            reports = [_mean(each, row.strategy) for each in judged]
            final = results.trials[row.strategy]
            values = results.regret(final)[final.last]
            regret = Cell(with_quartiles(values, results.report_metric.unit), row.regret)
        else:
            reports = [_reference(each, row.strategy) for each in judged]
            regret = Cell(number(row.regret, results.report_metric.unit), row.regret)
        cells = [_number(row.runs), Cell(f"{row.evaluations:,.1f}", row.evaluations)] if row.runs else [Cell("")] * 2
        cells += [*reports, regret]
        rank = ranks.get(row.strategy, math.nan)
        cells += [Cell(f"{rank:.2f}" if math.isfinite(rank) else UNKNOWN, rank)] if row.runs else [Cell("")]
        cells += [_number(row.hypervolume) if row.runs else Cell("")] if front else []
        cells += [Cell(f"{1000 * row.own_seconds:.3g}", row.own_seconds) if row.runs else Cell("")]
        if row.runs:
            rows.append((row.strategy, row.strategy in good, cells))
        else:
            references.append((row.strategy, cells))
    if results.reference is None:
        notes.append(f"The best of the space is not known to {results.oracle}, so there is no regret.")
    lost = [f"{name} ({_lost(results, name)})" for name in results.trials if _lost(results, name)]
    if lost:
        notes.append(f"Runs that ended without a known {measure_name(results.report)}: {', '.join(lost)}.")
    return FinalTable(columns, rows, references, " ".join(notes))


def significance(results: Results) -> tuple[list[str], dict[str, dict[str, Verdict]], str]:
    """Return strategies, best mean report first, what a test says of each against each, and why it says nothing."""
    names = [row.strategy for row in summarise(results) if row.runs]
    try:
        frame = pairwise(results)
    except NasbenchError as error:
        return names, {}, sentence(str(error))
    verdicts: dict[str, dict[str, Verdict]] = {name: {name: Verdict("self")} for name in names}
    for pair in frame.to_dict("records"):
        one, other = str(pair["strategy"]), str(pair["other"])
        verdicts[one][other] = _verdict(pair, results.report_metric, pair["wins"], pair["losses"], 1)
        verdicts[other][one] = _verdict(pair, results.report_metric, pair["losses"], pair["wins"], -1)
    return names, verdicts, ""


def curve_table(curves: Curves, unit: str, report: str, names: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return a chart's curves in numbers: the budgets of a few points, and what each strategy had reached there."""
    packed = curves.packed[unit][report]
    places = milestones(packed)
    heads = [f"{packed['spent'][place]:,.4g}" for place in places]
    return heads, {name: [_with_band(packed, name, place) for place in places] for name in names}


def _with_band(packed: Mapping[str, Any], name: str, place: int) -> str:
    middle, low, high = (packed[key][name][place] for key in ("center", "low", "high"))
    if middle is None:
        return UNKNOWN
    return f"{middle:.4g}" if low is None or low == high else f"{middle:.4g} ({low:.3g} to {high:.3g})"


def _verdict(pair: Mapping[Any, Any], metric: Metric, wins: int, losses: int, sign: int) -> Verdict:
    p = float(pair["p_holm"])
    # The sign of the median alone would call a difference of 0 a draw that most runs decide.
    ahead = sign * float(pair["difference"])
    ahead = ahead if ahead and math.isfinite(ahead) else float(wins - losses)
    kind = "alike" if not p <= ALPHA else "better" if ahead > 0 else "worse"
    gap = number(abs(float(pair["difference"])), metric.unit)
    words = f"wins {wins}, ties {pair['ties']}, losses {losses} of {counted(pair['runs'], 'run')}; median gap {gap}"
    return Verdict(kind, probability(p), words)


def _mean(judged: Results, name: str) -> Cell:
    trials = judged.trials[name]
    final = trials.report[trials.last]
    mean, spread = (float(over(final[None])[0]) for over in (mean_of_known, std_of_known))
    return Cell(with_spread(mean, spread, judged.report_metric.unit), mean)


def _reference(judged: Results, which: str) -> Cell:
    known = judged.reference
    if known is None:
        return Cell(UNKNOWN)
    value, spread = (known.best, math.nan) if which == "optimum" else (known.random_mean, known.random_std)
    return Cell(with_spread(value, spread, judged.report_metric.unit), value)


def _number(value: float) -> Cell:
    return Cell(number(value), float(value))


def _best_first(metric: Metric) -> str:
    return "descending" if metric.sign > 0 else "ascending"


def _lost(results: Results, name: str) -> int:
    trials = results.trials[name]
    final: NDArray[np.float64] = trials.report[trials.last]
    return int((~np.isfinite(final)).sum())
