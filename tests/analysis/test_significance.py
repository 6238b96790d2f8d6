"""Tests of differences, several benchmarks on one scale, and the number of runs that a difference takes."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import stats

from analysis.made_results import made_results
from nasbench.analysis.curves import curves
from nasbench.analysis.finals import finals, normalised_regret, pooled_curves, relative_improvement
from nasbench.analysis.significance import (
    final_ranks,
    friedman,
    nemenyi,
    not_worse,
    pairwise,
    runs_needed,
    signed_rank_p,
    signed_ranks,
)
from nasbench.comparison import compare
from nasbench.comparison.trials import at_grid
from strategies import Hyperband, LocalSearch, RandomSearch, SuccessiveHalving
from tabular import TableOracle
from tabular.errors import QueryError
from tabular.measures import Reference

PLAYERS = {
    "random-search": RandomSearch,
    "local-search": LocalSearch,
    "hyperband": Hyperband,
    "successive-halving": SuccessiveHalving,
}

# Demsar 2006, tables 2 and 6. Of 0.975 and 0.975 on voting the paper ranks the first above the second.
DEMSAR = {
    "C4.5": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1, 0.940, 0.619, 0.972, 0.957],
    "C4.5+m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1, 0.962, 0.666, 0.981, 0.978],
    "C4.5+cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1, 0.965, 0.614, 0.9751, 0.946],
    "C4.5+m+cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1, 0.962, 0.669, 0.975, 0.970],
}
DEMSAR_Q = {3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
# Differences of crossed and self-fertilised plants (Darwin 1876), a textbook case of the signed-rank test.
DARWIN = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]


@pytest.fixture(scope="module")
def results():
    """Four strategies on the shipped table, 40 runs each of 60 evaluations."""
    return compare(PLAYERS, TableOracle("nb201-digits"), 60, runs=40)


def by_seed(results):
    """Final reports, (R, S), a column a strategy in the results' order."""
    return finals(results).pivot_table(index="run", columns="strategy", values="report")[list(results.trials)]


@pytest.mark.parametrize("runs", [2, 3, 5, 9, 14, 40])
@pytest.mark.parametrize("ties", [True, False])
def test_the_signed_rank_test_of_few_runs_is_scipys(runs, ties):
    rng = np.random.default_rng(runs)
    gains = rng.integers(-2, 5, runs).astype(float) if ties else rng.normal(1, 1, runs)
    assert signed_rank_p(signed_ranks(gains)) == pytest.approx(stats.wilcoxon(gains).pvalue)


def test_pairwise_is_scikit_posthocs_with_holm(results):
    made = pairwise(results)
    columns = "strategy other difference p p_holm wins ties losses runs missing"
    assert list(made.columns) == columns.split()
    table = by_seed(results)
    melted = table.melt(var_name="strategy", value_name="report")
    for column, adjust in (("p", None), ("p_holm", "holm")):
        theirs = scikit_posthocs.posthoc_wilcoxon(melted, "report", "strategy", p_adjust=adjust)
        for row in made.to_dict("records"):
            assert row[column] == pytest.approx(theirs.loc[row["strategy"], row["other"]], rel=1e-12)
    for row in made.itertuples():
        gain = table[row.strategy] - table[row.other]
        assert (row.difference, row.wins, row.losses) == (gain.median(), (gain > 0).sum(), (gain < 0).sum())
        assert row.wins + row.ties + row.losses == row.runs == 40
    assert len(made) == 6
    assert made.p.min() < 0.05  # or else nothing above was put to the test


def test_pairwise_has_the_textbooks_p():
    darwin = pairwise(made_results({"crossed": np.array(DARWIN) / 1000 + 0.5, "selfed": np.full(15, 0.5)}))
    assert darwin.p[0] == pytest.approx(0.0413, abs=5e-5)
    assert (darwin.wins[0], darwin.losses[0], darwin.p_holm[0]) == (13, 2, darwin.p[0])


def test_pairwise_turns_with_its_sides_and_with_what_is_minimised():
    reports = {"a": np.array(DARWIN) / 1000 + 0.5, "b": np.full(15, 0.5)}
    one = pairwise(made_results(reports)).iloc[0]
    for turned in (
        pairwise(made_results({"b": reports["b"], "a": reports["a"]})),
        pairwise(made_results(reports, metric="test_loss")),
    ):
        other = turned.iloc[0]
        assert other.difference == -one.difference
        assert (other.p, other.wins, other.losses) == (one.p, one.losses, one.wins)


def test_runs_that_tie_or_have_no_value_are_counted():
    equal = pairwise(made_results({"a": [0.5, 0.6, 0.7], "b": [0.5, 0.6, 0.7]})).iloc[0]
    assert (equal.p, equal.p_holm, equal.ties, equal.difference) == (1.0, 1.0, 3, 0.0)
    nan = np.nan
    lost = pairwise(made_results({"a": [0.5, 0.6, nan, nan, 0.9], "b": [0.4, nan, 0.1, nan, 0.8]})).iloc[0]
    assert (lost.wins, lost.ties, lost.losses, lost.runs, lost.missing) == (3, 1, 1, 5, 3)
    assert lost.difference == pytest.approx(0.1)  # of the two runs that have both
    worst = {"a": [0.5, 0.6, 0.0, 0.0, 0.9], "b": [0.4, 0.0, 0.6, 0.0, 0.8]}
    assert lost.p == pairwise(made_results(worst)).p[0]
    nothing = pairwise(made_results({"a": [nan] * 3, "b": [nan] * 3})).iloc[0]
    assert nothing.p == 1
    assert np.isnan(nothing.difference)


def test_the_best_is_with_those_that_are_not_significantly_worse():
    noise = np.random.default_rng(0).normal(0, 0.01, (4, 20))
    reports = {"far": 0.5 + noise[0], "near": 0.8 + noise[1], "best": 0.81 + noise[1] * -2, "lost": noise[3] * np.nan}
    assert not_worse(made_results(reports)) == ["best", "near"]
    assert not_worse(made_results(reports, metric="test_loss")) == ["far"]
    assert not_worse(made_results(reports), alpha=1e-9) == ["best", "far", "near"]
    assert not_worse(made_results({"a": [0.4]})) == ["a"]
    assert not_worse(made_results({"a": [np.nan] * 2, "b": [np.nan] * 2})) == []
    # one run that failed takes the best mean from what wins all other runs; who wins cannot be significantly worse
    often = {"often": np.append(np.full(19, 0.9), 0.0), "never": np.full(20, 0.88)}
    assert not_worse(made_results(often)) == ["never", "often"]
    assert not_worse(made_results(often), center="median") == ["often"]


def test_friedman_is_demsars_example():
    made = friedman(made_results(DEMSAR))
    assert [round(rank, 3) for rank in made.ranks.values()] == [3.143, 2.0, 2.893, 1.964]
    assert made.blocks == 14
    assert round(made.critical_difference, 2) == 1.25
    squares = sum(rank**2 for rank in made.ranks.values())
    uncorrected = 12 * 14 / (4 * 5) * (squares - 4 * 5**2 / 4)
    assert round(uncorrected, 2) == 9.28
    assert made.statistic > uncorrected  # for ties, which the paper leaves alone
    at_a_tenth = friedman(made_results(DEMSAR), alpha=0.1).critical_difference
    assert at_a_tenth / np.sqrt(4 * 5 / (6 * 14)) == pytest.approx(2.291, abs=1e-3)


@pytest.mark.parametrize("strategies", DEMSAR_Q)
def test_critical_difference_has_demsars_quantiles(strategies):
    made = friedman(made_results({f"s{i}": np.arange(6) * i for i in range(strategies)}))
    quantile = made.critical_difference / np.sqrt(strategies * (strategies + 1) / (6 * 6))
    assert quantile == pytest.approx(DEMSAR_Q[strategies], abs=1.1e-3)
    assert made.p < 0.01


def test_friedman_and_nemenyi_of_real_runs_are_the_libraries(results):
    made, table = friedman(results), by_seed(results)
    theirs = stats.friedmanchisquare(*table.to_numpy().T)
    assert (made.statistic, made.p) == pytest.approx(tuple(theirs), rel=1e-9)
    assert list(made.ranks.items()) == list(final_ranks(results).itertuples(index=False, name=None))
    p_values = nemenyi(results)
    assert list(p_values.index) == list(p_values.columns) == list(PLAYERS)
    np.testing.assert_allclose(p_values, scikit_posthocs.posthoc_nemenyi_friedman(-table.to_numpy()), rtol=1e-9)
    for one in PLAYERS:
        for other in PLAYERS:
            apart = abs(made.ranks[one] - made.ranks[other]) >= made.critical_difference
            assert (p_values.loc[one, other] <= 0.05) == apart
    assert (p_values.to_numpy() < 0.05).any()


def test_several_results_are_one_block_each():
    columns = np.array(list(DEMSAR.values()))
    several = []
    for values in columns.T:
        around = values[:, None] + [0.0, 0.001, -0.5]  # its median is the value itself
        several.append(made_results(dict(zip(DEMSAR, around, strict=True)), seeds={name: [3, 5, 7] for name in DEMSAR}))
    assert friedman(several) == friedman(made_results(DEMSAR))
    pd.testing.assert_frame_equal(nemenyi(several), nemenyi(made_results(DEMSAR)))


def test_strategies_that_all_tie_do_not_differ():
    made = friedman(made_results({name: [0.5, np.nan] for name in "abc"}))
    assert (made.statistic, made.p, made.ranks) == (0.0, 1.0, {"a": 2.0, "b": 2.0, "c": 2.0})
    assert (nemenyi(made_results({name: [0.5, np.nan] for name in "ab"})) == 1).all(axis=None)


@pytest.mark.parametrize("test", [pairwise, friedman, nemenyi, runs_needed])
def test_tests_name_the_second_strategy_and_run_they_need(test):
    with pytest.raises(QueryError, match=r"needs two strategies, and these results have alone only"):
        test(made_results({"alone": [0.5, 0.6]}))
    with pytest.raises(QueryError, match=r"needs two runs (of each )?with the same seeds.*compare with more --runs"):
        test(made_results({"a": [0.5], "b": [0.6], "c": [0.7]}))
    with pytest.raises(QueryError, match=r"no seed is shared by a \(seeds 0 to 1\), b \(seeds 5 to 6\); compare them"):
        test(made_results({"a": [0.1, 0.2], "b": [0.1, 0.2]}, seeds={"a": [0, 1], "b": [5, 6]}))


def test_what_tests_cannot_be_asked_is_named():
    two = made_results({"a": [0.5, 0.6], "b": [0.1, 0.2]})
    with pytest.raises(
        QueryError, match=r"Friedman's test needs three strategies, and there are a and b only; .*pairwise"
    ):
        friedman(two)
    for asked in (lambda: not_worse(two, alpha=5), lambda: friedman(two, alpha=5)):
        with pytest.raises(QueryError, match=r"a level of significance is between 0 and 1, such as 0\.05; got alpha 5"):
            asked()
    with pytest.raises(QueryError, match=r"such as 0\.05 and 0\.8; got 0\.05 and 80"):
        runs_needed(two, power=80)


def test_normalised_regret_is_0_for_the_best_and_1_for_random():
    made = made_results({"a": [[0.5, 0.75, 1.0], [0.25, 0.9, 0.9]]})
    np.testing.assert_allclose(normalised_regret(made)["a"], [1, 0.5, 0, 1.5, 0.2, 0.2])
    loss = made_results({"a": [0.2, 2.2, np.nan]}, metric="test_loss", reference=Reference(0.2, 2.2, 0.1))
    np.testing.assert_allclose(normalised_regret(loss)["a"], [0, 1, np.nan])
    with pytest.raises(QueryError, match=r"made/test_accuracy@9 is 1 for every architecture of made: .* no scale"):
        normalised_regret(dataclasses.replace(made, reference=Reference(1.0, 1.0, 0.0)))
    with pytest.raises(QueryError, match="normalised regret needs the best made/test_accuracy@9 of the space"):
        pooled_curves([dataclasses.replace(made, reference=None)])


def test_pooled_curves_weigh_results_alike_whatever_their_budgets():
    one = made_results({"a": [[0.5, 0.75, 0.75, 1.0]], "x": [[1.0] * 4]}, unit="seconds")  # is 1, .5, .5, 0
    long = np.repeat([[0.9, 0.1, 0.1, 0.3]], 5, axis=0)  # a loss, normalised 1, 0, 0, 0.25; of five runs
    two = made_results(
        {"a": long}, metric="test_loss", reference=Reference(0.1, 0.9, 0.1), spent=[2, 4, 6, 8], unit="seconds"
    )
    made = pooled_curves([one, two], points=4)
    assert list(made.columns) == ["strategy", "share", "center", "low", "high", "runs"]
    assert made.strategy.unique().tolist() == ["a"]
    assert made.share.tolist() == pytest.approx(np.geomspace(0.25, 1, 4))
    assert made.share.iloc[-1] == 1
    np.testing.assert_allclose(made.center, [1, 1, 0.25, 0.125])
    assert (made.runs == 2).all()


def test_pooling_one_result_is_its_curve_on_its_scale(results):
    made, scale = pooled_curves([results], "median"), results.reference.best - results.reference.random_mean
    own = curves(results, grid=made.share.unique() * results.protocol.budget.amount)
    np.testing.assert_allclose(made.center * scale, own.center, atol=1e-12)
    assert (made.runs == 40).all()
    twice = pooled_curves([results, results], "mean")
    np.testing.assert_allclose(twice.center, pooled_curves([results]).center)
    trials = results.trials["hyperband"]
    last = at_grid(trials, results.regret(trials), np.array([60.0]), "evaluations").mean() / scale
    assert twice[twice.strategy == "hyperband"].center.iloc[-1] == pytest.approx(last)


def test_pooling_names_what_does_not_go_together():
    one = made_results({"a": [[0.5, 0.6]]})
    with pytest.raises(QueryError, match="budgets of one unit, and these are in evaluations and in seconds"):
        pooled_curves([one, made_results({"a": [[0.5, 0.6]]}, unit="seconds")])
    with pytest.raises(QueryError, match=r"strategies that all results have, and there is none \(made: a; made: b\)"):
        pooled_curves([one, made_results({"b": [[0.5, 0.6]]})])
    with pytest.raises(QueryError, match="pooled curves need results; none were given"):
        pooled_curves([])


def test_relative_improvement_is_in_percent_of_a_random_architecture():
    made = relative_improvement(made_results({"a": [0.6, 0.7], "b": [0.4], "c": [np.nan]}))
    assert list(made.columns) == ["strategy", "improvement", "error"]
    np.testing.assert_allclose(made.improvement, [30, -20, np.nan])
    np.testing.assert_allclose(made.error, [10, np.nan, np.nan])
    loss = made_results({"a": [1.0]}, metric="test_loss", reference=Reference(0.5, 2.0, 0.1))
    assert relative_improvement(loss).improvement[0] == 50
    with pytest.raises(QueryError, match="random architecture of made has made/test_accuracy@9 of 0 on average"):
        relative_improvement(made_results({"a": [0.5]}, reference=Reference(1.0, 0.0, 0.1)))


@pytest.mark.parametrize("shift", [0.3, 0.6])
def test_the_runs_needed_give_the_power_asked_for(shift):
    rng = np.random.default_rng(4)
    seen = rng.normal(shift, 1, 800)
    made = runs_needed(made_results({"a": seen, "b": np.zeros(800)})).iloc[0]
    assert made.effect == pytest.approx(2 * stats.norm.cdf(shift * np.sqrt(2)) - 1, abs=0.08)
    runs = int(made.runs_needed)
    fresh = rng.normal(seen.mean(), seen.std(), (400, runs))
    found = np.mean([stats.wilcoxon(each).pvalue < 0.05 for each in fresh])
    assert 0.75 < found < 0.9
    assert runs_needed(made_results({"b": np.zeros(800), "a": seen})).effect[0] == -made.effect
    assert runs_needed(made_results({"a": seen, "b": np.zeros(800)}), power=0.9).runs_needed[0] > runs


def test_runs_needed_of_plain_and_of_no_effects():
    always = runs_needed(made_results({"a": [0.9, 0.8, 0.7], "b": [0.1, 0.2, np.nan]})).iloc[0]
    assert (always.effect, always.runs) == (1.0, 3)
    assert always.runs_needed == np.ceil(4 / 3 * (1.959964 + 0.841621) ** 2)
    half = runs_needed(
        made_results({"a": [0.9, 0.8, 0.7, 0.0, 0.0, 0.0], "b": [0.1, 0.2, np.nan, 0.0, 0.0, 0.0]})
    ).iloc[0]
    assert half.runs_needed == np.ceil(2 * 4 / 3 * (1.959964 + 0.841621) ** 2)  # every other run ties
    none = runs_needed(made_results({"a": [0.5, 0.6], "b": [0.5, 0.6]})).iloc[0]
    assert (none.effect, none.runs_needed) == (0.0, np.inf)
    opposite = runs_needed(made_results({"a": [0.5, np.nan], "b": [np.nan, 0.5]})).iloc[0]
    assert opposite.effect == 0
