"""A share of a table's groups as one job: what runs on the node."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import NasbenchError
from tabular.generation.journal import Record, read_journal
from tabular.training.dataset import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from submitit.helpers import DelayedSubmission

    from tabular.generation.groups import Group
    from tabular.generation.workshop import Job, Workshop

_LOOKING = 1.0
"""Seconds between looks at whether a shard is still wanted."""


@dataclass(frozen=True)
class ShardRun:
    """What the shards of one call have in common, in a folder that all nodes see.

    Parameters
    ----------
    folder : Path
        Must not exist.
    """

    folder: Path

    def begin(self, dataset: Dataset) -> None:
        """Make the folder; the data set is in it once, not in each of the jobs."""
        self.folder.mkdir()
        np.savez(self._dataset, **{each.name: getattr(dataset, each.name) for each in fields(Dataset)})
        self._wanted.touch()

    def end(self) -> None:
        """Tell shards that still run to end."""
        self._wanted.unlink(missing_ok=True)
        self._dataset.unlink(missing_ok=True)

    def dataset(self) -> Dataset:
        """Read the data set."""
        with np.load(self._dataset) as stored:
            return Dataset(**{name: stored[name] if stored[name].ndim else stored[name].item() for name in stored})

    def is_wanted(self) -> bool:
        """Say whether somebody still waits for the shards, or did when he was killed."""
        try:
            self._wanted.stat()
        except FileNotFoundError:
            return False
        except OSError:  # a shared file system may be out of order for a while
            return True
        return True

    @property
    def _wanted(self) -> Path:
        return self.folder / "wanted"

    @property
    def _dataset(self) -> Path:
        return self.folder / "dataset.npz"


@dataclass(frozen=True)
class Shard:
    """Trains its groups, except those that are in a journal already, into a journal of its own.

    So it can be started again at any moment: only the group that was in training is trained once more.

    Parameters
    ----------
    make_workshop : callable
        Gives the Workshop when it is called with a ``dataset``.
    jobs : sequence of Job
    run : ShardRun
    """

    make_workshop: Callable[..., Workshop]
    jobs: Sequence[Job]
    run: ShardRun

    @classmethod
    def of(cls, workshop: Workshop, jobs: Sequence[Job], run: ShardRun) -> Shard:
        """Make a shard that does not carry the data set along."""
        rest: dict[str, Any] = {each.name: getattr(workshop, each.name) for each in fields(workshop)}
        del rest["dataset"]
        return cls(partial(type(workshop), **rest), jobs, run)

    def __call__(self) -> NasbenchError | None:
        """Train; an error of the user's making is returned, as submitit hands on no more than the text of one."""
        threading.Thread(target=self._end_when_unwanted, daemon=True).start()
        try:
            self._train()
        except NasbenchError as error:
            return error
        return None

    def checkpoint(self) -> DelayedSubmission:
        """Return what is to be done when the job is requeued, after a preemption or when its time was up."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _train(self) -> None:
        from tabular.training.result import provenance

        workshop = self.make_workshop(dataset=self.run.dataset())
        done = journaled(workshop.folder)
        left = [job for job in self.jobs if not is_whole(job.group, done)]
        if not left:
            return
        here = provenance(workshop.recipe, workshop.dataset, workshop.device)
        workshop = replace(workshop, header=replace(workshop.header, provenance=here))
        with workshop.journal() as journal:
            for job in left:
                journal.append(workshop.train(job))

    def _end_when_unwanted(self) -> None:
        while self.run.is_wanted():
            time.sleep(_LOOKING)
        os._exit(1)


def journaled(folder: Path) -> dict[tuple[int, int], Record]:
    """Return the trainings in the journals of a folder, by row and seed."""
    found: dict[tuple[int, int], Record] = {}
    for path in sorted(folder.glob("*.journal")):
        for record in read_journal(path).records:
            found.setdefault((record.row, record.seed), record)
    return found


def is_whole(group: Group, records: Mapping[tuple[int, int], Record]) -> bool:
    """Say whether every training of a group is among some."""
    return all((row, group.seed) in records for row in group.rows)
