"""Tables for papers: final results of strategies, of one or several benchmarks.

The best strategy and those not significantly worse are in bold.
"""

from __future__ import annotations

import csv
import io
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.analysis.finals import final_scores
from nasbench.analysis.printed import Cell, Column, PrintedTable
from nasbench.analysis.significance import check_alpha, not_worse
from nasbench.analysis.wording import budget_text, measure_name, name_of, report_text, seeds_text, titles
from nasbench.comparison.fronts import front_over_time
from tabular.errors import QueryError
from tabular.measures import mean_of_known, std_of_known
from tabular.wording import UNKNOWN, capital, counted, decimals_for, fixed, label_of, listed, scale_of, with_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from nasbench.comparison.results import Results

OPTIMUM, RANDOM = "optimum", "random architecture"


@dataclass(frozen=True)
class FinalRow:
    """A row of a final table: a strategy, the optimum or a random architecture.

    Parameters
    ----------
    strategy : str
    kind : str
        ``strategy``, ``optimum`` or ``random architecture``.
    runs, missing : int
        Runs, and those of them without a value of the report, which count neither in mean nor spread; 0 of the space.
    evaluations : float
        Mean per run.
    mean, std : float
        Of the last incumbents' report, in its own unit; of a random architecture, over the space.
    median_regret : float
        Inference regret in the report's unit.
    hypervolume, hypervolume_std : float
        Mean and standard deviation over runs of the last front's (`nasbench.comparison.fronts`); NaN without fronts.
    best : bool
        Whether no strategy has a better mean.
    not_worse : bool or None
        Whether it is the best or not significantly worse; None where nothing was tested.
    """

    strategy: str
    kind: str
    runs: int
    missing: int
    evaluations: float
    mean: float
    std: float
    median_regret: float
    hypervolume: float = math.nan
    hypervolume_std: float = math.nan
    best: bool = False
    not_worse: bool | None = None

    @property
    def bold(self) -> bool:
        """Whether it is to be set in bold."""
        return self.best if self.not_worse is None else self.not_worse


class PaperTable(ABC):
    """A table for a paper, ready to be written in several formats."""

    @abstractmethod
    def printed(self) -> PrintedTable:
        """Return the table as it is printed."""

    @abstractmethod
    def records(self) -> list[dict[str, Any]]:
        """Return one dict for each strategy of each result, in the units of the results."""

    def to_latex(self, caption: str | None = None, label: str | None = None, *, two_columns: bool = False) -> str:
        r"""Return a ``table`` environment for booktabs.

        Parameters
        ----------
        caption : str, optional
            In LaTeX, as it is; by default one that says what was measured.
        label : str, optional
            By default ``tab:`` and the oracle's name.
        two_columns : bool
            Let it span both columns of a page (``table*``).

        Raises
        ------
        QueryError
            If the label or the caption cannot be LaTeX.
        """
        return self.printed().to_latex(caption, label, two_columns=two_columns)

    def to_markdown(self) -> str:
        """Return the table as GitHub's Markdown, with caption and notes."""
        return self.printed().to_markdown()

    def to_csv(self) -> str:
        """Return tidy CSV: `records` in full precision, empty for what is NaN."""
        return write_csv(self.records())


@dataclass(frozen=True)
class FinalTable(PaperTable):
    """The final table of results, ready to be written.

    Parameters
    ----------
    results : Results
        What it was made of.
    rows : tuple of FinalRow
        The optimum, the strategies, best mean first, and a random architecture; the space's where known.
    notes : tuple of str
        Sentences for below the table: the test, the runs, what was left out.
    """

    results: Results
    rows: tuple[FinalRow, ...]
    notes: tuple[str, ...]

    @property
    def strategies(self) -> list[FinalRow]:
        """The rows of strategies."""
        return [row for row in self.rows if row.kind == "strategy"]

    def printed(self) -> PrintedTable:
        """Return the table as it is printed: fractions in percent, decimals after the spread over runs."""
        results, metric = self.results, self.results.report_metric
        several = len(self.strategies) > 1
        regrets = any(math.isfinite(row.median_regret) for row in self.rows)
        fronts = any(math.isfinite(row.hypervolume) for row in self.rows)
        whole = all(row.evaluations >= 100 or row.evaluations == round(row.evaluations) for row in self.strategies)
        volumes = decimals_for((row.hypervolume_std for row in self.rows), (row.hypervolume for row in self.rows))
        columns = [
            Column("Strategy", text=True),
            Column("Runs"),
            Column("Evaluations"),
            Column(capital(with_unit(name_of(metric), metric)), spread=True),
            *([Column(with_unit("Median regret", metric))] if regrets else []),
            *([Column("Hypervolume", spread=True)] if fronts else []),
        ]
        scale, decimals = scale_of(metric), self.decimals
        parts: dict[str, list[tuple[Cell, ...]]] = {OPTIMUM: [], "strategy": [], RANDOM: []}
        for row in self.rows:
            ours = row.kind == "strategy"
            cells = [
                Cell(row.strategy if ours else capital(row.strategy), italic=not ours),
                Cell(str(row.runs) if ours else ""),
                Cell(fixed(row.evaluations, 0 if whole else 1) if ours else ""),
                report_cell(row, scale, decimals, several=several),
                *([Cell(fixed(scale * row.median_regret, decimals))] if regrets else []),
            ]
            if fronts:
                volume = Cell(fixed(row.hypervolume, volumes), spread_text(row.hypervolume_std, volumes))
                cells.append(volume if ours else Cell())
            parts[row.kind].append(tuple(cells))
        budget = budget_text(results.protocol.budget)
        caption = f"Architectures found on {results.oracle} within {budget}: {report_text(results)}."
        shown = tuple(tuple(part) for part in parts.values() if part)
        return PrintedTable(label_of(results.oracle), caption, tuple(columns), shown, self.notes)

    @property
    def decimals(self) -> int:
        """Decimals of the report, as printed."""
        scale = scale_of(self.results.report_metric)
        rows = self.strategies
        return decimals_for((scale * row.std for row in rows), (scale * row.mean for row in self.rows))

    def records(self) -> list[dict[str, Any]]:
        """Return one dict a row, with the measure, its unit and the budget beside it."""
        results = self.results
        about = {
            "oracle": results.oracle,
            "report": str(results.report),
            "unit": results.report_metric.unit,
            "direction": results.report_metric.direction,
            "budget": results.protocol.budget.amount,
            "budget_unit": results.protocol.budget.unit,
        }
        return [about | vars(row) for row in self.rows]


def write_csv(records: Sequence[dict[str, Any]]) -> str:
    """Return dicts of equal keys as CSV; NaN and None are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({key: "" if _unknown(value) else value for key, value in record.items()})
    return text.getvalue()


def _unknown(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def report_cell(row: FinalRow, scale: int, decimals: int, *, several: bool) -> Cell:
    """Return a row's mean and spread.

    Bold where there is something to stand out from.
    """
    spread = spread_text(scale * row.std, decimals)
    return Cell(fixed(scale * row.mean, decimals), spread, bold=row.bold and several)


def spread_text(value: float, decimals: int) -> str:
    """Return a standard deviation; nothing where there is none."""
    text = fixed(value, decimals)
    return "" if text == UNKNOWN else text


def final_table(results: Results, *, alpha: float = 0.05) -> FinalTable:
    """Return the table of what strategies ended with.

    The best mean, and what `nasbench.analysis.significance.not_worse` finds not significantly worse, is to be set in
    bold; where no test can be made, the best alone, and a note says why.

    Parameters
    ----------
    results : Results
    alpha : float
        The level of the test.

    Raises
    ------
    QueryError
        If alpha is not between 0 and 1, or there is no strategy.

    Examples
    --------
    >>> print(final_table(Results.load("results.h5")).to_latex(label="tab:search"))  # doctest: +SKIP
    """
    untested = why_untested(results, alpha)
    good = None if untested else set(not_worse(results, alpha))
    sign = results.report_metric.sign
    means = {name: _mean(trials.report[trials.last]) for name, trials in results.trials.items()}
    top = max((sign * each for each in means.values() if math.isfinite(each)), default=math.nan)
    fronts = any(trials.on_front.any() for trials in results.trials.values())
    rows = []
    for name, trials in results.trials.items():
        final, regret = trials.report[trials.last], results.regret(trials)[trials.last]
        volumes = front_over_time(results, name)[trials.last] if fronts else np.array([np.nan])
        rows.append(
            FinalRow(
                name,
                "strategy",
                trials.runs,
                int(np.isinf(final_scores(results, trials)).sum()),
                len(trials) / trials.runs,
                means[name],
                float(std_of_known(final[None])[0]),
                float(np.nanmedian(regret)) if np.isfinite(regret).any() else math.nan,
                _mean(volumes),
                float(std_of_known(volumes[None])[0]),
                best=sign * means[name] == top,
                not_worse=None if good is None else name in good,
            )
        )
    rows.sort(key=lambda row: (math.isnan(row.mean), -sign * row.mean))
    reference = results.reference
    if reference is not None:
        gap = sign * (reference.best - reference.random_mean)
        random = (reference.random_mean, reference.random_std, gap)
        first = FinalRow(OPTIMUM, OPTIMUM, 0, 0, math.nan, reference.best, math.nan, 0.0)
        rows = [first, *rows, FinalRow(RANDOM, RANDOM, 0, 0, math.nan, *random)]
    return FinalTable(results, tuple(rows), tuple(notes_of(results, rows, alpha, untested)))


def _mean(values: NDArray[np.float64]) -> float:
    return float(mean_of_known(values[None])[0])


def why_untested(results: Results, alpha: float) -> str:
    """Return why strategies cannot be tested against each other.

    Nothing where they can.

    Raises
    ------
    QueryError
        If alpha is not between 0 and 1, or there is no strategy.
    """
    check_alpha(alpha)
    if not results.trials:
        raise QueryError(f"a final table needs a strategy, and these results on {results.oracle} have none")
    if len(results.trials) == 1:
        return "there is one strategy, and a test takes two"
    for (one, ours), (other, theirs) in combinations(results.trials.items(), 2):
        shared = len(np.intersect1d(ours.seeds, theirs.seeds))
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
        objectives = listed(measure_name(each) for each in results.protocol.objectives)
        yield (
            f"Hypervolume: of the last front of report and {objectives}, scaled so that the worst of {scale} is 0 and "
            "the best 1; it plays no part in the test."
        )


@dataclass(frozen=True)
class SideBySide(PaperTable):
    """Final tables of several results, ready to be written as one.

    Parameters
    ----------
    tables : tuple of FinalTable
    regret : bool
        Whether the median regret stands beside the mean.
    """

    tables: tuple[FinalTable, ...]
    regret: bool = True

    @property
    def results(self) -> list[Results]:
        """What the tables were made of."""
        return [table.results for table in self.tables]

    @property
    def strategies(self) -> list[str]:
        """All strategies, those first whose mean place in the tables is best."""
        places: dict[str, list[int]] = {}
        for table in self.tables:
            for place, row in enumerate(table.strategies):
                places.setdefault(row.strategy, []).append(place)
        return sorted(places, key=lambda name: sum(places[name]) / len(places[name]))

    def printed(self) -> PrintedTable:
        """Return the table as it is printed."""
        metrics = [capital(with_unit(name_of(each.report_metric), each.report_metric)) for each in self.results]
        columns = [Column("Strategy", text=True)]
        body: dict[tuple[str, str], list[Cell]] = {(OPTIMUM, OPTIMUM): []}
        body |= {("strategy", name): [] for name in self.strategies}
        body |= {(RANDOM, RANDOM): []}
        for table, title, metric in zip(self.tables, titles(self.results, metrics), metrics, strict=True):
            regrets = self.regret and any(math.isfinite(row.median_regret) for row in table.rows)
            columns.append(Column(metric, title, spread=True))
            columns += [Column("Regret", title)] if regrets else []
            there = {(row.kind, row.strategy): row for row in table.rows}
            for key, cells in body.items():
                cells.extend(_cells(table, there.get(key), regrets=regrets))
        parts: list[list[tuple[Cell, ...]]] = [[], [], []]
        for (kind, name), cells in body.items():
            part = 0 if kind == OPTIMUM else 2 if kind == RANDOM else 1
            head = Cell(name) if part == 1 else Cell(capital(name), italic=True)
            if any(cell.text != UNKNOWN for cell in cells) or part == 1:
                parts[part].append((head, *cells))
        oracles = list(dict.fromkeys(each.oracle for each in self.results))
        budgets = list(dict.fromkeys(budget_text(each.protocol.budget) for each in self.results))
        within = f" within {budgets[0]}" if len(budgets) == 1 else ""
        caption = f"Architectures found on {listed(oracles)}{within}."
        shown = tuple(tuple(part) for part in parts if part)
        return PrintedTable(label_of("-".join(oracles)), caption, tuple(columns), shown, tuple(self.notes()))

    def notes(self) -> list[str]:
        """Return the notes: once what holds for all results, with its title what holds for some."""
        names = titles(self.results)
        holds: dict[str, list[str]] = {}
        for name, table in zip(names, self.tables, strict=True):
            for note in table.notes:
                holds.setdefault(note, []).append(name)
        lines = [note if len(where) == len(names) else f"{listed(where)}: {note}" for note, where in holds.items()]
        if self.regret:
            lines.append("The regret shown is the median over runs, in the unit beside it.")
        if len(names) > 1:
            lines.append(f"Each of the {len(names)} comparisons was tested by itself.")
        lines += [f"{text}: {listed(where)}." for text, where in self._differing(names)]
        return lines

    def _differing(self, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """Yield what results differ in, and the value of each."""
        yield "Judged by", list(dict.fromkeys(f"{each.report} ({each.oracle})" for each in self.results))
        budgets = [budget_text(each.protocol.budget) for each in self.results]
        if len(set(budgets)) > 1 and any(budget not in name for budget, name in zip(budgets, names, strict=True)):
            yield "Budget of a run", [f"{budget} ({name})" for budget, name in zip(budgets, names, strict=True)]
        everyone = self.strategies
        absent = [[name for name in everyone if name not in table.results.trials] for table in self.tables]
        if any(absent):
            lacking = [f"{listed(those)} ({name})" for those, name in zip(absent, names, strict=True) if those]
            yield "Not compared, and marked with a dash", lacking

    def records(self) -> list[dict[str, Any]]:
        """Return one dict a strategy and result.

        See `nasbench.analysis.paper_tables.FinalTable.records`.
        """
        return [record for table in self.tables for record in table.records()]


def side_by_side(results: Sequence[Results], *, alpha: float = 0.05, regret: bool = True) -> SideBySide:
    """Return one table of several results, such as benchmarks or reports of one benchmark.

    Strategies that some results lack have a dash there. Each result is tested by itself.

    Parameters
    ----------
    results : sequence of Results
    alpha : float
        The level of each test.
    regret : bool
        Whether to show the median regret too; without it more results fit on a page.

    Raises
    ------
    QueryError
        If there are no results, or as `nasbench.analysis.paper_tables.final_table`.
    """
    if not results:
        raise QueryError("a table side by side needs results; none were given")
    return SideBySide(tuple(final_table(each, alpha=alpha) for each in results), regret)


def _cells(table: FinalTable, row: FinalRow | None, *, regrets: bool) -> list[Cell]:
    if row is None:
        return [Cell(UNKNOWN)] * (2 if regrets else 1)
    scale, decimals = scale_of(table.results.report_metric), table.decimals
    cells = [report_cell(row, scale, decimals, several=len(table.strategies) > 1)]
    return [*cells, Cell(fixed(scale * row.median_regret, decimals))] if regrets else cells
