"""Comparisons: the same by any road, saved and read back, summarised and drawn."""

import copy
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from nasbench.analysis import KINDS, FigureOptions, curves, save_figure
from nasbench.comparison import Results, budget_grid, compare, summarise
from nasbench.comparison.trials import at_grid
from nasbench.figures.style import line_style
from strategies import Hyperband, RandomSearch, RegularizedEvolution
from tabular.errors import FileFormatError, OutputError, QueryError, StrategyError, UnknownNameError

STRATEGIES = {"random-search": RandomSearch, "hyperband": Hyperband}


@pytest.fixture(scope="session")
def results(toy_oracle):
    return compare(STRATEGIES, toy_oracle, "100s", runs=8)


def test_a_file_of_an_earlier_revision_opens(tmp_path):
    kept = Results.load(Path(__file__).parents[1] / "kept" / "results-2.h5")
    assert {name: trials.runs for name, trials in kept.trials.items()} == {
        "random-search": 3, "hyperband": 3, "nsga2": 3
    }  # fmt: skip
    assert str(kept.protocol.budget) == "60 epochs"
    assert [str(constraint) for constraint in kept.protocol.constraints] == ["digits/parameters@12<=20000"]
    assert [str(report) for report in kept.reports] == [
        f"digits/{metric}@12" for metric in ("test_accuracy", "parameters", "validation_accuracy")
    ]
    hyperband = kept.trials["hyperband"]
    np.testing.assert_allclose(hyperband.report[hyperband.last], [0.90942838, 0.96362287, 0.85968818], rtol=1e-8)
    kept.save(tmp_path / "again.h5")
    assert Results.load(tmp_path / "again.h5").to_frame().equals(kept.to_frame())


def test_processes_change_nothing(toy_oracle, results):
    again = compare(STRATEGIES, toy_oracle, "100s", runs=8, jobs=3)
    assert again.to_frame().equals(results.to_frame())
    assert list(again.trials) == list(results.trials)


def test_report_is_the_mean_test_accuracy_of_the_validation_incumbent(toy_oracle, results):
    frame = results.to_frame()
    best = toy_oracle.query(toy_oracle.space.all(), "test_accuracy@9").max()
    for _, run in frame.groupby(["strategy", "run"]):
        for trial in range(0, len(run), 7):
            seen = run.iloc[: trial + 1].dropna(subset="value")
            longest = seen[seen.epochs == seen.epochs.max()]
            chosen = longest.architecture[longest.value.idxmax()]
            report = toy_oracle.query(toy_oracle.space.from_text(chosen), "test_accuracy@9")
            assert run.report.iloc[trial] == report
            assert run.regret.iloc[trial] == best - report
    assert (frame.regret >= 0).all()
    assert frame.report_std.between(0, 0.1).all()


def test_runs_differ_by_seed_and_first_seed_moves_them(toy_oracle, results):
    later = compare({"random-search": RandomSearch}, toy_oracle, "100s", runs=2, first_seed=3)
    trials = results.trials["random-search"]
    start, stop = trials.offsets[3:5]
    np.testing.assert_array_equal(later.trials["random-search"].value[: stop - start], trials.value[start:stop])
    assert len(np.unique(trials.value[trials.offsets[:-1]])) > 1


def test_file_round_trip_keeps_everything(results, tmp_path):
    results.save(tmp_path / "r.h5")
    loaded = Results.load(tmp_path / "r.h5")
    assert loaded.to_frame().equals(results.to_frame())
    assert loaded.protocol == results.protocol
    assert loaded.report == results.report
    assert loaded.reference == results.reference
    assert loaded.space == results.space
    assert summarise(loaded) == summarise(results) or np.isnan(summarise(loaded)[0].report_std)


def test_damaged_foreign_and_missing_results_are_refused(results, toy_table, tmp_path):
    path = tmp_path / "r.h5"
    with pytest.raises(FileFormatError, match="no such file"):
        Results.load(path)
    with pytest.raises(FileFormatError, match="is not a nasbench-results file \\(its format is 'nasbench-table'\\)"):
        Results.load(toy_table)
    results.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match=r"r\.h5"):
        Results.load(path)
    path.write_bytes(whole)
    with h5py.File(path, "r+") as file:
        file.attrs["head"] = "{}"
    with pytest.raises(FileFormatError, match="its description is damaged"):
        Results.load(path)


def test_comparison_needs_strategies_and_runs(toy_oracle):
    with pytest.raises(QueryError, match="at least one strategy and one run, got 0 and 100"):
        compare({}, toy_oracle, 10)
    with pytest.raises(UnknownNameError, match="did you mean 'test_accuracy'"):
        compare(STRATEGIES, toy_oracle, 10, report="test_acuracy")


def test_step_curves_hold_the_last_observation(results):
    trials = results.trials["random-search"]
    grid = np.array([0.001, 20.0, 50.0, 99.0])
    curves = at_grid(trials, trials.report, grid, "seconds")
    assert np.isnan(curves[:, 0]).all()
    for run in range(trials.runs):
        span = slice(*trials.offsets[run : run + 2])
        for point in (1, 2, 3):
            before = np.flatnonzero(trials.finished[span] <= grid[point])[-1]
            assert curves[run, point] == trials.report[span][before]


def test_mean_regret_curve_falls_to_what_the_summary_says(results):
    grid = budget_grid(results)
    rows = {row.strategy: row for row in summarise(results)}
    assert next(iter(rows)) == "optimum"
    assert list(rows)[-1] == "random architecture"
    both = (curves(results, center=each, grid=grid).groupby("strategy") for each in ("mean", "median"))
    means, medians = (dict(list(each)) for each in both)
    for name in STRATEGIES:
        assert means[name].center.iloc[-1] == pytest.approx(results.reference.best - rows[name].report)
        assert (medians[name].low <= medians[name].center).all()
        assert (medians[name].center <= medians[name].high).all()
        assert medians[name].center.iloc[-1] == rows[name].regret
    assert rows["random architecture"].report < min(rows[name].report for name in STRATEGIES)


def test_curve_needs_a_budget_beyond_the_first_evaluation(toy_oracle):
    short = compare({"random-search": RandomSearch}, toy_oracle, 1, runs=2)
    with pytest.raises(QueryError, match="compare with a larger budget"):
        budget_grid(short)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_figures_are_files_of_their_format(results, tmp_path, kind, ending):
    path = tmp_path / f"figure.{ending}"
    several = [results, results] if KINDS[kind].several else results
    if kind == "critical-difference":
        with pytest.raises(QueryError, match="Friedman's test needs three strategies"):
            save_figure(results, path, kind)
        return
    if kind in {"fronts", "hypervolume", "igd+"}:
        with pytest.raises(QueryError, match=r"compare with (one )?--objective, such as parameters"):
            save_figure(results, path, kind)
        return
    save_figure(several, path, kind)
    head = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}[ending]
    assert path.read_bytes().startswith(head)


def test_figure_shows_every_strategy_on_a_log_axis_with_its_regret(results):
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    KINDS["regret"].draw([results], ax, FigureOptions())
    assert ax.get_xscale() == "log"
    assert [line.get_label() for line in ax.get_lines()] == list(STRATEGIES)
    expected = curves(results).query("strategy == 'hyperband'")
    np.testing.assert_array_equal(ax.get_lines()[1].get_ydata(), expected.center)
    assert "simulated training time" in ax.get_xlabel()
    assert "regret" in ax.get_ylabel()


def test_figures_of_one_comparison_are_the_same_bytes(results, tmp_path):
    for name in ("one.svg", "two.svg"):
        save_figure(results, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_strategies_keep_their_colour_whoever_is_beside_them():
    names = ["mine", "hyperband", "random-search"]
    assert line_style("hyperband", names) == line_style("hyperband", ["hyperband"])
    assert line_style("hyperband(eta=4)", ["hyperband(eta=4)", "x"]) == line_style("hyperband", ["hyperband"])
    twice = ["hyperband(eta=3)", "hyperband(eta=4)"]
    assert line_style(twice[0], twice) != line_style(twice[1], twice)
    styles = [tuple(line_style(name, [*names, "yours"]).values()) for name in [*names, "yours"]]
    assert len(set(styles)) == 4
    many = [f"strategy-{i}" for i in range(40)]
    assert len({tuple(line_style(name, many).values()) for name in many}) == 40


def test_figures_say_what_they_cannot_do(results, tmp_path):
    with pytest.raises(OutputError, match=r"x\.gif: a figure's file ends in \.pdf, \.svg, \.pgf, \.png"):
        save_figure(results, tmp_path / "x.gif")
    with pytest.raises(UnknownNameError, match="unknown kind of figure 'regrett'; did you mean 'regret'"):
        save_figure(results, tmp_path / "x.pdf", "regrett")
    with pytest.raises(UnknownNameError, match="unknown center 'mode'"):
        save_figure(results, tmp_path / "x.pdf", center="mode")
    assert not list(tmp_path.iterdir())


def test_repeats_and_workers_are_on_record(toy_oracle, tmp_path):
    made = compare({"re": RegularizedEvolution}, toy_oracle, 30, runs=2, workers=3, repeats="cache")
    made.save(tmp_path / "r.h5")
    assert Results.load(tmp_path / "r.h5").protocol == made.protocol
    assert (made.protocol.workers, made.protocol.repeats) == (3, "cache")


def test_results_do_not_depend_on_the_hash_seed(toy_table):
    script = (
        "import sys; from nasbench.comparison import compare; from strategies import STRATEGIES, get_strategy; "
        "from tabular import TableOracle; "
        "named = {name: get_strategy(name) for name in STRATEGIES}; "
        "r = compare(named, TableOracle(sys.argv[1]), '60s', runs=1); print(r.to_frame().to_csv())"
    )
    outputs = set()
    for hash_seed in ("0", "123"):
        env = {"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", script, toy_table], capture_output=True, text=True, env=env, check=True
        )
        outputs.add(re.sub(r"\s+$", "", done.stdout))
    assert len(outputs) == 1
    assert "random-search" in outputs.pop()


@pytest.mark.parametrize(
    ("strategy", "arguments", "error", "message"),
    [
        (RandomSearch, {"first_seed": -3}, QueryError, "a run's seed is 0 or more, got -3"),
        (object(), {}, StrategyError, "strategy 'mine': .* give the class, or a function .* instead of <object"),
        (
            lambda *given: RegularizedEvolution(*given, population=5),
            {"jobs": 2},
            StrategyError,
            "'mine' cannot be sent .* or compare with jobs=1",
        ),
    ],
)
def test_runs_that_cannot_be_made_are_named(toy_oracle, strategy, arguments, error, message):
    with pytest.raises(error, match=message):
        compare({"mine": strategy}, toy_oracle, 5, runs=2, **arguments)


@pytest.mark.filterwarnings("error")
def test_what_is_not_known_stays_nan_without_a_word(results, tmp_path):
    trials = copy.deepcopy(results.trials)
    trials["hyperband"].report[:] = np.nan  # as if each of its incumbents' trainings had diverged
    half = trials["random-search"]
    half.report[half.run_of_trial() > 0] = np.nan
    unknown = dataclasses.replace(results, trials=trials)
    rows = {row.strategy: row for row in summarise(unknown)}
    assert [row.strategy for row in summarise(unknown)][-2] == "hyperband"
    assert np.isnan(rows["hyperband"].report)
    assert rows["random-search"].report == half.report[half.last[0]]
    assert np.isnan(rows["random-search"].report_std)
    for center in ("median", "mean"):
        lines = dict(list(curves(unknown, center=center).groupby("strategy")))
        assert np.isnan(lines["hyperband"].center).all()
        line = lines["random-search"]
        assert np.isfinite(line.center).all()
        assert np.isnan(line.high).all() == (center == "mean")  # one run has no standard error
        save_figure(unknown, tmp_path / "figure.png", center=center)
