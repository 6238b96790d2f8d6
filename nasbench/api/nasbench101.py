"""NAS-Bench-101's API (Ying et al., ICML 2019) over a table.

It follows ``nasbench.api`` of the original package method by method.

A program that uses it needs the path of a table in place of the ``.tfrecord`` file, and no TensorFlow::

    from nasbench import api

    nasbench = api.NASBench("nasbench101.h5")
    spec = api.ModelSpec(
        matrix=[[0, 1, 1], [0, 0, 1], [0, 0, 0]],
        ops=["input", "conv3x3-bn-relu", "output"],
    )
    data = nasbench.query(spec)

The table is made, once, of the original file by ``nasbench import nasbench101``. Any table of NAS-Bench-101's space
will do, also one that was generated: its epochs are then the budgets, and halfway is half as many epochs of the same
training.

Where it departs from the original:

- The constructor seeds a generator of its own, not the whole program's; for a seed it draws what the original draws.
- A repeat is drawn among those on record. The original draws among three whatever the file holds, and raises an
  IndexError where there are fewer.
- Halfway is half of the epochs. The original takes the middle evaluation for it, which in EC-NAS' file of four vertices
  is after one epoch; here these are NaN.
- A matrix of floats is read as the same matrix of whole numbers, and anything but 0 and 1 is refused when the spec is
  made. The original hashes both to something that is on no record.
- ``ops`` may be any sequence. The original fails on a tuple or an array when a vertex has to be cut off.
- A cell that the table lacks, an invalid cell's hash and an unknown hash raise errors that say so, not a KeyError with
  bare digits or a TypeError. Errors begin with the original's words.
- Nothing is printed, and nothing is held as dictionaries: `fixed_statistics` and `computed_statistics` make each entry
  when it is asked for, and have hashes computed only as far as it takes.
- `evaluate` and ``ModelSpec.visualize`` are not there: a table does not train, and does not draw.
"""

from __future__ import annotations

import random
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar

import numpy as np

from tabular.errors import FileFormatError, NasbenchError, QueryError, UnknownNameError
from tabular.layout import DIVERGED
from tabular.measures import HALFWAY, SECONDS
from tabular.spaces.nb101 import INPUT, NB101, OUTPUT
from tabular.spaces.nb101_hash import MOST_EDGES, OPERATIONS, edges, key_of_one
from tabular.table import Table

if TYPE_CHECKING:
    from collections.abc import KeysView

    from numpy.typing import NDArray

    from nasbench.api.model_spec import ModelSpec

_NAMES = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
"""What the API calls `nasbench.api.nasbench101.METRICS`."""

_LABELS = {operation: label for label, operation in enumerate(OPERATIONS)}


class OutOfDomainError(NasbenchError):
    """A cell outside the search space, or a number of epochs that was not trained."""


class NoRecordError(QueryError, KeyError):
    """A cell of the space, or a hash, that the table has no record of."""

    def __str__(self) -> str:
        return Exception.__str__(self)  # a KeyError would quote the sentence


class NASBench:
    """Answers for cells of NAS-Bench-101's space from the records of a table.

    Parameters
    ----------
    dataset_file : str, Path or Table
        The table.
    seed : int, optional
        Of the repeats that are drawn. Two objects of one seed that are asked the same in the same order answer the
        same, and draw the repeats that the original draws for that seed, whatever else uses the `random` module.
    task : str, optional
        Needed if the table has more than one.

    Attributes
    ----------
    valid_epochs : set of int
    config : dict
        ``module_vertices``, ``max_edges``, ``num_repeats`` and ``available_ops``.
    training_time_spent : float
        Seconds of the trainings that were queried.
    total_epochs_spent : int

    Raises
    ------
    FileFormatError
        If there is no table there; a ``.tfrecord`` file is refused with the command that imports it.
    QueryError
        If the table is of another space, or has several tasks and none is named.
    UnknownNameError
    """

    def __init__(self, dataset_file: str | Path | Table, seed: int | None = None, *, task: str | None = None) -> None:
        self._records = Nb101Records(dataset_file, task)
        self._random = random.Random(seed)  # noqa: S311 - draws repeats, keeps no secrets
        self.valid_epochs = set(self._records.task.epochs)
        self.config: dict[str, Any] = {
            "module_vertices": self._records.space.vertices,
            "max_edges": MOST_EDGES,
            "num_repeats": len(self._records.task.seeds),
            "available_ops": list(OPERATIONS),
        }
        self.fixed_statistics = Statistics(self._records, self._fixed, self._no_hash)
        self.computed_statistics = Statistics(self._records, self._computed, self._no_hash)
        self.training_time_spent = 0.0
        self.total_epochs_spent = 0

    def __repr__(self) -> str:
        return f"<NASBench on {self._records.table!r}>"

    def query(self, model_spec: ModelSpec, epochs: int = 108, stop_halfway: bool = False) -> dict[str, Any]:
        """Return one training of a cell, drawn among its repeats, and charge it to the budget counters.

        Parameters
        ----------
        model_spec : ModelSpec
        epochs : int
            One of ``valid_epochs``.
        stop_halfway : bool
            Tell, and charge, the first half of the training only.

        Returns
        -------
        dict
            ``module_adjacency`` ((v, v) int8), ``module_operations`` (list of str), ``trainable_parameters`` (int),
            ``training_time`` (seconds), ``train_accuracy``, ``validation_accuracy`` and ``test_accuracy``; NaN where
            nothing was measured.

        Raises
        ------
        OutOfDomainError
            If the cell or the epochs are outside the search space.
        NoRecordError
            If the table lacks the cell, or has no training of it with these epochs.
        """
        if epochs not in self.valid_epochs:
            raise OutOfDomainError(f"invalid number of epochs, must be one of {self.valid_epochs}, got {epochs}")
        records = self._records
        row = self._row(model_spec)
        numbers = records.numbers(epochs, stop_halfway)
        if numbers.recorded is None:
            repeat = self._random.randint(0, len(records.task.seeds) - 1)
        else:
            repeat = self._drawn(row, epochs)
        adjacency, operations = records.cell(row)
        seconds, train, validation, test = numbers.at(row, repeat)
        self.training_time_spent += seconds
        self.total_epochs_spent += epochs // 2 if stop_halfway else epochs
        return {
            "module_adjacency": adjacency,
            "module_operations": operations,
            "trainable_parameters": records.parameters_of(row),
            "training_time": seconds,
            "train_accuracy": train,
            "validation_accuracy": validation,
            "test_accuracy": test,
        }

    def is_valid(self, model_spec: ModelSpec) -> bool:
        """Say whether a cell is in the search space; nothing is charged."""
        try:
            self._check_spec(model_spec)
        except OutOfDomainError:
            return False
        return True

    def get_budget_counters(self) -> tuple[float, int]:
        """Return the seconds and the epochs that were charged so far."""
        return self.training_time_spent, self.total_epochs_spent

    def reset_budget_counters(self) -> None:
        """Set the counters of seconds and epochs to zero."""
        self.training_time_spent = 0.0
        self.total_epochs_spent = 0

    def evaluate(self, model_spec: ModelSpec, model_dir: str) -> NoReturn:
        """Refuse to train: a table answers from what was trained.

        Raises
        ------
        QueryError
        """
        raise QueryError(
            f"evaluate() would train {model_spec!r} and write to {model_dir}; a table does not train, use "
            "'nasbench generate' or tabular.training"
        )

    def hash_iterator(self) -> KeysView[str]:
        """Return the hashes of all cells on record, in the order of the table.

        They are made as they are taken.
        """
        return self.fixed_statistics.keys()

    def get_metrics_from_hash(self, module_hash: str) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """Return all that is known of a cell, by its hash; nothing is charged.

        Returns
        -------
        fixed : dict
            ``module_adjacency``, ``module_operations`` and ``trainable_parameters``.
        computed : dict
            From epochs to the list of trainings, each a dict of ``halfway_`` and ``final_``, ``training_time``,
            ``train_accuracy``, ``validation_accuracy`` and ``test_accuracy``.

        Raises
        ------
        NoRecordError
        """
        row = self.fixed_statistics.row(module_hash)
        return self._fixed(row), self._computed(row)

    def get_metrics_from_spec(self, model_spec: ModelSpec) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """Return all that is known of a cell, as `get_metrics_from_hash` does.

        Raises
        ------
        OutOfDomainError, NoRecordError
        """
        row = self._row(model_spec)
        return self._fixed(row), self._computed(row)

    def _check_spec(self, model_spec: ModelSpec) -> list[int]:
        """Return the labels of a cell's inner vertices, or say why it is outside the search space."""
        ops = model_spec.ops
        if ops is None:
            raise OutOfDomainError("invalid spec, provided graph is disconnected.")
        most = self._records.space.vertices
        if len(ops) > most:
            raise OutOfDomainError(f"too many vertices, got {len(ops)} (max vertices = {most})")
        edges = model_spec.code.bit_count()
        if edges > MOST_EDGES:
            raise OutOfDomainError(f"too many edges, got {edges} (max edges = {MOST_EDGES})")
        if ops[0] != INPUT:
            raise OutOfDomainError(f"first operation should be 'input', got {ops[0]!r}")
        if ops[-1] != OUTPUT:
            raise OutOfDomainError(f"last operation should be 'output', got {ops[-1]!r}")
        try:
            return [_LABELS[op] for op in ops[1:-1]]
        except (KeyError, TypeError):
            bad = next(op for op in ops[1:-1] if op not in OPERATIONS)
            raise OutOfDomainError(f"unsupported op {bad} (available ops = {list(OPERATIONS)})") from None

    def _hash_spec(self, model_spec: ModelSpec) -> str:
        return model_spec.hash_spec(OPERATIONS)

    def _row(self, model_spec: ModelSpec) -> int:
        labels = self._check_spec(model_spec)
        row = self._records.find(key_of_one(model_spec.code, labels))
        if row < 0:
            raise NoRecordError(
                f"{self._records.table.path}: has no record of {model_spec!r} ({self._hash_spec(model_spec)}); a table "
                "generated in part can be finished with 'nasbench generate'"
            )
        return row

    def _drawn(self, row: int, epochs: int) -> int:
        """Draw one of the repeats of a row that lacks some, perhaps all."""
        repeats = self._records.repeats(row, epochs)
        if not repeats:
            _, operations = self._records.cell(row)
            raise NoRecordError(f"{self._records.table.path}: has no training of {epochs} epochs of {operations}")
        return repeats[self._random.randint(0, len(repeats) - 1)]

    def _fixed(self, row: int) -> dict[str, Any]:
        adjacency, operations = self._records.cell(row)
        parameters = self._records.parameters_of(row)
        return {"module_adjacency": adjacency, "module_operations": operations, "trainable_parameters": parameters}

    def _computed(self, row: int) -> dict[int, list[dict[str, float]]]:
        computed = {}
        for epochs in self._records.task.epochs:
            sides = (HALFWAY, self._records.numbers(epochs, True)), ("final_", self._records.numbers(epochs, False))
            trainings = [
                {
                    side + name: value
                    for side, numbers in sides
                    for name, value in zip(_NAMES, numbers.at(row, repeat), strict=True)
                }
                for repeat in self._records.repeats(row, epochs)
            ]
            if trainings:
                computed[epochs] = trainings
        return computed

    def _no_hash(self, module_hash: object) -> NoRecordError:
        return NoRecordError(f"{self._records.table.path}: has no record of a cell with the hash {module_hash!r}")


METRICS = (SECONDS, "train_accuracy", "validation_accuracy", "test_accuracy")
"""What the API tells of a training, in this order."""

PARAMETERS = "parameters"
HASHED_AT_ONCE = 1 << 14


class Numbers(NamedTuple):
    """The numbers of all trainings of one length, at their end or halfway.

    Parameters
    ----------
    values : list of (N, S) float32 or None
        For each of `METRICS`; None where the table has no such numbers.
    recorded : (N, S) bool or None
        Which trainings there are; None if that is all.
    """

    values: list[NDArray[np.float32] | None]
    recorded: NDArray[np.bool_] | None

    def at(self, row: int, repeat: int) -> list[float]:
        """Return the numbers of one training, NaN where there is none."""
        return [float("nan") if each is None else each.item(row, repeat) for each in self.values]


class _Shape:
    """The choices of a row that make its cell when only some vertices are kept."""

    def __init__(self, vertices: int, kept: int) -> None:
        places = {edge: place for place, edge in enumerate(edges(vertices))}
        left = [vertex for vertex in range(vertices) if kept >> vertex & 1]
        self.size = len(left)
        self._bits = itemgetter(*(places.get((start, end), -1) for start in left for end in left))
        self._operations = [len(places) + vertex - 1 for vertex in left[1:-1]]

    def cell(self, choices: bytes) -> tuple[NDArray[np.int8], list[str]]:
        """Return matrix and labels, from the bytes of a row."""
        bits = bytearray(self._bits(choices + b"\0"))  # where there can be no edge, the byte at -1
        labels = [INPUT, *[OPERATIONS[choices[place]] for place in self._operations], OUTPUT]
        return np.frombuffer(bits, dtype=np.int8).reshape(self.size, self.size), labels


class Nb101Records:
    """A table of NAS-Bench-101's space. Its numbers are read when first asked for.

    Parameters
    ----------
    source : str, Path or Table
    task : str, optional
        Needed if the table has more than one.

    Raises
    ------
    FileFormatError, QueryError, UnknownNameError
    """

    def __init__(self, source: str | Path | Table, task: str | None = None) -> None:
        if not isinstance(source, Table) and Path(source).suffix == ".tfrecord":
            out = Path(source).with_suffix(".h5")
            raise FileFormatError(
                f"{source}: is NAS-Bench-101's own file; make a table of it, once, with "
                f"'nasbench import nasbench101 {source} --out {out}', and open that"
            )
        self.table = source if isinstance(source, Table) else Table.open(source)
        if not isinstance(self.table.space, NB101):
            raise QueryError(
                f"{self.table.path}: is a table of {self.table.space.name!r}; this API answers for NAS-Bench-101's "
                "space"
            )
        self.space: NB101 = self.table.space
        if task is None and len(self.table.tasks) > 1:
            raise QueryError(f"{self.table.path}: has the tasks {', '.join(self.table.tasks)}; name one by task=")
        if task is not None and task not in self.table.tasks:
            raise UnknownNameError("task", task, self.table.tasks)
        self.task = self.table.tasks[task if task is not None else next(iter(self.table.tasks))]
        self._numbers: dict[tuple[int, bool], Numbers] = {}
        self._shapes: dict[int, _Shape] = {}

    # Finding rows.

    def find(self, key: int) -> int:
        """Return the row of the table that has a canonical key, -1 if none has."""
        keys, rows = self._sorted_keys
        place = bisect_left(keys, key)
        return rows[place] if place < len(keys) and keys[place] == key else -1

    @cached_property
    def _sorted_keys(self) -> tuple[array[int], array[int]]:
        """The keys, ascending, and the row of each: plain arrays, which hand out plain numbers at once."""
        held = self.table.canonical_keys
        order = np.argsort(held, kind="stable")
        keys, rows = array("Q"), array("q")
        keys.frombytes(held[order].tobytes())
        rows.frombytes(order.astype(np.int64).tobytes())
        return keys, rows

    # What a row says.

    def cell(self, row: int) -> tuple[NDArray[np.int8], list[str]]:
        """Return the matrix of a row, pruned, and the labels of its vertices."""
        kept = self._kept[row]
        shape = self._shapes.get(kept) or self._shapes.setdefault(kept, _Shape(self.space.vertices, kept))
        return shape.cell(self.table.architectures[row].tobytes())

    @cached_property
    def _kept(self) -> bytes:
        """Of each row the set of vertices that do not dangle: a vertex ``v`` is the bit ``1 << v``."""
        pruned = self.space.prune(self.table.architectures)
        kept = np.full(len(pruned), 1 << (self.space.vertices - 1), dtype=np.uint8)
        for place, (start, _) in enumerate(self.space.edges):
            kept |= pruned[:, place] << np.uint8(start)
        return kept.tobytes()

    @cached_property
    def parameters(self) -> NDArray[Any] | None:
        """The trainable parameters of each row, (N,); None if the table does not tell."""
        known = PARAMETERS in self.table.costs(self.task.name)
        return self.table.cost(self.task.name, PARAMETERS) if known else None

    def parameters_of(self, row: int) -> float:
        """Return a row's trainable parameters, an int where they are known, else NaN."""
        count = float("nan") if self.parameters is None else self.parameters.item(row)
        return int(count) if count == count else count  # noqa: PLR0124 - NaN alone is unequal to itself

    def numbers(self, epochs: int, halfway: bool) -> Numbers:
        """Return the numbers of all trainings of one length that the table has, at their end or halfway."""
        if (epochs, halfway) not in self._numbers:
            self._numbers[epochs, halfway] = self._read_numbers(epochs, halfway)
        return self._numbers[epochs, halfway]

    def _read_numbers(self, epochs: int, halfway: bool) -> Numbers:
        recorded = self._recorded(epochs)
        whole = None if recorded.all() else recorded
        if not halfway:
            return Numbers([self._values(name, epochs) for name in METRICS], whole)
        if any(HALFWAY + name in self.task.metrics for name in METRICS):
            return Numbers([self._values(HALFWAY + name, epochs) for name in METRICS], whole)
        if self.task.restarts or epochs // 2 not in self.task.epochs:
            return Numbers([None] * len(METRICS), whole)
        return Numbers([self._values(name, epochs // 2) for name in METRICS], whole)

    def _recorded(self, epochs: int) -> NDArray[np.bool_]:
        """Say which trainings of this length are on record, (N, S)."""
        recorded: NDArray[np.bool_] = self.table.status(self.task.name) == DIVERGED
        for name in METRICS:
            values = self._values(name, epochs)
            if values is not None:
                recorded |= ~np.isnan(values)
                if recorded.all():
                    break
        return recorded

    def _values(self, name: str, epochs: int) -> NDArray[np.float32] | None:
        if name not in self.task.metrics:
            return None
        return self.table.metric(self.task.name, name)[:, :, self.task.epochs.index(epochs)]

    def repeats(self, row: int, epochs: int) -> list[int]:
        """Return which trainings of this length a row has."""
        recorded = self.numbers(epochs, halfway=False).recorded
        return list(range(len(self.task.seeds))) if recorded is None else np.flatnonzero(recorded[row]).tolist()

    @cached_property
    def index(self) -> HashIndex:
        """The rows by hash."""
        return HashIndex(self._hashes(), len(self.table))

    def _hashes(self) -> Iterator[str]:
        architectures = self.table.architectures
        for start in range(0, len(architectures), HASHED_AT_ONCE):  # many at once cost far less than one by one
            yield from self.space.module_hash(architectures[start : start + HASHED_AT_ONCE])


Value = TypeVar("Value")


class HashIndex:
    """Rows by hash. Hashes are taken from an iterator only as far as is needed.

    Parameters
    ----------
    hashes : iterator of str
        Of all rows.
    count : int
        How many there are.
    """

    def __init__(self, hashes: Iterator[str], count: int) -> None:
        self.count = count
        self._coming = hashes
        self._rows: dict[str, int] = {}
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for row in range(self.count):
            while row >= len(self._taken):
                self._take()
            yield self._taken[row]

    def find(self, module_hash: object) -> int:
        """Return the row that has a hash, -1 if none has."""
        while module_hash not in self._rows and len(self._taken) < self.count:
            self._take()
        return self._rows.get(module_hash, -1) if isinstance(module_hash, str) else -1

    def _take(self) -> None:
        module_hash = next(self._coming)
        self._rows.setdefault(module_hash, len(self._taken))
        self._taken.append(module_hash)


class Statistics(Mapping[str, Value], Generic[Value]):
    """Known facts of each cell by hash. Each value is made when it is asked for.

    Parameters
    ----------
    records : Nb101Records
    value : callable
        Makes the value of a row.
    missing : callable
        Makes the error for a hash that is not there.
    """

    def __init__(
        self, records: Nb101Records, value: Callable[[int], Value], missing: Callable[[object], KeyError]
    ) -> None:
        self._records, self._value, self._missing = records, value, missing

    def __getitem__(self, module_hash: str) -> Value:
        return self._value(self.row(module_hash))

    def __contains__(self, module_hash: object) -> bool:
        return self._records.index.find(module_hash) >= 0

    def __iter__(self) -> Iterator[str]:
        return iter(self._records.index)

    def __len__(self) -> int:
        return self._records.index.count

    def row(self, module_hash: str) -> int:
        """Return the row of the table that has a hash."""
        row = self._records.index.find(module_hash)
        if row < 0:
            raise self._missing(module_hash)
        return row
