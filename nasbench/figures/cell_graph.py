"""Graphs in layers, from left to right: where boxes lie, and how links lead past them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from nasbench.figures.cell_ordering import layers_of, ordered_layers
from nasbench.figures.cell_shapes import HEAD, ROOM, Layout, Path, PlacedBox, box_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nasbench.figures.cell_diagrams import Diagram


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
