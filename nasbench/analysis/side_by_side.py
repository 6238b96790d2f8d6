"""Final tables of several results side by side: a strategy a row, a benchmark a group of columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasbench.analysis.final_table import OPTIMUM, RANDOM, final_table, report_cell, write_csv
from nasbench.analysis.printed_table import NONE, Cell, Column, PrintedTable, fixed
from nasbench.analysis.wording import budget_text, capital, label_of, listed, name_of, scale_of, titles, with_unit
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nasbench.analysis.final_table import FinalRow, FinalTable
    from nasbench.comparison.results import Results


@dataclass(frozen=True)
class SideBySide:
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
            if any(cell.text != NONE for cell in cells) or part == 1:
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

    def to_latex(self, caption: str | None = None, label: str | None = None, *, two_columns: bool = False) -> str:
        """Return a ``table`` environment for booktabs; see `nasbench.analysis.final_table.FinalTable.to_latex`."""
        return self.printed().to_latex(caption, label, two_columns=two_columns)

    def to_markdown(self) -> str:
        """Return the table as GitHub's Markdown, with caption and notes."""
        return self.printed().to_markdown()

    def to_csv(self) -> str:
        """Return tidy CSV: one line a strategy and result, in full precision; empty for what is NaN."""
        return write_csv(self.records())

    def records(self) -> list[dict[str, Any]]:
        """Return one dict a strategy and result; see `nasbench.analysis.final_table.FinalTable.records`."""
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
        If there are no results, or as `nasbench.analysis.final_table.final_table`.
    """
    if not results:
        raise QueryError("a table side by side needs results; none were given")
    return SideBySide(tuple(final_table(each, alpha=alpha) for each in results), regret)


def _cells(table: FinalTable, row: FinalRow | None, *, regrets: bool) -> list[Cell]:
    if row is None:
        return [Cell(NONE)] * (2 if regrets else 1)
    scale, decimals = scale_of(table.results.report_metric), table.decimals
    cells = [report_cell(row, scale, decimals, several=len(table.strategies) > 1)]
    return [*cells, Cell(fixed(scale * row.median_regret, decimals))] if regrets else cells
