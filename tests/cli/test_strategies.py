"""`nasbench strategies`, and what `nasbench compare` takes for strategies, goals and reports."""

from __future__ import annotations

import json

import pytest

from nasbench.comparison import Results
from strategies import STRATEGIES, strategy_families

COMPARE = ("compare", "nb201-digits", "--runs", 2, "--jobs", 1, "--out")


def test_the_list_has_family_paper_fidelities_objectives_and_defaults(command):
    listed = {row["name"]: row for row in json.loads(command("strategies", "--json").out)}
    assert list(listed) == list(STRATEGIES)
    assert listed["regularized-evolution"] == {
        "name": "regularized-evolution",
        "family": "evolution",
        "paper": "Real et al., AAAI 2019",
        "about": "Mutates the best of a random sample of the population.",
        "fidelities": "one",
        "objectives": "one",
        "options": {"population": 100, "sample": 25},
    }
    assert (listed["hyperband"]["fidelities"], listed["nsga2"]["objectives"]) == ("several", "several")
    text = command("strategies").out
    assert all(f"\n{family}\n" in f"\n{text}" for family in strategy_families())
    assert "; several fidelities; several objectives\n" in text


def test_families_and_all_stand_for_their_strategies(command, tmp_path):
    out = tmp_path / "r.h5"
    done = command(*COMPARE, out, "--budget", 12, "--strategies", "baseline,evolution,tpe(startup=3)")
    assert done.code == 0, done.err
    names = ["random-search", *strategy_families()["evolution"], "tpe(startup=3)"]
    assert list(Results.load(out).trials) == names


def test_a_family_without_one_that_can_search_is_named(command, tmp_path):
    done = command(
        *(*COMPARE, tmp_path / "r.h5", "--budget", 9),
        *("--strategies", "multi-fidelity", "--signal", "validation_accuracy@1"),
    )
    assert done.code == 2
    assert "none of the strategies of 'multi-fidelity' can search here; the notes above say why" in done.err
    assert "left out hyperband: hyperband chooses by short trainings" in done.err
    done = command(*COMPARE, tmp_path / "r.h5", "--budget", 9, "--strategies", "transfer")
    assert done.code == 2
    assert "left out warm-start: warm-start starts from what is known to be good: give source=" in done.err


def test_goals_and_reports_of_the_command_line_are_those_of_the_results(command, tmp_path):
    out = tmp_path / "r.h5"
    done = command(
        *(*COMPARE, out, "--budget", 30, "--strategies", "random-search,nsga2"),
        *("--objective", "parameters", "--objective", "latency_seconds", "--constraint", "flops<=200000"),
        *("--report", "test_accuracy", "--report", "test_loss"),
    )
    assert done.code == 0, done.err
    results = Results.load(out)
    assert [str(each) for each in results.protocol.objectives] == [
        "digits/parameters@12",
        "digits/latency_seconds@12",
    ]
    assert [str(each) for each in results.protocol.constraints] == ["digits/flops@12<=200000"]
    assert [str(each) for each in results.reports] == [
        *("digits/test_accuracy@12", "digits/test_loss@12"),
        "digits/validation_accuracy@12",  # the signal, always
    ]
    assert "Objective: digits/parameters@12\n" in done.out
    assert "Constraint: digits/flops@12<=200000\n" in done.out
    assert done.out.count("Found by then: mean ± std over runs of") == 2
    assert "volume" in done.out
    told = json.loads(command("info", out, "--json").out)
    assert told["constraints"] == ["digits/flops@12<=200000"]


def test_a_warm_start_takes_its_source_by_path(command, tmp_path):
    out = tmp_path / "r.h5"
    warm = "warm-start(source='nb201-digits', top=3, strategy='regularized-evolution(population=5, sample=2)')"
    done = command(*COMPARE, out, "--budget", 6, "--strategies", f"random-search,{warm}")
    assert done.code == 0, done.err
    results = Results.load(out)
    found = {name: trials.report[trials.last].mean() for name, trials in results.trials.items()}
    assert found[warm] > results.reference.best - 0.02
    done = command(*COMPARE, tmp_path / "x.h5", "--budget", 6, "--strategies", "warm-start(source='nowhere.h5')")
    assert done.code == 2
    assert "nowhere.h5: no such file" in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--strategies", "evolutoin"), "unknown strategy 'evolutoin'; did you mean 'evolution'?"),
        (("--strategies", "evolution,local-search"), "each strategy is compared once"),
        (("--strategies", "random-search", "--objective", "latency"), "unknown metric 'latency' of task 'digits'"),
        (("--strategies", "random-search", "--constraint", "flops<10"), "cannot read the constraint 'flops<10'"),
        (("--strategies", "random-search", "--constraint", "flops<=10"), "keeps to digits/flops@12<=10: the nearest"),
        (("--strategies", "bananas(predictor='xgbost')"), "unknown predictor 'xgbost'; did you mean 'xgboost'?"),
        (("--strategies", "asha", "--signal", "validation_accuracy@1"), "asha chooses by short trainings"),
    ],
)
def test_mistakes_are_one_line_that_names_the_way_out(command, tmp_path, options, message):
    done = command(*COMPARE, tmp_path / "r.h5", "--budget", 9, *options)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "r.h5").exists()
