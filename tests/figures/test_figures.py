"""Figures of comparisons draw the numbers they are given, and say what is missing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from figures import comparison_frames as frames
from nasbench.figures.curves import ecdf_curves, hypervolume_curves, incumbent_curves, rank_curves, regret_curves
from nasbench.figures.finals import critical_difference, final_boxes, final_violins, groups
from nasbench.figures.fronts import fronts
from nasbench.figures.style import line_style, marker
from tabular.errors import QueryError, UnknownNameError

FIVE = frames.FIVE


@pytest.fixture
def ax():
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    yield figure.add_subplot()
    figure.canvas.draw()  # whatever was drawn can be rendered


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def row_names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_curves_are_steps_through_the_centers_with_a_band_in_the_same_colour(ax):
    frame = frames.curves()
    regret_curves(ax, frame, "seconds", "regret of test accuracy")
    assert legend(ax) == list(FIVE)
    for name, band in zip(FIVE, ax.collections, strict=True):
        line, own = lines(ax)[name], frame[frame["strategy"] == name]
        np.testing.assert_array_equal(line.get_xdata(), own["spent"])
        np.testing.assert_array_equal(line.get_ydata(), own["center"])
        assert line.get_drawstyle() == "steps-post"
        assert line.get_color() == line_style(name, FIVE)["color"]
        assert tuple(band.get_facecolor()[0][:3]) == to_rgb(line.get_color())
        assert 0 < band.get_alpha() < 0.3
        drawn = band.get_paths()[0].vertices
        assert {drawn[:, 1].min(), drawn[:, 1].max()} == {own["low"].min(), own["high"].max()}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("simulated training time (s)", "regret of test accuracy")
    assert ax.get_xscale() == "log"


def test_a_regret_axis_is_logarithmic_and_has_a_place_for_the_optimum():
    for least, scale in ((0.001, "log"), (0.0, "symlog")):
        ax = Figure().add_subplot()
        frame = frames.curves(least=least)
        regret_curves(ax, frame, "seconds", "regret")
        assert ax.get_yscale() == scale
        assert (0.0 in ax.get_yticks()) == (scale == "symlog")
        assert ax.get_ylim()[0] >= 0
        assert ax.get_ylim()[1] >= frame["center"].max()
    ax = Figure().add_subplot()
    regret_curves(ax, frames.curves().assign(center=0.0, low=0.0, high=0.0), "seconds", "regret")
    assert ax.get_yscale() == "linear"


def test_a_strategy_that_found_nothing_stays_in_the_legend_and_says_so(ax):
    frame = frames.curves()
    nothing = frame["strategy"] == "local-search"
    frame.loc[nothing, ["center", "low", "high"]] = np.nan
    frame.loc[nothing, "runs"] = 0
    frame.loc[frame["strategy"] == "hyperband", "runs"] = 48
    regret_curves(ax, frame, "epochs", "regret")
    assert legend(ax)[2] == "local-search (nothing valid)"
    assert legend(ax)[4] == "hyperband (48 runs)"
    assert len(ax.collections) == 4
    assert lines(ax)["random-search"].get_color() == line_style("random-search", FIVE)["color"]


def test_a_single_run_has_no_band(ax):
    regret_curves(ax, frames.curves(runs=1), "seconds", "regret")
    assert not ax.collections
    assert legend(ax)[0] == "random-search (1 run)"


def test_incumbents_are_drawn_with_the_best_of_the_space(ax):
    incumbent_curves(ax, frames.curves(FIVE[:2]), "seconds", "test accuracy", best=0.9)
    assert legend(ax) == [*FIVE[:2], "best of the space"]
    assert list(lines(ax)["best of the space"].get_ydata()) == [0.9, 0.9]
    assert ax.get_yscale() == "linear"


def test_rank_1_is_at_the_top(ax):
    rank_curves(ax, frames.rank_over_time(), "evaluations")
    bottom, top = ax.get_ylim()
    assert top < 1
    assert bottom > 5
    assert list(ax.get_yticks()) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(lines(ax)["hyperband"].get_ydata()[[0, -1]], [3, 5])
    assert ax.get_xlabel() == "evaluations"


def test_hypervolume_is_linear_and_the_distance_to_the_front_logarithmic():
    for indicator, scale in (("hypervolume", "linear"), ("igd+", "log")):
        ax = Figure().add_subplot()
        hypervolume_curves(ax, frames.curves(least=0.001), "evaluations", indicator)
        assert ax.get_yscale() == scale
        assert ax.get_ylabel().split()[0].lower() == indicator
    with pytest.raises(UnknownNameError, match=r"unknown indicator 'igd'; did you mean 'igd\+'"):
        hypervolume_curves(ax, frames.curves(), "evaluations", "igd")


def test_ecdf_says_which_share_never_reached_the_target(ax):
    frame = frames.shares()
    frame = pd.concat([frame, pd.DataFrame([{"strategy": "lost", "spent": np.nan, "share": np.nan}])])
    ecdf_curves(ax, frame, "seconds", "regret <= 0.01")
    assert legend(ax)[:3] == ["random-search", "regularized-evolution (10% never)", "local-search (20% never)"]
    assert legend(ax)[-1] == "lost (never)"
    end = frame["spent"].max()
    for line, share in zip(ax.lines, (1, 0.9, 0.8, 0.7, 0.6, 0), strict=True):
        assert line.get_xdata()[-1] == end
        assert line.get_ydata()[-1] == pytest.approx(share)
        assert line.get_ydata()[0] == 0
    assert ax.get_ylim() == (0, 1)
    assert ax.get_ylabel() == "share of runs with regret <= 0.01"


def test_demsars_example_joins_what_does_not_differ():
    """Demsar (2006), table 6 and figure 1a: C4.5 in four variants on 14 data sets; the Nemenyi test at 5 % and 10 %."""
    example = frames.ranks((3.143, 2.000, 2.893, 1.964), ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"))
    for distance, joined in ((1.25, [(1.964, 3.143)]), (1.12, [(1.964, 2.893), (2.893, 3.143)])):
        ax = Figure().add_subplot()
        critical_difference(ax, example, distance)
        bars = [sorted(line.get_xdata()) for line in ax.lines if line.get_gid() == "group"]
        np.testing.assert_allclose(bars, joined, atol=0.05)
        (ruler,) = [line for line in ax.lines if line.get_gid() == "ruler"]
        assert abs(np.diff(ruler.get_xdata())[0]) == pytest.approx(distance)
        assert f"CD = {distance}" in [text.get_text() for text in ax.texts]
    left, right = ax.get_xlim()
    assert left > right  # the best to the right
    names = {text.get_text(): text.xy for text in ax.texts if text.get_gid() == "name"}
    assert {name: x for name, (x, _) in names.items()} == dict(zip(example["strategy"], example["rank"], strict=True))
    assert names["C4.5+m+cf"][1] == names["C4.5"][1] > names["C4.5+m"][1]  # the outer ones above


@given(st.lists(st.floats(1, 20), min_size=2, max_size=20), st.floats(0.1, 8))
def test_groups_hold_all_pairs_that_do_not_differ_and_no_others(values, distance):
    ranks = np.sort(np.array(values))
    found = groups(ranks, distance)
    joined = {(i, j) for a, b in found for i in range(a, b + 1) for j in range(i + 1, b + 1)}
    alike = {(i, j) for i in range(len(ranks)) for j in range(i + 1, len(ranks)) if ranks[j] < ranks[i] + distance}
    assert joined == alike
    assert not any(a <= c and d <= b for a, b in found for c, d in found if (a, b) != (c, d))


def test_strategies_without_a_rank_are_listed(ax):
    critical_difference(ax, frames.ranks((1.5, np.nan, 1.5, 3, 4)), 1.0)
    assert "without a rank: regularized-evolution (nothing valid)" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("draw", [final_boxes, final_violins])
def test_final_values_are_sorted_by_their_median_the_best_at_the_top(ax, draw):
    frame = frames.finals()
    draw(ax, frame, "regret", "regret of test accuracy")
    best_first = frame.groupby("strategy")["regret"].median().sort_values()
    assert row_names(ax) == list(best_first.index)
    medians = [line.get_xdata()[0] for line in ax.lines if line.get_gid() == "median"]
    assert medians == list(best_first)
    bottom, top = ax.get_ylim()
    assert bottom > top
    points = ax.collections[-1]
    assert len(points.get_offsets()) == 20
    assert points.get_alpha() < 0.5
    assert (ax.get_xscale(), ax.get_xlim()[0]) == ("symlog", 0)
    assert ax.get_xlabel() == "regret of test accuracy"


def test_of_reports_more_is_better_unless_said_otherwise():
    frame = frames.finals()
    orders = {}
    for better in (None, "more", "less"):
        ax = Figure().add_subplot()
        final_boxes(ax, frame, "report", "test accuracy", better=better)
        orders[better] = row_names(ax)
    assert orders[None] == orders["more"] != orders["less"]
    best = frame.groupby("strategy")["report"].median().idxmax()
    assert (orders["more"][0], orders["less"][-1]) == (best, best)
    with pytest.raises(QueryError, match="less or more is better, got 'most'"):
        final_boxes(ax, frame, "report", "test accuracy", better="most")


@pytest.mark.parametrize("draw", [final_boxes, final_violins])
def test_runs_that_found_nothing_are_counted_beside_the_name(ax, draw):
    frame = frames.finals(optimum=False)
    frame.loc[frame["strategy"] == "local-search", "regret"] = np.nan
    frame.loc[(frame["strategy"] == "hyperband") & (frame["run"] < 5), "regret"] = np.nan
    frame = frame[(frame["strategy"] != "random-search") | (frame["run"] == 0)]
    draw(ax, frame)
    assert row_names(ax)[-1] == "local-search (nothing valid)"
    assert {"hyperband (15 of 20 runs)", "random-search (1 run)"} < set(row_names(ax))
    assert ax.get_xscale() == "log"
    assert len([line for line in ax.lines if line.get_gid() == "median"]) == 3  # a single run is a point


def test_many_runs_are_drawn_without_points_but_those_far_out(ax):
    frame = frames.finals(FIVE[:1], runs=300, optimum=False)
    final_boxes(ax, frame)
    values = frame["regret"]
    first, third = values.quantile([0.25, 0.75])
    far = values[(values > third + 1.5 * (third - first)) | (values < first - 1.5 * (third - first))]
    np.testing.assert_array_equal(np.sort(ax.collections[0].get_offsets()[:, 0]), np.sort(far))


@pytest.mark.parametrize(("x", "y"), [("less", "more"), ("more", "more"), ("less", "less"), ("more", "less")])
def test_surfaces_bound_what_their_points_reach(ax, x, y):
    """The line between two points is the worse of both, whichever ways are better."""
    front = pd.DataFrame({"strategy": "a", "run": 0, "x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]})
    if x != ("more" if y == "less" else "less"):
        front["y"] = front["y"].to_numpy()[::-1]  # of no use is what is worse in both
    fronts(ax, front, front.assign(level=0.5), "x", "y", better=(x, y))
    (line,) = ax.lines
    corners = set(zip(*(values.tolist() for values in line.get_data()), strict=True))
    for (x0, y0), (x1, y1) in zip(front[["x", "y"]].to_numpy()[:-1], front[["x", "y"]].to_numpy()[1:], strict=True):
        corner = (max if x == "less" else min)(x0, x1), (max if y == "less" else min)(y0, y1)
        assert corner in corners


def test_fronts_show_points_the_median_surface_and_a_band(ax):
    frame, surfaces = frames.found(), frames.surfaces()
    nothing = pd.DataFrame([{"strategy": "hyperband", "run": 0, "x": np.nan, "y": np.nan}])
    best = pd.DataFrame({"x": [1.0, 8.0], "y": [0.9, 1.0]})
    fronts(ax, pd.concat([frame, nothing]), surfaces, "latency (s)", "test accuracy", best)
    assert legend(ax) == [*FIVE[:3], "hyperband (nothing valid)", "front of the space"]
    offsets = np.concatenate([each.get_offsets() for each in ax.collections if len(each.get_offsets()) > 1])
    assert len(offsets) == len(frame)
    median = surfaces[(surfaces["level"] == 0.5) & (surfaces["strategy"] == "local-search")]
    assert set(median["y"]) <= set(lines(ax)["local-search"].get_ydata())
    assert ax.collections[0].get_facecolor()[0][:3] == pytest.approx(to_rgb(marker(FIVE[0], FIVE)["color"]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("latency (s)", "test accuracy")


DRAWS = {
    "regret curves": lambda ax, frame: regret_curves(ax, frame, "seconds", "regret"),
    "incumbent curves": lambda ax, frame: incumbent_curves(ax, frame, "seconds", "accuracy"),
    "rank curves": lambda ax, frame: rank_curves(ax, frame, "seconds"),
    "hypervolume curves": lambda ax, frame: hypervolume_curves(ax, frame, "seconds"),
    "ECDF curves": lambda ax, frame: ecdf_curves(ax, frame, "seconds", "regret <= 1"),
    "critical-difference diagrams": lambda ax, frame: critical_difference(ax, frame, 1.0),
    "final values": final_boxes,
    "Pareto fronts": lambda ax, frame: fronts(ax, frame, frames.surfaces(), "x", "y"),
}


@pytest.mark.parametrize("figure", DRAWS)
def test_frames_that_cannot_be_drawn_are_refused(figure):
    ax = Figure().add_subplot()
    with pytest.raises(QueryError, match=rf"{figure} need a frame with the columns strategy, .*lacks .*\(it has strat"):
        DRAWS[figure](ax, pd.DataFrame({"strategy": ["a"]}))
    columns = ["run", "spent", "center", "rank", "low", "high", "runs", "share", "regret", "x", "y"]
    with pytest.raises(QueryError, match=f"{figure} need at least one row, and the frame is empty"):
        DRAWS[figure](ax, pd.DataFrame(columns=["strategy", *columns]))
    with pytest.raises(QueryError, match=f"{figure} need numbers in the columns .* 'much'"):
        DRAWS[figure](ax, pd.DataFrame([{"strategy": "a", **dict.fromkeys(columns, "much")}]))


def test_critical_differences_need_two_strategies_and_a_distance():
    ax = Figure().add_subplot()
    for ranks in (frames.ranks((1.0,), FIVE[:1]), frames.ranks((1.0, np.nan), FIVE[:2])):
        with pytest.raises(QueryError, match="at least two strategies with a rank, got 1; compare more"):
            critical_difference(ax, ranks, 1.0)
    with pytest.raises(QueryError, match="one row a strategy, got several of 'random-search'"):
        critical_difference(ax, frames.ranks((1.0, 2.0), FIVE[:1] * 2), 1.0)
    for distance in (0.0, -1.0, np.nan):
        with pytest.raises(QueryError, match="a critical difference is a positive number, got"):
            critical_difference(ax, frames.ranks(), distance)
    with pytest.raises(QueryError, match="of x and of y less or more is better, got least, more"):
        fronts(ax, frames.found(), frames.surfaces(), "x", "y", better=("least", "more"))
