"""All that a table knows of one architecture: NATS-Bench's `ArchResults`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from nasbench.api.nats_trial import ResultsCount, metrics_of, refuse_weights
from tabular.errors import QueryError

if TYPE_CHECKING:
    from random import Random

    from nasbench.api.nats_columns import TaskRecords


class ArchResults:
    """One architecture's trainings with one hp on all data sets: a view of the table.

    Parameters
    ----------
    arch_index : int
    arch_str : str
    row : int
        The architecture's row in the table.
    records : dict of str to TaskRecords
        By data set; those without a training of this architecture are left out.
    rng : random.Random
        Picks trainings at random.
    """

    def __init__(self, arch_index: int, arch_str: str, row: int, records: dict[str, TaskRecords], rng: Random) -> None:
        self.arch_index, self.arch_str = arch_index, arch_str
        self._row, self._rng = row, rng
        self._records = {dataset: each for dataset, each in records.items() if each.on_record[row]}
        self.dataset_seed = {name: [each.seeds[n] for n in each.on_record[row]] for name, each in self._records.items()}
        """The seeds on record by data set; -1 stands for a mean over trainings."""

    def __repr__(self) -> str:
        runs = sum(map(len, self.dataset_seed.values()))
        return f"ArchResults(arch-index={self.arch_index}, arch={self.arch_str}, {runs} runs, clear=True)"

    @property
    def all_results(self) -> dict[tuple[str, int], ResultsCount]:
        """The trainings, by data set and seed."""
        return {(name, seed): each for name in self._records for seed, each in self.query(name).items()}

    def of(self, dataset: str) -> TaskRecords:
        """Return the records on a data set.

        Raises
        ------
        QueryError
            If there are none of this architecture.
        """
        if dataset not in self._records:
            raise QueryError(
                f"architecture {self.arch_index} was not trained on {dataset!r} here; it was on "
                f"{', '.join(self._records) or 'nothing'}"
            )
        return self._records[dataset]

    def get_compute_costs(self, dataset: str) -> dict[str, float | None]:
        """Return what `get_cost_info` returns."""
        records = self.of(dataset)
        return dict(zip(records.cost_keys, records.costs[self._row], strict=True))

    get_comput_costs = get_compute_costs
    """NAS-Bench-201 spelt it so before its version 2."""

    def get_metrics(
        self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | int = False
    ) -> dict[str, Any]:
        """Return iepoch, loss, accuracy in percent, cur_time (of that epoch) and all_time in seconds.

        Parameters
        ----------
        dataset : str
        setname : str
            ``train``, ``x-valid``, ``x-test`` or ``ori-test``.
        iepoch : int, optional
            From 0; by default the last.
        is_random : bool or int
            True picks a training, False takes the mean of all, a number is the seed of one.

        Raises
        ------
        QueryError
            For what is not on record.
        """
        records = self.of(dataset)
        place = records.place(iepoch)
        training: int | None = None
        if is_random is True:
            training = self._rng.choice(records.on_record[self._row])
        elif is_random is not False:
            training = records.training_of_seed(self._row, is_random)
        return metrics_of(records, self._row, training, setname, place)

    def get_dataset_names(self) -> list[str]:
        """Return the data sets that it was trained on."""
        return list(self._records)

    def get_dataset_seeds(self, dataset: str) -> list[int]:
        """Return the seeds of its trainings on a data set."""
        self.of(dataset)
        return list(self.dataset_seed[dataset])

    def get_latency(self, dataset: str) -> float:
        """Return the seconds of a forward pass.

        Raises
        ------
        QueryError
            If they were not measured.
        """
        latency = self.of(dataset).latencies[self._row]
        if latency is None:
            raise QueryError(f"the latency of architecture {self.arch_index} on {dataset!r} is not on record")
        return latency

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """Return how many epochs a whole training takes."""
        records = self.of(dataset) if dataset else next(iter(self._records.values()))
        return records.epochs[-1]

    def query(self, dataset: str, seed: int | None = None) -> Any:
        """Return the `ResultsCount` of one seed, or a dict of all by seed.

        Raises
        ------
        QueryError
            If the table holds means only, or no training with that seed.
        """
        records = self.of(dataset)
        if records.means_only:
            raise QueryError(f"{records.table.path}: task {records.task!r} holds means, no single trainings")
        if seed is not None:
            return ResultsCount(self, records, self._row, records.training_of_seed(self._row, seed))
        numbers = records.on_record[self._row]
        return {records.seeds[n]: ResultsCount(self, records, self._row, n) for n in numbers}

    def arch_idx_str(self) -> str:
        """Return the index with six digits."""
        return f"{self.arch_index:06d}"

    def get_net_param(self, *_: object, **__: object) -> NoReturn:
        """Refuse: tables hold no weights."""
        refuse_weights("get_net_param")

    def clear_params(self) -> NoReturn:
        """Refuse: tables hold no weights."""
        refuse_weights("clear_params")
