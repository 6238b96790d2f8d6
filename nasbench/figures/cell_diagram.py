"""An architecture as boxes and links between them, before they are laid out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import QueryError
from tabular.spaces.darts import Darts
from tabular.spaces.graph import IDENTITY, TRAITS, ZERO, Graph
from tabular.spaces.hierarchical import HierarchicalSpace
from tabular.spaces.layers import BLOCKS, STAGES, WIDTHS, NatsSize, NBMacro, TransNasMacro
from tabular.spaces.nb101 import NB101

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space

TIMES = "\N{MULTIPLICATION SIGN}"
END, NODE, CHOICE, PLAIN = "end", "node", "choice", "plain"
CONV, POINTWISE, SEPARABLE, DILATED, POOL, SKIP, MOTIF, OTHER = (
    "conv", "pointwise", "separable", "dilated", "pool", "skip", "motif", "other",
)  # fmt: skip

_PATTERNS = (
    (r"(?:nor_)?conv_?(1x1)(?:-bn-relu)?", "conv", POINTWISE),
    (r"(?:nor_)?conv_?(\dx\d)(?:-bn-relu)?", "conv", CONV),
    (r"sep_conv_(\dx\d)", "sep conv", SEPARABLE),
    (r"dil_conv_(\dx\d)", "dil conv", DILATED),
    (r"max_?pool_?(\dx\d)", "max pool", POOL),
    (r"avg_?pool_?(\dx\d)", "avg pool", POOL),
)
_BLOCKS = {"mb3_k3": (("MB3", f"3{TIMES}3"), CONV), "mb6_k5": (("MB6", f"5{TIMES}5"), DILATED)}
_MODULES = {
    "plain": (("plain",), SKIP),
    "double_channels": (("double", "channels"), CONV),
    "halve_resolution": (("halve", "resolution"), POOL),
    "both": (("halve res.,", "double ch."), DILATED),
}
_TALLEST = 3.5
"""By how much the box of the widest layer is taller than its text, in units of the text's size."""

DEAD = "faint: carries nothing to the output"
CUT = "nothing reaches the output"


@dataclass(frozen=True)
class Box:
    """Something with a text.

    Parameters
    ----------
    lines : tuple of str
    kind : str
        ``end`` (input or output), ``node`` (a sum), ``choice``, or that of an operation.
    faint : bool
        Whether it plays no part.
    taller : float
        Than the text needs, in units of the text's size.
    below : str
        Written under it.
    """

    lines: tuple[str, ...]
    kind: str
    faint: bool = False
    taller: float = 0.0
    below: str = ""


@dataclass(frozen=True)
class Link:
    """A line from one box to another.

    It has an arrowhead unless it leads to an operation on an edge.
    """

    start: int
    end: int
    kind: str = PLAIN
    faint: bool = False
    head: bool = True


@dataclass(frozen=True)
class Diagram:
    """Boxes and links.

    Parameters
    ----------
    shape : str
        ``graph``, ``chain`` (each box feeds the next) or ``list`` (boxes of which no link is known).
    boxes : tuple of Box
    links : tuple of Link
    title : str
    notes : tuple of str
        What a reader must know of what is drawn.
    rows : tuple of int
        How many boxes of a chain go into each row where one row is too long.
    """

    shape: str
    boxes: tuple[Box, ...]
    links: tuple[Link, ...] = ()
    title: str = ""
    notes: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()


def operation_label(operation: str) -> tuple[tuple[str, ...], str]:
    """Return how an operation is written in a box, and its kind."""
    if operation == IDENTITY:
        return ("skip",), SKIP
    for pattern, words, kind in _PATTERNS:
        match = re.fullmatch(pattern, operation)
        if match:
            return (words, match[1].replace("x", TIMES)), kind
    return (operation,), OTHER


def diagrams(space: Space, row: NDArray[np.uint8]) -> list[Diagram]:
    """Return what there is to draw of an architecture: one diagram, or one for each of its cells or motifs.

    Parameters
    ----------
    space : Space
    row : (L,) uint8

    Raises
    ------
    QueryError
        If more than one row is given.
    InvalidArchitectureError
    """
    if np.ndim(row) != 1:
        raise QueryError(f"one architecture is drawn at a time, a row of {space.length} choices; got {np.shape(row)}")
    row = space.check(row)
    for kind, describe in _DESCRIPTIONS.items():
        if isinstance(space, kind):
            return describe(space, row)
    graphs = space.graphs(row[None])
    if len(graphs) == 1 and len(graphs[0].edges) == space.length:  # a choice on each edge, in their order
        names = [str(names[choice]) for names, choice in zip(space.named_choices().values(), row, strict=True)]
        return [_cell(graphs[0], names)]
    return [_choices(space, row)]


def _cell(graph: Graph, operations: Sequence[str], title: str = "") -> Diagram:
    """Return a graph with an operation on every edge; the zero operation is left out."""
    live = graph.live()[0]
    labels = ["input", *map(str, range(1, graph.nodes - 1)), "output"]
    drawn = [
        (edge, operations[place], not live[place])
        for place, edge in enumerate(graph.edges)
        if operations[place] != ZERO
    ]
    linked = {node for edge, _, _ in drawn for node in edge} | {0, graph.nodes - 1}
    alive = {node for edge, _, faint in drawn for node in edge if not faint} | {0, graph.nodes - 1}
    nodes = sorted(linked)
    boxes = [Box((labels[node],), END if labels[node][0] in "io" else NODE, node not in alive) for node in nodes]
    links: list[Link] = []
    for (start, end), operation, faint in drawn:
        lines, kind = operation_label(operation)
        links += _on_edge(nodes.index(start), nodes.index(end), len(boxes), kind, faint=faint)
        boxes.append(Box(lines, kind, faint))
    notes = () if live.any() else (f"{CUT} of the {title}" if title else CUT,)
    if live.any() and any(faint for _, _, faint in drawn):
        notes = (DEAD,)
    return Diagram("graph", tuple(boxes), tuple(links), title, notes)


def _on_edge(start: int, end: int, box: int, kind: str, *, faint: bool = False) -> list[Link]:
    return [Link(start, box, kind, faint, head=False), Link(box, end, kind, faint)]


def _nb101(space: NB101, row: NDArray[np.uint8]) -> list[Diagram]:
    matrix, operations = space.to_cell(row)
    boxes = [Box((each,), END) if each in {"input", "output"} else Box(*operation_label(each)) for each in operations]
    links = [Link(int(start), int(end)) for start, end in zip(*np.nonzero(matrix), strict=True)]
    return [Diagram("graph", tuple(boxes), tuple(links))]


def _darts(space: Darts, row: NDArray[np.uint8]) -> list[Diagram]:
    genotype = space.to_genotype(row)
    return [
        _darts_cell(genotype.normal, genotype.normal_concat, "normal cell"),
        _darts_cell(genotype.reduce, genotype.reduce_concat, "reduction cell"),
    ]


def _darts_cell(edges: Sequence[tuple[str, int]], joined: Sequence[int], title: str) -> Diagram:
    boxes = [Box(("0: cell k-2",), END), Box(("1: cell k-1",), END)]
    boxes += [Box((str(node),), NODE) for node in joined]
    output = len(boxes)
    boxes.append(Box(("output", "joined"), END))
    links: list[Link] = []
    for place, (operation, start) in enumerate(edges):
        lines, kind = operation_label(operation)
        links += _on_edge(start, joined[place // 2], len(boxes), kind)
        boxes.append(Box(lines, kind))
    links += [Link(node, output) for node in joined]
    return Diagram("graph", tuple(boxes), tuple(links), title)


def _hierarchical(space: HierarchicalSpace, row: NDArray[np.uint8]) -> list[Diagram]:
    """Return the cell, and each motif that it uses."""
    outer, inner = row[: len(space.edges)], row[len(space.edges) :].reshape(space.motifs, -1)
    traits = tuple(TRAITS[each] for each in space.operations)
    motifs = [Graph(space.motif_nodes, space.motif_edges, traits, each[None]) for each in inner]
    passes = [motif.live().any() for motif in motifs]
    meaning = (TRAITS[ZERO], TRAITS[IDENTITY], *(TRAITS[IDENTITY if each else ZERO] for each in passes))
    cell = Graph(space.nodes, space.edges, meaning, outer[None])
    drawn = [_cell(cell, [space.choices[choice] for choice in outer], "cell")]
    for number, (motif, choices) in enumerate(zip(motifs, inner, strict=True), 1):
        if number + 1 in outer:
            drawn.append(_cell(motif, [space.operations[choice] for choice in choices], f"motif m{number}"))
    boxes = tuple(
        Box(box.lines, MOTIF, box.faint) if box.lines[0] in space.choices[2:] else box for box in drawn[0].boxes
    )
    links = tuple(
        Link(link.start, link.end, MOTIF if link.kind == OTHER else link.kind, link.faint, link.head)
        for link in drawn[0].links
    )
    return [Diagram("graph", boxes, links, "cell", drawn[0].notes), *drawn[1:]]


def _chain(layers: Sequence[Box], rows: tuple[int, ...] = ()) -> Diagram:
    boxes = (Box(("image",), END), *layers, Box(("classes",), END))
    links = tuple(Link(place, place + 1) for place in range(len(boxes) - 1))
    return Diagram("chain", boxes, links, rows=rows)


def _nats_size(_: NatsSize, row: NDArray[np.uint8]) -> list[Diagram]:
    layers = []
    for place, choice in enumerate(row.tolist()):
        words, kind = (("reduce",), POOL) if place % 2 else (("cell",), CONV)
        width = WIDTHS[choice]
        layers.append(Box(words, kind, taller=_TALLEST * width / WIDTHS[-1], below=f"{width} ch"))
    return [_chain(layers)]


def _nb_macro(_: NBMacro, row: NDArray[np.uint8]) -> list[Diagram]:
    """Return a chain.

    At a stage's first layer the identity is a strided 1x1 convolution.
    """
    layers, choices = [], iter(row.tolist())
    for stage, depth in enumerate(STAGES):
        for place in range(depth):
            block = BLOCKS[next(choices)]
            below = f"width {TIMES}{2 << stage}, size 1/{2 << stage}" if place == 0 else ""
            taller = _TALLEST * (2 << stage) / 8
            if block in _BLOCKS:
                layers.append(Box(*_BLOCKS[block], taller=taller, below=below))
            elif place == 0:
                layers.append(Box(("conv", f"1{TIMES}1"), POINTWISE, taller=taller, below=below))
            else:
                layers.append(Box(("identity",), SKIP, faint=True))
    return [_chain(layers, rows=(1 + STAGES[0], *STAGES[1:-1], STAGES[-1] + 1))]


def _transnas_macro(_: TransNasMacro, row: NDArray[np.uint8]) -> list[Diagram]:
    width = size = 1
    layers = []
    for name in [list(_MODULES)[choice - 1] for choice in row.tolist() if choice]:
        words, kind = _MODULES[name]
        width *= 2 if name in {"double_channels", "both"} else 1
        size *= 2 if name in {"halve_resolution", "both"} else 1
        layers.append(
            Box(
                words,
                kind,
                taller=_TALLEST * width / 8,
                below=f"width {TIMES}{width}, size {f'1/{size}' if size > 1 else 1}",
            )
        )
    return [_chain(layers)]


def _choices(space: Space, row: NDArray[np.uint8]) -> Diagram:
    named = space.named_choices().items()
    boxes = [
        Box((str(position), str(names[choice])), CHOICE)
        for (position, names), choice in zip(named, row.tolist(), strict=True)
    ]
    return Diagram("list", tuple(boxes), notes=("choices; the space does not say how they are connected",))


_DESCRIPTIONS: dict[type, Callable[..., list[Diagram]]] = {
    NB101: _nb101,
    Darts: _darts,
    HierarchicalSpace: _hierarchical,
    NatsSize: _nats_size,
    NBMacro: _nb_macro,
    TransNasMacro: _transnas_macro,
}
