"""One architecture's results as NATS-Bench's API gives them: views of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from nasbench.api.nats_records import CIFAR10, NATS_CLASSES
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from nasbench.api.nats_records import Column, Columns, TaskRecords

SIZE_GENOTYPE = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
"""The cell of all networks of the size search space (default of AutoDL-Projects, exps/NATS-algos/search-size.py)."""


def refuse_weights(what: str) -> NoReturn:
    """Say that there are no trained weights here."""
    raise QueryError(
        f"{what}: tables hold numbers, no trained weights, so there are none to get, reload or clear; take them from "
        "the original archives"
    )


class ResultsCount:
    """One training of one architecture: a view of the table.

    Its costs are the architecture's, whatever the seed, and its seed is a number, where the originals keep a text.
    """

    def __init__(self, of: ArchResults, records: TaskRecords, row: int, training: int) -> None:
        self._records, self._row, self._training = records, row, training
        self.name, self.seed, self.epochs = records.dataset, records.seeds[training], records.epochs[-1]
        costs = of.get_compute_costs(records.dataset)
        self.flop, self.params = costs["flops"], costs["params"]
        self.latency = None if costs["latency"] is None else [costs["latency"]]
        self.arch_str = of.arch_str

    def __repr__(self) -> str:
        sets = self.get_eval_set()
        return (
            f"ResultsCount({self.name}, arch={self.arch_str}, FLOP={self.flop:.2f}M, Param={self.params:.3f}MB, "
            f"seed={self.seed}, {len(sets)} eval-sets: [{', '.join(sets)}])"
        )

    def get_latency(self) -> float:
        """Return the seconds of a forward pass, or -1 if they were not measured."""
        return -1.0 if self.latency is None else self.latency[0]

    def get_total_epoch(self) -> int:
        """Return how many epochs a whole training takes."""
        return self.epochs

    def get_eval_set(self) -> list[str]:
        """Return the names of the sets that it was evaluated on."""
        return [each.split.setname for each in self._records.trainings.others]

    def get_times(self) -> dict[str, float | None]:
        """Return the seconds of training and of each set's evaluations, an epoch and in total."""
        times: dict[str, float | None] = {}
        for setname in ("train", *self.get_eval_set()):
            total = self._metrics(setname, None, known=False)["all_time"]
            times[f"T-{setname}@epoch"] = None if total is None else total / self.epochs
            times[f"T-{setname}@total"] = total
        return times

    def get_train(self, iepoch: int | None = None) -> dict[str, Any]:
        """Return iepoch, loss, accuracy in percent, cur_time and all_time on the training set."""
        return self._metrics("train", iepoch)

    def get_eval(self, name: str, iepoch: int | None = None) -> dict[str, Any]:
        """Return the same on a set of `get_eval_set`."""
        return self._metrics(name, iepoch)

    def _metrics(self, setname: str, iepoch: int | None, known: bool = True) -> dict[str, Any]:
        place = self._records.place(iepoch)
        return metrics_of(self._records, self._row, self._training, setname, place, known)

    def _by_epoch(self, setname: str, what: str) -> dict[int, Any]:
        each = {epoch - 1: self._metrics(setname, epoch - 1, known=False)[what] for epoch in self._records.epochs}
        return {iepoch: value for iepoch, value in each.items() if value is not None and value == value}  # noqa: PLR0124

    @property
    def train_acc1es(self) -> dict[int, float]:
        """Training accuracies in percent by iepoch."""
        return self._by_epoch("train", "accuracy")

    @property
    def train_losses(self) -> dict[int, float]:
        """Training losses by iepoch."""
        return self._by_epoch("train", "loss")

    @property
    def train_times(self) -> dict[int, float]:
        """Seconds of each epoch's training by iepoch."""
        return self._by_epoch("train", "cur_time")

    def _of_sets(self, what: str) -> dict[str, float]:
        names = self.get_eval_set()
        return {f"{name}@{iepoch}": value for name in names for iepoch, value in self._by_epoch(name, what).items()}

    @property
    def eval_acc1es(self) -> dict[str, float]:
        """Accuracies in percent by ``setname@iepoch``."""
        return self._of_sets("accuracy")

    @property
    def eval_losses(self) -> dict[str, float]:
        """Losses by ``setname@iepoch``."""
        return self._of_sets("loss")

    @property
    def eval_times(self) -> dict[str, float]:
        """Seconds of each evaluation by ``setname@iepoch``."""
        return self._of_sets("cur_time")

    def get_config(self, str2structure: Callable[[str], Any] | None = None) -> dict[str, Any]:
        """Return what `get_net_config` returns.

        With ``str2structure`` the cell is what that makes of its string.
        """
        config = net_config(self._records, self.arch_str)
        if str2structure is not None:
            config["genotype"] = str2structure(config.pop("arch_str", None) or config["genotype"])
        return config

    def get_net_param(self, *_: object, **__: object) -> NoReturn:
        """Refuse: tables hold no weights."""
        refuse_weights("get_net_param")


def metrics_of(
    records: TaskRecords, row: int, training: int | None, setname: str, place: int, known: bool = True
) -> dict[str, Any]:
    """Return the numbers of one training, or the mean of all, on one set.

    ``known`` refuses what is not on record.
    """
    columns = records.averages if training is None else records.trainings
    column = columns.column(setname)
    if column is None:
        names = ", ".join(each.split.setname for each in columns.others)
        raise QueryError(
            f"{records.table.path}: has nothing on {setname!r} for {records.dataset!r}; it has train, {names}"
        )
    count = 1 if training is None else len(records.seeds)
    at = (row * count + (training or 0)) * len(records.epochs) + place
    loss, accuracy = column.loss[at], column.accuracy[at]
    if known and loss != loss and accuracy != accuracy and not records.diverged(row, training):  # noqa: PLR0124 - NaN
        raise QueryError(f"{column.split.setname!r} of {records.dataset!r} at {_when(records, place)} is not on record")
    cur_time, all_time = _times(records, column, at, place)
    iepoch = records.epochs[place] - 1
    return {"iepoch": iepoch, "loss": loss, "accuracy": 100 * accuracy, "cur_time": cur_time, "all_time": all_time}


def _when(records: TaskRecords, place: int) -> str:
    return f"iepoch={records.epochs[place] - 1} (hp {records.hp})"


def _times(records: TaskRecords, column: Column, at: int, place: int) -> tuple[float | None, float | None]:
    seconds, epoch = column.seconds[at], records.epochs[place]
    if seconds != seconds:  # noqa: PLR0124 - NaN
        return None, None
    if epoch == 1:
        return seconds, seconds
    follows = place > 0 and records.epochs[place - 1] == epoch - 1
    return (seconds - column.seconds[at - 1] if follows else None), seconds


def numbers_after(
    records: TaskRecords, columns: Columns, row: int, training: int | None, number: int, place: int
) -> dict[str, Any]:
    """Return the dict of `get_more_info` from training ``number`` of ``columns``."""
    recorded = records.epochs
    at, epochs = number * len(recorded) + place, recorded[place]
    train = columns.train
    seconds = train.seconds[at]
    info = {
        "train-loss": train.loss[at],
        "train-accuracy": 100 * train.accuracy[at],
        "train-per-time": seconds / epochs,
        "train-all-time": seconds,
    }
    if seconds != seconds:  # noqa: PLR0124 - NaN
        info["train-per-time"] = info["train-all-time"] = None
    if records.comment:
        info["comment"] = records.comment
    for losses, accuracies, times, loss_key, accuracy_key, per_time, all_time in columns.buffers:
        loss, accuracy, seconds = losses[at], accuracies[at], times[at]
        if loss != loss and accuracy != accuracy and not records.diverged(row, training):  # noqa: PLR0124 - NaN
            continue
        info[loss_key], info[accuracy_key] = loss, 100 * accuracy
        if seconds == seconds:  # noqa: PLR0124 - NaN
            info[per_time], info[all_time] = seconds / epochs, seconds
        else:
            info[per_time] = info[all_time] = None
    return info


def net_config(records: TaskRecords, arch_str: str) -> dict[str, Any]:
    """Return what makes the network, as AutoDL-Projects' ``get_cell_based_tiny_net`` takes it.

    Raises
    ------
    QueryError
        If the table does not say how wide and deep its networks are.
    """
    recipe, images = (records.described.provenance.get(each) for each in ("recipe", "dataset"))
    width: int | None = None
    depth: int | None = None
    classes: int | None = None
    if isinstance(recipe, dict) and isinstance(images, dict):
        width, depth, classes = recipe.get("channels"), recipe.get("cells_per_stage"), images.get("classes")
    elif records.table.space.declaration()["kind"] != "cell":
        width, depth, classes = 16, 5, NATS_CLASSES.get(records.dataset)  # Dong and Yang, ICLR 2020, section 2.1
    if width is None or depth is None or classes is None:
        raise QueryError(f"{records.table.path}: task {records.task!r} does not say how wide and deep its networks are")
    if "|" not in arch_str:
        return {"name": "infer.shape.tiny", "channels": arch_str, "genotype": SIZE_GENOTYPE, "num_classes": classes}
    return {"name": "infer.tiny", "C": width, "N": depth, "arch_str": arch_str, "num_classes": classes}


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


def describe(results: ArchResults, extra_info: str | None, joiner: str, with_test: bool) -> list[str]:
    """Return two lines for each data set, costs and results, below two that name the architecture.

    Parameters
    ----------
    results : ArchResults
    extra_info : str or None
    joiner : str
        What stands between a loss and an accuracy.
    with_test : bool
        Give the test results of networks trained on one half of CIFAR-10.
    """
    names = results.get_dataset_names()
    lines = [results.arch_str, f"datasets : {names}, extra-info : {extra_info}"]
    for dataset in names:
        cost = results.get_compute_costs(dataset)
        latency = None if cost["latency"] is None else f"{1000 * cost['latency']:.2f}"
        lines.append(
            f"{dataset:14s} FLOP={cost['flops']:6.2f} M, Params={cost['params']:.3f} MB, latency={latency} ms."
        )
        shown = ["train", "valid", *(["test"] if dataset != CIFAR10[0] or with_test else [])]
        parts = [
            f"{_label(name, dataset)}: [{text}]" for name in shown if (text := _result(results, dataset, name, joiner))
        ]
        lines.append(f"{dataset:14s} {', '.join(parts)}")
    return lines


def _label(name: str, dataset: str) -> str:
    return "test  " if name == "test" and dataset == CIFAR10[1] else f"{name} "


def _result(results: ArchResults, dataset: str, name: str, joiner: str) -> str:
    try:
        found = results.get_metrics(dataset, name)
    except QueryError:
        return ""
    return f"loss = {found['loss']:.3f}{joiner}top1 = {found['accuracy']:.2f}%"
