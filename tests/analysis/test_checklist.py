"""The checklist of best practices: what it reads from results, and what it leaves to the author."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from markdown_it import MarkdownIt

from nasbench.analysis.checklist import checklist, to_latex, to_markdown
from nasbench.comparison import Results, compare
from strategies import Hyperband, RandomSearch, RegularizedEvolution
from tabular import TableOracle
from tabular.errors import QueryError

HOSTILE = "my_strategy&co(50%)"


@pytest.fixture(scope="module")
def results():
    strategies = {"random-search": RandomSearch, "hyperband": Hyperband, "evolution": RegularizedEvolution}
    return compare(strategies, TableOracle("nb201-digits"), 60, runs=5, first_seed=3)


def changed(results, **provenance):
    return dataclasses.replace(results, provenance={**results.provenance, **provenance})


def with_strategies(results, names):
    return dataclasses.replace(results, trials=dict(zip(names, results.trials.values(), strict=False)))


def look(results, words):
    """Return the answer and the evidence of the one question that has some words."""
    several = results if isinstance(results, list) else [results]
    (item,) = [each for each in checklist(several) if words in each.question]
    return item.answer, item.evidence


def test_the_papers_three_lists_of_questions(results):
    """Lindauer and Hutter 2020, the checklist at the end: 5 on code, 8 on comparing, 3 on reporting."""
    items = checklist([results])
    sections = [item.section for item in items]
    assert [sections.count(each) for each in dict.fromkeys(sections)] == [5, 8, 3]
    assert {item.answer for item in items} <= {"yes", "no", "for the author"}
    assert all(item.question.endswith("?") for item in items)
    assert all(item.evidence.endswith(".") for item in items)


def test_only_the_author_knows_what_is_released_and_how_it_was_tuned(results):
    for words in ("code of the pipeline", "code of the search space", "code of the NAS methods", "tuned", "ablation"):
        assert look(results, words)[0] == "for the author"


def test_evidence_is_what_the_file_holds(results, tmp_path):
    results.save(tmp_path / "r.h5")
    loaded = Results.load(tmp_path / "r.h5")
    assert checklist([loaded]) == checklist([results])
    task = json.loads(json.dumps(loaded.provenance["tasks"]["digits"]))
    everything = to_markdown(checklist([loaded]))
    for fact in (
        task["recipe_hash"],
        task["dataset"]["digest"][:12],
        task["git_revision"][:12],
        f"torch {task['versions']['torch']}",
        f"nasbench {loaded.provenance['nasbench']}",
        f"numpy {loaded.provenance['numpy']}",
        loaded.provenance["oracle"]["digest"][:12],
        "5 runs (seeds 3 to 7) of each strategy",
        "60 evaluations",
        "weight decay 0.0005",
        "train 674, validation 674, test 449",
        "15,625 architectures",
    ):
        assert fact in everything


def test_hardware_that_trainings_were_merged_from_is_named(results):
    task = dict(results.provenance["tasks"]["digits"])
    assert look(results, "confounding")[0] == "yes"
    task["earlier"] = [{**task, "device": {"torch": "cuda", "hardware": "NVIDIA Z9"}, "earlier": []}]
    answer, evidence = look(changed(results, tasks={"digits": task}), "confounding")
    assert answer == "for the author"
    assert f"{task['device']['hardware']} and NVIDIA Z9" in evidence


def test_runs_of_several_versions_are_not_controlled(results):
    versions = [{"nasbench": "0.1.0", "numpy": "2.0"}, {"nasbench": "0.2.0", "numpy": "2.1"}]
    answer, evidence = look(changed(results, versions=versions), "confounding")
    assert answer == "no"
    assert "nasbench 0.1.0 and numpy 2.0; nasbench 0.2.0 and numpy 2.1" in evidence


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        (["random-search", "a", "b"], "yes"),
        (["Random_Search(x=1)", "a", "b"], "yes"),
        (["my-random-thing", "a", "b"], "for the author"),
        (["a", "b", "c"], "no"),
    ],
)
def test_random_search_goes_by_its_name(results, names, answer):
    found, evidence = look(with_strategies(results, names), "random search")
    assert found == answer
    assert f"{100 * results.reference.random_mean:.4g} on average" in evidence
    assert names[0] in evidence


def test_one_run_and_one_strategy_are_no_comparison(results):
    once = compare({HOSTILE: RandomSearch}, TableOracle("nb201-digits"), 1, runs=1)
    assert look(once, "several runs") == ("no", "1 run (seed 0).")
    assert look(once, "over time")[0] == "no"
    for words in ("same benchmark", "same protocol"):
        answer, evidence = look(once, words)
        assert answer == "for the author"
        assert "There is one strategy, so that nothing is compared." in evidence
        assert look(results, words)[0] == "yes"


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("TableOracle", "yes"), ("SurrogateOracle", "yes"), ("TrainingOracle", "no"), ("Mine", "for the author")],
)
def test_the_kind_of_benchmark_is_the_oracles(results, kind, answer):
    assert look(changed(results, oracle={"kind": kind, "digest": ""}), "tabular")[0] == answer


def test_nothing_is_claimed_of_what_is_not_recorded(results):
    trials = {name: dataclasses.replace(each, thinking=np.full(5, np.nan)) for name, each in results.trials.items()}
    bare = dataclasses.replace(results, provenance={}, trials=trials)
    assert look(bare, "tabular") == ("for the author", "The kind of nb201-digits is not recorded.")
    assert look(bare, "confounding")[0] == "for the author"
    answer, evidence = look(bare, "end to end")
    assert answer == "for the author"
    assert "own computing of random-search, hyperband and evolution is not recorded" in evidence
    text = to_markdown(checklist([bare]))
    assert "does not know" not in text
    assert not re.search(r"\b(None|nan|unknown)\b", text)
    assert "nasbench 0" not in text


def test_imported_benchmarks_name_their_origin(results):
    task = {
        "dataset": "CIFAR-10",
        "splits": {"train": "25k"},
        "licence": "MIT",
        "citation": "Doe 2020",
        "source": "x.h5",
    }
    several = changed(results, tasks={"digits": task})
    assert "source x.h5; citation Doe 2020; licence MIT" in look(several, "code of the pipeline")[1]
    assert "data CIFAR-10, split train 25k" in look(several, "same benchmark")[1]


def test_time_from_end_to_end_needs_the_incumbent_trained_to_the_end(results):
    answer, evidence = look(results, "end to end")
    trials = results.trials["evolution"]
    assert f"evolution {trials.finished[trials.last].mean():.3g} s" in evidence
    full = all((each.epochs[each.incumbent[each.last]] == 12).all() for each in results.trials.values())
    assert answer == ("yes" if full else "for the author")
    early = dataclasses.replace(trials, epochs=np.full_like(trials.epochs, 4))
    answer, evidence = look(dataclasses.replace(results, trials={"evolution": early}), "end to end")
    assert (answer, "5 runs ended with an incumbent that was not trained to the end" in evidence) == (
        "for the author",
        True,
    )
    other = dataclasses.replace(results, report=results.report._replace(task="other", epochs=200))
    answer, evidence = look(other, "end to end")
    assert answer == "for the author"
    assert "judged after 200 epochs on other" in evidence


def test_several_results_say_once_what_they_share(results):
    second = dataclasses.replace(results, oracle="another")
    answer, evidence = look([results, second], "several runs")
    assert (answer, evidence) == ("yes", "5 runs (seeds 3 to 7) of each strategy.")
    _, evidence = look([results, second], "tabular")
    assert "another: another is a tabular benchmark" in evidence
    worse = with_strategies(second, ["a", "b", "c"])
    assert look([results, worse], "random search")[0] == "no"


def test_a_checklist_needs_results():
    with pytest.raises(QueryError, match=r"a checklist is filled in from results; none were given"):
        checklist([])


def test_markdown_is_a_list_of_tasks_that_hostile_names_cannot_break(results):
    items = checklist([with_strategies(results, ["|*x*", "<b>\n# head", HOSTILE])])
    tokens = MarkdownIt("commonmark").parse(to_markdown(items))
    assert [each.type for each in tokens].count("list_item_open") == len(items) == 16
    assert [each.type for each in tokens].count("heading_open") == 4
    assert not any(child.type == "html_inline" for each in tokens for child in each.children or ())
    ticks = re.findall(r"^- \[(.)\]", to_markdown(items), flags=re.MULTILINE)
    assert ticks == ["x" if item.answer == "yes" else " " for item in items]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_without_any_package(results, tmp_path):
    items = checklist([with_strategies(results, [HOSTILE, "[x]\\{~^", "漢 ω é"])])
    text = rf"\documentclass{{article}}\begin{{document}}{to_latex(items)}\end{{document}}"
    (tmp_path / "c.tex").write_text(text, encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "c.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
