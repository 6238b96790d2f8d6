"""The map of a space and the figure of verification show what was measured, and count what was not."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from nasbench.analysis.table_frames import (
    found_frame,
    learning_curve_frame,
    noise_ceiling_frame,
    rank_by_epoch_frame,
    space_map_frame,
)
from nasbench.comparison import compare
from nasbench.comparison.verification import Verified, verification_frame
from nasbench.figures.style import STYLES, line_style, write_figure
from nasbench.figures.table_figures import learning_curves, noise_ceiling, rank_by_epoch, space_map
from nasbench.figures.verification import promised_against_measured
from strategies import RandomSearch, RegularizedEvolution
from tabular import TableOracle
from tabular.errors import QueryError
from tabular.table import Table


@pytest.fixture(scope="module")
def digits():
    return Table.open("nb201-5nodes-digits")


@pytest.fixture(scope="module")
def mapped(digits):
    return space_map_frame(digits, cost="latency_seconds")


@pytest.fixture(scope="module")
def frames(digits):
    return learning_curve_frame(digits), rank_by_epoch_frame(digits), noise_ceiling_frame(digits)


def note(ax):
    return ax.get_title(loc="left")


def points(ax):
    return {each.get_label(): each.get_offsets() for each in ax.collections if isinstance(each, PathCollection)}


# The map.


def test_all_architectures_are_on_the_map_and_the_front_is_what_nothing_beats(ax, digits, mapped):
    assert len(mapped) == len(digits)
    np.testing.assert_array_equal(mapped.x, digits.cost("digits", "latency_seconds"))
    x, y = mapped.x.to_numpy(), mapped.y.to_numpy()
    no_worse = (x[None] <= x[:, None]) & (y[None] >= y[:, None])
    better = (x[None] < x[:, None]) | (y[None] > y[:, None])
    np.testing.assert_array_equal(mapped.front, ~(no_worse & better).any(axis=1))
    space_map(ax, mapped)
    np.testing.assert_array_equal(points(ax)["architectures"], mapped[["x", "y"]])
    assert len(ax.get_lines()[0].get_xdata()) == mapped.front.sum()
    assert (ax.get_xlabel(), ax.get_ylabel(), note(ax)) == ("latency (s)", "test accuracy", "")


def test_many_architectures_are_counted_in_hexagons(ax):
    frame = space_map_frame(Table.open("nb201-digits"), cost="flops")
    space_map(ax, frame)
    (hexagons,) = (each for each in ax.collections if isinstance(each, PolyCollection))
    assert hexagons.get_array().sum() == len(frame) == 6466
    assert ax.get_xscale() == "log"  # from 9 thousand to 452 thousand
    assert ax.get_xlabel() == "FLOPs"
    assert note(ax) == f"darkest hexagon: {hexagons.get_array().max():.0f} architectures"


def test_seconds_of_training_are_a_cost(digits):
    seconds = digits.metric("digits", "train_seconds")[:, :, -1].astype(np.float64)
    np.testing.assert_allclose(space_map_frame(digits, cost="train_seconds").x, seconds.mean(axis=1))


def test_a_cost_that_is_not_there_is_answered_with_those_that_are(digits):
    with pytest.raises(QueryError) as raised:
        space_map_frame(digits, cost="energy")
    assert str(raised.value).endswith(
        "task 'digits' records no cost 'energy'; it has activation_bytes, flops, latency_seconds, parameters, "
        "train_seconds"
    )


def test_what_was_not_measured_and_what_is_not_shown_is_counted(ax, mapped):
    gaps = mapped.assign(y=mapped.y.where(mapped.index >= 3), front=mapped.front & (mapped.index >= 3))
    space_map(ax, gaps, y_from=0.9)
    below = int((gaps.y < 0.9).sum())
    assert note(ax).splitlines() == [
        "3 of 400 architectures not measured",
        f"{below} of 397 architectures below 0.9, not shown",
    ]
    assert len(points(ax)["architectures"]) == 397 - below
    assert ax.get_ylim()[0] == 0.9
    with pytest.raises(QueryError, match="a map needs architectures with both values from 2 on; none of 400 has them"):
        space_map(ax, mapped, y_from=2)
    with pytest.raises(QueryError, match="a map needs architectures with both values; none of 400 has them"):
        space_map(ax, mapped.assign(x=np.nan))


def test_what_runs_found_is_marked_in_their_strategys_colour(ax, digits, mapped):
    oracle = TableOracle("nb201-digits")
    strategies = {"random-search": RandomSearch, "regularized-evolution": RegularizedEvolution}
    results = compare(strategies, oracle, "300", runs=2)
    found = found_frame(oracle.table, results, cost="parameters")
    assert found.groupby("strategy").run.apply(list).to_dict() == {name: [0, 1] for name in strategies}
    for each in found.itertuples():
        row = oracle.table.rows(oracle.space.from_text(each.architecture)[None])
        assert each.x == oracle.table.cost("digits", "parameters")[row]
        trials = results.trials[each.strategy]
        assert each.y == pytest.approx(trials.report[trials.last[each.run]])
    space_map(ax, space_map_frame(oracle.table), found)
    for name in strategies:
        (drawn,) = (each for each in ax.collections if each.get_label() == name)
        np.testing.assert_array_equal(drawn.get_offsets(), found.loc[found.strategy == name, ["x", "y"]])
        colour = line_style(name, list(strategies))["color"]
        assert "#{:02X}{:02X}{:02X}".format(*(round(255 * each) for each in drawn.get_facecolor()[0][:3])) == colour
    with pytest.raises(QueryError, match=r"the results are of space 'nb201', .*5nodes.* is of 'nb201-5nodes'"):
        found_frame(digits, results)


def test_found_architectures_that_the_table_lacks_are_counted(ax, mapped):
    found = pd.DataFrame({"strategy": ["a", "b"], "x": [3e-4, np.nan], "y": [0.9, np.nan]})
    space_map(ax, mapped, found)
    assert note(ax) == "1 of 2 found are not on the map"


# Verification.


def verified(promised, measured, std=0.004):
    return Verified("x", {"random-search": 1}, promised, std, measured, std / 2, (1_000_000,))


def test_promises_are_drawn_with_their_spread_and_numbers(ax):
    frame = verification_frame([verified(0.97, 0.96), verified(0.96, 0.961), verified(0.95, 0.955)])
    assert frame.number.tolist() == [1, 2, 3]
    assert frame.difference.tolist() == pytest.approx([-0.01, 0.001, 0.005])
    promised_against_measured(ax, frame, "test accuracy")
    (drawn,) = points(ax).values()
    np.testing.assert_array_equal(drawn, frame[["promised", "measured"]])
    assert [text.get_text() for text in ax.texts] == ["1", "2", "3"]
    across, up = (each for each in ax.collections if not isinstance(each, PathCollection))
    np.testing.assert_allclose([np.ptp(bar[:, 0]) for bar in across.get_segments()], 0.008)
    np.testing.assert_allclose([np.ptp(bar[:, 1]) for bar in up.get_segments()], 0.004)
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_xlabel() == "promised test accuracy"


def test_one_fresh_seed_has_no_bar_and_no_measurement_is_counted(ax):
    frame = verification_frame([verified(0.97, 0.96, np.nan), verified(0.96, np.nan)])
    promised_against_measured(ax, frame)
    assert [text.get_text() for text in ax.texts] == ["1"]
    assert note(ax) == "1 of 2 not drawn: not measured, or nothing was promised"
    with pytest.raises(QueryError, match="nothing to draw: none of 1 architectures has both a promise"):
        promised_against_measured(ax, frame[1:])


@pytest.mark.parametrize("seed", range(6))
def test_numbers_do_not_cover_each_other(seed):
    rng = np.random.default_rng(seed)
    values = 0.95 + 0.01 * rng.random((8, 2))
    figure = Figure(figsize=(3.25, 2.4), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    promised_against_measured(ax, verification_frame([verified(*pair) for pair in values.tolist()]))
    figure.canvas.draw()
    extents = [Text.get_window_extent(text) for text in ax.texts]  # without the line to the point
    for one, other in itertools.combinations(extents, 2):
        assert not one.overlaps(other)


# All of them.


@pytest.mark.parametrize("style", STYLES)
def test_every_style_writes_every_figure_without_a_warning(style, tmp_path, frames, mapped):
    promises = verification_frame([verified(0.97, 0.96), verified(0.96, 0.961)])
    curves, ranks, ceiling = frames
    draws = [
        lambda ax: learning_curves(ax, curves),
        lambda ax: rank_by_epoch(ax, ranks),
        lambda ax: noise_ceiling(ax, ceiling),
        lambda ax: noise_ceiling(ax, ceiling, "regret"),
        lambda ax: space_map(ax, mapped, y_from=0.8),
        lambda ax: promised_against_measured(ax, promises),
    ]
    for place, draw in enumerate(draws):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            write_figure([tmp_path / f"{place}.svg"], draw, style)
        assert (tmp_path / f"{place}.svg").stat().st_size > 5000


@pytest.mark.parametrize("draw", [learning_curves, rank_by_epoch, noise_ceiling, space_map, promised_against_measured])
def test_a_frame_that_lacks_what_is_drawn_is_refused(draw):
    figures = "(learning curves|rank correlations by epoch|noise ceilings|maps of a space|verifications)"
    message = rf"{figures} need a frame with the columns [a-z_, ]+; this one lacks [a-z_, ]+ \(it has other\)$"
    with pytest.raises(QueryError, match=message):
        draw(Figure().add_subplot(), pd.DataFrame({"other": [1]}))


def test_a_frame_without_rows_is_refused():
    with pytest.raises(QueryError, match="maps of a space need at least one row, and the frame is empty"):
        space_map(Figure().add_subplot(), pd.DataFrame({"x": [], "y": [], "front": []}))
