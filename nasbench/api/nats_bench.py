"""NATS-Bench's API (Dong, Liu, Musial and Gabrys, TPAMI 2021) over a table: ``nats_bench`` 1.8, method by method.

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

from typing import TYPE_CHECKING, Any

from nasbench.api import cell_strings
from nasbench.api.nats_meta import NASBenchMetaAPI
from nasbench.api.nats_tables import SIZE, TOPOLOGY, open_table
from tabular.errors import QueryError, UnknownNameError
from tabular.spaces.nb201 import NB201_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

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


class _NATS(NASBenchMetaAPI):
    """What both search spaces share. See `create` for the parameters."""

    _default = ""
    _names: tuple[str, ...] = ()
    _full_epochs = 0

    def __init__(
        self,
        file_path_or_dict: str | Path | Table | None = None,
        fast_mode: bool = False,
        verbose: bool = True,
        *,
        seed: int | None = None,
    ) -> None:
        self.fast_mode = fast_mode
        super().__init__(open_table(file_path_or_dict, self._default, self._names), verbose, seed)

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"rng": self.rng, "_used_time": self._used_time, "verbose": self.verbose}
        return type(self), (self.table, self.fast_mode, False), state

    @property
    def search_space_name(self) -> str:
        """``topology`` or ``size``."""
        return self._names[1]

    @property
    def is_topology(self) -> bool:
        """Whether this is the topology search space."""
        return self._names == TOPOLOGY

    @property
    def is_size(self) -> bool:
        """Whether this is the size search space."""
        return self._names == SIZE

    @property
    def full_train_epochs(self) -> int:
        """The epochs of NATS-Bench's full training: 200 in the topology search space, 90 in the other."""
        return self._full_epochs

    full_epochs_in_paper = full_train_epochs

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
        return self._find_best(dataset, metric_on_set, flop_max, param_max, hp)


class NATStopology(_NATS):
    """The topology search space: NAS-Bench-201's cells, or any other cell space. See `create` for the parameters."""

    _default = "NATS-tss-v1_0-3ffb9"
    _names = TOPOLOGY
    _full_epochs = 200

    def get_unique_str(self, arch: Any) -> str:
        """Return the string that isomorphic architectures share; see `cell_strings.unique_str`.

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


class NATSsize(_NATS):
    """The size search space: five widths of one network. See `create` for the parameters."""

    _default = "NATS-sss-v1_0-50262"
    _names = SIZE
    _full_epochs = 90
    describes_test = True
