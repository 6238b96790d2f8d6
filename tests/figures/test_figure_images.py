"""Figures of comparisons look as they did when someone last looked at them.

After a change that is meant, ``NASBENCH_REDRAW=1 pytest tests/test_figure_images.py`` draws those in
``tests/kept/figures`` anew; look at them.
"""

import os
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text

from figures import comparison_frames as frames
from nasbench.figures.curves import ecdf_curves, hypervolume_curves, incumbent_curves, rank_curves, regret_curves
from nasbench.figures.finals import critical_difference, final_boxes, final_violins
from nasbench.figures.fronts import fronts
from nasbench.figures.style import get_style

KEPT = Path(__file__).parents[1] / "kept" / "figures"
TOLERANCE = 3.0
"""Root mean square of the differences, of 255: room for versions that smooth edges otherwise. The smallest of the
changes below, a band of five that is missing, makes 7."""


def _partly_missing(frame, columns):
    frame.loc[frame["strategy"] == "local-search", columns] = np.nan
    frame.loc[frame["strategy"] == "local-search", "runs"] = 0
    return frame


def _rising(frame):
    return frame.assign(center=1 - frame["center"], low=1 - frame["high"], high=1 - frame["low"])


DRAWS = {
    "regret": lambda ax: regret_curves(ax, frames.curves(), "seconds", "regret"),
    "regret-positive": lambda ax: regret_curves(ax, frames.curves(least=0.001), "seconds", "regret"),
    "regret-missing": lambda ax: regret_curves(
        ax, _partly_missing(frames.curves(), ["center", "low", "high"]), "seconds", "regret"
    ),
    "incumbent": lambda ax: incumbent_curves(ax, frames.curves(), "epochs", "test accuracy", best=0.18),
    "rank": lambda ax: rank_curves(ax, frames.rank_over_time(), "evaluations"),
    "hypervolume": lambda ax: hypervolume_curves(ax, _rising(frames.curves()), "evaluations"),
    "ecdf": lambda ax: ecdf_curves(ax, frames.shares(), "seconds", "regret <= 0.01"),
    "critical-difference": lambda ax: critical_difference(ax, frames.ranks(), 1.3),
    "boxes": lambda ax: final_boxes(ax, frames.finals()),
    "violins": lambda ax: final_violins(ax, frames.finals(), "report", "test accuracy"),
    "fronts": lambda ax: fronts(ax, frames.found(), frames.surfaces(), "x", "y"),
}


def draw(path, drawing):
    """Draw without text and legend, whose letters differ between versions of FreeType; other tests read them."""
    style = get_style("paper")
    with mpl.rc_context({**style.settings, "path.simplify": False}):
        figure = Figure(figsize=(4, 2.5), dpi=80)
        FigureCanvasAgg(figure)
        drawing(figure.add_axes((0.08, 0.1, 0.88, 0.85)))
        figure.canvas.draw()
        for hidden in [*figure.findobj(Text), *figure.findobj(Legend)]:
            hidden.set_visible(False)
        figure.savefig(path, format="png", metadata={"Software": None})


@pytest.mark.parametrize("name", DRAWS)
def test_figures_look_as_they_did(tmp_path, name):
    kept = KEPT / f"{name}.png"
    if os.environ.get("NASBENCH_REDRAW"):
        KEPT.mkdir(parents=True, exist_ok=True)
        draw(kept, DRAWS[name])
    draw(tmp_path / "drawn.png", DRAWS[name])
    (tmp_path / "kept.png").write_bytes(kept.read_bytes())  # a picture of the difference is drawn beside it
    assert compare_images(str(tmp_path / "kept.png"), str(tmp_path / "drawn.png"), TOLERANCE) is None
    assert kept.stat().st_size < 25_000


CHANGES = {
    "regret": {
        "a strategy is missing": lambda ax: regret_curves(ax, frames.curves(frames.FIVE[:4]), "seconds", "regret"),
        "a curve is not in steps": lambda ax: (DRAWS["regret"](ax), ax.lines[0].set_drawstyle("default")),
        "a band is missing": lambda ax: (DRAWS["regret"](ax), ax.collections[0].set_visible(False)),
        "the axis is linear": lambda ax: (DRAWS["regret"](ax), ax.set_yscale("linear")),
        "two colours are swapped": lambda ax: regret_curves(
            ax,
            frames.curves().replace({"hyperband": "local-search", "local-search": "hyperband"}),
            "seconds",
            "regret",
        ),
    },
    "rank": {"1 is at the bottom": lambda ax: (DRAWS["rank"](ax), ax.invert_yaxis())},
    "ecdf": {
        "all reached the target": lambda ax: ecdf_curves(ax, frames.shares(lost=0.0), "seconds", "regret <= 0.01")
    },
    "critical-difference": {
        "other groups are joined": lambda ax: critical_difference(ax, frames.ranks(), 0.9),
    },
    "boxes": {"one strategy lost a run": lambda ax: final_boxes(ax, frames.finals().iloc[:-3])},
    "fronts": {
        "steps go the other way": lambda ax: fronts(
            ax, frames.found(), frames.surfaces(), "x", "y", better=("more", "less")
        )
    },
}


@pytest.mark.parametrize(("name", "change"), [(name, change) for name, all_of in CHANGES.items() for change in all_of])
def test_a_changed_figure_is_noticed(tmp_path, name, change):
    draw(tmp_path / "drawn.png", CHANGES[name][change])
    (tmp_path / "kept.png").write_bytes((KEPT / f"{name}.png").read_bytes())
    said = compare_images(str(tmp_path / "kept.png"), str(tmp_path / "drawn.png"), TOLERANCE)
    assert said is not None, change
    assert "did not match" in said
