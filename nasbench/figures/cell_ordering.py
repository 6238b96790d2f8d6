"""Layers of a drawn graph: which layer each box is in, and in which order, so that few links cross.

After Sugiyama, Tagawa and Toda 1981: layers by longest paths, orders by the means of neighbours, then by swapping.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from statistics import fmean as mean
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nasbench.figures.cell_diagrams import Box, Link

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
    for place, its in enumerate(layer):
        members[its].append(place)
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
