"""Figures as files: formats and fonts, looks that are told apart, and text that fits at any size and number."""

import itertools
import re
import shutil
import subprocess
import zlib

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from figures import comparison_frames as frames
from nasbench.figures.curves import ecdf_curves, rank_curves, regret_curves
from nasbench.figures.finals import critical_difference, final_boxes
from nasbench.figures.style import (
    STYLED,
    STYLES,
    check_format,
    get_style,
    line_style,
    marker,
    text_for_latex,
    write_figure,
)
from strategies.registry import STRATEGIES
from tabular.errors import OutputError

DRAWS = {
    "regret": lambda ax, names: regret_curves(ax, frames.curves(names), "seconds", "regret of test accuracy (digits)"),
    "rank": lambda ax, names: rank_curves(ax, frames.rank_over_time(names), "seconds"),
    "ecdf": lambda ax, names: ecdf_curves(ax, frames.shares(names), "seconds", "regret <= 0.01"),
    "cd": lambda ax, names: critical_difference(ax, frames.ranks(np.arange(len(names)) * 0.9 + 1, names), 4.3),
    "boxes": lambda ax, names: final_boxes(ax, frames.finals(names), "regret", "regret of test accuracy (digits)"),
}
CROWDS = [("icml", 5), ("icml", 20), ("icml", 34), ("slides", 12)]
HOSTILE = ("random-search", "mine_2 & 50% #1 $x$ ^{y} ~ \\end|<z>", "hyperband(eta=3)")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_every_style_is_written_in_every_format_with_its_fonts(tmp_path, style, ending):
    path = tmp_path / f"figure.{ending}"
    write_figure([path], lambda ax: DRAWS["regret"](ax, HOSTILE), style)
    written = path.read_bytes()
    assert written.startswith({"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}[ending])
    if ending == "pdf":
        streams = re.findall(rb"stream\r?\n(.*?)endstream", written, re.DOTALL)
        unpacked = [zlib.decompressobj().decompress(each) for each in streams if each[:1] == b"x"]
        text = b"".join([written, *unpacked])
        assert b"/Type3" not in text
        assert b"/FontFile2" in text  # TrueType, embedded
    if ending == "svg":
        assert b"<text" not in written  # letters are paths: no font is needed


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="PGF is measured and set by LaTeX")
def test_pgf_is_set_by_latex_whatever_the_names(tmp_path):
    path = tmp_path / "figure.pgf"
    with text_for_latex():
        write_figure([path], lambda ax: DRAWS["boxes"](ax, HOSTILE), "icml")
    document = tmp_path / "paper.tex"
    document.write_text("\\documentclass{article}\\usepackage{pgf}\\begin{document}\\input{figure.pgf}\\end{document}")
    arguments = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", document.name]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    if shutil.which("pdftotext"):
        shown = subprocess.run(
            ["pdftotext", "paper.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert r"& 50% #1 $x$" in shown.stdout
        assert r"\end|<z>" in shown.stdout


def test_pgf_without_latex_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutputError, match=r"a\.pgf: PGF needs LaTeX .* which is not installed here; write a \.pdf"):
        check_format(tmp_path / "a.pgf")
    with pytest.raises(OutputError, match=r"a\.gif: a figure's file ends in \.pdf, \.svg, \.pgf, \.png"):
        check_format(tmp_path / "a.gif")


def test_every_strategy_of_the_toolkit_has_a_look_of_its_own():
    assert set(STRATEGIES) <= set(STYLED)
    names = [*STYLED, *(f"mine-{each}" for each in range(34))][:60]
    looks = {(look["color"], str(look["linestyle"])) for look in (line_style(name, names) for name in names)}
    assert len(looks) == len(names)
    points = [marker(name, STYLED) for name in STYLED]
    assert len({(look["color"], look["marker"]) for look in points}) == len(STYLED)


def test_in_grey_any_two_strategies_differ_by_dashes_or_markers():
    looks = {name: (str(line_style(name, STYLED)["linestyle"]), marker(name, STYLED)["marker"]) for name in STYLED}
    alike = [(one, other) for one, other in itertools.combinations(STYLED, 2) if looks[one] == looks[other]]
    assert not alike


def test_where_dashes_come_again_curves_have_markers():
    for names, marked in ((STYLED[:8], False), (STYLED[:20], True)):
        ax = Figure().add_subplot()
        DRAWS["regret"](ax, names)
        assert {line.get_marker() != "None" for line in ax.lines} == {marked}


def test_a_strategy_has_the_same_colour_in_every_figure():
    names = ("mine", "random-search", "hyperband", "dehb")
    colours = []
    for draw in DRAWS.values():
        ax = Figure().add_subplot()
        draw(ax, names)
        drawn = [line.get_color() for line in ax.lines] + [c for s in ax.collections for c in s.get_facecolor()[:, :3]]
        colours.append({tuple(np.round(to_rgb(colour), 3)) for colour in drawn})
    expected = {tuple(np.round(to_rgb(line_style(name, names)["color"]), 3)) for name in names}
    assert all(expected <= each for each in colours)


@pytest.mark.parametrize("figure", DRAWS)
@pytest.mark.parametrize(("style", "strategies"), [("icml", 5), ("icml", 20), ("icml", 34), ("slides", 12)])
def test_no_text_leaves_the_figure_or_covers_other_text(figure, style, strategies):
    look = get_style(style)
    with mpl.rc_context(look.settings):
        drawn = Figure(figsize=look.size, layout="constrained")
        canvas = FigureCanvasAgg(drawn)
        ax = drawn.add_subplot()
        DRAWS[figure](ax, STYLED[:strategies])
        canvas.draw()
        texts = [ax.xaxis.label, ax.yaxis.label, *ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels()]
        if ax.get_legend():
            texts += ax.get_legend().get_texts()
            assert len(ax.get_legend().get_texts()) == strategies
        texts = [text for text in texts if text.get_visible() and text.get_text().strip()]
        boxes = {f"{text.get_text()} {place}": text.get_window_extent() for place, text in enumerate(texts)}
        if not ax.yaxis.get_visible():  # its numbers are there, but not drawn
            boxes = {name: box for name, box in boxes.items() if box.x1 > ax.bbox.x0 or "-" in name}
        whole = drawn.bbox.padded(1)
        outside = [name for name, box in boxes.items() if not whole.contains(box.x0, box.y0)]
        outside += [name for name, box in boxes.items() if not whole.contains(box.x1, box.y1)]
        assert not outside
        # A pixel or two of the line above and below may be shared: the boxes are of the font, not of the letters.
        shrunk = {name: box.expanded(1, 0.75) for name, box in boxes.items()}
        assert not [pair for pair in itertools.combinations(shrunk, 2) if shrunk[pair[0]].overlaps(shrunk[pair[1]])]
        width, height = drawn.get_size_inches()
        assert width == look.size[0]
        assert height == pytest.approx(look.size[1]) or strategies > 20
        assert ax.bbox.height > 0.25 * drawn.bbox.height  # there is room for the data
        assert min(text.get_fontsize() for text in texts) >= 0.58 * mpl.rcParams["font.size"]
