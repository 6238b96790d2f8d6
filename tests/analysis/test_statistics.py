"""Runs made into curves, ranks, times to a target and final values."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.made_results import made_results
from nasbench.analysis.curves import BANDS, CENTERS, aggregate, curves, default_target, ecdf, time_to_target
from nasbench.analysis.finals import finals
from nasbench.analysis.significance import final_ranks, rank_over_time
from nasbench.comparison import compare, front_curves, summarise
from nasbench.comparison.results import budget_grid
from strategies import Hyperband, LocalSearch, RandomSearch
from tabular import TableOracle
from tabular.errors import QueryError, UnknownNameError

STATISTICS = {
    "median": np.median,
    "mean": np.mean,
    "iqm": lambda values, axis=-1: stats.trim_mean(values, 0.25, axis=axis),
}
PLAYERS = {"random-search": RandomSearch, "local-search": LocalSearch, "hyperband": Hyperband}


@pytest.fixture(scope="module")
def results():
    """Three strategies on the shipped table, 24 runs each of 30 simulated seconds."""
    return compare(PLAYERS, TableOracle("nb201-digits"), "30s", runs=24)


@pytest.fixture(scope="module")
def frame(results):
    return results.to_frame()


def last_at(frame, column, spent):
    """The value that each run of a frame of trials had by then, by the slow and plain road."""
    seen = frame[frame.finished <= spent]
    return seen.groupby(["strategy", "run"], sort=False)[column].last()


@pytest.mark.parametrize("center", CENTERS)
def test_center_is_that_of_the_known_runs(center):
    values = np.random.default_rng(0).normal(size=(23, 6))
    values[:7, 1] = np.nan
    values[1:, 2] = np.nan
    values[:, 3] = np.nan
    values[5, 4] = np.inf
    middle, low, high = aggregate(values, center)
    for column, given_values in enumerate(values.T):
        known = given_values[np.isfinite(given_values)]
        if len(known):
            assert middle[column] == pytest.approx(STATISTICS[center](known), rel=1e-12)
    assert np.isnan([middle[3], low[3], high[3]]).all()  # no run at all
    quartiles = np.array(aggregate(values, center, "quartiles")[1:])
    np.testing.assert_allclose(quartiles[:, 1], np.nanquantile(values[:, 1], [0.25, 0.75]))
    assert np.isnan(aggregate(values, center, "bootstrap")[1][2])  # one run says nothing of others
    assert np.isnan(aggregate(values, center, "error")[2][2])


@pytest.mark.parametrize("center", CENTERS)
@pytest.mark.parametrize("runs", [2, 7, 40])
def test_bootstrap_is_scipys(center, runs):
    ordered = np.sort(np.random.default_rng(1).lognormal(size=(runs, 3)), axis=0)
    _, low, high = aggregate(ordered[::-1], center, "bootstrap", level=0.9, resamples=500, seed=7)
    _, less, more = aggregate(ordered, center, "error", resamples=500, seed=7)
    for column in range(3):
        theirs = stats.bootstrap(
            (ordered[:, column],),
            STATISTICS[center],
            confidence_level=0.9,
            n_resamples=500,
            method="percentile",
            rng=np.random.default_rng(7),
        )
        np.testing.assert_allclose([low[column], high[column]], theirs.confidence_interval, rtol=1e-12)
        error = theirs.standard_error if center != "mean" else stats.sem(ordered[:, column])
        assert (more - less)[column] / 2 == pytest.approx(error, rel=1e-9)


def test_bootstrap_of_unordered_runs_differs_from_scipys_by_chance_alone():
    runs = np.random.default_rng(2).gamma(2, size=60)
    _, low, high = aggregate(runs[:, None], "iqm", resamples=20_000)
    theirs = stats.bootstrap((runs,), STATISTICS["iqm"], n_resamples=20_000, method="percentile", rng=3)
    width = np.diff(theirs.confidence_interval)
    np.testing.assert_allclose([low[0], high[0]], theirs.confidence_interval, atol=0.03 * width.item())


@given(
    values=st.lists(st.one_of(st.just(np.nan), st.floats(0, 1)), min_size=1, max_size=12),
    center=st.sampled_from(CENTERS),
    band=st.sampled_from(BANDS),
)
@settings(max_examples=60, deadline=None)
def test_bands_move_and_turn_with_their_runs(values, center, band):
    column = np.array(values)[:, None]
    middle, low, high = aggregate(column, center, band, resamples=100)
    assert not low > high
    shuffled = aggregate(column[::-1], center, band, resamples=100)
    np.testing.assert_allclose(shuffled, (middle, low, high), atol=1e-12)
    moved = aggregate(2 * column + 3, center, band, resamples=100)
    np.testing.assert_allclose(moved, 2 * np.array([middle, low, high]) + 3, atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"center": "mode"}, "unknown center 'mode'"),
        ({"band": "quartile"}, "unknown band 'quartile'; did you mean 'quartiles'"),
        ({"band": "bootstrap", "level": 95}, "a share between 0 and 1, such as 0.95; got the level 95"),
        ({"band": "bootstrap", "resamples": 0}, "takes 1 resample or more, such as 1000; got 0"),
    ],
)
def test_aggregation_names_what_it_cannot_do(arguments, message):
    with pytest.raises((UnknownNameError, QueryError), match=message):
        aggregate(np.zeros((2, 2)), **arguments)


@pytest.mark.parametrize(
    ("of", "column"), [("regret", "regret"), ("report", "report"), ("simple-regret", "simple_regret")]
)
def test_curves_are_step_functions_of_the_trials(results, frame, of, column):
    grid = np.array([frame.finished.min() / 2, 3.0, 11.0, 29.0])
    made = curves(results, of, grid=grid)
    assert list(made.columns) == ["strategy", "spent", "center", "low", "high", "runs"]
    assert list(made.strategy.unique()) == list(PLAYERS)
    for row in made.itertuples():
        reached = last_at(frame, column, row.spent).get(row.strategy)
        if row.spent == grid[0]:
            assert reached is None
            assert row.runs == 0
            assert np.isnan(row.center)
        else:
            expected = np.quantile(reached, [0.25, 0.5, 0.75])
            np.testing.assert_allclose([row.low, row.center, row.high], expected)
            assert row.runs == len(reached)


@pytest.mark.parametrize("center", CENTERS)
def test_inference_regret_is_never_below_simple_regret(results, center):
    inference, simple = curves(results, "regret", center), curves(results, "simple-regret", center)
    assert (simple.center <= inference.center + 1e-12).all()
    assert (simple.center < inference.center).any()
    assert (simple.groupby("strategy").center.diff().dropna() <= 1e-12).all()  # what was seen stays seen
    assert simple.spent[0] == inference.spent[0] == budget_grid(results)[0]


def test_curves_end_where_the_summary_does(results):
    ends = curves(results, center="median").groupby("strategy").last()
    means = curves(results, "report", "mean").groupby("strategy").last()
    for row in summarise(results):
        if row.runs:
            assert ends.center[row.strategy] == pytest.approx(row.regret)
            assert means.center[row.strategy] == pytest.approx(row.report)
            error = row.report_std / np.sqrt(row.runs)
            assert means.high[row.strategy] - means.center[row.strategy] == pytest.approx(error)


def test_validation_regret_is_that_of_the_signal(results):
    judged = results.reported_by(results.protocol.signal)
    made = curves(judged, "simple-regret")
    assert (made.center >= 0).all()
    assert not np.allclose(made.center, curves(results, "simple-regret").center)
    seen = np.concatenate([trials.further[0][trials.last] for trials in results.trials.values()])
    np.testing.assert_array_equal(finals(judged).report, seen)


def test_front_curves_are_aggregated_like_others():
    both = compare({"random-search": RandomSearch}, TableOracle("nb201-digits"), 20, runs=5, objectives=["parameters"])
    for of in ("hypervolume", "igd+"):
        made = curves(both, of)
        runs = front_curves(both, "random-search", budget_grid(both), of)
        np.testing.assert_allclose(made.center, np.nanmedian(runs, axis=0))
    with pytest.raises(QueryError, match="compare with --objective"):
        curves(dataclasses.replace(both, protocol=dataclasses.replace(both.protocol, objectives=())), "hypervolume")


def test_curves_name_what_is_not_known(results):
    with pytest.raises(UnknownNameError, match="unknown kind of curve 'regrets'; did you mean 'regret'"):
        curves(results, "regrets")
    unknown = dataclasses.replace(results, reference=None)
    for of in ("regret", "simple-regret"):
        with pytest.raises(QueryError, match=rf"{of} needs the best digits/test_accuracy@12 .* draw of='report'"):
            curves(unknown, of)
    assert curves(unknown, "report").center.notna().all()


def test_ranks_share_ties_and_put_the_unknown_last():
    reports = {"a": [[0.9, 0.9], [0.9, 0.5]], "b": [[0.9, 0.8], [np.nan, 0.6]], "c": [[0.1, 0.7], [np.nan, np.nan]]}
    made = rank_over_time(made_results(reports), np.array([0.5, 1, 2]))
    assert list(made.columns) == ["strategy", "spent", "rank", "low", "high", "runs"]
    assert made.runs.tolist() == [0, 2, 2] * 3
    np.testing.assert_array_equal(made["rank"], [np.nan, 1.25, 1.5, np.nan, 2.0, 1.5, np.nan, 2.75, 3.0])
    assert made.high[1] - made["rank"][1] == pytest.approx(stats.sem([1.5, 1.0]))
    loss = rank_over_time(made_results(reports, metric="test_loss"), np.array([2.0]))
    assert loss["rank"].tolist() == [(3 + 1) / 2, (2 + 2) / 2, (1 + 3) / 2]


def test_ranks_match_runs_by_seed():
    made = made_results({"a": [0.1, 0.2, 0.3], "b": [0.25, 0.15]}, seeds={"a": [0, 1, 2], "b": [1, 0]})
    assert final_ranks(made)["rank"].tolist() == [2.0, 1.0]  # 0.1 against 0.15, 0.2 against 0.25
    assert rank_over_time(made, np.array([1.0])).runs.tolist() == [2, 2]
    apart = made_results({"a": [0.1, 0.2], "b": [0.2]}, seeds={"a": [0, 1], "b": [7]})
    with pytest.raises(QueryError, match=r"no seed is shared by a \(seeds 0 to 1\), b \(seed 7\); .* the same --seed"):
        rank_over_time(apart)


def test_ranks_of_real_runs_are_scipys_and_add_up(results):
    made = rank_over_time(results)
    np.testing.assert_allclose(made.groupby("spent")["rank"].sum(), 1 + 2 + 3)
    table = finals(results).pivot_table(index="run", columns="strategy", values="report")[list(PLAYERS)]
    expected = stats.rankdata(-table.to_numpy(), axis=1).mean(axis=0)
    np.testing.assert_allclose(final_ranks(results)["rank"], expected)
    np.testing.assert_allclose(made.groupby("strategy", sort=False)["rank"].last(), expected)


def test_ranks_over_several_results_are_of_their_medians():
    one = made_results({"a": [0.9, 0.1, 0.8], "b": [0.5, 0.5, 0.5], "only": [1.0, 1.0, 1.0]})
    two = made_results({"b": [0.1, np.nan, np.nan], "a": [0.3, 0.3, 0.3]}, metric="test_loss")
    three = made_results({"a": [0.2], "b": [0.2]})
    made = final_ranks([one, two, three])
    assert made.to_dict("list") == {"strategy": ["a", "b"], "rank": [(1 + 1 + 1.5) / 3, (2 + 2 + 1.5) / 3]}
    with pytest.raises(QueryError, match="two strategies that all 2 results have, and they share a only"):
        final_ranks([one, made_results({"a": [1.0]})])
    with pytest.raises(QueryError, match="a rank needs two strategies, and these results have a only"):
        final_ranks([made_results({"a": [1.0]})])
    with pytest.raises(QueryError, match="a rank needs results; none were given"):
        final_ranks([])


def test_target_is_reached_where_regret_first_is_as_low(results, frame):
    target = default_target(results)
    times = time_to_target(results, target)
    assert times.equals(time_to_target(results))
    hits = frame[frame.regret <= target].groupby(["strategy", "run"]).finished.first()
    for row in times.itertuples():
        assert hits.get((row.strategy, row.run), -1) == (-1 if np.isnan(row.spent) else row.spent)
    assert 0.5 <= (finals(results).regret <= target).mean() < 0.8
    assert times.spent.notna().sum() >= (finals(results).regret <= target).sum()


def test_ecdf_rises_to_the_share_of_runs_that_got_there(results):
    times = time_to_target(results)
    steps = ecdf(results)
    assert list(steps.columns) == ["strategy", "spent", "share"]
    assert len(set(steps.groupby("strategy").spent.first())) == 1
    for name, each in steps.groupby("strategy"):
        own = times[times.strategy == name].spent
        assert each.spent.is_monotonic_increasing
        assert each.spent.iloc[-1] == results.protocol.budget.amount
        for row in each.itertuples():
            assert row.share == (own <= row.spent).mean()


@pytest.mark.parametrize(
    ("regrets", "target"), [([0.0, 0.0, 1.0], 0.0), ([0.0123, 0.5], 0.26), ([0.3, 0.3], 0.3), ([0.0999001], 0.1)]
)
def test_default_target_is_readable_and_half_of_the_runs_get_there(regrets, target):
    made = made_results({"a": np.subtract(1.0, regrets)})
    assert default_target(made) == pytest.approx(target, abs=1e-15)
    assert time_to_target(made).spent.notna().mean() >= 0.5


def test_targets_name_what_they_need():
    made = made_results({"a": [0.5, 0.6]})
    with pytest.raises(QueryError, match="a target is a regret of 0 or more, in the report's unit; got -1"):
        time_to_target(made, -1)
    with pytest.raises(
        QueryError, match=r"a target of regret needs the best made/test_accuracy@9 .* table of the whole"
    ):
        ecdf(dataclasses.replace(made, reference=None), 0.1)
    lost = made_results({"a": [np.nan, np.nan]})
    with pytest.raises(QueryError, match="no run ended with a regret that is known: give a target"):
        ecdf(lost)
    assert ecdf(lost, 0.1).share.tolist() == [0.0]


def test_finals_are_the_last_rows(results, frame):
    last = frame.groupby(["strategy", "run"], sort=False).tail(1)
    assert finals(results).equals(last[["strategy", "run", "report", "regret"]].reset_index(drop=True))


def test_one_run_gives_a_curve_without_error():
    made = made_results({"a": [[0.2, 0.7, 0.9]], "b": [[0.1, 0.8, 0.8]]})
    mean = curves(made, center="mean", grid=np.array([1.0, 3.0]))
    np.testing.assert_allclose(mean.center, [0.8, 0.1, 0.9, 0.2])
    assert mean.high.isna().all()
    assert rank_over_time(made, np.array([2.0]))["rank"].tolist() == [2.0, 1.0]
    assert ecdf(made, 0.2).groupby("strategy").share.last().tolist() == [1.0, 1.0]
    with pytest.raises(QueryError, match="a rank over time needs two strategies, and these results have b only"):
        rank_over_time(made_results({"b": [0.2]}))
