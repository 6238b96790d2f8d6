"""The numbers of the report: final table, tests, curves and median runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.analysis.curves import curves
from nasbench.analysis.finals import final_scores
from nasbench.analysis.significance import final_ranks, not_worse, pairwise, rank_over_time
from nasbench.analysis.wording import measure_name
from nasbench.comparison.protocol import Budget
from nasbench.comparison.results import budget_grid
from nasbench.figures.cell import cell_svg
from tabular.errors import NasbenchError
from tabular.measures import mean_of_known, std_of_known
from tabular.wording import (
    UNKNOWN,
    counted,
    number,
    probability,
    scale_of,
    sentence,
    with_quartiles,
    with_spread,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from nasbench.comparison.compare import SummaryRow
    from nasbench.comparison.results import Results
    from nasbench.comparison.trials import Trials
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
    """The final table of the report.

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
    """A cell of the significance matrix.

    Its kind is ``better``, ``worse``, ``alike`` or ``self``.
    """

    kind: str
    p: str = ""
    words: str = ""


def final_table(results: Results, ended: Sequence[SummaryRow], tests: pd.DataFrame | None) -> FinalTable:
    """Return the final table.

    Of each report the mean over runs, of the first the regret too.

    Parameters
    ----------
    results : Results
    ended : sequence of SummaryRow
        `nasbench.comparison.summarise` of them.
    tests : DataFrame or None
        `nasbench.analysis.pairwise` of them; None where they cannot be tested.
    """
    notes: list[str] = []
    good: list[str] = []
    ranks: dict[str, float] = {}
    try:
        ranks = {str(name): float(rank) for name, rank in final_ranks(results).itertuples(index=False)}
        good = not_worse(results, ALPHA, tests=tests)
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
    for row in ended:
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


def pairwise_tests(results: Results) -> tuple[pd.DataFrame | None, str]:
    """Return the tests of each strategy against each, or None and a sentence that says why there are none."""
    try:
        return pairwise(results), ""
    except NasbenchError as error:
        return None, sentence(str(error))


def significance(results: Results, tests: pd.DataFrame) -> dict[str, dict[str, Verdict]]:
    """Return what tests say of each strategy against each."""
    verdicts: dict[str, dict[str, Verdict]] = {name: {name: Verdict("self")} for name in results.trials}
    for pair in tests.to_dict("records"):
        one, other = str(pair["strategy"]), str(pair["other"])
        verdicts[one][other] = _verdict(pair, results.report_metric, pair["wins"], pair["losses"], 1)
        verdicts[other][one] = _verdict(pair, results.report_metric, pair["losses"], pair["wins"], -1)
    return verdicts


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


POINTS = 80
"""Of each curve: more cannot be told apart on a page, and raw trials would make it large."""

UNITS = {"seconds": "time", "evaluations": "evaluations", "epochs": "epochs"}
"""What the switch calls the units of a budget."""

Packed = dict[str, Any]


@dataclass
class Curves:
    """One chart's curves.

    Parameters
    ----------
    titles : dict of str to str
        Of the y axis, by report.
    packed : dict of str to dict of str to dict
        By unit and report: the grid, and by strategy the center, the ends of the band and the number of runs; None
        where not known.
    missing : str
        Why there are no curves, or not all.
    may_be_log : bool
    """

    titles: dict[str, str]
    may_be_log: bool = False
    packed: dict[str, dict[str, Packed]] = field(default_factory=dict)
    missing: str = ""

    def __bool__(self) -> bool:
        return bool(self.packed)


def units_of(results: Results) -> list[str]:
    """Return the units that the budget can be shown in, its own first."""
    own = results.protocol.budget.unit
    return [own, *(unit for unit in ("seconds", "evaluations") if unit != own)]


def in_unit(results: Results, unit: str) -> Results:
    """Return the same runs with their budget counted in another unit: as much as the longest of them spent."""
    if unit == results.protocol.budget.unit:
        return results
    most = max(float(trials.clock(unit)[trials.last].max()) for trials in results.trials.values())
    converted = replace(results, protocol=replace(results.protocol, budget=Budget(most, unit)))
    converted.fronts_over_time.update(results.fronts_over_time)  # of the same runs, and not quick to find
    return converted


def regret_curves(results: Results) -> Curves:
    """Return the median regret of the incumbent with quartiles.

    Where the best is not known, its report instead.
    """
    made, names = Curves({}, may_be_log=True), report_names(results)

    def regret(judged: Results, grid: NDArray[np.float64]) -> pd.DataFrame:
        return curves(judged, "report" if judged.reference is None else "regret", grid=grid)

    for measure in results.reports:
        judged = results.reported_by(measure)
        name = names[str(measure)]
        title = name if judged.reference is None else f"regret of {name}"
        made.titles[str(measure)] = axis_title(title, judged.report_metric)
        _fill(made, judged, regret, "center", scale_of(judged.report_metric))
    return made


def rank_curves(results: Results) -> Curves:
    """Return the mean rank over the budget with its standard error."""
    made = Curves({key: f"mean rank by {name}" for key, name in report_names(results).items()})
    for measure in results.reports:
        _fill(made, results.reported_by(measure), rank_over_time, "rank", 1.0)
    return made


def volume_curves(results: Results) -> Curves:
    """Return the median hypervolume of the front over the budget with quartiles, by the report alone."""
    made = Curves({str(results.report): "hypervolume (1 is all of the space)"})
    _fill(made, results, lambda judged, grid: curves(judged, "hypervolume", grid=grid), "center", 1.0)
    return made


def _fill(
    made: Curves,
    judged: Results,
    frame_of: Callable[[Results, NDArray[np.float64]], pd.DataFrame],
    center: str,
    scale: float,
) -> None:
    """Add what a function returns for each unit; what goes wrong is noted."""
    for unit in units_of(judged):
        try:
            converted = in_unit(judged, unit)
            frame = frame_of(converted, budget_grid(converted, POINTS))
        except NasbenchError as error:  # noqa: PERF203
            made.missing = made.missing or str(error)
        else:
            made.packed.setdefault(unit, {})[str(judged.report)] = _pack(frame, center, scale)


def _pack(frame: pd.DataFrame, center: str, scale: float) -> Packed:
    groups = {str(name): rows for name, rows in frame.groupby("strategy", sort=False)}
    first = next(iter(groups.values()))
    return {
        "spent": _short(first["spent"].to_numpy(), 1.0),
        **{
            key: {name: _short(rows[column].to_numpy(), scale) for name, rows in groups.items()}
            for key, column in (("center", center), ("low", "low"), ("high", "high"))
        },
        "runs": {name: _unless_equal(rows["runs"].to_numpy()) for name, rows in groups.items()},
    }


def _short(values: NDArray[np.float64], scale: float) -> list[float | None]:
    """Return numbers with as many digits as a page can show."""
    return [float(f"{scale * each:.5g}") if np.isfinite(each) else None for each in values.tolist()]


def _unless_equal(counts: NDArray[np.int64]) -> int | list[int]:
    """Return one number where all are the same, which they mostly are."""
    return int(counts[0]) if (counts == counts[0]).all() else [int(each) for each in counts.tolist()]


def milestones(packed: Mapping[str, Any], shares: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0)) -> list[int]:
    """Return the places of a packed grid that are nearest below some shares of its end."""
    spent = np.array(packed["spent"])
    places = np.searchsorted(spent, np.array(shares) * spent[-1] * (1 + 1e-9), side="right") - 1
    return [int(place) for place in np.unique(np.maximum(places, 0))]


MOST_STEPS = 12
"""Incumbents shown of a run; of more, the first, the last, and some from between."""


@dataclass(frozen=True)
class Step:
    """An incumbent, and what was spent when it became that.

    Parameters
    ----------
    spent, value, report, regret : str
        Written out, the latter two as judged at the end.
    architecture : str
    drawing : int
        Which of all drawings shows it.
    """

    spent: str
    value: str
    report: str
    regret: str
    architecture: str
    drawing: int


@dataclass(frozen=True)
class MedianRun:
    """The run of a strategy that ended in the middle.

    Parameters
    ----------
    seed : int
    of : int
        Incumbents it had; more than there are steps where some are left out.
    steps : list of Step
        None if it never had a valid incumbent.
    """

    seed: int
    of: int
    steps: list[Step]


def median_runs(results: Results) -> tuple[dict[str, MedianRun], list[str]]:
    """Return the median run of each strategy, and the drawings of all their incumbents as SVG, each once."""
    drawings: dict[bytes, int] = {}
    svgs: list[str] = []
    runs = {}
    for name, trials in results.trials.items():
        run = middle_run(results, trials)
        places = _changes(trials, run)
        shown = np.linspace(0, len(places) - 1, min(MOST_STEPS, len(places))).round().astype(np.int64)
        steps = []
        for place in places[shown].tolist():
            row = trials.architectures[trials.incumbent[place]]
            if row.tobytes() not in drawings:
                drawings[row.tobytes()] = len(svgs)
                svgs.append(cell_svg(results.space, row))
            steps.append(_step(results, trials, place, drawings[row.tobytes()]))
        runs[name] = MedianRun(int(trials.seeds[run]), len(places), steps)
    return runs, svgs


def middle_run(results: Results, trials: Trials) -> int:
    """Return the place of the run whose final report is the median, the lower one of two; of equals the first.

    Runs without a known report count as worse than all others.
    """
    scores = final_scores(results, trials)
    order = np.argsort(scores)
    middle = scores[order[(len(order) - 1) // 2]]
    return int(np.flatnonzero(scores == middle)[0])


def _changes(trials: Trials, run: int) -> NDArray[np.int64]:
    """Return the trials after which a run's incumbent was another architecture than before."""
    start, stop = trials.offsets[run : run + 2].tolist()
    places = np.arange(start, stop)
    held = trials.incumbent[start:stop]
    valid = (trials.violation[held] == 0) & np.isfinite(trials.value[held])
    rows = trials.architectures[held[valid]]
    other = np.ones(len(rows), dtype=bool)
    other[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    changes: NDArray[np.int64] = places[valid][other]
    return changes


def _step(results: Results, trials: Trials, place: int, drawing: int) -> Step:
    unit = results.protocol.budget.unit
    incumbent = trials.incumbent[place]
    regret = float(results.regret(trials)[place])
    return Step(
        f"{trials.clock(unit)[place]:,.4g} {unit}",
        number(float(trials.value[incumbent]), results.signal_metric.unit),
        number(float(trials.report[place]), results.report_metric.unit),
        number(regret, results.report_metric.unit),
        results.space.to_text(trials.architectures[incumbent]),
        drawing,
    )


def report_names(results: Results) -> dict[str, str]:
    """Return what each report is called, with its task where several are called the same, and its epochs if need be."""
    for name in (
        measure_name,
        lambda each: f"{measure_name(each)} ({each.task})",
        lambda each: f"{measure_name(each)} ({each.task}, {each.epochs} epochs)",
    ):
        names = {str(each): name(each) for each in results.reports}
        if len(set(names.values())) == len(names):
            break
    return names


def axis_title(text: str, metric: Metric) -> str:
    """Return a title with the unit that the axis counts in."""
    unit = {"fraction": "%", "second": "s"}.get(metric.unit, metric.unit)
    return f"{text} ({unit})" if unit and unit != "none" else text
