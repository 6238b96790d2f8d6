"""What the APIs of NATS-Bench and NAS-Bench-201 share, over a table."""

from __future__ import annotations

import random
import sys
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from nasbench.api.nats_columns import records_by_name
from nasbench.api.nats_describing import describe
from nasbench.api.nats_reading import Reading
from nasbench.api.nats_results import ArchResults
from nasbench.api.nats_trial import net_config, refuse_weights

if TYPE_CHECKING:
    from tabular.table import Table


class NASBenchMetaAPI(Reading):
    """Everything but `get_more_info` and `simulate_train_eval`, which are in `Reading`.

    Parameters
    ----------
    table : Table
    verbose : bool
        Say in one line what was opened. Unlike the originals no call prints a line afterwards.
    seed : int, optional
        Of the random draws.
    """

    joiner = " & "
    """What stands between loss and accuracy in `query_info_str_by_arch`."""
    describes_test = False
    """Whether `query_info_str_by_arch` gives test results of networks trained on one half of CIFAR-10."""
    fast_mode = False

    def __init__(self, table: Table, verbose: bool, seed: int | None) -> None:
        super().__init__(table, records_by_name(table), random.Random(seed))  # noqa: S311 - no secret
        self.verbose, self.filename = verbose, table.path.name
        if verbose:
            sys.stdout.write(f"{self!r} from {table.path}\n")

    def __repr__(self) -> str:
        fast = f" fast_mode={self.fast_mode}," if self.joiner == " & " else ""
        held = f"{len(self.evaluated_indexes)}/{len(self)} architectures"
        return f"{type(self).__name__}({held},{fast} file={self.filename})"

    @property
    def avaliable_hps(self) -> list[str]:
        """The hps on record (spelt as in the originals)."""
        return list(dict.fromkeys(hp for _, hp in self.records))

    @cached_property
    def evaluated_indexes(self) -> set[int]:
        """Indices of the architectures that the table has a record of."""
        return set(np.flatnonzero(self.row_array >= 0).tolist())

    def arch(self, index: int) -> str:
        """Return the string of an architecture.

        Raises
        ------
        QueryError
            If the index is out of range.
        """
        return self.meta_archs[self.checked_index(index)]

    def random(self) -> int:
        """Return an index drawn uniformly from all architectures, by `rng`."""
        return self.rng.randrange(len(self))

    # One architecture.

    def query_meta_info_by_index(self, arch_index: int, hp: str | int = "12") -> ArchResults:
        """Return all results of an architecture with one hp.

        Raises
        ------
        QueryError
            If there are none.
        """
        index = self.checked_index(arch_index)
        spelt = self.spelt_hp(hp)
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
        records = self.known.get((dataset, hp)) or self.find(dataset, hp)
        return dict(zip(records.cost_keys, records.costs[self.row(index)], strict=True))

    def get_latency(self, index: int, dataset: str, hp: str | int = "12") -> float | None:
        """Return the seconds of a forward pass, in NATS-Bench of 256 images; None if they were not measured.

        Raises
        ------
        QueryError
        """
        records = self.known.get((dataset, hp)) or self.find(dataset, hp)
        return records.latencies[self.row(index)]

    # The whole space.

    def _find_best(
        self, dataset: str, metric_on_set: str, flop_max: float | None, param_max: float | None, hp: str | int
    ) -> tuple[int, float | None]:
        records = self.searched(dataset, hp) if metric_on_set in {"valid", "x-valid"} else self.find(dataset, hp)
        column = self.checked_column(records, metric_on_set)
        rows = self.row_array
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
        self.refuse_means(records)
        rows = self.row_array[self.row_array >= 0].tolist()
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
