"""The report: one file that says what the results say, fetches nothing, and lets no name of theirs become markup."""

import base64
import dataclasses
import hashlib
import itertools
import re

import numpy as np
import pytest

from nasbench.analysis.curves import curves
from nasbench.analysis.significance import not_worse, pairwise
from nasbench.comparison import Verified, compare, summarise
from nasbench.figures.style import line_style
from nasbench.report.background import card_html
from nasbench.report.tables import POINTS, middle_run
from report.report_page import HOSTILE, page_of
from strategies import Hyperband, RandomSearch, RegularizedEvolution
from tabular import TableOracle

STRATEGIES = {"random-search": RandomSearch, "hyperband": Hyperband, HOSTILE: RegularizedEvolution}


@pytest.fixture(scope="module")
def oracle():
    return TableOracle("nb201-digits")


@pytest.fixture(scope="module")
def results(oracle):
    return compare(STRATEGIES, oracle, 25, runs=6)


@pytest.fixture(scope="module")
def goals(oracle):
    return compare(
        {"random-search": RandomSearch, "re": RegularizedEvolution}, oracle, 15, runs=3, objectives=["parameters"]
    )


@pytest.fixture(scope="module")
def page(results, goals, tmp_path_factory):
    goals = dataclasses.replace(goals, failed={"mine": f"strategy 'mine': {HOSTILE}"})
    verified = [
        Verified("a<b>", {HOSTILE: 2}, 0.95, 0.01, 0.94, 0.01, (1000000, 1000001)),
        Verified("c", {"hyperband": 1}, np.nan, np.nan, 0.5, np.nan, (1000000,)),
    ]
    return page_of(
        tmp_path_factory.mktemp("report"),
        results,
        goals,
        verification={results.oracle: verified},
        cards={results.oracle: f"# Card\n\n{HOSTILE}\n\n| a | b |\n| - | - |\n| 1 | 2 |\n"},
        scorecards={"surrogate": [{"measure": HOSTILE, "train": 1200, "r2": 0.875, "seed_tau": float("nan")}]},
        command=f"nasbench report a.h5 --out '{HOSTILE}'",
    )


def test_final_table_says_what_the_summary_says(page, results):
    rows = {row[0].removesuffix(" ●"): row for row in page.rows("r1-final")}
    good = not_worse(results)
    for row in summarise(results)[1:-1]:
        assert rows[row.strategy][1:4] == [
            "6",
            f"{row.evaluations:,.1f}",
            f"{100 * row.report:.2f} ± {100 * row.report_std:.2f} %",
        ]
        assert rows[row.strategy][5].startswith(f"{100 * row.regret:.2f} %")
    bold = [row[0] for row in page.rows("r1-final") if row[0].endswith("●")]
    assert sorted(bold) == sorted(f"{name} ●" for name in good)
    assert rows["optimum"][3] == f"{100 * results.reference.best:.2f} %"


def test_matrix_holds_each_test_from_both_sides(page, results):
    heads, *rows = page.rows("r1-tests")
    table = {row[0]: dict(zip(heads[1:], row[1:], strict=True)) for row in rows}
    for pair in pairwise(results).to_dict("records"):
        p = "<0.001" if pair["p_holm"] < 0.001 else f"{pair['p_holm']:.3f}"
        one, other = table[pair["strategy"]][pair["other"]], table[pair["other"]][pair["strategy"]]
        assert one.endswith(p)
        assert other.endswith(p)
        assert {one[0], other[0]} in ({"≈"}, {"▲", "▼"})
        assert (one[0] == "≈") == (pair["p_holm"] > 0.05)


def test_curves_are_those_of_the_analysis_in_every_view(page, results):
    chart = page.charts["charts"]["r1-regret-chart"]
    assert set(chart["packed"]) == {"evaluations", "seconds"}
    for report in results.reports:
        packed = chart["packed"]["evaluations"][str(report)]
        frame = curves(results.reported_by(report), grid=np.array(packed["spent"]))
        for name, rows in frame.groupby("strategy"):
            for column in ("center", "low", "high"):
                np.testing.assert_allclose(packed[column][name], 100 * rows[column], rtol=1e-4)
    assert len(chart["packed"]["seconds"][str(results.report)]["spent"]) == POINTS
    assert set(page.charts["charts"]["r2-volume-chart"]["packed"]) == {"evaluations", "seconds"}


def test_strategies_have_the_colours_of_the_figures(page, results):
    layers = page.charts["charts"]["r1-regret-chart"]["spec"]["layer"]
    names = list(results.trials)
    for layer in layers:
        scale = layer["encoding"]["color"]["scale"]
        assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
            name: line_style(name, names)["color"].replace("#000000", "var(--black)") for name in names
        }


def test_shown_run_is_the_median_one_and_ends_with_its_incumbent(page, results):
    cells = page.charts["parts"]["r1"]["cells"]
    for name, trials in results.trials.items():
        run = cells["runs"][name]
        final = trials.report[trials.last]
        place = middle_run(results, trials)
        assert run["seed"] == trials.seeds[place]
        assert (final > final[place]).sum() <= trials.runs / 2
        assert (final < final[place]).sum() <= trials.runs / 2
        last = trials.architectures[trials.incumbent[trials.last[place]]]
        assert run["steps"][-1]["architecture"] == results.space.to_text(last)
        assert cells["svgs"][run["steps"][-1]["drawing"]].startswith("<svg")


def test_nothing_of_the_results_becomes_markup(page):
    scripts = [e for e in page.all("script") if e["attributes"].get("type") != "application/json"]
    (policy,) = (e["attributes"]["content"] for e in page.all("meta") if "http-equiv" in e["attributes"])
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    digests = [base64.b64encode(hashlib.sha256(e["text"].encode()).digest()).decode() for e in scripts]
    assert digests == allowed
    assert len(page.all("script", type="application/json")) == 1
    assert not page.all("img")
    assert not [name for e in page.elements for name in e["attributes"] if name.startswith("on")]
    shown = " ".join(page.all("body")[0]["text"].split())
    for where in (f"strategy 'mine': {HOSTILE}", f"2 of {HOSTILE}", f"--out '{HOSTILE}'", "a<b>"):
        assert where in shown
    assert list(page.charts["parts"]["r1"]["names"]) == list(STRATEGIES)


def test_nothing_is_fetched(page):
    for element in page.elements:
        for name in ("src", "href", "data", "srcset", "poster", "action"):
            assert element["attributes"].get(name, "#").startswith("#"), element
    style = page.all("style")[0]["text"]
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = (e["attributes"]["content"] for e in page.all("meta") if "http-equiv" in e["attributes"])
    assert policy.startswith("default-src 'none';")
    names = {"http://www.w3.org/", "https://vega.github.io/", "https://github.com/vega/"}  # of formats, and in comments
    for url in re.findall(r"https?://[\w.-]+/(?:vega/)?", page.text):
        assert any(name.startswith(url) for name in names), url


def test_page_is_whole_for_those_who_hear_it(page):
    assert page.all("html")[0]["attributes"]["lang"] == "en"
    assert page.all("title")[0]["text"] == "Search on nb201-digits"
    assert [len(page.all(tag)) for tag in ("h1", "main", "header", "footer")] == [1] * 4
    ids = [e["attributes"]["id"] for e in page.elements if "id" in e["attributes"]]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        given = element["attributes"]
        for reference in ("aria-labelledby", "aria-controls"):
            assert given.get(reference, ids[0]) in ids
        if given.get("href", "").startswith("#"):
            assert given["href"][1:] in ids
    levels = [int(e["tag"][1]) for e in page.elements if re.fullmatch(r"h[1-6]", e["tag"])]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    charts = [e for e in page.all("div") if e["attributes"].get("class") == "chart"]
    assert {e["attributes"]["id"] for e in charts} == set(page.charts["charts"])
    assert all("chart:" in e["attributes"]["aria-label"] or "plot:" in e["attributes"]["aria-label"] for e in charts)


def test_verification_scores_and_origin_are_told(page, results):
    verified = page.rows("verification")
    assert verified[1][1:4] == ["95.00 ± 1.00 %", "94.00 ± 1.00 %", "-1.00 %"]
    assert verified[2][1:4] == ["\u2013", "50.00 %", "\u2013"]
    scores = {row[0]: row[1:] for row in page.rows("scorecards")}
    assert scores == {"score": [HOSTILE], "train": ["1,200"], "r2": ["0.875"], "seed tau": ["\u2013"]}
    facts = dict(row for row in page.rows("origin") if len(row) == 2)
    assert facts["digest of the oracle"] == results.provenance["oracle"]["digest"]
    assert facts["seeds"] in {"0 to 5", "0 to 2"}
    recipe = results.provenance["tasks"]["digits"]
    assert facts["digits: hash of the recipe"] == recipe["recipe_hash"]
    assert recipe["device"]["hardware"] in facts["digits: hardware"]
    copied = page.all("pre", id="origin-text")[0]["text"]
    assert f"digest of the oracle: {results.provenance['oracle']['digest']}" in copied


def test_cards_show_text_and_tables_and_nothing_else():
    card = (
        "# A\n\n## B\n\n<script>x</script> ![pixel](http://example.org/p.png) [run](javascript:alert(1))\n\n"
        "|a|\n|-|\n|1|\n"
    )
    html = card_html(card, below=2)
    assert "<h3>A</h3>" in html
    assert "<h4>B</h4>" in html
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert "<td>1</td>" in html
