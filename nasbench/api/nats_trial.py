"""One training as NATS-Bench gives it: `ResultsCount`, and the numbers and the network that it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from nasbench.api.nats_columns import NATS_CLASSES
from tabular.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nasbench.api.nats_columns import Column, TaskRecords
    from nasbench.api.nats_results import ArchResults

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
        """Return what `get_net_config` returns; with ``str2structure`` the cell is what that makes of its string."""
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
    """Return the numbers of one training, or the mean of all, on one set; ``known`` refuses what is not on record."""
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
