"""Results joined to others: nothing is lost, nothing counts twice, and what is not comparable is refused."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.comparison import Results, compare, summarise
from nasbench.comparison.compare import extend
from nasbench.comparison.merge import merge_results
from nasbench.comparison.results import select
from nasbench.comparison.trials import take_runs
from strategies import LocalSearch, RandomSearch, read_strategy
from tabular import TableOracle, write_table
from tabular.errors import PlanMismatchError, QueryError, StrategyError

EVOLUTION = "regularized-evolution(population=10,sample=3)"
STRATEGIES = {name: read_strategy(name) for name in ("random-search", EVOLUTION, "local-search")}
REPORTS = ("test_accuracy", "test_loss")
RUNS = 10


@pytest.fixture(scope="module")
def oracle():
    return TableOracle("nb201-digits")


@pytest.fixture(scope="module")
def whole(oracle):
    return compare(STRATEGIES, oracle, "40", runs=RUNS, report=REPORTS)


def assert_same_runs(found, expected, *, thinking=False):
    """All that is on record of all runs; the thinking only where it was not measured anew."""
    assert sorted(found.trials) == sorted(expected.trials)
    for name, wanted in expected.trials.items():
        for each in fields(wanted):
            if thinking or each.name != "thinking":
                np.testing.assert_array_equal(
                    getattr(found.trials[name], each.name), getattr(wanted, each.name), err_msg=each.name
                )


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_split_joins_to_what_it_was(whole, data):
    cells = [(name, seed) for name in STRATEGIES for seed in range(RUNS)]
    owners = data.draw(
        st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=len(cells), max_size=len(cells)), label="owners"
    )
    parts = [
        select(whole, {name: [seed for (n, seed), own in zip(cells, owners, strict=True) if n == name and part in own]
                       for name in STRATEGIES})
        for part in range(4)
    ]  # fmt: skip
    merged = merge_results(data.draw(st.permutations(parts)))
    assert_same_runs(merged, whole, thinking=True)
    assert merged.protocol == whole.protocol
    assert merged.provenance == whole.provenance
    assert merged.reference == whole.reference


@settings(max_examples=40, deadline=None)
@given(places=st.lists(st.integers(0, RUNS - 1), max_size=6))
def test_taken_runs_are_those_of_the_frame(whole, places):
    taken = replace(whole, trials={EVOLUTION: take_runs(whole.trials[EVOLUTION], places)}).to_frame()
    frame = whole.to_frame()
    assert len(taken) == 40 * len(places)
    for i, place in enumerate(places):
        one = taken.iloc[40 * i : 40 * (i + 1)].reset_index(drop=True)
        assert one.equals(frame[(frame.strategy == EVOLUTION) & (frame.run == place)].reset_index(drop=True))


@pytest.mark.parametrize("protocol", [{}, {"objectives": ["parameters"], "constraints": ["flops<=9e6"], "workers": 3}])
def test_comparisons_made_apart_join_to_one_made_at_once(oracle, protocol):
    names = list(STRATEGIES)
    together = compare(STRATEGIES, oracle, "30s", runs=8, **protocol)
    apart = [
        compare({names[0]: STRATEGIES[names[0]]}, oracle, "30s", runs=5, first_seed=3, **protocol),
        compare({name: STRATEGIES[name] for name in names[:2]}, oracle, "30s", runs=6, **protocol),
        compare({names[1]: STRATEGIES[names[1]]}, oracle, "30s", runs=2, first_seed=6, **protocol),
        compare({names[2]: STRATEGIES[names[2]]}, oracle, "30s", runs=8, **protocol),
    ]
    merged = merge_results(apart)
    assert_same_runs(merged, together)
    assert merged.to_frame().equals(together.to_frame())
    if protocol:
        np.testing.assert_array_equal(merged.front, together.front)


def changed(results, name, field, place, value):
    trials = replace(results.trials[name])
    values = getattr(trials, field).copy()
    values[place] = value
    setattr(trials, field, values)
    return replace(results, trials={**results.trials, name: trials})


def test_a_run_that_is_not_the_same_is_named_with_its_first_difference(whole):
    start = int(whole.trials[EVOLUTION].offsets[4])
    other = changed(whole, EVOLUTION, "value", start + 7, 0.5)
    other = changed(other, EVOLUTION, "finished", start + 9, 1.0)
    with pytest.raises(PlanMismatchError) as refusal:
        merge_results([whole, other], ["mine.h5", "theirs.h5"])
    assert str(refusal.value) == (
        f"run 4 of strategy '{EVOLUTION}' is not the same in mine.h5 and theirs.h5: trial 7 has value = 0.5 in the "
        f"second, {whole.trials[EVOLUTION].value[start + 7]} in the first; leave that strategy out of one of them, or "
        "name it otherwise"
    )


def test_a_run_with_fewer_trials_is_not_the_same(oracle, whole):
    shorter = compare({"local-search": LocalSearch}, oracle, "30", runs=2, report=REPORTS)
    shorter = replace(shorter, protocol=whole.protocol)
    with pytest.raises(PlanMismatchError, match=r"^run 0 of .* part 1 and part 2: has 30 trials in the second, 40 in"):
        merge_results([whole, shorter])


def test_the_time_that_strategies_took_makes_no_run_another(whole):
    other = changed(whole, EVOLUTION, "thinking", 3, 1e3)
    assert_same_runs(merge_results([whole, other]), whole, thinking=True)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"budget": "50"}, "its budget is 50 evaluations, not 40 evaluations"),
        ({"budget": "40.0000001"}, r"budget is Budget\(amount=40.0000001, .*, not Budget\(amount=40.0,"),
        ({"workers": 2}, "its number of workers is 2, not 1"),
        ({"repeats": "cache"}, "its handling of repeats is cache, not charge"),
        ({"report": "test_loss"}, "its report is digits/test_loss@12, not digits/test_accuracy@12"),
        (
            {"signal": "validation_accuracy@6"},
            "its signal is digits/validation_accuracy@6, not digits/validation_accuracy@12",
        ),
        ({"objectives": ["parameters"]}, "its list of objectives is digits/parameters@12, not none"),
        ({"constraints": ["parameters<=40000"]}, "its list of constraints is digits/parameters@12<=40000, not none"),
    ],
)
def test_another_protocol_is_refused(oracle, whole, other, what):
    results = compare(
        {"random-search": RandomSearch}, oracle, **{"budget": "40", "runs": 1, "report": REPORTS, **other}
    )
    with pytest.raises(PlanMismatchError, match=f"^b.h5 cannot be merged with a.h5: .*{what}.*; only results on one"):
        merge_results([whole, results], ["a.h5", "b.h5"])


def test_another_oracle_is_refused(toy_oracle, whole, tmp_path):
    toy = compare({"random-search": RandomSearch}, toy_oracle, "5", runs=2)
    with pytest.raises(PlanMismatchError, match="its space is toy, not nb201;"):
        merge_results([whole, toy])
    data = toy_oracle.table.load()
    data.tasks[0].metrics["test_accuracy"] = data.tasks[0].metrics["test_accuracy"] / 2
    write_table(tmp_path / "toy.h5", data)
    halved = TableOracle(tmp_path / "toy.h5")
    other = compare({"random-search": RandomSearch}, halved, "5", runs=2)
    with pytest.raises(PlanMismatchError, match=r"its oracle is toy \(\w{12}\.\.\.\), not toy \(\w{12}\.\.\.\);"):
        merge_results([toy, other])
    renamed = compare({"random-search": RandomSearch}, TableOracle(toy_oracle.table, "called-otherwise"), "5", runs=2)
    assert merge_results([toy, renamed]).oracle == "toy"


def test_results_without_a_digest_are_told_apart_by_name_origin_and_optimum(whole, tmp_path):
    provenance = {key: value for key, value in whole.provenance.items() if key != "oracle"}
    old = replace(whole, provenance=provenance)
    old.save(tmp_path / "old.h5")
    merged = merge_results([Results.load(tmp_path / "old.h5"), whole])
    assert_same_runs(merged, whole)
    assert merged.provenance["oracle"] == whole.provenance["oracle"]
    with pytest.raises(PlanMismatchError, match="its oracle is mine, not nb201-digits;"):
        merge_results([old, replace(whole, oracle="mine")])
    tasks = json.loads(json.dumps(provenance["tasks"]))
    tasks["digits"]["recipe"]["epochs"] = 13
    with pytest.raises(PlanMismatchError, match="its epochs of recipe of task 'digits' is 13, not 12;"):
        merge_results([old, replace(whole, provenance={**whole.provenance, "tasks": tasks})])
    with pytest.raises(PlanMismatchError, match=r"its best of the space is 1\.0, not 0\.9"):
        merge_results([old, replace(whole, reference=whole.reference._replace(best=1.0))])


def test_further_reports_that_all_have_stay(oracle, whole):
    fewer = compare({"random-search": RandomSearch}, oracle, "40", runs=2, first_seed=RUNS)
    merged = merge_results([whole, fewer])
    assert list(map(str, merged.reports)) == ["digits/test_accuracy@12", "digits/validation_accuracy@12"]
    judged, expected = (each.reported_by("digits/validation_accuracy@12") for each in (merged, whole))
    for field in ("report", "report_std", "best_seen"):
        np.testing.assert_array_equal(
            getattr(judged.trials[EVOLUTION], field), getattr(expected.trials[EVOLUTION], field)
        )
    assert merged.trials["random-search"].runs == RUNS + 2


def test_failures_and_versions_stay_on_record(whole, tmp_path):
    older = replace(whole, provenance={**whole.provenance, "nasbench": "0.0.9"}, failed={"mine": "broke"})
    merged = merge_results([replace(whole, failed={"yours": "broke too"}), older])
    assert merged.failed == {"yours": "broke too", "mine": "broke"}
    assert [each["nasbench"] for each in merged.provenance["versions"]] == [whole.provenance["nasbench"], "0.0.9"]
    merged.save(tmp_path / "merged.h5")
    again = merge_results([Results.load(tmp_path / "merged.h5"), older])
    assert again.provenance == merged.provenance
    with pytest.raises(QueryError, match="nothing to merge"):
        merge_results([])


class Never(RandomSearch):
    def __init__(self, *given):
        raise AssertionError("what is there is not run again")


class Breaks(RandomSearch):
    def ask(self):
        raise RuntimeError("out of ideas")


def test_extended_results_are_those_made_at_once(oracle, whole):
    middle = compare({EVOLUTION: STRATEGIES[EVOLUTION]}, oracle, "40", runs=3, first_seed=4, report=REPORTS)
    shown = []
    grown = extend(middle, STRATEGIES, oracle, runs=RUNS, progress=lambda *told: shown.append(told[:2]))
    assert_same_runs(grown, whole)
    assert summarise(grown)[0] == summarise(whole)[0]
    assert shown == sorted(shown, key=lambda told: told[0] / told[1])
    assert_same_runs(extend(grown, {"local-search": Never}, oracle, runs=RUNS), whole)


def test_an_extension_keeps_what_succeeded(oracle, whole):
    grown = extend(whole, {"breaks": Breaks, "local-search": LocalSearch}, oracle, runs=RUNS + 1)
    assert grown.trials["local-search"].runs == RUNS + 1
    assert "breaks" not in grown.trials
    assert "out of ideas" in grown.failed["breaks"]
    mended = extend(grown, {"breaks": RandomSearch}, oracle, runs=2)
    assert mended.failed == {}
    np.testing.assert_array_equal(mended.trials["breaks"].value, whole.trials["random-search"].value[:80])
    with pytest.raises(StrategyError, match="out of ideas"):
        extend(whole, {"breaks": Breaks}, oracle, runs=2)


def test_an_extension_on_another_oracle_is_refused_before_it_runs(toy_oracle, whole):
    with pytest.raises(
        PlanMismatchError, match=r"^what runs on toy cannot be merged with the results: its space is toy"
    ):
        extend(whole, {"never": Never}, toy_oracle)
    with pytest.raises(QueryError, match="at least one strategy and one run, got 0 and 100"):
        extend(whole, {}, toy_oracle)


def test_merge_at_the_command_line(command, whole, oracle, toy_table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    select(whole, {"random-search": range(6)}).save("a.h5")
    select(whole, {"random-search": range(4, RUNS), "local-search": range(3)}).save("b.h5")
    compare({EVOLUTION: STRATEGIES[EVOLUTION]}, oracle, "40", runs=2).save("c.h5")
    done = command("merge", "a.h5", "b.h5", "c.h5", "--out", "all.h5")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "all.h5: 15 runs of 3 strategies",
        "  random-search: 10 runs",
        "  local-search: 3 runs",
        f"  {EVOLUTION}: 2 runs",
        "2 runs were there more than once and are the same; each counts once",
        "left out the reports that not all have: digits/test_loss@12",
    ]
    assert Results.load("all.h5").trials["random-search"].runs == RUNS
    again = json.loads(command("merge", "all.h5", "a.h5", "--json").out)
    assert (again["repeated"], again["runs"]["random-search"], again["dropped_reports"]) == (
        6,
        10,
        ["digits/test_loss@12"],
    )


def test_merge_refuses_in_one_line(command, whole, oracle, toy_table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    select(whole, {"random-search": range(2)}).save("a.h5")
    compare({"random-search": RandomSearch}, oracle, "41", runs=1, report=REPORTS).save("b.h5")
    (tmp_path / "notes.txt").write_text("years of work")

    def refused(*arguments):
        done = command("merge", *arguments)
        assert (done.code, done.out) == (2, "")
        return done.err.removeprefix("nasbench: ").rstrip("\n")

    assert refused("a.h5", "b.h5", "--out", "c.h5") == (
        "b.h5 cannot be merged with a.h5: its budget is 41 evaluations, not 40 evaluations; only results on one oracle "
        "under one protocol belong together"
    )
    assert refused("c.h5", "a.h5", toy_table) == (
        f"a.h5 holds results and {toy_table} is a table: merge results with results and tables with tables"
    )
    assert refused("c.h5", "a.h5", "nowhere.h5") == "nowhere.h5: no such file"
    assert refused("notes.txt", "a.h5").startswith("notes.txt: exists and is not a nasbench-results file")
    assert refused("a.h5") == "only a.h5 is named: write nasbench merge OUT SOURCES..., or SOURCES... --out OUT"
    assert not (tmp_path / "c.h5").exists()
