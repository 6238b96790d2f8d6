"""Comparisons with several reports, objectives and constraints."""

from __future__ import annotations

import numpy as np
import pytest

from nasbench import Measure, Proposal
from nasbench.comparison import Results, compare, run, summarise
from nasbench.comparison.fronts import attainment_surfaces, final_fronts, front_over_time
from nasbench.comparison.pareto import non_dominated
from nasbench.comparison.protocol import Constraint
from strategies import Hyperband, RandomSearch, RegularizedEvolution
from strategies.strategy import MultiObjectiveStrategy
from tabular import TableOracle
from tabular.errors import NasbenchError, QueryError, UnknownNameError

TASK = "digits"
ACCURACY, PARAMETERS = f"{TASK}/test_accuracy@12", f"{TASK}/parameters@12"


@pytest.fixture(scope="module")
def oracle():
    return TableOracle("nb201-digits")


class Weighing(MultiObjectiveStrategy):
    """Asks at random and keeps what it is told."""

    def __init__(self, space, rng, fidelities):
        super().__init__(space, rng, fidelities)
        self.told = []

    def ask(self):
        return Proposal(self.space.sample(self.rng), self.fidelities[-1])

    def tell_objectives(self, proposal, values, violation, seconds):
        self.told.append((proposal, values, violation))


@pytest.fixture(scope="module")
def results(oracle):
    return compare(
        {"random": RandomSearch, "weighing": Weighing, "hyperband": Hyperband},
        oracle,
        "600ep",
        runs=4,
        report=[ACCURACY, f"{TASK}/test_loss@12"],
        objectives=["parameters"],
        constraints=["flops<=100000"],
    )


def kept(strategy, oracle, budget=60, **rules):
    """Run a strategy and give it back with its trials."""
    made = []

    def factory(space, rng, fidelities):
        made.append(strategy(space, rng, fidelities))
        return made[0]

    return made, run(factory, oracle, budget, **rules)


def test_a_strategy_for_several_objectives_sees_them_signed_with_the_violation(oracle):
    made, trials = kept(Weighing, oracle, objectives=["parameters"], constraints=["flops<=100000"])
    for (proposal, values, violation), value, others, broken in zip(
        made[0].told, trials.value, trials.others, trials.violation, strict=True
    ):
        assert values.tolist() == [value, -others[0]]
        assert others[0] == oracle.query(proposal.architecture, PARAMETERS)
        flops = oracle.query(proposal.architecture, f"{TASK}/flops@12")
        assert violation == broken == pytest.approx(max(0, flops / 1e5 - 1))
    assert 0 < (trials.violation > 0).sum() < len(trials)


def test_it_sees_the_signal_alone_where_there_is_no_more(oracle):
    made, trials = kept(Weighing, oracle)
    assert [values.tolist() for _, values, _ in made[0].told] == [[value] for value in trials.value]


def test_other_strategies_are_told_minus_infinity_where_a_constraint_is_broken(oracle):
    told = []

    class Listening(RandomSearch):
        def tell(self, proposal, value, seconds):
            told.append(value)

    _, trials = kept(Listening, oracle, constraints=["parameters<=1000"])
    broken = trials.violation > 0
    assert np.isneginf(told).tolist() == broken.tolist()
    assert 0 < broken.sum() < len(broken)


def test_an_incumbent_keeps_to_the_constraints_and_has_no_report_before_one_does(results):
    for trials in results.trials.values():
        found = trials.violation[trials.incumbent] == 0
        assert found.any()
        assert np.isfinite(trials.report[found]).all()
        assert np.isnan(trials.report[~found]).all()
        assert np.isnan(trials.further[:, ~found]).all()


def test_regret_is_against_the_best_that_keeps_to_the_constraints(oracle, results):
    rows = oracle.space.all()
    allowed = oracle.query(rows, f"{TASK}/flops@12") <= 1e5
    accuracy = oracle.query(rows, ACCURACY)
    assert results.reference.best == accuracy[allowed].max() < accuracy.max()
    assert results.reference.random_mean == pytest.approx(accuracy[allowed].mean())


def test_a_comparison_reports_by_several_measures_at_once(oracle, results):
    alone = compare({"random": RandomSearch}, oracle, 40, runs=3, report="test_loss")
    both = compare({"random": RandomSearch}, oracle, 40, runs=3, report=["test_accuracy", "test_loss"])
    by_loss = both.reported_by(f"{TASK}/test_loss@12")
    np.testing.assert_array_equal(by_loss.trials["random"].report, alone.trials["random"].report)
    assert by_loss.reference == alone.reference
    assert by_loss.report_metric.direction == "minimize"
    assert (by_loss.regret(by_loss.trials["random"]) >= 0).all()
    assert both.reported_by(both.report) is both
    with pytest.raises(UnknownNameError, match="unknown report 'digits/test_los@12'; did you mean"):
        both.reported_by("digits/test_los@12")
    assert {"digits/test_loss@12", PARAMETERS, "violation", "on_front"} <= set(results.to_frame().columns)


def test_the_front_of_the_space_is_what_nothing_beats(oracle, results):
    rows = oracle.space.all()
    rows = rows[oracle.query(rows, f"{TASK}/flops@12") <= 1e5]
    values = np.column_stack([oracle.query(rows, ACCURACY), -oracle.query(rows, PARAMETERS)])
    for accuracy, parameters in results.front:
        assert not ((values >= [accuracy, -parameters]).all(1) & (values > [accuracy, -parameters]).any(1)).any()
    assert results.worst.tolist() == [values[:, 0].min(), -values[:, 1].min()]


def test_what_is_on_the_front_of_a_run_was_beaten_by_nothing_before(results):
    trials = results.trials["hyperband"]
    assert not trials.on_front[trials.epochs < 12].any()
    assert not trials.on_front[trials.violation > 0].any()
    seen = np.column_stack([trials.value, -trials.others[:, 0]])
    for start, stop in zip(trials.offsets[:-1], trials.offsets[1:], strict=True):
        full = [t for t in range(start, stop) if trials.epochs[t] == 12 and trials.violation[t] == 0]
        for place, trial in enumerate(full):
            before = seen[full[:place]]
            assert trials.on_front[trial] == (not (before >= seen[trial]).all(axis=1).any())


def test_hypervolume_grows_from_nothing_and_the_final_front_beats_itself_nowhere(results):
    for name, trials in results.trials.items():
        volume, distance = front_over_time(results, name), front_over_time(results, name, "igd+")
        assert ((volume >= 0) & (volume <= 1)).all()
        assert (volume[trials.last] > 0.3).all()
        assert np.nanmin(distance) >= 0
        for front in final_fronts(results, name):
            assert len(front)
            assert np.isfinite(front).all()
    row = next(row for row in summarise(results) if row.strategy == "weighing")
    trials = results.trials["weighing"]
    assert row.hypervolume == pytest.approx(front_over_time(results, "weighing")[trials.last].mean())
    assert np.isnan(summarise(results)[-1].hypervolume)


def test_attainment_is_what_a_share_of_the_runs_has_reached_by_then(results):
    budget = results.protocol.budget.amount
    for spent in (budget / 2, None):
        fronts = final_fronts(results, "weighing", spent)
        median, every = attainment_surfaces(results, "weighing", [0.5, 1], spent)
        for surface, least in ((median, len(fronts) / 2), (every, len(fronts))):
            for accuracy, parameters in surface:
                reached = [((front[:, 0] >= accuracy) & (front[:, 1] <= parameters)).any() for front in fronts]
                assert sum(reached) >= least
    early, late = (front_over_time(results, "weighing")[results.trials["weighing"].offsets[:-1] + n] for n in (5, 40))
    assert (late >= early - 0.05).all()
    assert all(not len(front) for front in final_fronts(results, "weighing", spent=1))  # no training ends by then


def test_the_whole_front_of_a_space_has_no_distance_to_it(oracle):
    class Everything(RandomSearch):
        def __init__(self, space, rng, fidelities):
            super().__init__(space, rng, fidelities)
            self.rows = iter(space.unique())

        def ask(self):
            row = next(self.rows, None)
            return None if row is None else Proposal(row, self.fidelities[-1])

    # The report is what strategies see, up to the luck of the one training: so judge by a measure without luck.
    found = compare(
        *({"everything": Everything}, oracle, 10_000),
        runs=1,
        signal="flops",
        report="flops",
        objectives=["parameters"],
    )
    assert front_over_time(found, "everything", "igd+")[-1] == pytest.approx(0, abs=1e-12)


def test_file_keeps_goals_and_fronts(results, tmp_path):
    results.save(tmp_path / "r.h5")
    loaded = Results.load(tmp_path / "r.h5")
    assert loaded.to_frame().equals(results.to_frame())
    assert loaded.protocol == results.protocol
    assert loaded.protocol.constraints == (Constraint(Measure(TASK, "flops", 12), 1e5),)
    assert loaded.reports == results.reports
    np.testing.assert_array_equal(loaded.front, results.front)
    for name in results.trials:
        np.testing.assert_array_equal(front_over_time(loaded, name), front_over_time(results, name))
        np.testing.assert_array_equal(loaded.trials[name].thinking, results.trials[name].thinking)


def test_time_of_its_own_is_on_record(results):
    for trials in results.trials.values():
        assert (trials.thinking > 0).all()
    rows = {row.strategy: row for row in summarise(results)}
    assert 0 < rows["random"].own_seconds < 0.01


@pytest.mark.parametrize("at_most", [True, False])
def test_violation_is_a_share_of_the_bound(at_most):
    constraint = Constraint(Measure("t", "latency_seconds", 1), 4.0, at_most)
    values = np.array([2.0, 4.0, 6.0, np.nan])
    expected = [0, 0, 0.5, np.inf] if at_most else [0.5, 0, 0, np.inf]
    assert constraint.violation(values).tolist() == expected
    assert str(constraint) == f"t/latency_seconds@1{'<=' if at_most else '>='}4"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"objectives": ["parametres"]}, "unknown metric 'parametres' of task 'digits'; did you mean 'parameters'"),
        ({"objectives": ["test_loss"]}, "the objective digits/test_loss@12 is a test metric; a strategy may see"),
        ({"objectives": ["parameters", "parameters"]}, "each objective counts once, the signal included; got"),
        ({"constraints": ["test_accuracy>=0.5"]}, "the constraint digits/test_accuracy@12 is a test metric"),
        ({"constraints": ["parameters=9"]}, "cannot read the constraint 'parameters=9'; write measure<=bound"),
        ({"constraints": ["parameters<=few"]}, "cannot read the constraint 'parameters<=few'"),
        ({"constraints": ["parameters<=nan"]}, "the bound of digits/parameters@12 must be a finite number, got nan"),
        (
            {"constraints": ["parameters<=10"]},
            "no architecture of nb201-digits keeps to digits/parameters@12<=10: the nearest has 194",
        ),
        (
            {"constraints": ["parameters<=194", "flops>=1e6"]},
            r"of those that keep to the other constraints keeps to digits/flops@12>=1e\+06: the nearest has",
        ),
        ({"report": []}, r"incumbents are judged by one report or several different ones, got \[\]"),
        ({"report": ["test_loss", "test_loss"]}, "judged by one report or several different ones"),
    ],
)
def test_goals_that_cannot_be_are_refused(oracle, rules, message):
    with pytest.raises(NasbenchError, match=message):
        compare({"random": RandomSearch}, oracle, 10, runs=1, **rules)


def test_fronts_need_objectives_and_igd_a_known_space(oracle):
    plain = compare({"random": RandomSearch}, oracle, 10, runs=1)
    with pytest.raises(QueryError, match="a front takes several objectives; compare with --objective"):
        front_over_time(plain, "random")
    with pytest.raises(NasbenchError, match="unknown indicator 'hypervolum'; did you mean 'hypervolume'"):
        front_over_time(plain, "random", "hypervolum")


def test_a_table_of_a_part_knows_no_front_but_compares(oracle):
    part = TableOracle("nb201-5nodes-digits")

    class Known(RegularizedEvolution):
        def ask(self):
            rows = part.table.architectures
            return Proposal(rows[int(self.rng.random() * len(rows))], self.fidelities[-1])

    found = compare({"known": Known}, part, 60, runs=2, objectives=["parameters"])
    assert found.front is None
    assert found.reference is None
    volume = front_over_time(found, "known")
    assert 0 < volume[-1] <= 1
    with pytest.raises(QueryError, match=r"IGD\+ needs the front of the space, which nb201-5nodes-digits"):
        front_over_time(found, "known", "igd+")
    for front in final_fronts(found, "known"):
        assert len(front) == len(np.unique(front, axis=0))
        assert non_dominated(front * [0, -1]).any()
