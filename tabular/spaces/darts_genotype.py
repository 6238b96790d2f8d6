"""How architectures of the DARTS space are written: as genotype, as its text, as NAS-Bench-301's configuration."""

from __future__ import annotations

import ast
import itertools
import operator
from collections import namedtuple
from typing import TYPE_CHECKING, Any

from tabular.errors import InvalidArchitectureError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
FIRST_NODE, NODES = 2, 4
"""Nodes 0 and 1 of a cell are its inputs; the output joins the ``NODES`` that follow."""

CONCAT = list(range(FIRST_NODE, FIRST_NODE + NODES))
PAIRS = tuple(tuple(itertools.combinations(range(node), 2)) for node in CONCAT)
"""For each node the pairs of earlier nodes that it can read: 1, 3, 6 and 10."""

PREFIX = "NetworkSelectorDatasetInfo:darts:"
LONGEST_TEXT = 4096

Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")  # noqa: PYI024 - DARTS's own, untyped
"""An architecture as DARTS writes it: each cell a list of eight pairs ``(operation, input)``, two for each node."""


def no_architecture(what: str) -> InvalidArchitectureError:
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
            fields = {str(each.arg): _literal(each.value) for each in call.keywords}
            return Genotype(*[_literal(each) for each in call.args], **fields)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    raise no_architecture(
        f"{text!r} should read Genotype(normal=[('operation', input), ...], normal_concat=[2, 3, 4, 5], "
        "reduce=[...], reduce_concat=[2, 3, 4, 5])"
    )


def _literal(value: ast.expr) -> Any:
    """Return a literal, or the numbers of a ``range``, which DARTS prints."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "range":
        bounds = [ast.literal_eval(each) for each in value.args]
        if len(bounds) == 2 and all(type(bound) is int and 0 <= bound <= FIRST_NODE + NODES for bound in bounds):
            return list(range(*bounds))
    return ast.literal_eval(value)


def genotype_choices(genotype: Any) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """Return what a genotype says of each node of the normal and then of the reduction cell.

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
            raise no_architecture(f"its {cell} cell needs {2 * NODES} pairs of operation and input, got {pairs!r}")
        if not isinstance(concat, (list, tuple, range)) or [concat.count(node) for node in CONCAT] != [1] * len(concat):
            raise no_architecture(f"the output of its {cell} cell joins nodes {CONCAT}, got {concat!r}")
        for place in range(NODES):
            node = FIRST_NODE + place
            where = f"node {node} of its {cell} cell"
            first, second = (_edge(each, node, where) for each in pairs[2 * place : 2 * place + 2])
            if first[1] == second[1]:
                raise no_architecture(f"{where} needs two different inputs, got {first[1]} twice")
            nodes.append((first, second) if first[1] < second[1] else (second, first))
    return nodes


def _edge(edge: Any, node: int, where: str) -> tuple[str, int]:
    if not isinstance(edge, (list, tuple)) or len(edge) != 2:
        raise no_architecture(f"{where} needs pairs of operation and input, got {edge!r}")
    operation, start = edge
    if operation not in OPERATIONS:
        raise no_architecture(f"{where} has an {UnknownNameError('operation', operation, OPERATIONS)}")
    try:
        number = operator.index(start)  # takes numpy's whole numbers too
    except TypeError:
        number = -1
    if isinstance(start, bool) or not 0 <= number < node:
        raise no_architecture(f"{where} has input {start!r}, allowed are 0 to {node - 1}")
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
    for place, ((first_operation, first), (second_operation, second)) in enumerate(genotype_choices(genotype)):
        cell, node = CELLS[place // NODES], FIRST_NODE + place % NODES
        if node > FIRST_NODE:
            configuration[f"{PREFIX}inputs_node_{cell}_{node}"] = f"{first}_{second}"
        configuration[f"{PREFIX}edge_{cell}_{_first_edge(node) + first}"] = first_operation
        configuration[f"{PREFIX}edge_{cell}_{_first_edge(node) + second}"] = second_operation
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
            raise no_architecture(f"the configuration sets {key!r}, which the inputs that it chooses do not use")
    return genotype


def _cell_of(configuration: Mapping[str, Any], cell: str) -> list[tuple[str, int]]:
    edges = []
    for node in CONCAT:
        inputs = "0_1" if node == FIRST_NODE else _value(configuration, f"inputs_node_{cell}_{node}")
        try:
            starts = [int(each) for each in str(inputs).split("_")]
        except ValueError:
            starts = []
        if len(starts) != 2:
            raise no_architecture(
                f"{PREFIX}inputs_node_{cell}_{node} should be two inputs such as '0_1', got {inputs!r}"
            )
        edges += [(_value(configuration, f"edge_{cell}_{_first_edge(node) + start}"), start) for start in starts]
    return edges


def _value(configuration: Mapping[str, Any], name: str) -> Any:
    if PREFIX + name not in configuration:
        raise no_architecture(f"the configuration has no {PREFIX + name!r}")
    return configuration[PREFIX + name]


def _first_edge(node: int) -> int:
    """Return the number of the first edge into a node: as many as earlier nodes have inputs."""
    return sum(range(FIRST_NODE, node))
