"""NAS-Bench-201's API (Dong and Yang, ICLR 2020) over a table.

It follows ``nas-bench-201`` 2.1, and takes the spelling of 1.x too.

A program that uses ``nas_201_api`` needs another import line and the path of a table::

    from nasbench.api.nas_201_api import NASBench201API as API

    api = API("NAS-Bench-201-v1_1-096897.h5", verbose=False)
    api.get_more_info(112, "cifar10", None, use_12epochs_result=False, is_random=True)

See `nasbench.api.nats_bench` for which tables it takes and how it departs from the original.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasbench.api import cell_strings
from nasbench.api.nats_bench import NASBenchMetaAPI
from nasbench.api.nats_results import ArchResults, ResultsCount
from tabular.spaces.nb201 import NB201_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tabular.table import Table

__all__ = ["ArchResults", "NASBench201API", "ResultsCount"]


def _hp(hp: str | int, use_12epochs_result: bool | None) -> str | int:
    """Return the hp that is meant: in 1.x its place was taken by a bool, "use 12 epochs, not 200"."""
    twelve = hp if isinstance(hp, bool) else use_12epochs_result
    return hp if twelve is None else ("12" if twelve else "200")


class NASBench201API(NASBenchMetaAPI):
    """NAS-Bench-201 by index, or any other table of cells.

    Wherever 2.1 takes ``hp``, by default ``"12"``, 1.x took ``use_12epochs_result``, by default False, which is hp
    ``"200"``. Both are taken here, the latter also in hp's place; the default is 2.1's.

    Parameters
    ----------
    file_path_or_dict : str, Path, Table or None
        As for `nasbench.api.nats_bench.create`; None looks for ``NAS-Bench-201-v1_1-096897.h5``.
    verbose : bool
        Say in one line what was opened.
    seed : int, optional
        Of the random draws; by default they differ from run to run.

    Raises
    ------
    FileFormatError, QueryError
        If there is no table, or one of another kind of space.
    """

    default_file = "NAS-Bench-201-v1_1-096897"
    joiner = ", "

    def __init__(
        self, file_path_or_dict: str | Path | Table | None = None, verbose: bool = True, *, seed: int | None = None
    ) -> None:
        super().__init__(file_path_or_dict, False, verbose, seed=seed)

    def __reduce__(self) -> tuple[Any, ...]:
        make, (table, _, verbose), state = super().__reduce__()
        return make, (table, verbose), state

    str2lists = staticmethod(cell_strings.str2lists)

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = NB201_OPERATIONS) -> NDArray[Any]:
        """Return `cell_strings.str2matrix`: the cell as a matrix of operations."""
        return cell_strings.str2matrix(arch_str, search_space)

    def get_more_info(
        self,
        index: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str | int = "12",
        is_random: bool | int = True,
        *,
        use_12epochs_result: bool | None = None,
    ) -> dict[str, Any]:
        """Return loss, accuracy and seconds: see `nasbench.api.nats_bench.NASBenchMetaAPI.get_more_info`.

        As in 2.1, and unlike in 1.x, accuracies and losses of every set come with their seconds. There is no comment.
        """
        info = super().get_more_info(index, dataset, iepoch, _hp(hp, use_12epochs_result), is_random)
        info.pop("comment", None)
        return info

    def simulate_train_eval(  # type: ignore[override]  # the original's arguments
        self, arch: Any, dataset: str, hp: str | int = "12", account_time: bool = True
    ) -> tuple[float, float | None, float, float]:
        """Return accuracy, latency, seconds and used time, as `NASBenchMetaAPI.simulate_train_eval` does.

        The latency is that of the hp asked for, where the original takes that of hp 12.
        """
        return super().simulate_train_eval(arch, dataset, None, _hp(hp, None), account_time)

    def query_meta_info_by_index(
        self, arch_index: int, hp: str | int = "12", *, use_12epochs_result: bool | None = None
    ) -> ArchResults:
        """Return all results of an architecture with one hp."""
        return super().query_meta_info_by_index(arch_index, _hp(hp, use_12epochs_result))

    def query_by_index(
        self,
        arch_index: int,
        dataname: str | None = None,
        hp: str | int = "12",
        *,
        use_12epochs_result: bool | None = None,
    ) -> Any:
        """Return `query_meta_info_by_index`, or of one data set a dict of `ResultsCount` by seed."""
        return super().query_by_index(arch_index, dataname, _hp(hp, use_12epochs_result))

    def query_by_arch(self, arch: Any, hp: str | int = "12", *, use_12epochs_result: bool | None = None) -> str:
        """Return `query_info_str_by_arch`."""
        return self.query_info_str_by_arch(arch, _hp(hp, use_12epochs_result))

    def find_best(  # type: ignore[override]  # the original's arguments
        self,
        dataset: str,
        metric_on_set: str,
        FLOP_max: float | None = None,  # noqa: N803 - the original's name
        Param_max: float | None = None,  # noqa: N803 - the original's name
        hp: str | int = "12",
        *,
        use_12epochs_result: bool | None = None,
    ) -> tuple[int, float | None]:
        """Return index and accuracy of the best architecture, as `NASBenchMetaAPI.find_best` does."""
        return super().find_best(dataset, metric_on_set, FLOP_max, Param_max, _hp(hp, use_12epochs_result))
