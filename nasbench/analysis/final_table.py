"""The table of a paper: what strategies ended with, the best and those not significantly worse in bold."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.analysis.finals import final_scores
from nasbench.analysis.printed_table import NONE, Cell, Column, PrintedTable, decimals_for, fixed
from nasbench.analysis.significance import not_worse
from nasbench.analysis.table_notes import notes_of, why_untested
from nasbench.analysis.wording import budget_text, capital, label_of, name_of, report_text, scale_of, with_unit
from nasbench.comparison.fronts import front_over_time
from tabular.measures import mean_of_known, std_of_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.comparison.results import Results

OPTIMUM, RANDOM = "optimum", "random architecture"


@dataclass(frozen=True)
class FinalRow:
    """What the runs of a strategy ended with, or what the space holds.

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


@dataclass(frozen=True)
class FinalTable:
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
        """Return tidy CSV: one line a row, in the units of the results, in full precision; empty for what is NaN."""
        return write_csv(self.records())

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
    """Return a row's mean and spread; bold where there is something to stand out from."""
    spread = spread_text(scale * row.std, decimals)
    return Cell(fixed(scale * row.mean, decimals), spread, bold=row.bold and several)


def spread_text(value: float, decimals: int) -> str:
    """Return a standard deviation; nothing where there is none."""
    text = fixed(value, decimals)
    return "" if text == NONE else text


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
