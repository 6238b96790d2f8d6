"""Tables for papers: what they say, what they leave out, and that names cannot break them."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nasbench.analysis.paper_tables import final_table, side_by_side
from nasbench.analysis.printed import Cell, Column, PrintedTable, latex_text, markdown_text
from nasbench.analysis.significance import not_worse
from nasbench.comparison import compare, summarise
from strategies import RandomSearch, RegularizedEvolution, SuccessiveHalving
from tabular import TableOracle
from tabular.errors import QueryError
from tabular.wording import decimals_for, fixed

THREE = {"random-search": RandomSearch, "evolution": RegularizedEvolution, "halving": SuccessiveHalving}
HOSTILE = ("my_strategy&co(50%)", '[x]*#\\~^{}<>|"$ é Ωλ 漢 --', "*first|second*\nline")


@pytest.fixture(scope="module")
def oracle():
    return TableOracle("nb201-digits")


@pytest.fixture(scope="module")
def results(oracle):
    return compare(THREE, oracle, 150, runs=20, report=["test_accuracy", "test_loss"])


def renamed(results, names):
    return dataclasses.replace(results, trials=dict(zip(names, results.trials.values(), strict=True)))


def without_values(results, name, runs):
    """Return results in which the last incumbents of a strategy's first runs have no report."""
    trials = results.trials[name]
    report = trials.report.copy()
    report[trials.last[:runs]] = np.nan
    return dataclasses.replace(results, trials={**results.trials, name: dataclasses.replace(trials, report=report)})


def cells(text):
    """Return the cells of a table in Markdown as a reader sees them, by a parser of CommonMark with GitHub's tables."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    rows = []
    for before, token in itertools.pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if before.type in {"td_open", "th_open"}:
            rows[-1].append("".join(each.content for each in token.children))
    return rows


def test_rows_say_what_the_summary_says_between_optimum_and_random(results):
    rows, summary = final_table(results).rows, summarise(results)
    assert [(row.strategy, row.mean, row.median_regret) for row in rows] == [
        (row.strategy, row.report, row.regret) for row in summary
    ]
    np.testing.assert_array_equal([row.std for row in rows], [row.report_std for row in summary])
    assert [row.kind for row in rows] == ["optimum", "strategy", "strategy", "strategy", "random architecture"]
    assert [row.best for row in rows] == [False, True, False, False, False]


def test_bold_is_what_the_test_does_not_find_worse(results):
    for each in (results, results.reported_by("digits/test_loss@12")):
        kept = {row.strategy for row in final_table(each, alpha=0.5).strategies if row.not_worse}
        assert kept == set(not_worse(each, 0.5))
        marked = re.findall(r"^\| (\S+) .*\*\*", final_table(each, alpha=0.5).to_markdown(), flags=re.MULTILINE)
        assert set(marked) == kept


def test_a_strategy_that_is_far_worse_is_not_bold(results):
    trials = results.trials["halving"]
    worse = dataclasses.replace(trials, report=trials.report - 0.5)
    table = final_table(dataclasses.replace(results, trials={**results.trials, "halving": worse}))
    assert {row.strategy: row.bold for row in table.strategies}["halving"] is False
    assert re.search(r"halving .*& \d\d\.\d+ +& ~\$\\pm\$~", table.to_latex())
    assert "Holm's correction over all 3 pairs, α = 0.05" in table.to_markdown()


def test_a_loss_is_best_where_it_is_least_and_keeps_its_unit(results):
    table = final_table(results.reported_by("digits/test_loss@12"))
    means = [row.mean for row in table.strategies]
    assert means == sorted(means)
    assert table.strategies[0].best
    assert "Test loss (nat)" in table.to_markdown()
    assert f"{means[0]:.{table.decimals}f}" in table.to_markdown()
    assert all(row.median_regret >= 0 for row in table.rows)


def test_fractions_are_in_percent_and_csv_in_full(results):
    table = final_table(results)
    first = table.strategies[0]
    assert f"**{100 * first.mean:.{table.decimals}f}** ± {100 * first.std:.{table.decimals}f}" in table.to_markdown()
    read = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert [float(row["mean"]) for row in read] == [row.mean for row in table.rows]
    assert read[0]["std"] == read[0]["not_worse"] == ""
    assert {row["unit"] for row in read} == {"fraction"}


@pytest.mark.parametrize(
    ("spreads", "values", "expected"),
    [([0.42, 0.68], [], 2), ([12.0, 31.0], [], 0), ([0.0, np.nan, 0.0031], [], 4), ([], [0.5, 0.52], 4), ([], [], 2)],
)
def test_decimals_show_two_digits_of_a_typical_spread(spreads, values, expected):
    assert decimals_for(spreads, values) == expected


def test_numbers_have_a_true_minus_and_no_negative_zero():
    assert [fixed(each, 1) for each in (-0.04, -1.25, np.nan, 1234.5)] == ["0.0", "−1.2", "–", "1,234.5"]


def test_one_strategy_and_one_run_say_that_nothing_was_tested(oracle, results):
    alone = final_table(dataclasses.replace(results, trials={"evolution": results.trials["evolution"]}))
    assert "Nothing was tested: there is one strategy, and a test takes two." in alone.notes
    assert "**" not in alone.to_markdown()
    once = final_table(compare(THREE, oracle, 20, runs=1))
    assert any("have one run with the same seed, and a test takes two" in note for note in once.notes)
    assert any("no standard deviation" in note for note in once.notes)
    assert "±" not in once.to_markdown().split("*Random")[0]
    assert {row.not_worse for row in once.rows} == {None}
    top = max(row.mean for row in once.strategies)
    assert once.to_markdown().count("**") == 2 * sum(row.mean == top for row in once.strategies)


def test_too_few_runs_for_any_significance_say_how_many_it_takes(oracle):
    few = final_table(compare(THREE, oracle, 20, runs=4))
    # Three pairs: 3 * 2 / 2**n < 0.05 first holds for n = 7.
    assert any(
        "4 matched runs cannot give significance for 3 pairs" in note and "takes 7" in note for note in few.notes
    )


def test_runs_without_a_value_are_left_out_and_told(results):
    some = final_table(without_values(results, "halving", 3))
    row = next(row for row in some.rows if row.strategy == "halving")
    assert (row.runs, row.missing) == (20, 3)
    assert np.isfinite(row.mean)
    assert any(note.startswith("3 of 20 runs of halving have no value of the report: left out") for note in some.notes)
    none = final_table(without_values(results, "halving", 20))
    assert none.strategies[-1].strategy == "halving"
    assert not none.strategies[-1].bold
    assert any("No run of halving has a value of the report" in note for note in none.notes)
    assert cells(none.to_markdown())[-2] == ["halving", "20", "150", "–", "–"]


def test_what_is_not_known_of_the_space_is_left_out(results):
    table = final_table(dataclasses.replace(results, reference=None, failed={"a": "b", "c": "d"}))
    assert {row.kind for row in table.rows} == {"strategy"}
    assert "regret" not in table.to_markdown().splitlines()[2].lower()
    assert "Broke off with an error, and not in the table: a and c." in table.notes


def test_fronts_have_their_hypervolume(oracle):
    made = compare(THREE, oracle, 40, runs=3, objectives=["parameters"], constraints=["flops<=200000"])
    table = final_table(made)
    assert all(0 < row.hypervolume <= 1 for row in table.strategies)
    assert "Hypervolume" in table.to_markdown().splitlines()[2]
    assert any("front of report and parameters" in note for note in table.notes)
    assert "Incumbents keep to digits/flops@12<=200000." in table.notes


def test_several_results_stand_side_by_side(oracle, results):
    later = compare({"random-search": RandomSearch}, oracle, 300, runs=3)
    table = side_by_side([results, results.reported_by("digits/test_loss@12"), later])
    head, optimum, *rows = cells(table.to_markdown())
    assert head[1] == "nb201-digits, 150 evaluations: Test accuracy (%)"
    assert head[3] == "nb201-digits, 150 evaluations: Test loss (nat)"
    assert head[5] == "nb201-digits, 300 evaluations: Test accuracy (%)"
    assert optimum[0] == "Optimum"
    assert {row[0]: row[5] == "–" for row in rows[:3]} == {"random-search": False, "evolution": True, "halving": True}
    assert r"\cmidrule(lr){2-7}\cmidrule(lr){8-10}" in table.to_latex()
    assert len(list(csv.DictReader(io.StringIO(table.to_csv())))) == 5 + 5 + 3
    assert "Regret" not in side_by_side([results], regret=False).to_latex().split(r"\midrule")[0]


def test_mistakes_are_named(results):
    with pytest.raises(QueryError, match=r"between 0 and 1, such as 0\.05; got alpha 5"):
        final_table(results, alpha=5)
    with pytest.raises(QueryError, match="a final table needs a strategy, and these results on nb201-digits have none"):
        final_table(dataclasses.replace(results, trials={}))
    with pytest.raises(QueryError, match="side by side needs results; none were given"):
        side_by_side([])
    with pytest.raises(QueryError, match=r"got 'a_\{b'; write it as tab:results"):
        final_table(results).to_latex(label="a_{b")
    with pytest.raises(QueryError, match=r"the braces of the caption .* do not match"):
        final_table(results).to_latex(caption="a {b")


def bare(text):
    """Return escaped text without the commands that `escape` may write."""
    text = re.sub(r"\\ensuremath\{[^{}]*\{?[^{}]*\}?\}", "", text)
    return re.sub(r"\\(?:[A-Za-z]+|char34|[^A-Za-z])", "", text)


@given(st.text())
@example("".join(HOSTILE))
@example("??`--<<>>,,''\x00\u0301e\u0301")
def test_escaped_text_is_plain_latex_of_balanced_braces(text):
    escaped = latex_text(text)
    assert escaped.isascii()
    assert escaped.isprintable()
    rest = bare(escaped)
    assert not set(rest) & set('\\&%$#_~^<>|"')
    assert all(rest[place - 1] == "{" for place, sign in enumerate(rest) if sign in "[]*")
    depth = np.cumsum([{"{": 1, "}": -1}.get(sign, 0) for sign in rest] or [0])
    assert depth.min() >= 0
    assert depth[-1] == 0


@given(st.lists(st.text(), min_size=1, max_size=3))
@example(list(HOSTILE))
@example(["\\", "\\|", "1. a", "&lt;b", "<b>", "`|`", "_a_", "~~a~~", "- a"])
def test_text_never_breaks_a_table_of_markdown_and_reads_as_it_was(texts):
    rows = tuple((Cell(text), Cell("1", "2", bold=True)) for text in texts)
    table = PrintedTable("t", "A caption.", (Column("a", text=True), Column("b", spread=True)), (rows,))
    found = cells(table.to_markdown())
    assert len(found) == 1 + len(texts)
    for (name, number), text in zip(found[1:], texts, strict=True):
        assert number == "1 ± 2"
        shown = re.sub(r"[\x00-\x1f\x7f-\x9f]", "\ufffd", " ".join(text.split()))
        assert name.strip() == shown.strip()


def test_hostile_names_are_the_same_table(results):
    table = final_table(renamed(results, HOSTILE))
    assert r"my\_strategy\&co(50\%)" in table.to_latex()
    assert {row[0] for row in cells(table.to_markdown())} >= {HOSTILE[0], HOSTILE[1], "*first|second* line"}
    assert {row["strategy"] for row in csv.DictReader(io.StringIO(table.to_csv()))} >= set(HOSTILE)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tables_compile_and_fit_a_page(results, tmp_path):
    tables = [final_table(renamed(results, HOSTILE)), final_table(results.reported_by("digits/test_loss@12"))]
    both = side_by_side([results, results.reported_by("digits/test_loss@12")])
    texts = [each.to_latex(label=f"tab:{i}") for i, each in enumerate([*tables, both])]
    head = r"\documentclass{article}\usepackage{booktabs}\usepackage[margin=2.5cm]{geometry}\begin{document}"
    (tmp_path / "t.tex").write_text("\n".join([head, *texts, r"\end{document}"]), encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert "Missing character" not in done.stdout
    assert (tmp_path / "t.pdf").read_bytes().startswith(b"%PDF")


def test_markdown_keeps_words_readable():
    assert markdown_text("digits/test_accuracy@12 96.96 <= 3") == "digits/test_accuracy@12 96.96 <= 3"
