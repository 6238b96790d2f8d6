"""NAS-Bench-101's own files (Ying et al., ICML 2019) into a table.

So are those that EC-NAS made in their image. A record is a JSON list: the cell's hash, the epochs of the training, the
adjacency matrix as text, the operations of the vertices, and the protocol buffer ``ModelMetrics`` that the training
recorded, which is read here without a library. It is declared in ``nasbench/lib/model_metrics.proto`` of NAS-Bench-101;
EC-NAS adds fields behind the first five of an evaluation, and its sixth is the energy used so far, a double, where
NAS-Bench-101 has the text of a path. Every budget is a training of its own.
"""

from __future__ import annotations

import binascii
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabular.errors import FileFormatError
from tabular.files import check_writable
from tabular.importers.tfrecord import read_tfrecord
from tabular.layout import DONE, MISSING, TableData, TaskData, write_table
from tabular.measures import HALFWAY, Metric, Task
from tabular.spaces.nb101 import NB101
from tabular.spaces.nb101_hash import OPERATIONS
from tabular.table import Table
from tabular.work import silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tabular.importers.tfrecord import Record
    from tabular.work import Progress

TASK = "cifar10"

COLUMNS = {
    "train_seconds": ("second", "none", "minimize"),
    "train_accuracy": ("fraction", "train", "maximize"),
    "validation_accuracy": ("fraction", "validation", "maximize"),
    "test_accuracy": ("fraction", "test", "maximize"),
    "energy": ("joule", "none", "minimize"),
}
"""The metrics of an evaluation with unit, split and direction, in the order of `Evaluation` after the epoch."""


ORIGIN = {
    "licence": "Apache-2.0",
    "citation": "C. Ying et al.: NAS-Bench-101: Towards Reproducible Neural Architecture Search. ICML 2019",
    "source": "https://github.com/google-research/nasbench",
}

EC_NAS = {
    "licence": "MIT",
    "citation": [
        ORIGIN["citation"],
        (
            "P. Bakhtiarifard, C. Igel, R. Selvan: EC-NAS: Energy Consumption Aware Tabular Benchmarks for Neural "
            "Architecture Search. ICASSP 2024"
        ),
    ],
    "source": ["https://github.com/PedramBakh/EC-NAS-Bench", ORIGIN["source"]],
}
"""Whose the records with energy are."""

SMALLEST, LARGEST = 3, 7
"""Vertices of the smallest space that a table is given, and of the largest cell."""


@dataclass
class _Columns:
    """The records that were read so far, a row each.

    They are in chunks, as their number is known at the end only. In chunks, as their number is known at the end only.
    """

    cells: dict[Cell, int] = field(default_factory=dict)
    first_records: list[int] = field(default_factory=list)
    parts: list[dict[str, NDArray[Any]]] = field(default_factory=list)

    def join(self) -> dict[str, NDArray[Any]]:
        """Return the columns whole; the chunks are let go of one column at a time."""
        return {name: np.concatenate([part.pop(name) for part in self.parts]) for name in list(self.parts[0])}


def import_nasbench101(source: str | Path, out: str | Path, progress: Progress = silent) -> Table:
    """Turn a TFRecord file of NAS-Bench-101's kind into a table.

    The table stands for classes of cells, in the space of the smallest number of vertices that holds them all. Its one
    task ``cifar10`` has the budgets of the file as epochs, and the repeats of a training, in the order of the file, as
    seeds 0, 1, ... What was measured halfway through a budget is beside it as ``halfway_*``; an evaluation at another
    point than half the budget (EC-NAS evaluates some trainings after one epoch) is passed over.

    Parameters
    ----------
    source : str or Path
        ``nasbench_full.tfrecord``, ``nasbench_only108.tfrecord`` or a file of EC-NAS.
    out : str or Path
        The table to write.
    progress : callable
        Is told the bytes read and the bytes in all.

    Returns
    -------
    Table
        Opened.

    Raises
    ------
    FileFormatError
        If the file is damaged, or a record is none of this kind, repeats another, has numbers that cannot be, or a hash
        that is not its cell's. The message names the record, from 0.
    OutputError
    """
    check_writable(out)
    source = Path(source)
    columns = _Columns()
    size = source.stat().st_size if source.is_file() else 0
    for records in read_tfrecord(source):
        if records:
            columns.parts.append(_read_chunk(source, records, columns))
            progress(min(records[-1].offset, size), size, f"{records[-1].number + 1:,} records")
    data = _table(source, columns)
    progress(size, size, "writing the table")
    write_table(out, data)
    return Table.open(out)


# Reading records.


def _read_chunk(source: Path, records: list[Record], columns: _Columns) -> dict[str, NDArray[Any]]:
    numbers = np.empty((len(records), 4), dtype=np.int64)
    values = np.empty((len(records), 2 * len(COLUMNS)), dtype=np.float64)
    for index, record in enumerate(records):
        try:
            *cell, epochs, raw = _fields_of(record.data)
            metrics = read_model_metrics(binascii.a2b_base64(raw))
            values[index] = _measured(metrics.evaluations, epochs)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise FileFormatError(
                f"{source}: record {record.number} at byte {record.offset:,} is no training of NAS-Bench-101: {error}"
            ) from None
        number = columns.cells.setdefault(Cell(*cell), len(columns.cells))
        if number == len(columns.first_records):
            columns.first_records.append(record.number)
        numbers[index] = number, epochs, metrics.parameters, hash(raw)
    _check_values(source, records, values, numbers[:, 2])
    cells, epochs, parameters, contents = numbers.T
    chunk: dict[str, NDArray[Any]] = {
        "cell": cells.astype(np.int32),
        "epochs": epochs.astype(np.int32),
        "parameters": parameters.astype(np.int32),
        "content": contents.copy(),
    }
    for column, name in enumerate([*COLUMNS, *(HALFWAY + column_name for column_name in COLUMNS)]):
        chunk[name] = values[:, column].astype(np.float32)
    return chunk


def _fields_of(data: bytes) -> tuple[str, str, str, int, str]:
    """Return hash, adjacency, operations, epochs and the encoded metrics."""
    entry = json.loads(data)
    if not isinstance(entry, list) or [type(part) for part in entry] != [str, int, str, str, str]:
        raise ValueError("it is not a list of hash, epochs, adjacency, operations and metrics")
    module_hash, epochs, adjacency, operations, raw = entry
    if not 1 <= epochs < 1 << 31:
        raise ValueError(f"it has {epochs} epochs")
    return module_hash, adjacency, operations, epochs, raw


def _measured(evaluations: list[Evaluation], epochs: int) -> list[float]:
    """Return the numbers at the end of a training, then those halfway through."""
    if len(evaluations) != 3:
        raise ValueError(f"it has {len(evaluations)} evaluations, expected those of start, middle and end")
    _, middle, end = evaluations
    if end.epoch != epochs and end.epoch == end.epoch:
        raise ValueError(f"its last evaluation is after {end.epoch:g} epochs, expected {epochs}")
    if 2 * middle.epoch != epochs and middle.epoch == middle.epoch:
        middle = Evaluation()
    return [*end[1:], *middle[1:]]


def _check_values(
    source: Path, records: list[Record], values: NDArray[np.float64], parameters: NDArray[np.int64]
) -> None:
    """Refuse numbers that are missing where every file has them, or that cannot be."""
    for column, (name, (unit, *_)) in enumerate(COLUMNS.items()):
        for prefix, these in (("", values[:, column]), (HALFWAY, values[:, column + len(COLUMNS)])):
            most = 1.0 if unit == "fraction" else np.inf
            needed = not prefix and unit != "joule"
            wrong = ~((these >= 0) & (these <= most) & np.isfinite(these)) & (needed | ~np.isnan(these))
            _refuse(source, records, wrong, these, prefix + name, "a fraction in 0..1" if most == 1 else "0 or more")
    _refuse(source, records, (parameters < 0) | (parameters >= 1 << 31), parameters, "trainable_parameters", "a count")


def _refuse(
    source: Path, records: list[Record], wrong: NDArray[np.bool_], values: NDArray[Any], name: str, expected: str
) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        record = records[first]
        raise FileFormatError(
            f"{source}: record {record.number} at byte {record.offset:,}: {name} is {values[first]:g}, "
            f"expected {expected}"
        )


# Making the table.


def _table(source: Path, columns: _Columns) -> TableData:
    space, rows = read_cells(source, list(columns.cells), columns.first_records)
    columns.cells.clear()  # a few hundred megabytes, not needed from here on
    # Cells drawn in two ways are one architecture: `class_of` says which one each cell is.
    _, first, class_of = np.unique(space.canonical_key(rows), return_index=True, return_inverse=True)
    by_appearance = np.argsort(first)
    row_of_class = np.empty_like(by_appearance)
    row_of_class[by_appearance] = np.arange(len(first))
    read = columns.join()
    without_halfway = int(np.isnan(read[f"{HALFWAY}train_seconds"]).sum())
    row = row_of_class[class_of][read.pop("cell")]
    epochs, budget = np.unique(read.pop("epochs"), return_inverse=True)
    repeat = _repeats(source, row, budget, read.pop("content"))
    parameters = _parameters(source, row, read.pop("parameters"), len(first))
    shape = (len(first), int(repeat.max()) + 1, len(epochs))
    metrics: dict[str, NDArray[np.float32]] = {}
    for name in list(read):
        values = read.pop(name)
        if not np.isnan(values).all():
            metrics[name] = np.full(shape, np.nan, dtype=np.float32)
            metrics[name][row, repeat, budget] = values
    recorded = ~np.isnan(metrics["train_seconds"])
    status = np.where(recorded.any(axis=2), DONE, MISSING).astype(np.uint8)
    meanings = {name: Metric(name, *COLUMNS[name.removeprefix(HALFWAY)]) for name in metrics}
    origin: dict[str, Any] = {**(EC_NAS if "energy" in metrics else ORIGIN), "file": source.name}
    provenance = {
        **origin,
        "dataset": "CIFAR-10",
        "restarts": True,
        "trainings": "each number of epochs is a training of its own, over which the learning rate decays; seeds are "
        "repeats in the order of the file, and those of two numbers of epochs have nothing in common",
        "records": len(row),
        "missing": int((~recorded).sum()),
        "without_halfway": without_halfway,
    }
    task = Task(TASK, tuple(epochs.tolist()), meanings, tuple(range(shape[1])), provenance)
    data = TaskData(task, metrics, status, {"parameters": parameters}, {"parameters": "count"})
    return TableData(space, rows[first[by_appearance]], "class", [data], origin)


def _repeats(
    source: Path, row: NDArray[np.int64], budget: NDArray[np.int64], content: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the number of each record among those of its cell and budget, from 0.

    A copy of another record is refused.
    """
    training = row * (int(budget.max()) + 1) + budget
    order = np.argsort(training, kind="stable")
    starts = np.flatnonzero(np.diff(training[order], prepend=-1))
    repeat = np.empty(len(row), dtype=np.int64)
    repeat[order] = np.arange(len(row)) - np.repeat(starts, np.diff(starts, append=len(row)))
    same = np.lexsort((content, training))
    copies = np.flatnonzero((np.diff(training[same]) == 0) & (np.diff(content[same]) == 0))
    if len(copies):
        first, second = (int(record) for record in same[copies[0] : copies[0] + 2])
        raise FileFormatError(f"{source}: record {second} is a copy of record {first}")
    return repeat


def _parameters(source: Path, row: NDArray[np.int64], read: NDArray[np.int32], rows: int) -> NDArray[np.int64]:
    """Return the trainable parameters of each row, (N,).

    Two records of a cell must agree on them.
    """
    parameters = np.empty(rows, dtype=np.int64)
    parameters[row] = read
    wrong = np.flatnonzero(parameters[row] != read)
    if len(wrong):
        record = int(wrong[0])
        raise FileFormatError(
            f"{source}: record {record}: trainable_parameters is {read[record]}, and {parameters[row[record]]} in "
            "another record of its cell"
        )
    return parameters


class Cell(NamedTuple):
    """A cell as a record writes it.

    That is its MD5, the digits of its matrix, and the operations between commas.
    """

    module_hash: str
    adjacency: str
    operations: str


def read_cells(source: Path, cells: list[Cell], first_records: list[int]) -> tuple[NB101, NDArray[np.uint8]]:
    """Return the smallest space that holds all cells, and the row of each.

    The hash of each is compared.

    Parameters
    ----------
    source : Path
        What errors name.
    cells : list of C Cells
    first_records : list of C ints
        The record in which each cell was met first, for errors.

    Returns
    -------
    space : NB101
    rows : (C, L) uint8

    Raises
    ------
    FileFormatError
        If one is no cell of NAS-Bench-101's space, or its hash is another one.
    """
    largest = max(cell.operations.count(",") + 1 for cell in cells)
    space = NB101(vertices=min(max(SMALLEST, largest), LARGEST))
    choices = bytearray()
    record = 0
    try:
        for cell, record in zip(cells, first_records, strict=True):  # noqa: B007 - an error names it
            choices += _choices(space, cell)
    except ValueError as error:
        raise FileFormatError(f"{source}: record {record} has no cell: {error}") from None
    rows = np.frombuffer(choices, dtype=np.uint8).reshape(len(cells), space.length)
    invalid = np.flatnonzero(~space.is_valid(rows))
    if len(invalid):
        index = int(invalid[0])
        raise FileFormatError(
            f"{source}: record {first_records[index]} has no cell: {space.why_not(rows[index].tolist())}: "
            f"{cells[index].adjacency} {cells[index].operations}"
        )
    for index, module_hash in enumerate(space.module_hash(rows)):
        if module_hash != cells[index].module_hash:
            raise FileFormatError(
                f"{source}: record {first_records[index]}: its hash is {cells[index].module_hash!r}, its cell has "
                f"{module_hash}: {cells[index].adjacency} {cells[index].operations}"
            )
    return space, rows


def _choices(space: NB101, cell: Cell) -> bytes:
    """Return the row of a cell, the same as `NB101.from_cell` gives.

    There are too many cells for that one.
    """
    labels = cell.operations.split(",")
    size, matrix = len(labels), cell.adjacency
    more = space.vertices - size  # vertices that dangle, put before the output
    if more < 0 or size < 2:
        raise ValueError(f"it has {size} vertices, expected 2 to {LARGEST}")
    if len(matrix) != size**2 or set(matrix) - {"0", "1"}:
        raise ValueError(f"{matrix!r} is no 0-1 matrix over its {size} vertices")
    later = [matrix[start * size + start + 1 : (start + 1) * size] for start in range(size - 1)]
    if sum(row.count("1") for row in later) != matrix.count("1"):
        raise ValueError(f"{matrix!r} has an edge on or below its diagonal")
    for label in labels[1:-1]:
        if label not in OPERATIONS:
            raise ValueError(f"{label!r} is none of {', '.join(OPERATIONS)}")
    edges = "".join(row[:-1] + "0" * more + row[-1] for row in later).ljust(len(space.edges), "0")
    choices = [OPERATIONS.index(label) for label in labels[1:-1]]
    return bytes(map(int, edges)) + bytes(choices) + bytes(more)


VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5
"""Wire types: a number of seven bits a byte, eight bytes, a counted run of bytes, four bytes."""

JOULES = 3.6e6
"""In a kilowatt-hour, which EC-NAS counts in."""

NAN = float("nan")
_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")
_FIVE_DOUBLES = struct.Struct("<xdxdxdxdxd")
_FIVE_TAGS = bytes(field << 3 | DOUBLE for field in range(1, 6))


class Evaluation(NamedTuple):
    """The numbers at one point of a training.

    NaN where the message has no such field.

    Parameters
    ----------
    epoch, seconds : float
        Trained so far.
    train, validation, test : float
        Accuracies, fractions.
    energy : float
        Joules used so far.
    """

    epoch: float = NAN
    seconds: float = NAN
    train: float = NAN
    validation: float = NAN
    test: float = NAN
    energy: float = NAN


class ModelMetrics(NamedTuple):
    """The evaluations of a training, and the network's trainable parameters.

    They go from its start to its end.
    """

    evaluations: list[Evaluation]
    parameters: int


def read_model_metrics(message: bytes) -> ModelMetrics:
    """Decode the message of one training.

    Fields that it does not know are passed over.

    Raises
    ------
    ValueError
        If the bytes are no such message.
    """
    evaluations, parameters = [], -1
    for number, wire, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            evaluations.append(_evaluation(value))
        elif number == 2 and wire == VARINT:
            parameters = int(value)
    return ModelMetrics(evaluations, parameters)


def _evaluation(message: bytes) -> Evaluation:
    if message[:45:9] == _FIVE_TAGS:  # as every known file writes it; the rest is slower by half
        epoch, seconds, train, validation, test = _FIVE_DOUBLES.unpack_from(message)
        energy = _DOUBLE.unpack_from(message, 46)[0] if message[45:46] == b"\x31" else NAN
        return Evaluation(epoch, seconds, train, validation, test, energy * JOULES)
    values = [NAN] * 6
    for number, wire, value in _fields(message):
        if 1 <= number <= 6 and wire == DOUBLE:
            values[number - 1] = float(value)
    values[5] *= JOULES
    return Evaluation(*values)


def _fields(message: bytes) -> Iterator[tuple[int, int, int | float | bytes]]:
    """Yield number, wire type and value of each field of a message."""
    offset, end = 0, len(message)
    while offset < end:
        tag, offset = _varint(message, offset)
        field, wire = tag >> 3, tag & 7
        value: int | float | bytes
        if wire == VARINT:
            value, offset = _varint(message, offset)
        elif wire == BYTES:
            size, offset = _varint(message, offset)
            value, offset = message[offset : offset + size], offset + size
        elif wire == DOUBLE:
            value, offset = message[offset : offset + 8], offset + 8
            value = _DOUBLE.unpack(value)[0] if offset <= end else value
        elif wire == FLOAT:
            value, offset = message[offset : offset + 4], offset + 4
            value = _FLOAT.unpack(value)[0] if offset <= end else value
        else:
            raise ValueError(f"a field of wire type {wire} at byte {offset}")
        if offset > end:
            raise ValueError(f"field {field} ends behind the message")
        yield field, wire, value


def _varint(message: bytes, offset: int) -> tuple[int, int]:
    value = shift = 0
    while offset < len(message):
        byte = message[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
        shift += 7
    raise ValueError("the message ends within a number")
