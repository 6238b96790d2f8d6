"""Drawn architectures: everything that is in the row is in the drawing, legible, and nothing covers anything else."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch
from matplotlib.textpath import TextToPath

from nasbench.figures.cell import cell_size, cell_svg, draw_cell
from nasbench.figures.cell_diagram import CUT, DEAD, diagrams
from nasbench.figures.cell_layout import LOOKS, arrowhead, page
from nasbench.figures.style import STYLES, write_figure
from tabular.errors import InvalidArchitectureError, QueryError
from tabular.spaces import CellSpace, declared_space, get_space, space_names

RECIPES = declared_space(
    {"kind": "categorical", "name": "recipes", "choices": {"optimizer": ["sgd", "adam"], "layers": [2, 4]}}
)
SPACES = [
    *map(get_space, space_names()),
    CellSpace("five", 5, ("none", "skip_connect", "sep_conv_3x3", "max_pool_3x3")),
    RECIPES,
]
CHAIN = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"
"""A cell of nb201 that is a convolution, an identity and a pooling in a row."""

SVG = "{http://www.w3.org/2000/svg}"
some_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


def words(box):
    return " ".join(box.lines)


def corners(placed):
    return (
        placed.x - placed.width / 2,
        placed.y - placed.height / 2,
        placed.x + placed.width / 2,
        placed.y + placed.height / 2,
    )


def bezier(path, steps=12):
    """Points on a path, (n, 2)."""
    t = np.linspace(0, 1, steps)[:, None]
    pieces = [path.points[i : i + 4] for i in range(0, len(path.points) - 1, 3)]
    return np.vstack([(1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
                      for a, b, c, d in pieces])  # fmt: skip


# What is drawn.


@some_space
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), wide=st.floats(15, 90), high=st.floats(12, 60))
def test_nothing_covers_anything(space, seed, wide, high):
    layout = page(diagrams(space, space.sample(np.random.default_rng(seed))), wide, high)
    boxes = [corners(placed) for placed in layout.boxes]
    for left, top, right, bottom in boxes:
        assert -1e-6 <= left < right <= layout.width + 1e-6
        assert -1e-6 <= top < bottom <= layout.height + 1e-6
    for one, other in itertools.combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    for path in layout.paths:
        points = np.vstack([bezier(path), arrowhead(path)]) if path.head else bezier(path)
        for left, top, right, bottom in boxes:
            inside = (points > (left + 0.01, top + 0.01)) & (points < (right - 0.01, bottom - 0.01))
            assert not inside.all(axis=1).any()
    for text in layout.texts:
        half = 0.25 * text.size * len(text.words)
        for left, top, right, bottom in boxes:
            assert text.x + half < left or text.x - half > right or not top < text.y < bottom


@some_space
def test_text_fits_its_box_in_the_widest_font(space):
    font = FontProperties(family="DejaVu Sans", size=100)
    rng = np.random.default_rng(0)
    for row in space.sample(rng, 3):
        for placed in page(diagrams(space, row), 40, 30).boxes:
            for line in placed.box.lines:
                width, _, _ = TextToPath().get_text_width_height_descent(line, font, ismath=False)
                assert width / 100 <= placed.width, line


def test_every_operation_of_a_cell_is_a_box_and_the_zero_operation_none():
    space = get_space("nb201")
    (drawn,) = diagrams(space, space.from_text(CHAIN))
    named = [words(box) for box in drawn.boxes]
    by = [
        (named[before.start], named[before.end], named[after.end])
        for before, after in itertools.pairwise(drawn.links)
        if before.end == after.start and not before.head
    ]
    conv, pool = "conv 3\N{MULTIPLICATION SIGN}3", "avg pool 3\N{MULTIPLICATION SIGN}3"
    assert by == [("input", conv, "1"), ("1", "skip", "2"), ("2", pool, "output")]
    assert not drawn.notes


@settings(max_examples=40, deadline=None)
@given(index=st.integers(0, 15624))
def test_what_carries_nothing_is_faint(index):
    space = get_space("nb201")
    row = space.from_index(index)
    (drawn,) = diagrams(space, row)
    live = space.live_edges(row)
    assert sum(not link.faint for link in drawn.links) == 2 * live.sum()
    assert sum(link.faint for link in drawn.links) == 2 * ((row != 0) & ~live).sum()
    assert (CUT in drawn.notes) == (not live.any())
    assert (DEAD in drawn.notes) == bool(live.any() and ((row != 0) & ~live).any())


def test_cells_of_nb101_have_the_matrix_of_the_benchmark():
    space = get_space("nb101")
    short = {"conv3x3-bn-relu": "conv 3_3", "conv1x1-bn-relu": "conv 1_1", "maxpool3x3": "max pool 3_3"}
    for row in space.sample(np.random.default_rng(0), 30):
        matrix, operations = space.to_cell(row)
        (drawn,) = diagrams(space, row)
        assert [(link.start, link.end) for link in drawn.links] == list(zip(*np.nonzero(matrix), strict=True))
        drawn_words = [words(box).replace("\N{MULTIPLICATION SIGN}", "_") for box in drawn.boxes]
        assert drawn_words == [short.get(each, each) for each in operations]


def test_both_cells_of_darts_are_drawn_edge_by_edge():
    space = get_space("darts")
    row = space.sample(np.random.default_rng(4))
    genotype = space.to_genotype(row)
    for drawn, edges, title in zip(
        diagrams(space, row), (genotype.normal, genotype.reduce), ("normal cell", "reduction cell"), strict=True
    ):
        assert drawn.title == title
        into = [(link.start, link.end) for link in drawn.links if not link.head]
        out = {link.start: link.end for link in drawn.links if link.head}
        assert [(start, out[box]) for start, box in into] == [
            (start, 2 + place // 2) for place, (_, start) in enumerate(edges)
        ]
        kinds = Counter(box.kind for box in drawn.boxes)
        assert kinds["separable"] == sum(operation.startswith("sep") for operation, _ in edges)


def test_a_motif_that_carries_nothing_is_faint_wherever_it_is_used():
    space = get_space("hierarchical")
    nothing, skips = "none/none,none", "skip_connect/none,skip_connect"
    row = space.from_text(f"m1/none,m1/m2,none,m2; m1 = {skips}; m2 = {nothing}")
    cell, first, second = diagrams(space, row)
    assert [drawn.title for drawn in (cell, first, second)] == ["cell", "motif m1", "motif m2"]
    assert all(link.faint for link in cell.links)
    assert cell.notes == (f"{CUT} of the cell",)
    assert second.notes == (f"{CUT} of the motif m2",)
    assert not second.links
    assert not first.notes


def test_chains_name_each_layer_and_its_width():
    def layers(name, text):
        (drawn,) = diagrams(get_space(name), get_space(name).from_text(text))
        assert drawn.shape == "chain"
        return [(words(box), box.below) for box in drawn.boxes[1:-1]]

    assert layers("nats-size", "8:16:24:32:64") == [
        ("cell", "8 ch"), ("reduce", "16 ch"), ("cell", "24 ch"), ("reduce", "32 ch"), ("cell", "64 ch"),
    ]  # fmt: skip
    times = "\N{MULTIPLICATION SIGN}"
    assert layers("nb-macro", "00120212")[:4] == [
        (f"conv 1{times}1", f"width {times}2, size 1/2"), ("identity", ""),
        (f"MB3 3{times}3", f"width {times}4, size 1/4"), (f"MB6 5{times}5", ""),
    ]  # fmt: skip
    assert layers("transnas-macro", "64-1234-basic")[-1] == ("halve res., double ch.", f"width {times}4, size 1/4")


def test_choices_without_known_links_are_a_list_that_says_so():
    (drawn,) = diagrams(RECIPES, RECIPES.from_text("adam,4"))
    assert [box.lines for box in drawn.boxes] == [("optimizer", "adam"), ("layers", "4")]
    assert not drawn.links
    assert "does not say how they are connected" in drawn.notes[0]


def test_looks_are_told_apart_by_colour_or_dashes():
    operations = [LOOKS[kind] for kind in ("conv", "pointwise", "separable", "dilated", "pool", "skip", "other")]
    assert len({dashes for _, dashes in operations}) == len(operations)
    assert len({colour for colour, _ in operations}) == len(operations)


# As a figure.


@pytest.mark.parametrize("style", ["paper", "icml", "slides"])
@pytest.mark.parametrize("name", ["nb201", "darts", "nb-macro"])
def test_text_keeps_to_its_box_in_every_style_whatever_is_added_later(style, name):
    space = get_space(name)
    with mpl.rc_context(STYLES[style].settings):
        figure = Figure(figsize=STYLES[style].size, layout="constrained")
        FigureCanvasAgg(figure)
        ax = figure.add_subplot()
        draw_cell(ax, space, space.sample(np.random.default_rng(6)))
        ax.set_title("set after the cell was drawn,\nwhich leaves less room")
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        boxes = [each.get_window_extent(renderer) for each in ax.patches if isinstance(each, FancyBboxPatch)]
        texts = [each for each in ax.texts if each.get_text()]
        for text in texts:
            assert text.get_fontsize() <= 1.35 * mpl.rcParams["font.size"]
            extent = text.get_window_extent(renderer)
            assert figure.bbox.padded(1).contains(extent.x0, extent.y0)
            assert figure.bbox.padded(1).contains(extent.x1, extent.y1)
        inside = [
            any(box.x0 <= e.x0 and e.x1 <= box.x1 and box.y0 - 1 <= e.y0 and e.y1 <= box.y1 + 1 for box in boxes)
            for e in (text.get_window_extent(renderer) for text in texts)
        ]
        assert sum(inside) >= sum(len(box.lines) for d in diagrams(space, space.sample(np.random.default_rng(6)))
                                  for box in d.boxes)  # fmt: skip


def test_a_figure_of_the_size_asked_for_has_text_of_the_style(tmp_path):
    space = get_space("nb201")
    row = space.from_text(CHAIN)
    width, height = cell_size(space, row, 4.6)
    assert width == 4.6
    assert 0.3 < height < 1.0
    write_figure(
        [tmp_path / "cell.svg", tmp_path / "cell.pdf"], lambda ax: draw_cell(ax, space, row), size=(width, height)
    )
    assert (tmp_path / "cell.pdf").stat().st_size > 1000
    again = tmp_path / "again.svg"
    write_figure([again], lambda ax: draw_cell(ax, space, row), size=(width, height))
    assert again.read_bytes() == (tmp_path / "cell.svg").read_bytes()


def test_one_row_of_the_space_is_drawn():
    space = get_space("nb201")
    with pytest.raises(QueryError, match=r"one architecture is drawn at a time, a row of 6 choices; got \(2, 6\)"):
        draw_cell(Figure().add_subplot(), space, space.sample(np.random.default_rng(0), 2))
    with pytest.raises(InvalidArchitectureError, match="not an architecture of 'nb201'"):
        cell_svg(space, np.full(6, 9, dtype=np.uint8))


# As SVG text.


@some_space
def test_svg_is_sound_and_says_what_it_shows(space):
    row = space.sample(np.random.default_rng(2))
    text = cell_svg(space, row)
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert root.get("width") == "100%"
    assert root.get("role") == "img"
    assert root.get("fill") == "currentColor"
    assert root.get("aria-label") == root.find(f"{SVG}title").text
    assert space.to_text(row) in root.find(f"{SVG}title").text
    assert len(root.find(f"{SVG}desc").text) > 5
    assert not any("id" in element.attrib for element in root.iter())
    assert not re.search(r"url\(|href|<script|<style", text)
    shown = [element.text for element in root.iter(f"{SVG}text")]
    for drawn in diagrams(space, row):
        for box in drawn.boxes:
            assert set(box.lines) <= set(shown)
    # Nothing is painted in black or white, which one of light and dark pages would swallow.
    painted = {value for element in root.iter() for key, value in element.attrib.items() if key in {"fill", "stroke"}}
    assert painted <= {colour for colour, _ in LOOKS.values()} | {"none", "currentColor"}


def test_svg_escapes_hostile_names():
    space = declared_space({"kind": "categorical", "name": "<b>&\"'", "choices": {"a<b": ["<script>", "&"]}})
    root = ET.fromstring(cell_svg(space, np.zeros(1, dtype=np.uint8)))  # noqa: S314 - our own
    assert "<script>" in [element.text for element in root.iter(f"{SVG}text")]


def test_svg_describes_links_in_words():
    space = get_space("nb201")
    row = space.from_text(CHAIN)
    times = "\N{MULTIPLICATION SIGN}"
    expected = f"<desc>input to 1 by conv 3{times}3; 1 to 2 by skip; 2 to output by avg pool 3{times}3.</desc>"
    assert expected in cell_svg(space, row)
