"""The queries that a search makes: an architecture's numbers, drawn training by training, and the simulated clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasbench.api.nats_addressing import Addressing
from tabular.errors import QueryError

if TYPE_CHECKING:
    from nasbench.api.nats_columns import Columns, TaskRecords


class Reading(Addressing):
    """Reads a table by index, data set and hp.

    Everything is read when it is first asked for; after that a question costs a few microseconds. See `Addressing` for
    the parameters.
    """

    _used_time = 0.0

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
        records = self.known.get((dataset, hp)) or self.find(dataset, hp)
        row = self.row(index)
        place = records.places.get(iepoch)
        if place is None:
            place = records.place(iepoch)
        if is_random is True:
            training = self._draw(records, row)
            return _info(records, records.trainings, row, training, row * len(records.seeds) + training, place)
        if is_random is False:
            self._draw(records, row)
            return _info(records, records.averages, row, None, row, place)
        training = records.training_of_seed(row, is_random)
        return _info(records, records.trainings, row, training, row * len(records.seeds) + training, place)

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
        latencies = (self.known.get((dataset, hp)) or records).latencies
        return 100 * accuracy, latencies[row], seconds, self._used_time


def _info(
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
