"""Layout of an architecture's boxes, links and texts on a page.

The unit of length is the size of the text; y grows down.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from statistics import fmean as mean
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.figures.cell_diagram import Box, Diagram, Link

LOOKS: dict[str, tuple[str, tuple[float, ...]]] = {
    "conv": ("#0072B2", ()),
    "pointwise": ("#56B4E9", (5, 1.5)),
    "separable": ("#009E73", (5, 1.5, 1, 1.5)),
    "dilated": ("#E69F00", (3, 1.5)),
    "pool": ("#D55E00", (1, 1.2)),
    "skip": ("#888888", (7, 2)),
    "motif": ("#CC79A7", ()),
    "other": ("#999933", (3, 1, 1, 1, 1, 1)),
    "end": ("#808080", ()),
    "node": ("#808080", ()),
    "choice": ("#0072B2", ()),
    "plain": ("#808080", ()),
}
"""Colour and dashes (in line widths) of each kind of box and link: Okabe and Ito's palette, of middle brightness."""

FAINT = 0.35
"""Opacity of what plays no part."""

TINT = 0.18
"""Opacity of the colour within boxes."""

LINE, PAD_X, PAD_Y = 1.2, 0.5, 0.3
"""Height of a line of text, and the room around it in a box."""

HEAD = 0.6
"""Length of an arrowhead."""

ROOM = 0.55
"""Between what lies above each other in a layer."""

SMALL = 0.8
"""Size of what is written under boxes and of notes."""

_NARROW, _WIDE = "iljtfrI.,:;'|()[]! ", "mwMW@%\u00d7"


@dataclass(frozen=True)
class Text:
    """Words around a point."""

    words: str
    x: float
    y: float
    size: float = 1.0
    bold: bool = False


@dataclass(frozen=True)
class PlacedBox:
    """A box around a point."""

    box: Box
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Path:
    """A start point and cubic Bezier curves, (1 + 3 k, 2).

    With a head, the tip is ``HEAD`` beyond the last point.
    """

    points: NDArray[np.float64]
    kind: str
    faint: bool
    head: bool


@dataclass(frozen=True)
class Layout:
    """Boxes, paths and texts on a page of a width and a height."""

    width: float
    height: float
    boxes: tuple[PlacedBox, ...] = ()
    paths: tuple[Path, ...] = ()
    texts: tuple[Text, ...] = ()

    def moved(self, x: float, y: float) -> Layout:
        """Return the same further to the right and down; its width and height stay."""
        shift = np.array([x, y])
        return replace(
            self,
            boxes=tuple(replace(each, x=each.x + x, y=each.y + y) for each in self.boxes),
            paths=tuple(replace(each, points=each.points + shift) for each in self.paths),
            texts=tuple(replace(each, x=each.x + x, y=each.y + y) for each in self.texts),
        )


def text_width(words: str, size: float = 1.0) -> float:
    """Return about how wide words are in a sans-serif font, rather too much than too little."""
    widths = (0.36 if each in _NARROW else 0.92 if each in _WIDE else 0.63 for each in words)
    return size * sum(widths)


def box_size(box: Box) -> tuple[float, float]:
    """Return the width and the height of a box around its text."""
    width = max(map(text_width, box.lines)) + 2 * PAD_X
    height = LINE * len(box.lines) + 2 * PAD_Y + box.taller
    return max(width, height if box.kind == "node" else 0.0), height


def arrowhead(path: Path) -> NDArray[np.float64]:
    """Return the corners of an arrowhead, (3, 2), which begins where the path ends."""
    base = path.points[-1]
    before = next(point for point in path.points[::-1] if not np.allclose(point, base))
    along = (base - before) / np.hypot(*(base - before))
    across = np.array([-along[1], along[0]])
    corners: NDArray[np.float64] = np.array(
        [base + HEAD * along, base + 0.42 * HEAD * across, base - 0.42 * HEAD * across]
    )
    return corners


def radius(placed: PlacedBox) -> float:
    """Return the radius of a box's corners."""
    return placed.height / 2 if placed.box.kind == "node" else 0.4


def lines_of(placed: PlacedBox) -> list[tuple[str, float]]:
    """Return the lines of a box, each with the y of its middle."""
    lines = placed.box.lines
    top = placed.y - LINE * (len(lines) - 1) / 2
    return [(words, top + LINE * number) for number, words in enumerate(lines)]


STARTS, SWEEPS = 6, 6
MANY = 400
"""Of so many links one order is tried, as several would take seconds."""

END_KINDS = ("end", "node")


def layers_of(boxes: Sequence[Box], links: Sequence[Link]) -> list[int]:
    """Return the layer of each box: links lead to later ones, nodes lie in even layers if operations lie between them.

    An operation on an edge that spans several layers goes where the fewest others are, near the middle of its edge.
    """
    between = any(not link.head for link in links)  # operations on edges
    steps = [2 if between and _is_node(boxes[link.start]) and _is_node(boxes[link.end]) else 1 for link in links]
    layer = [0] * len(boxes)
    for _ in boxes:  # as often as the longest path can be
        for link, step in zip(links, steps, strict=True):
            layer[link.end] = max(layer[link.end], layer[link.start] + step)
    last = max(layer)
    output = max(place for place, box in enumerate(boxes) if box.kind == "end")
    fed = any(link.end == output for link in links)
    layer[output] = last if fed else last + (2 if between else 1)
    if between:
        _spread_operations(layer, boxes, links)
    return layer


def _is_node(box: Box) -> bool:
    return box.kind in END_KINDS


def _spread_operations(layer: list[int], boxes: Sequence[Box], links: Sequence[Link]) -> None:
    before = {link.end: layer[link.start] for link in links if not _is_node(boxes[link.end])}
    after = {link.start: layer[link.end] for link in links if not _is_node(boxes[link.start])}
    load: dict[int, int] = defaultdict(int)
    for place in sorted(before, key=lambda place: (after[place] - before[place], place)):
        middle = (before[place] + after[place]) / 2
        options = range(before[place] + 1, after[place], 2)
        layer[place] = min(options, key=lambda option: (load[option], abs(option - middle)))
        load[layer[place]] += 1


def ordered_layers(
    layer: Sequence[int], links: Sequence[Link]
) -> tuple[list[list[int]], list[list[int]], list[tuple[int, int]]]:
    """Order the boxes of each layer, and the places where links pass through it.

    Parameters
    ----------
    layer : sequence of int
        Of each box.
    links : sequence of Link

    Returns
    -------
    orders : list of list of int
        For each layer what lies in it, from the top: boxes, and from ``len(layer)`` on places where a link passes.
    routes : list of list of int
        For each link what it visits, a box or a place in each layer from its start to its end.
    segments : list of (int, int)
        All steps of the routes.
    """
    count = max(layer) + 1
    members: list[list[int]] = [[] for _ in range(count)]
    for box, level in enumerate(layer):
        members[level].append(box)
    routes, new = [], len(layer)
    for link in links:
        route = [link.start]
        for between in range(layer[link.start] + 1, layer[link.end]):
            members[between].append(new)
            route.append(new)
            new += 1
        routes.append([*route, link.end])
    segments = [step for route in routes for step in pairwise(route)]
    return _untangle(members, segments), routes, segments


def _untangle(members: list[list[int]], segments: list[tuple[int, int]]) -> list[list[int]]:
    """Return the order, out of some that are tried, with the fewest crossings and then the shortest links."""
    before: dict[int, list[int]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for start, end in segments:
        before[end].append(start)
        after[start].append(end)
    rng = np.random.default_rng(0)
    best, best_cost = members, _cost(members, after)
    for attempt in range(STARTS if len(segments) < MANY else 1):
        orders = [list(items) if attempt == 0 else rng.permutation(items).tolist() for items in members]
        place = {item: at for items in orders for item, at in _places(items)}
        for sweep in range(SWEEPS):
            forwards = sweep % 2 == 0
            for items in orders[:: 1 if forwards else -1]:
                _sort_by_means(items, before if forwards else after, place)
            for items in orders:
                _swap(items, (before, after), place)
            cost = _cost(orders, after)
            if cost < best_cost:
                best, best_cost = [list(items) for items in orders], cost
    return best


def _places(items: list[int]) -> list[tuple[int, float]]:
    """Return where each item of a layer is, the middle being 0."""
    return [(item, at - (len(items) - 1) / 2) for at, item in enumerate(items)]


def _sort_by_means(items: list[int], neighbours: dict[int, list[int]], place: dict[int, float]) -> None:
    means = {item: mean(place[each] for each in neighbours.get(item) or [item]) for item in items}
    items.sort(key=means.__getitem__)
    place.update(_places(items))


def _swap(items: list[int], sides: tuple[dict[int, list[int]], ...], place: dict[int, float]) -> None:
    """Swap neighbours in a layer where that makes fewer crossings, or as many and shorter links."""
    for at in range(len(items) - 1):
        above, below = items[at], items[at + 1]
        change, length = 0, 0.0
        for neighbours in sides:
            of_above, of_below = ([place[each] for each in neighbours.get(item, ())] for item in (above, below))
            change += sum((one < other) - (one > other) for one in of_above for other in of_below)
            length += sum(abs(one - place[below]) - abs(one - place[above]) for one in of_above)
            length += sum(abs(one - place[above]) - abs(one - place[below]) for one in of_below)
        if (change, length) < (0, -1e-9):
            items[at], items[at + 1] = below, above
            place[above], place[below] = place[below], place[above]


def _cost(orders: list[list[int]], after: dict[int, list[int]]) -> tuple[int, float]:
    """Return how many links cross, and how far up and down they lead."""
    place = {item: at for items in orders for item, at in _places(items)}
    crossings, length = 0, 0.0
    for items in orders:
        met: list[float] = []
        for item in items:
            ends = [place[each] for each in after.get(item, ())]
            crossings += sum(one > other for one in met for other in ends)
            length += sum(abs(end - place[item]) for end in ends)
            met += ends
    return crossings, length


def lay_out_graph(diagram: Diagram) -> Layout:
    """Return a graph with its first boxes on the left and its output on the right."""
    layer = layers_of(diagram.boxes, diagram.links)
    orders, routes, segments = ordered_layers(layer, diagram.links)
    sizes = [box_size(box) for box in diagram.boxes]
    heights = dict(enumerate(height for _, height in sizes))
    y = _heights(orders, segments, heights, len(sizes))
    widths = [max([sizes[item][0] for item in items if item < len(sizes)], default=0.4) for items in orders]
    where = {item: number for number, items in enumerate(orders) for item in items}
    lefts = [0.0]
    for number, width in enumerate(widths[:-1]):
        steep = max((abs(y[a] - y[b]) for a, b in segments if where[a] == number), default=0.0)
        lefts.append(lefts[-1] + width + min(3.0, 1.5 + 0.2 * steep))
    boxes = tuple(
        PlacedBox(box, lefts[where[place]] + widths[where[place]] / 2, float(y[place]), *sizes[place])
        for place, box in enumerate(diagram.boxes)
    )
    paths = []
    for link, route in zip(diagram.links, routes, strict=True):
        spans = [(lefts[where[item]], widths[where[item]]) for item in route]
        paths.append(Path(_route(boxes, route, y, spans, head=link.head), link.kind, link.faint, link.head))
    bottom = max(float(y[item]) + heights.get(item, 0.0) / 2 for items in orders for item in items)
    return Layout(lefts[-1] + widths[-1], bottom, boxes, tuple(paths))


def _heights(
    orders: list[list[int]], segments: list[tuple[int, int]], heights: dict[int, float], boxes: int
) -> NDArray[np.float64]:
    """Return the y of each box and passing link, (items,), so that links are as level as the order lets them be.

    The linear program of Gansner, Koutsofios, North and Vo 1993, section 4.2; links that pass weigh more.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_matrix

    items, count = sum(map(len, orders)), len(segments)
    entries: list[tuple[int, int, float]] = []
    bounds: list[float] = []

    def at_most(bound: float, *terms: tuple[int, float]) -> None:
        entries.extend((len(bounds), column, factor) for column, factor in terms)
        bounds.append(bound)

    for order in filter(None, orders):
        for above, below in pairwise(order):
            room = (heights.get(above, 0.0) + heights.get(below, 0.0)) / 2 + ROOM
            at_most(-room, (above, 1.0), (below, -1.0))
        at_most(-heights.get(order[0], 0.0) / 2, (order[0], -1.0))
    weights = []
    for number, (start, end) in enumerate(segments):
        at_most(0.0, (start, 1.0), (end, -1.0), (items + number, -1.0))
        at_most(0.0, (start, -1.0), (end, 1.0), (items + number, -1.0))
        weights.append((1.0, 2.0, 8.0)[(start >= boxes) + (end >= boxes)])
    cost = np.concatenate([np.full(items, 1e-3), weights])
    rows, columns, values = np.array(entries).T
    matrix = coo_matrix((values, (rows.astype(np.int64), columns.astype(np.int64))), shape=(len(bounds), items + count))
    y: NDArray[np.float64] = linprog(cost, A_ub=matrix.tocsr(), b_ub=bounds).x[:items]  # type: ignore[call-overload]
    return y


def _route(
    boxes: Sequence[PlacedBox],
    route: Sequence[int],
    y: NDArray[np.float64],
    spans: Sequence[tuple[float, float]],
    *,
    head: bool,
) -> NDArray[np.float64]:
    """Return the curves of a link: level where it passes a layer, bent between layers only."""
    start, end = boxes[route[0]], boxes[route[-1]]
    points = [np.array([start.x + start.width / 2, start.y])]
    for place, (left, width) in enumerate(spans):
        last = place == len(spans) - 1
        if place > 0:
            arrival = np.array([left, end.y if last else float(y[route[place]])])
            arrival[0] -= HEAD if last and head else 0.0
            points += _bend(points[-1], arrival)
        if last:
            tip = np.array([end.x - end.width / 2 - (HEAD if head else 0.0), end.y])
        else:
            tip = np.array([left + width, float(y[route[place]])])
        if not math.isclose(tip[0], points[-1][0]):
            points += _bend(points[-1], tip)
    return np.array(points)


def _bend(start: NDArray[np.float64], end: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return a curve that leaves and arrives level."""
    middle = (start[0] + end[0]) / 2
    return [np.array([middle, start[1]]), np.array([middle, end[1]]), end]


def row_lengths(diagram: Diagram) -> list[Sequence[int]]:
    """Return into rows of how many boxes a chain or a list can be broken, few rows first."""
    if diagram.shape == "graph":
        return []
    count = len(diagram.boxes)
    if diagram.rows:
        return [(count,), diagram.rows]
    return [
        [columns] * (count // columns) + [count % columns] * (count % columns > 0) for columns in range(count, 0, -1)
    ]


def lay_out_rows(diagram: Diagram, lengths: Sequence[int]) -> Layout:
    """Return a chain or a list in rows of so many boxes.

    Below each box stands what belongs there.
    """
    chain = diagram.shape == "chain"
    across, between = (1.7, 2.2) if chain else (0.6, 0.6)
    below = SMALL * LINE if any(box.below for box in diagram.boxes) else 0.0
    sizes = [(max(w, text_width(box.below, SMALL)), h) for box in diagram.boxes for w, h in [box_size(box)]]
    rows = [range(end - length, end) for end, length in zip(accumulate(lengths), lengths, strict=True)]
    whole = max(sum(sizes[place][0] + across for place in row) - across for row in rows)
    margin = 1.0 if chain and len(rows) > 1 else 0.0  # for the links that lead to the next row
    boxes, texts, y = [], [], 0.0
    for row in rows:
        height = max(sizes[place][1] for place in row)
        x = margin
        for place in row:
            box, (width, tall) = diagram.boxes[place], sizes[place]
            boxes.append(PlacedBox(box, x + width / 2, y + height / 2, box_size(box)[0], tall))
            if box.below:
                texts.append(Text(box.below, x + width / 2, y + (height + tall) / 2 + 0.6, SMALL))
            x += width + across
        y += height + below + between
    paths = [_row_path(boxes[a], boxes[b], whole + margin, below) for a, b in pairwise(range(len(boxes))) if chain]
    return Layout(whole + 2 * margin, y - between, tuple(boxes), tuple(paths), tuple(texts))


def _row_path(start: PlacedBox, end: PlacedBox, right: float, below: float) -> Path:
    """Return the link from one box of a chain to the next, which may be in the next row."""
    first = np.array([start.x + start.width / 2, start.y])
    last = np.array([end.x - end.width / 2 - HEAD, end.y])
    if end.x > start.x:
        return Path(_polyline([first, last]), "plain", faint=False, head=True)
    turn = (start.y + end.y + below) / 2
    left = last[0] - 0.3
    corners = [(right + 0.8, first[1]), (right + 0.8, turn), (left, turn), (left, last[1])]
    return Path(_polyline([first, *map(np.array, corners), last]), "plain", faint=False, head=True)


def _polyline(corners: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    pieces = [np.array([a + (b - a) / 3, b - (b - a) / 3, b]) for a, b in pairwise(corners)]
    return np.vstack([corners[0][None], *pieces])


def page(diagrams: Sequence[Diagram], width: float, height: float) -> Layout:
    """Lay out diagrams, with their titles and notes, so that they need not be made much smaller to fit a page.

    Parameters
    ----------
    diagrams : sequence of Diagram
    width, height : float
        Of the page, in units of the text's size.
    """

    def shrunk(way: Layout) -> float:
        return min(1.0, width / way.width, height / way.height)

    panels = []
    for diagram in diagrams:
        rows = row_lengths(diagram)
        layout = max((lay_out_rows(diagram, each) for each in rows), key=shrunk) if rows else lay_out_graph(diagram)
        panels.append(_titled(layout, diagram.title))
    ways = [_beside(panels, columns) for columns in range(1, len(panels) + 1)]
    notes = list(dict.fromkeys(note for diagram in diagrams for note in diagram.notes))
    return _noted(max(ways, key=shrunk), notes)


def _beside(panels: Sequence[Layout], columns: int) -> Layout:
    """Return panels in rows of so many columns."""
    gap = 1.5
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    widths = [max(row[column].width for row in rows if column < len(row)) for column in range(columns)]
    whole = sum(widths) + gap * (columns - 1)
    placed, y = [], 0.0
    for row in rows:
        height = max(each.height for each in row)
        for column, each in enumerate(row):
            left = sum(widths[:column]) + gap * column
            placed.append(each.moved(left + (widths[column] - each.width) / 2, y))
        y += height + gap
    return _together(placed, whole, y - gap)


def _together(layouts: Sequence[Layout], width: float, height: float) -> Layout:
    return Layout(
        width,
        height,
        tuple(box for each in layouts for box in each.boxes),
        tuple(path for each in layouts for path in each.paths),
        tuple(text for each in layouts for text in each.texts),
    )


def _titled(layout: Layout, title: str) -> Layout:
    if not title:
        return layout
    width = max(layout.width, text_width(title) * 1.1)
    below = layout.moved((width - layout.width) / 2, 1.7)
    return replace(
        below,
        width=width,
        height=layout.height + 1.7,
        texts=(*below.texts, Text(title, width / 2, 0.6, bold=True)),
    )


def _noted(layout: Layout, notes: Sequence[str]) -> Layout:
    width = max([layout.width, *(text_width(note, SMALL) for note in notes)])
    layout = layout.moved((width - layout.width) / 2, 0)
    texts = [Text(note, width / 2, layout.height + 1.1 + number, SMALL) for number, note in enumerate(notes)]
    height = layout.height + (0.8 + len(notes) if notes else 0)
    return replace(layout, width=width, height=height, texts=(*layout.texts, *texts))
