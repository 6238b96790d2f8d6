"""The DARTS search space (Liu, Simonyan and Yang, ICLR 2019).

It is as NAS-Bench-301 has it (Zela et al., ICLR 2022).
"""

from __future__ import annotations

import ast
import itertools
import operator
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError, UnknownNameError
from tabular.spaces.graph import IDENTITY, TRAITS, ZERO, Graph, Traits
from tabular.spaces.hashing import combine, text_hash
from tabular.spaces.space import Space, one_hot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tabular.networks.darts import DartsNetwork
    from tabular.recipe import Recipe

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""The operations of the space, in NAS-Bench-301's order."""

CELLS = ("normal", "reduce")
"""The cells, as genotypes and configurations name them."""

FIRST_NODE, NODES = 2, 4
"""Nodes 0 and 1 of a cell are its inputs; the output joins the ``NODES`` that follow."""

CONCAT = list(range(FIRST_NODE, FIRST_NODE + NODES))
PAIRS = tuple(tuple(itertools.combinations(range(node), 2)) for node in CONCAT)
"""For each node the pairs of earlier nodes that it can read: 1, 3, 6 and 10."""

PREFIX = "NetworkSelectorDatasetInfo:darts:"
"""The beginning of every key of NAS-Bench-301's configurations."""

LONGEST_TEXT = 4096
"""The longest text that is read as a genotype."""

Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")  # noqa: PYI024 - DARTS's own, untyped
"""An architecture as DARTS writes it: each cell a list of eight pairs ``(operation, input)``, two for each node."""

PER_CELL = 3 * NODES
"""Choices of a cell: for each node its pair of inputs and two operations."""

EXACT = 2
"""Paths of up to so many operations are counted by what they read, longer ones by their length."""


class Darts(Space):
    """Two cells, normal and reduction, of four nodes each.

    Each node sums two operations on two different earlier nodes.

    Nodes 0 and 1 are the outputs of the two cells before; the output joins the channels of nodes 2 to 5. A row gives,
    for each node of the normal and then of the reduction cell, its pair of inputs, the operation on the lower of them
    and that on the higher. Every row is valid: 1,037,664,180 cells of either kind, about 1.08e18 architectures.

    Two rows are the same network if one becomes the other by reordering the nodes of its cells: the order decides
    nothing but that of the channels of a cell's output. Other ways in which two drawings may compute the same (an
    identity of a node that another node repeats, say) are told apart.

    Examples
    --------
    >>> Darts().size == 1_037_664_180**2
    True
    """

    def __init__(self) -> None:
        choices = [count for pairs in PAIRS for count in (len(pairs), len(OPERATIONS), len(OPERATIONS))]
        super().__init__("darts", 2 * choices)
        self._operation_hashes = np.array([text_hash(operation) for operation in OPERATIONS], dtype=np.uint64)
        self._input_hashes = [np.uint64(text_hash(f"input {node}")) for node in range(FIRST_NODE)]
        self._steps = _path_steps()

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "darts"}``."""
        return {"kind": "darts"}

    def named_choices(self) -> dict[str, tuple[str, ...]]:
        """Return, for each node of each cell, its pairs of inputs and the operations on the lower and higher one."""
        named: dict[str, tuple[str, ...]] = {}
        for cell in CELLS:
            for number, pairs in enumerate(PAIRS, FIRST_NODE):
                node = f"{cell}_{number}"
                named[f"{node}_inputs"] = tuple(f"{low},{high}" for low, high in pairs)
                named[f"{node}_low"] = named[f"{node}_high"] = tuple(OPERATIONS)
        return named

    def canonical_key(self, architectures: NDArray[np.uint8]) -> Any:
        """Return a key that is equal exactly for rows that differ in the order of their cells' nodes only.

        Every node is hashed forwards, as the multiset of what it reads, and backwards, as the multiset of what reads
        it; a cell is the multiset of its edges, each with the hashes of both ends (one round of Weisfeiler-Lehman
        refinement in either direction; tests compare it with graph isomorphism).
        """
        return self._answer(architectures, self._keys)

    def _keys(self, rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
        return combine(self._cell_hash(rows[:, :PER_CELL]), self._cell_hash(rows[:, PER_CELL:]))

    def _cell_hash(self, cells: NDArray[np.uint8]) -> NDArray[np.uint64]:
        number = np.arange(len(cells))
        edges = [(FIRST_NODE + node, *self._edge(cells, node, which)) for node in range(NODES) for which in (0, 1)]
        arrives = np.zeros((FIRST_NODE + NODES, len(cells)), dtype=np.uint64)
        arrives[0], arrives[1] = self._input_hashes
        for end, starts, choices in edges:
            arrives[end] += combine(arrives[starts, number], self._operation_hashes[choices])
        leaves = np.full_like(arrives, text_hash("output"))
        for end, starts, choices in reversed(edges):
            leaves[starts, number] += combine(self._operation_hashes[choices], leaves[end])
        nodes = combine(arrives, leaves)
        hashes = np.zeros(len(cells), dtype=np.uint64)
        for end, starts, choices in edges:
            read = combine(nodes[starts, number], self._operation_hashes[choices])
            hashes += combine(read, nodes[end])
        return hashes

    @staticmethod
    def _edge(cells: NDArray[np.uint8], node: int, which: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the input and the operation, (N,) each, of the lower or higher edge into a node of cells (N, 12)."""
        inputs = np.array(PAIRS[node])[cells[:, 3 * node]]
        return inputs[:, which], cells[:, 3 * node + 1 + which]

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the normal and the reduction cells as graphs."""
        rows = self.check(architectures)
        return _cell_graph(rows[:, :PER_CELL]), _cell_graph(rows[:, PER_CELL:])

    # Genotypes, text and configurations.

    def to_genotype(self, architecture: NDArray[np.uint8]) -> Genotype:
        """Return the genotype of a row, (L,), the inputs of each node ascending."""
        return _genotype(self.check(architecture).tolist())

    def from_genotype(self, genotype: Any) -> NDArray[np.uint8]:
        """Return the row, (L,), of a genotype.

        Any tuple with the four fields of DARTS's will do.

        Raises
        ------
        InvalidArchitectureError
            Naming the cell, the node and the value.
        """
        return np.array(_row(genotype), dtype=np.uint8)

    def to_text(self, architectures: NDArray[np.uint8]) -> Any:
        """Write rows as Python prints their genotypes."""
        return self._write(architectures, lambda row: str(_genotype(row)))

    def from_text(self, text: str | Sequence[str]) -> NDArray[np.uint8]:
        """Read genotypes as Python prints them; a node's inputs may come in either order."""
        return self._read(text, lambda genotype: _row(parse_genotype(genotype)))

    def to_configuration(self, architecture: NDArray[np.uint8]) -> dict[str, str]:
        """Return a row, (L,), as NAS-Bench-301 writes it in results and ConfigSpace configurations."""
        return genotype_to_configuration(self.to_genotype(architecture))

    def from_configuration(self, configuration: Mapping[str, Any]) -> NDArray[np.uint8]:
        """Return the row, (L,), of a NAS-Bench-301 configuration, see `configuration_to_genotype`.

        Raises
        ------
        InvalidArchitectureError
        """
        return self.from_genotype(configuration_to_genotype(configuration))

    # Features and networks.

    @property
    def encodings(self) -> tuple[str, ...]:
        """``one_hot`` and ``paths``."""
        return ("one_hot", "paths")

    def encode(self, architectures: NDArray[np.uint8], encoding: str = "one_hot") -> NDArray[np.float32]:
        """Turn rows into features.

        ``one_hot`` marks each choice. ``paths`` counts for each cell, in columns named by `path_names`, the uses of
        each operation and the paths from either input to a node: after BANANAS (White et al. 2021), cut as there, and
        equal for equal networks.
        """
        if encoding == "one_hot":
            return self._answer(architectures, lambda rows: one_hot(rows, self.cardinalities))
        if encoding == "paths":
            return self._answer(
                architectures,
                lambda rows: np.hstack([self._count_paths(rows[:, :PER_CELL]), self._count_paths(rows[:, PER_CELL:])]),
            )
        raise UnknownNameError("encoding", encoding, self.encodings)

    @staticmethod
    def path_names() -> list[str]:
        """Return the name of each column of the ``paths`` encoding, after what it counts."""
        states = [" > ".join(state) if isinstance(state, tuple) else f"{state} operations" for state in _path_states()]
        counted = [*OPERATIONS, *(f"input {start}: {state}" for start in range(FIRST_NODE) for state in states)]
        return [f"{cell} {name}" for cell in ("normal", "reduction") for name in counted]

    def _count_paths(self, cells: NDArray[np.uint8]) -> NDArray[np.float32]:
        states = self._steps.shape[2]
        counts = np.zeros((FIRST_NODE + NODES, len(cells), FIRST_NODE, states + 1), dtype=np.float32)
        for start in range(FIRST_NODE):
            counts[start, :, start, -1] = 1  # the path that has met nothing yet, left out of the features
        uses = np.zeros((len(cells), len(OPERATIONS)), dtype=np.float32)
        number = np.arange(len(cells))
        for node in range(NODES):
            for which in (0, 1):
                starts, choices = self._edge(cells, node, which)
                uses[number, choices] += 1
                for choice in np.unique(choices):
                    rows = np.flatnonzero(choices == choice)
                    counts[FIRST_NODE + node, rows, :, :-1] += counts[starts[rows], rows] @ self._steps[choice]
        paths = counts[FIRST_NODE:, :, :, :-1].sum(axis=0)
        return np.hstack([uses, paths.reshape(len(cells), FIRST_NODE * states)])

    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> DartsNetwork:
        """Build DARTS's evaluation network."""
        from tabular.networks.darts import DartsNetwork

        nodes = genotype_choices(self.to_genotype(architecture))
        return DartsNetwork(nodes[:NODES], nodes[NODES:], recipe, image_shape, classes)


# Features: the paths of a cell.


def _path_states() -> list[tuple[str, ...] | int]:
    """Return what a path may have met.

    Operations in order, or the number of them where there are more than `EXACT`.
    """
    sequences = [met for length in range(1, EXACT + 1) for met in itertools.product(OPERATIONS, repeat=length)]
    return [*sequences, *range(EXACT + 1, NODES + 1)]


def _path_steps() -> NDArray[np.float32]:
    """Return for each operation the matrix that takes a path's state before it, or no state yet, to that behind it."""
    states = _path_states()
    column = {state: number for number, state in enumerate(states)}
    steps = np.zeros((len(OPERATIONS), len(states) + 1, len(states)), dtype=np.float32)
    for choice, operation in enumerate(OPERATIONS):
        steps[choice, -1, column[operation,]] = 1
        for before, state in enumerate(states):
            longer = (*state, operation) if isinstance(state, tuple) else state + 1
            if isinstance(longer, tuple) and len(longer) > EXACT:
                longer = len(longer)
            if longer in column:  # no path has more operations than a cell has nodes
                steps[choice, before, column[longer]] = 1
    return steps


# The cells as graphs. The output of the cell before the last is the input of a graph. That of the last cell is node 1,
# a pointwise layer away, as which that cell counts: no operation of the space is one, so that a path shows from which
# of the two it comes. The output of a graph sums the nodes that the cell joins.

_TRAITS = (*(TRAITS[operation] for operation in OPERATIONS), TRAITS[ZERO], TRAITS[IDENTITY], Traits(pointwise=1))
_ABSENT, _JOINED, _LAST_CELL = range(len(OPERATIONS), len(_TRAITS))
_OUTPUT = FIRST_NODE + NODES
_CHOSEN = tuple((start, end) for end in CONCAT for start in range(end))
_EDGES = ((0, 1), *_CHOSEN, *((node, _OUTPUT) for node in CONCAT))


def _cell_graph(cells: NDArray[np.uint8]) -> Graph:
    """Return cells, (N, 12), as a graph."""
    labels = np.full((len(cells), len(_EDGES)), _JOINED, dtype=np.uint8)
    labels[:, 0] = _LAST_CELL
    chosen = cells.reshape(-1, NODES, 3) @ _DIGITS
    of_nodes = [of_node.take(chosen[:, node], axis=0) for node, of_node in enumerate(_LABELS)]
    np.concatenate(of_nodes, axis=1, out=labels[:, 1 : 1 + len(_CHOSEN)])
    return Graph(1 + _OUTPUT, _EDGES, _TRAITS, labels)


def _node_labels(node: int) -> NDArray[np.uint8]:
    """Return the labels of all edges into a node, (pairs * operations**2, node), for each of its choices."""
    pairs, operations = PAIRS[node - FIRST_NODE], np.arange(len(OPERATIONS))
    labels = np.full((len(pairs), len(operations), len(operations), node), _ABSENT, dtype=np.uint8)
    for pair, (low, high) in enumerate(pairs):
        labels[pair, :, :, low] = operations[:, None]
        labels[pair, :, :, high] = operations
    return labels.reshape(-1, node)


_DIGITS = np.array([len(OPERATIONS) ** 2, len(OPERATIONS), 1])
"""The factors of a node's three choices in the number of a row of its labels."""

_LABELS = [_node_labels(node) for node in CONCAT]
"""For each node the labels of all edges into it, by the number of its choices."""


# Genotypes and NAS-Bench-301's configurations.


def _genotype(row: list[int]) -> Genotype:
    """Return the genotype of a row."""
    edges = []
    for node in range(2 * NODES):
        pair, *operations = row[3 * node : 3 * node + 3]
        inputs = PAIRS[node % NODES][pair]
        edges += [(OPERATIONS[choice], start) for choice, start in zip(operations, inputs, strict=True)]
    return Genotype(edges[: 2 * NODES], list(CONCAT), edges[2 * NODES :], list(CONCAT))


def _row(genotype: Any) -> list[int]:
    """Return the row of a genotype."""
    row = []
    for node, ((low_operation, low), (high_operation, high)) in enumerate(genotype_choices(genotype)):
        pair = PAIRS[node % NODES].index((low, high))
        row += [pair, OPERATIONS.index(low_operation), OPERATIONS.index(high_operation)]
    return row


def _no_architecture(what: str) -> InvalidArchitectureError:
    """Return the error that says what is wrong with something given for an architecture."""
    return InvalidArchitectureError(f"not an architecture of 'darts': {what}")


def parse_genotype(text: str) -> Genotype:
    """Read the text of a genotype; nothing in it is evaluated.

    Parameters
    ----------
    text : str
        As Python prints a genotype: ``Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), ...)``.

    Raises
    ------
    InvalidArchitectureError
    """
    try:
        call = ast.parse(text.strip() if len(text) <= LONGEST_TEXT else "", mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Genotype":
            fields = {str(keyword.arg): _literal(keyword.value) for keyword in call.keywords}
            return Genotype(*[_literal(argument) for argument in call.args], **fields)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    raise _no_architecture(
        f"{text!r} should read Genotype(normal=[('operation', input), ...], normal_concat=[2, 3, 4, 5], "
        "reduce=[...], reduce_concat=[2, 3, 4, 5])"
    )


def _literal(value: ast.expr) -> Any:
    """Return a literal, or the numbers of a ``range``, which DARTS prints."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "range":
        bounds = [ast.literal_eval(bound) for bound in value.args]
        if len(bounds) == 2 and all(type(bound) is int and 0 <= bound <= FIRST_NODE + NODES for bound in bounds):
            return list(range(*bounds))
    return ast.literal_eval(value)


def genotype_choices(genotype: Any) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """Return the operations and inputs of each node of the normal and then of the reduction cell of a genotype.

    Parameters
    ----------
    genotype : Genotype
        Or anything with its four fields.

    Returns
    -------
    list of 8 pairs of (operation, input)
        The two inputs ascending.

    Raises
    ------
    InvalidArchitectureError
        Naming the cell, the node and the value.
    """
    nodes = []
    for cell in CELLS:
        pairs, concat = getattr(genotype, cell, None), getattr(genotype, f"{cell}_concat", None)
        if not isinstance(pairs, (list, tuple)) or len(pairs) != 2 * NODES:
            raise _no_architecture(f"its {cell} cell needs {2 * NODES} pairs of operation and input, got {pairs!r}")
        if not isinstance(concat, (list, tuple, range)) or [concat.count(node) for node in CONCAT] != [1] * len(concat):
            raise _no_architecture(f"the output of its {cell} cell joins nodes {CONCAT}, got {concat!r}")
        for node in CONCAT:
            where = f"node {node} of its {cell} cell"
            first, second = (_edge(edge, node, where) for edge in pairs[2 * (node - FIRST_NODE) :][:2])
            if first[1] == second[1]:
                raise _no_architecture(f"{where} needs two different inputs, got {first[1]} twice")
            nodes.append((first, second) if first[1] < second[1] else (second, first))
    return nodes


def _edge(edge: Any, node: int, where: str) -> tuple[str, int]:
    if not isinstance(edge, (list, tuple)) or len(edge) != 2:
        raise _no_architecture(f"{where} needs pairs of operation and input, got {edge!r}")
    operation, start = edge
    if operation not in OPERATIONS:
        raise _no_architecture(f"{where} has an {UnknownNameError('operation', operation, OPERATIONS)}")
    try:
        number = operator.index(start)  # takes numpy's whole numbers too
    except TypeError:
        number = -1
    if isinstance(start, bool) or not 0 <= number < node:
        raise _no_architecture(f"{where} has input {start!r}, allowed are 0 to {node - 1}")
    return operation, number


def genotype_to_configuration(genotype: Any) -> dict[str, str]:
    """Return the part of a NAS-Bench-301 configuration that describes an architecture.

    Edges are numbered over all inputs of all nodes: node 2 has edges 0 and 1, node 3 edges 2 to 4, ... Only those that
    the architecture uses are named. The inputs of node 2 are never: it has two only.

    Raises
    ------
    InvalidArchitectureError
    """
    configuration = {}
    nodes = itertools.product(CELLS, CONCAT)
    for (cell, node), ((low_operation, low), (high_operation, high)) in zip(
        nodes, genotype_choices(genotype), strict=True
    ):
        if node > FIRST_NODE:
            configuration[f"{PREFIX}inputs_node_{cell}_{node}"] = f"{low}_{high}"
        configuration[f"{PREFIX}edge_{cell}_{_first_edge(node) + low}"] = low_operation
        configuration[f"{PREFIX}edge_{cell}_{_first_edge(node) + high}"] = high_operation
    return configuration


def configuration_to_genotype(configuration: Mapping[str, Any]) -> Genotype:
    """Return the architecture that a NAS-Bench-301 configuration describes.

    Parameters
    ----------
    configuration : mapping
        Keys such as ``NetworkSelectorDatasetInfo:darts:edge_normal_0`` and ``...:inputs_node_normal_3`` ("0_2"). Keys
        that describe the training are not looked at.

    Raises
    ------
    InvalidArchitectureError
        If a key is missing, or an edge is named that its node does not use.
    """
    cells = {cell: _cell_of(configuration, cell) for cell in CELLS}
    genotype = Genotype(cells["normal"], list(CONCAT), cells["reduce"], list(CONCAT))
    used = genotype_to_configuration(genotype)
    for key in configuration:
        if key.startswith((f"{PREFIX}edge_", f"{PREFIX}inputs_node_")) and key not in used:
            raise _no_architecture(f"the configuration sets {key!r}, which the inputs that it chooses do not use")
    return genotype


def _cell_of(configuration: Mapping[str, Any], cell: str) -> list[tuple[str, int]]:
    edges = []
    for node in CONCAT:
        inputs = "0_1" if node == FIRST_NODE else _value(configuration, f"inputs_node_{cell}_{node}")
        try:
            starts = [int(start) for start in str(inputs).split("_")]
        except ValueError:
            starts = []
        if len(starts) != 2:
            raise _no_architecture(
                f"{PREFIX}inputs_node_{cell}_{node} should be two inputs such as '0_1', got {inputs!r}"
            )
        edges += [(_value(configuration, f"edge_{cell}_{_first_edge(node) + start}"), start) for start in starts]
    return edges


def _value(configuration: Mapping[str, Any], name: str) -> Any:
    if PREFIX + name not in configuration:
        raise _no_architecture(f"the configuration has no {PREFIX + name!r}")
    return configuration[PREFIX + name]


def _first_edge(node: int) -> int:
    """Return the number of the first edge into a node.

    As many as earlier nodes have inputs.
    """
    return sum(range(FIRST_NODE, node))
