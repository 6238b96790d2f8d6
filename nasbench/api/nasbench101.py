"""NAS-Bench-101's API (Ying et al., ICML 2019) over a table: ``nasbench.api`` of its package, method by method.

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
from typing import TYPE_CHECKING, Any, NoReturn

from nasbench.api.nb101_records import Nb101Records
from nasbench.api.nb101_statistics import Statistics
from tabular.errors import NasbenchError, QueryError
from tabular.importers.nasbench101 import HALFWAY
from tabular.spaces.nb101 import INPUT, OUTPUT
from tabular.spaces.nb101_hash import MOST_EDGES, OPERATIONS, key_of_one

if TYPE_CHECKING:
    from collections.abc import KeysView
    from pathlib import Path

    from nasbench.api.model_spec import ModelSpec
    from tabular.table import Table

_NAMES = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
"""What the API calls `nasbench.api.nb101_records.METRICS`."""

_LABELS = {operation: label for label, operation in enumerate(OPERATIONS)}


class OutOfDomainError(NasbenchError):
    """A cell that is outside the search space, or a number of epochs that was not trained."""


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
        """Return the hashes of all cells on record, in the order of the table; they are made as they are taken."""
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
