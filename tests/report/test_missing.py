"""The report of results that lack something: it says so, and shows the rest."""

import dataclasses

import numpy as np
import pytest

from nasbench.analysis.curves import curves
from nasbench.comparison import compare
from nasbench.report import write_report
from nasbench.report.page import enough_runs
from report.report_page import page_of
from strategies import Hyperband, RandomSearch
from tabular import TableOracle
from tabular.errors import OutputError, QueryError


@pytest.fixture(scope="module")
def oracle():
    return TableOracle("nb201-digits")


@pytest.fixture(scope="module")
def results(oracle):
    return compare({"random-search": RandomSearch, "hyperband": Hyperband}, oracle, 25, runs=6)


def test_more_runs_do_not_make_a_larger_page(oracle, tmp_path):
    names = {"random-search": RandomSearch, "hyperband": Hyperband}
    sizes = []
    for runs in (5, 60):
        write_report([compare(names, oracle, 25, runs=runs)], tmp_path / "r.html")
        sizes.append((tmp_path / "r.html").stat().st_size)
    assert sizes[1] < 1.05 * sizes[0] < 1_500_000


def test_one_strategy_and_one_run_are_said_to_tell_little(oracle, tmp_path):
    alone = page_of(tmp_path, compare({"random-search": RandomSearch}, oracle, 10, runs=1))
    said = alone.all("main")[0]["text"]
    assert "Only random-search ran: there is nothing to compare it with." in said
    assert "One run alone has no spread: there is no band for random-search." in said
    assert "A rank over time needs two strategies" in said
    assert "The Wilcoxon signed-rank test needs two strategies" in said
    assert "No data card was given" in said
    assert "Nothing was trained again" in said
    assert "The command was not recorded." in said
    assert set(alone.charts["charts"]) == {"r1-regret-chart"}


def test_too_few_runs_for_any_test_are_said_to_be(oracle, tmp_path):
    from scipy.stats import wilcoxon

    for strategies in (2, 3, 6):
        runs, pairs = enough_runs(strategies), strategies * (strategies - 1) // 2
        best = [pairs * wilcoxon(np.arange(1, many + 1)).pvalue for many in (runs - 1, runs)]
        assert best[1] <= 0.05 < best[0]
    few = page_of(tmp_path, compare({"a": RandomSearch, "b": Hyperband}, oracle, 25, runs=5))
    assert "With 5 runs no difference between 2 strategies can come out as significant" in few.all("main")[0]["text"]


def test_incumbents_stand_in_for_a_regret_that_is_not_known(results, tmp_path):
    unknown = dataclasses.replace(
        results, reference=None, further=tuple(each._replace(reference=None) for each in results.further)
    )
    page = page_of(tmp_path, unknown)
    chart = page.charts["charts"]["r1-regret-chart"]
    assert chart["titles"][str(results.report)] == "test accuracy (%)"
    expected = curves(unknown, "report", grid=np.array(chart["packed"]["evaluations"][str(results.report)]["spent"]))
    drawn = chart["packed"]["evaluations"][str(results.report)]["center"]["hyperband"]
    np.testing.assert_allclose(drawn, 100 * expected[expected.strategy == "hyperband"].center, rtol=1e-4)
    assert "incumbents are shown instead of regret" in page.all("main")[0]["text"]
    assert [row[0] for row in page.rows("r1-final")][-1] not in {"optimum", "random architecture"}


def test_what_was_never_known_is_a_dash(results, tmp_path):
    trials = dict(results.trials)
    lost = dataclasses.replace(trials["hyperband"], report=np.full(len(trials["hyperband"]), np.nan))
    invalid = trials["random-search"]
    invalid = dataclasses.replace(invalid, violation=np.ones(len(invalid)), report=np.full(len(invalid), np.nan))
    page = page_of(
        tmp_path, dataclasses.replace(results, trials=trials | {"hyperband": lost, "random-search": invalid})
    )
    rows = {row[0]: row for row in page.rows("r1-final")}
    assert rows["hyperband"][3] == "\u2013"
    assert rows["hyperband"][5] == "\u2013"
    said = page.all("main")[0]["text"]
    assert "Runs that ended without a known test accuracy: random-search (6), hyperband (6)." in said
    assert ["random-search", "0", "never found a valid architecture"] in page.rows("r1-cells")
    assert "nan" not in said.lower().split()
    nothing = page_of(tmp_path, dataclasses.replace(results, trials={"hyperband": lost}))
    assert "No strategy ended with a known test accuracy." in nothing.all("main")[0]["text"]


def test_a_budget_of_one_training_has_no_curve(oracle, tmp_path):
    page = page_of(tmp_path, compare({"a": RandomSearch, "b": RandomSearch}, oracle, 1, runs=2))
    assert "nothing to draw a curve of; compare with a larger budget" in page.all("main")[0]["text"]
    assert "test accuracy, mean ± std" in page.rows("r1-final")[0]


def test_mistakes_are_named(results, tmp_path):
    with pytest.raises(QueryError, match="a report shows results, and none were given"):
        write_report([], tmp_path / "r.html")
    empty = dataclasses.replace(results, trials={}, failed={"mine": "strategy 'mine': broke"})
    with pytest.raises(QueryError, match=r"the results on nb201-digits hold no run .*\(strategy 'mine': broke\)"):
        write_report([empty], tmp_path / "r.html")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/r\.html: cannot be written"):
        write_report([results], tmp_path / "file" / "r.html")
    assert {path.name for path in tmp_path.iterdir()} == {"file"}
