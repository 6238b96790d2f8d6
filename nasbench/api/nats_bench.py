"""NATS-Bench's API (Dong, Liu, Musial and Gabrys, TPAMI 2021) over a table.

It follows ``nats_bench`` 1.8 method by method.

A program that uses ``nats_bench`` needs another import line and the path of a table::

    from nasbench.api.nats_bench import create

    api = create("NATS-tss-v1_0-3ffb9.h5", "tss", fast_mode=True, verbose=False)
    api.get_more_info(1234, "cifar10", hp="200")

The table is made, once, of the original archive by ``nasbench import nats-bench``. Any table of a cell space or of
NATS-Bench's size space will do: a task called ``<dataset>-<hp>`` is that data set with that hp, and any other task is a
data set of its own name, whose hp is the number of its last epoch. What the table lacks is said, never made up.

Where this departs from the original, the methods say so. In short: random draws come from a generator of the API's
own; nothing is printed but what was opened; ``hp`` may be a number or a text; `simulate_train_eval` never shows test
results to a search; and there are no weights.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from nasbench.api import cell_strings
from nasbench.api.nats_records import CIFAR10, SIZE, TOPOLOGY, open_table, records_by_name
from nasbench.api.nats_results import ArchResults, describe, net_config, numbers_after, refuse_weights
from tabular.errors import QueryError, UnknownNameError
from tabular.spaces.nb201 import NB201_OPERATIONS
from tabular.spaces.space import ENUMERABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nasbench.api.nats_records import TaskRecords
    from tabular.table import Table

__all__ = ["NATSsize", "NATStopology", "create"]


def create(
    file_path_or_dict: str | Path | Table | None,
    search_space: str,
    fast_mode: bool = False,
    verbose: bool = True,
    *,
    seed: int | None = None,
) -> NATStopology | NATSsize:
    """Open a table through NATS-Bench's API.

    Parameters
    ----------
    file_path_or_dict : str, Path, Table or None
        A table's path, the name of one that comes with the package, or an open one. None is the original's default
        name with the ending ``.h5``, in ``$TORCH_HOME`` or else ``~/.torch``.
    search_space : str
        ``tss`` or ``topology``; ``sss`` or ``size``.
    fast_mode : bool
        Without effect: a table is always read as it is asked.
    verbose : bool
        Say in one line what was opened.
    seed : int, optional
        Of the random draws; by default they differ from run to run.

    Raises
    ------
    QueryError
        If there is no such search space, or the table is of another.
    FileFormatError
        If there is no table.
    """
    if search_space in TOPOLOGY:
        return NATStopology(file_path_or_dict, fast_mode, verbose, seed=seed)
    if search_space in SIZE:
        return NATSsize(file_path_or_dict, fast_mode, verbose, seed=seed)
    raise QueryError(str(UnknownNameError("search space", search_space, [*TOPOLOGY, *SIZE])))


class OutOfRangeError(QueryError, IndexError):
    """An index beyond the last architecture.

    It is an `IndexError` too, which ends a loop over an API.
    """


class NASBenchMetaAPI:
    """A table by architecture, data set and hp, as NATS-Bench's API is asked.

    Numbers are read when they are first asked for; after that a question costs a few microseconds. Unlike the originals
    no call prints a line.

    Parameters
    ----------
    file_path_or_dict, fast_mode, verbose, seed
        See `create`.

    Attributes
    ----------
    table : Table
    records : dict of (str, str) to TaskRecords
        By data set and hp.
    rng : random.Random
        Draws trainings and architectures.
    """

    search_space_names: tuple[str, ...] = TOPOLOGY
    """`TOPOLOGY` or `SIZE`."""
    default_file = ""
    """Name, without ending, of the file that is opened if none is given."""
    full_train_epochs = 0
    """The epochs of NATS-Bench's full training: 200 in the topology search space, 90 in the other."""
    joiner = " & "
    """Stands between loss and accuracy in `query_info_str_by_arch`."""
    describes_test = False
    """Whether `query_info_str_by_arch` gives test results of networks trained on one half of CIFAR-10."""

    def __init__(
        self,
        file_path_or_dict: str | Path | Table | None = None,
        fast_mode: bool = False,
        verbose: bool = True,
        *,
        seed: int | None = None,
    ) -> None:
        self.table = open_table(file_path_or_dict, self.default_file, self.search_space_names)
        self.records = records_by_name(self.table)
        self.rng = random.Random(seed)  # noqa: S311 - no secret
        self.fast_mode, self.verbose, self.filename = fast_mode, verbose, self.table.path.name
        # Records by data set and hp, as callers wrote them so far: those asked for, and those with validation results.
        self._asked: dict[tuple[Any, Any], TaskRecords] = dict(self.records)
        self._searched: dict[tuple[Any, Any], TaskRecords] = {}
        self._used_time = 0.0
        self._size = self.table.space.size
        if self._size > ENUMERABLE:
            raise QueryError(
                f"{self.table.path}: its space has {self._size:,} architectures, too many to number in memory; use "
                "tabular.TableOracle"
            )
        if verbose:
            sys.stdout.write(f"{self!r} from {self.table.path}\n")

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"rng": self.rng, "_used_time": self._used_time, "verbose": self.verbose}
        return type(self), (self.table, self.fast_mode, False), state

    def __repr__(self) -> str:
        fast = f" fast_mode={self.fast_mode}," if self.joiner == " & " else ""
        held = f"{len(self.evaluated_indexes)}/{len(self)} architectures"
        return f"{type(self).__name__}({held},{fast} file={self.filename})"

    @property
    def search_space_name(self) -> str:
        """``topology`` or ``size``."""
        return self.search_space_names[1]

    @property
    def is_topology(self) -> bool:
        """Whether this is the topology search space."""
        return self.search_space_names == TOPOLOGY

    @property
    def is_size(self) -> bool:
        """Whether this is the size search space."""
        return self.search_space_names == SIZE

    @property
    def full_epochs_in_paper(self) -> int:
        """`full_train_epochs`, by its older name."""
        return self.full_train_epochs

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> str:
        try:
            return self.meta_archs[index]
        except IndexError:
            raise OutOfRangeError(f"there is no architecture {index}; there are {self._size:,}, from 0") from None

    # Which architecture.

    @cached_property
    def meta_archs(self) -> list[str]:
        """The strings of all architectures, by index."""
        texts: list[str] = self.table.space.to_text(self.table.space.all())
        return texts

    @cached_property
    def archstr2index(self) -> dict[str, int]:
        """The index of each string."""
        return {text: index for index, text in enumerate(self.meta_archs)}

    @cached_property
    def _row_array(self) -> NDArray[np.int64]:
        """The table's row for each index, -1 where there is none."""
        return self.table.rows(self.table.space.all())

    @cached_property
    def _rows(self) -> list[int]:
        rows: list[int] = self._row_array.tolist()
        return rows

    def query_index_by_arch(self, arch: Any) -> int:
        """Return the index of an architecture; -1 for one that is not in the space.

        Parameters
        ----------
        arch : int, str or object with a method ``tostr``
            An index is returned as it is. Any integer type will do, where the originals take `int` alone.

        Raises
        ------
        QueryError
            For an index out of range.
        """
        if isinstance(arch, str):
            return self.archstr2index.get(arch, -1)
        if isinstance(arch, (int, np.integer)):
            return self._checked_index(arch)
        return self.archstr2index.get(arch.tostr(), -1) if hasattr(arch, "tostr") else -1

    def _checked_index(self, index: Any) -> int:
        """Return an index that is in range."""
        if isinstance(index, (int, np.integer)) and 0 <= index < self._size:
            return int(index)
        raise QueryError(f"an index is a whole number from 0 to {self._size - 1}, got {index!r}")

    def index_of(self, arch: Any) -> int:
        """Return the index of an architecture that must be in the space."""
        index = self.query_index_by_arch(arch)
        if index < 0:
            raise QueryError(f"{arch!r} is no architecture of {self.table.space.name!r}; one is {self.meta_archs[0]!r}")
        return index

    def row(self, arch: Any) -> int:
        """Return the table's row that answers for an architecture."""
        index = arch if type(arch) is int and 0 <= arch < self._size else self.index_of(arch)
        row = self._rows[index]
        if row < 0:
            raise QueryError(
                f"{self.table.path}: has no record of architecture {index}, {self.meta_archs[index]}; it has "
                f"{len(self.table):,} architectures"
            )
        return row

    @property
    def avaliable_hps(self) -> list[str]:
        """The hps on record (spelt as in the originals)."""
        return list(dict.fromkeys(hp for _, hp in self.records))

    @cached_property
    def evaluated_indexes(self) -> set[int]:
        """Indices of the architectures that the table has a record of."""
        return set(np.flatnonzero(self._row_array >= 0).tolist())

    def arch(self, index: int) -> str:
        """Return the string of an architecture.

        Raises
        ------
        QueryError
            If the index is out of range.
        """
        return self.meta_archs[self._checked_index(index)]

    def random(self) -> int:
        """Return an index drawn uniformly from all architectures, by `rng`."""
        return self.rng.randrange(len(self))

    # Which task.

    def find(self, dataset: str, hp: str | int) -> TaskRecords:
        """Return the records of a data set with an hp, which may be written ``1``, ``"1"`` or ``"01"``.

        Raises
        ------
        QueryError
            If there are none.
        """
        found = self._asked.get((dataset, hp))
        if found is None:
            hps = {held: each for (name, held), each in self.records.items() if name == dataset}
            if not hps:
                datasets = ", ".join(dict.fromkeys(name for name, _ in self.records))
                raise QueryError(f"{self.table.path}: has no data set {dataset!r}; it has {datasets}")
            spelt = self._spelt_hp(hp)
            if spelt not in hps:
                raise QueryError(f"{self.table.path}: has {dataset!r} with hp {' and '.join(hps)}, not with {hp!r}")
            found = self._asked[dataset, hp] = hps[spelt]
        return found

    def _spelt_hp(self, hp: str | int) -> str:
        """Return an hp as the table's tasks spell it.

        Raises
        ------
        QueryError
            If no task has it.
        """
        hps = list(dict.fromkeys(held for _, held in self.records))
        for held in hps:
            if str(hp).isdecimal() and int(hp) == int(held):
                return held
        raise QueryError(
            f"{self.table.path}: has nothing with hp={hp!r}, the epochs of a training; it has {', '.join(hps)}"
        )

    def searched(self, dataset: str, hp: str | int) -> TaskRecords:
        """Return the records with a data set's validation results: of ``cifar10-valid``, if any, for ``cifar10``."""
        found = self._searched.get((dataset, hp))
        if found is None:
            half, whole = CIFAR10
            name = half if dataset == whole and any(each == half for each, _ in self.records) else dataset
            found = self._searched[dataset, hp] = self.find(name, hp)
        return found

    # Results after an epoch.

    def get_more_info(
        self, index: Any, dataset: str, iepoch: int | None = None, hp: str | int = "12", is_random: bool | int = True
    ) -> dict[str, Any]:
        """Return loss, accuracy and seconds of an architecture on every set of images that it was evaluated on.

        Parameters
        ----------
        index : int, str or object with a method ``tostr``
        dataset : str
            ``cifar10-valid``, ``cifar10``, ``cifar100``, ``ImageNet16-120``, or a data set of the table's own.
        iepoch : int, optional
            The epoch after which, from 0; by default the last.
        hp : str or int
            The epochs of a whole training: ``12`` or ``200``, in the size search space ``01``, ``12`` or ``90``.
        is_random : bool or int
            True draws a training by `rng`, which is the API's own, where the originals use Python's global one. False
            takes the mean over all that have a number. A number is the seed of one. Where a table holds means only,
            True gives them.

        Returns
        -------
        dict
            ``{train,valid,test,valtest}-{loss,accuracy,per-time,all-time}``: accuracies in percent, seconds of training
            or of evaluation, an epoch (per-time) and of all so far (all-time). ``valtest`` is validation and test set
            in one. A set without results after this epoch has no keys, unless the training diverged: then they are NaN.
            Seconds that are not on record are None. The texts at ``comment`` (CIFAR-10 only) are ours.

        Raises
        ------
        QueryError
            For an architecture, data set, hp, epoch or seed that is not on record.
        """
        records = self._asked.get((dataset, hp)) or self.find(dataset, hp)
        row = self.row(index)
        place = records.places.get(iepoch)
        if place is None:
            place = records.place(iepoch)
        if is_random is True:
            training = self._draw(records, row)
            return numbers_after(records, records.trainings, row, training, row * len(records.seeds) + training, place)
        if is_random is False:
            self._draw(records, row)
            return numbers_after(records, records.averages, row, None, row, place)
        training = records.training_of_seed(row, is_random)
        return numbers_after(records, records.trainings, row, training, row * len(records.seeds) + training, place)

    def _draw(self, records: TaskRecords, row: int) -> int:
        numbers = records.on_record[row]
        if len(numbers) == 1:
            return numbers[0]
        if not numbers:
            text = self.table.space.to_text(self.table.architectures[row])
            raise QueryError(f"{records.where}: {text} was not trained here")
        return numbers[int(self.rng.random() * len(numbers))]

    # The simulated clock.

    @property
    def used_time(self) -> float:
        """Seconds that `simulate_train_eval` has charged since `reset_time`."""
        return self._used_time

    def reset_time(self) -> None:
        """Set the clock to 0."""
        self._used_time = 0.0

    def simulate_train_eval(
        self, arch: Any, dataset: str, iepoch: int | None = None, hp: str | int = "12", account_time: bool = True
    ) -> tuple[float, float | None, float, float]:
        """Return what training and evaluating an architecture would give, by a training drawn by `rng`.

        Parameters
        ----------
        arch : int, str or object with a method ``tostr``
        dataset : str
            Any data set with validation results. ``cifar10`` means ``cifar10-valid`` where the table has it.
        iepoch, hp
            As for `get_more_info`.
        account_time : bool
            Add the seconds to `used_time`.

        Returns
        -------
        accuracy : float
            On the validation set, in percent; NaN if the training diverged.
        latency : float or None
        seconds : float
            Of training up to then and one evaluation, as far as evaluations are on record.
        used_time : float

        Raises
        ------
        QueryError
            If there is no validation result after this epoch. Of 200 epochs of the topology search space on CIFAR-100
            and ImageNet16-120, NATS-Bench has those of the last alone. Its own API then answers with validation and
            test set in one, so that a search sees test results, and takes the evaluation's seconds from a training
            drawn anew; this one refuses.
        """
        records = self._searched.get((dataset, hp)) or self.searched(dataset, hp)
        row = self.row(arch)
        training = self._draw(records, row)
        place = records.places.get(iepoch)
        if place is None:
            place = records.place(iepoch)
        at = (row * len(records.seeds) + training) * len(records.epochs) + place
        valid = records.validation
        accuracy = valid.accuracy[at] if valid else float("nan")
        if accuracy != accuracy and not (valid and records.diverged(row, training)):  # noqa: PLR0124 - NaN
            raise QueryError(
                f"{records.where}: has no validation accuracy at iepoch={records.epochs[place] - 1} to search by; "
                "get_more_info gives what is there"
            )
        seconds = records.trainings.train.seconds[at]
        if seconds != seconds:  # noqa: PLR0124 - NaN
            raise QueryError(f"{records.where}: has no seconds of training, so none can be simulated")
        evaluation = valid.seconds[at] if valid else float("nan")
        if evaluation == evaluation:  # noqa: PLR0124 - NaN
            seconds += evaluation / records.epochs[place]
        if account_time:
            self._used_time += seconds
        latencies = (self._asked.get((dataset, hp)) or records).latencies
        return 100 * accuracy, latencies[row], seconds, self._used_time

    # One architecture.

    def query_meta_info_by_index(self, arch_index: int, hp: str | int = "12") -> ArchResults:
        """Return all results of an architecture with one hp.

        Raises
        ------
        QueryError
            If there are none.
        """
        index = self._checked_index(arch_index)
        spelt = self._spelt_hp(hp)
        records = {dataset: each for (dataset, held), each in self.records.items() if held == spelt}
        return ArchResults(index, self.meta_archs[index], self.row(index), records, self.rng)

    def query_by_index(self, arch_index: int, dataname: str | None = None, hp: str | int = "12") -> Any:
        """Return `query_meta_info_by_index`, or of one data set a dict of `ResultsCount` by seed.

        Raises
        ------
        QueryError
            For what is not on record, and for single trainings where the table holds means.
        """
        info = self.query_meta_info_by_index(arch_index, hp)
        return info if dataname is None else info.query(dataname)

    def query_info_str_by_arch(self, arch: Any, hp: str | int = "12") -> str:
        """Return a description of an architecture's results, two lines a data set.

        The originals warn and return None for an architecture without results; here it is an error.

        Raises
        ------
        QueryError
        """
        index = self.index_of(arch)
        results = self.query_meta_info_by_index(index, hp)
        return "\n".join(describe(results, f"arch-index={index}", self.joiner, self.describes_test))

    def query_by_arch(self, arch: Any, hp: str | int) -> str:
        """Return `query_info_str_by_arch`: an older name."""
        return self.query_info_str_by_arch(arch, hp)

    def show(self, index: int = -1) -> None:
        """Print an architecture's results with every hp, or those of all if the index is negative."""
        if index >= 0:
            sys.stdout.write(self._shown(index))
            return
        sys.stdout.write(f"{self!r}\n")
        for number, each in enumerate(sorted(self.evaluated_indexes)):
            title = f" The ({number:5d}/{len(self.evaluated_indexes):5d}) {each:06d}-th architecture! "
            sys.stdout.write(f"\n{title:-^64}\narch : {self.meta_archs[each]}\n{self._shown(each)}")

    def _shown(self, index: int) -> str:
        lines = []
        for hp in self.avaliable_hps:
            results = self.query_meta_info_by_index(index, hp)
            if results.get_dataset_names():
                epochs = f" {results.get_total_epoch():03d} epochs "
                lines += [">" * 40 + epochs + ">" * 40, *describe(results, None, self.joiner, self.describes_test)]
        return "\n".join([*lines, "<" * 40 + "------------" + "<" * 40, ""])

    def get_net_config(self, index: int, dataset: str) -> dict[str, Any]:
        """Return the dict from which AutoDL-Projects makes the network.

        Raises
        ------
        QueryError
            If there is no such data set, or the table does not say how wide and deep its networks are.
        """
        records = next((each for (name, _), each in self.records.items() if name == dataset), None)
        return net_config(records or self.find(dataset, "12"), self.arch(self.index_of(index)))

    # Costs.

    def get_cost_info(self, index: int, dataset: str, hp: str | int = "12") -> dict[str, float | None]:
        """Return the costs of an architecture on a data set.

        Returns
        -------
        dict
            ``flops`` in millions of multiply-adds, ``params`` in millions, ``latency`` in seconds, and the seconds of
            training and of each set's evaluations, an epoch (``T-train@epoch``) and in total (``T-train@total``), means
            over trainings. What is not on record is NaN (flops, params) or None (seconds).

        Raises
        ------
        QueryError
        """
        records = self._asked.get((dataset, hp)) or self.find(dataset, hp)
        return dict(zip(records.cost_keys, records.costs[self.row(index)], strict=True))

    def get_latency(self, index: int, dataset: str, hp: str | int = "12") -> float | None:
        """Return the seconds of a forward pass, in NATS-Bench of 256 images.

        None if they were not measured.

        Raises
        ------
        QueryError
        """
        records = self._asked.get((dataset, hp)) or self.find(dataset, hp)
        return records.latencies[self.row(index)]

    # The whole space.

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str | int = "12",
        enforce_all: bool | None = None,  # noqa: ARG002 - the original's argument
    ) -> tuple[int, float | None]:
        """Return index and accuracy, in percent, of the architecture with the highest mean accuracy.

        Parameters
        ----------
        dataset : str
            ``cifar10`` with ``valid`` means ``cifar10-valid`` where the table has it.
        metric_on_set : str
            ``train``, ``valid``, ``test``, or a set by its name: ``x-valid``, ``x-test``, ``ori-test``.
        flop_max, param_max : float, optional
            Millions, as `get_cost_info` gives them.
        hp : str or int
        enforce_all : bool, optional
            Without effect: all architectures on record count.

        Returns
        -------
        index : int
            -1 if none is that small.
        accuracy : float or None

        Raises
        ------
        QueryError
            If there is no such data set, hp or set.
        """
        records = self.searched(dataset, hp) if metric_on_set in {"valid", "x-valid"} else self.find(dataset, hp)
        column = records.column_with_accuracy(metric_on_set)
        rows = self._row_array
        held = rows >= 0
        values = np.full(len(self), np.nan)
        values[held] = np.asarray(column.accuracy).reshape(len(self.table), -1)[rows[held], -1]
        for costs, most in ((records.megaflops, flop_max), (records.megaparameters, param_max)):
            if most is not None:
                values[held] = np.where(np.array(costs)[rows[held]] > most, np.nan, values[held])
        if np.isnan(values).all():
            return -1, None
        best = int(np.nanargmax(values))
        return best, 100 * float(values[best])

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """Return how many architectures were trained how often on a data set: ``{trainings: architectures}``.

        Raises
        ------
        QueryError
            If there is no such data set, or the table holds means only.
        """
        records = self.find(dataset, hp)
        if records.means_only:
            raise QueryError(f"{records.where}: holds means over trainings, not how many there were")
        rows = self._row_array[self._row_array >= 0].tolist()
        return dict(Counter(len(records.on_record[row]) for row in rows))

    # Weights.

    def get_net_param(self, *_: object, **__: object) -> NoReturn:
        """Refuse: tables hold no weights."""
        refuse_weights("get_net_param")

    def reload(self, *_: object, **__: object) -> NoReturn:
        """Refuse: tables hold no weights, and the numbers need not be loaded again."""
        refuse_weights("reload")

    def clear_params(self, *_: object, **__: object) -> NoReturn:
        """Refuse: tables hold no weights."""
        refuse_weights("clear_params")


class NATStopology(NASBenchMetaAPI):
    """The topology search space: NAS-Bench-201's cells, or any other cell space.

    See `create` for the parameters.
    """

    default_file = "NATS-tss-v1_0-3ffb9"
    search_space_names = TOPOLOGY
    full_train_epochs = 200

    def get_unique_str(self, arch: Any) -> str:
        """Return the string that isomorphic architectures share.

        See `cell_strings.unique_str`.

        Raises
        ------
        QueryError
        """
        return cell_strings.unique_str(self.meta_archs[self.index_of(arch)])

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """Return `cell_strings.str2lists`: the edges into each node."""
        return cell_strings.str2lists(arch_str)

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = NB201_OPERATIONS) -> NDArray[Any]:
        """Return `cell_strings.str2matrix`: the cell as a matrix of operations."""
        return cell_strings.str2matrix(arch_str, search_space)


class NATSsize(NASBenchMetaAPI):
    """The size search space: five widths of one network.

    See `create` for the parameters.
    """

    default_file = "NATS-sss-v1_0-50262"
    search_space_names = SIZE
    full_train_epochs = 90
    describes_test = True
