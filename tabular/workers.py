"""Trains groups of networks, here or in processes of its own, and journals each group as it ends."""

from __future__ import annotations

import math
import multiprocessing
import multiprocessing.connection
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import numpy as np

from nasbench.errors import NasbenchError
from nasbench.processes import deaf_to_interrupts, end_with_parent
from tabular.invariants import DIVERGED, DONE
from tabular.journal import JournalHeader, JournalWriter, Record

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from pathlib import Path

    from numpy.typing import NDArray

    from nasbench.spaces import Space
    from nasbench.training.dataset import Dataset
    from nasbench.training.recipe import Recipe
    from tabular.groups import Group


class Job(NamedTuple):
    """A group of trainings that is to be done, and those of its rows whose costs are yet to be measured."""

    group: Group
    uncounted: tuple[int, ...]


@dataclass(frozen=True)
class Workshop:
    """All a worker needs to know.

    Parameters
    ----------
    space : Space
    architectures : (N, L) uint8
    recipe : Recipe
    dataset : Dataset
    device : str
    folder : Path
        Where journals go.
    header : JournalHeader
    """

    space: Space
    architectures: NDArray[np.uint8]
    recipe: Recipe
    dataset: Dataset
    device: str
    folder: Path
    header: JournalHeader

    def journal(self) -> JournalWriter:
        """Begin a journal that no other worker writes."""
        return JournalWriter(self.folder / f"{os.getpid()}-{uuid4().hex[:12]}.journal", self.header)

    def train(self, job: Job) -> list[Record]:
        """Do the trainings of one group."""
        from nasbench.training.costs import network_costs
        from nasbench.training.group import train_group

        rows, seed = job.group
        architectures = self.architectures[list(rows)]
        trainings = train_group(self.space, architectures, self.recipe, self.dataset, seed, self.device)
        records = []
        for row, architecture, training in zip(rows, architectures, trainings, strict=True):
            metrics = np.stack([training.metrics[name] for name in self.header.metrics])
            costs = np.full(len(self.header.costs), math.nan)
            if row in job.uncounted:
                known = network_costs(self.space, architecture, self.recipe, self.dataset)
                costs = np.array([known[name] for name in self.header.costs], dtype=np.float64)
            records.append(Record(row, seed, DIVERGED if training.diverged else DONE, metrics, costs))
        return records


def train_all(workshop: Workshop, jobs: Iterable[Job], processes: int) -> Generator[list[Record], None, None]:
    """Yield the trainings of each group when they are done and journaled, in the order in which the groups end.

    Parameters
    ----------
    workshop : Workshop
    jobs : iterable of Job
        The next one is taken when a process is free for it.
    processes : int
        With 1 the trainings are done in this process, else in so many others.

    Raises
    ------
    OutputError
        If a journal cannot be written.
    NasbenchError
        If a process ended before its work did.
    """
    if processes == 1:
        return _train_here(workshop, jobs)
    return _train_in_processes(workshop, jobs, processes)


def _train_here(workshop: Workshop, jobs: Iterable[Job]) -> Generator[list[Record], None, None]:
    with workshop.journal() as journal:
        for job in jobs:
            records = workshop.train(job)
            journal.append(records)
            yield records


def _train_in_processes(workshop: Workshop, jobs: Iterable[Job], processes: int) -> Generator[list[Record], None, None]:
    context = multiprocessing.get_context("spawn")
    workers: dict[Connection, SpawnProcess] = {}
    try:
        for _ in range(processes):
            ours, theirs = context.Pipe()
            worker = context.Process(target=_serve, args=(workshop, theirs), daemon=True)
            with deaf_to_interrupts():
                worker.start()
            theirs.close()
            workers[ours] = worker
        waiting = iter(jobs)
        busy = [connection for connection in workers if _send_next(connection, waiting)]
        while busy:
            for connection in multiprocessing.connection.wait(busy):
                assert isinstance(connection, multiprocessing.connection.Connection)  # noqa: S101 - narrows the type
                yield _receive(connection, workers[connection])
                if not _send_next(connection, waiting):
                    busy.remove(connection)
    finally:
        for connection, worker in workers.items():
            worker.kill()  # first, or one that has just finished a training would complain that nobody listens
            worker.join()
            connection.close()


def _send_next(connection: Connection, waiting: Iterator[Job]) -> bool:
    job = next(waiting, None)
    if job is not None:
        connection.send(job)
    return job is not None


def _receive(connection: Connection, worker: SpawnProcess) -> list[Record]:
    try:
        answer = connection.recv()
    except (EOFError, ConnectionResetError):
        worker.join()
        raise NasbenchError(
            f"a worker process ended early (exit code {worker.exitcode}); what was finished is kept, run again to go "
            "on. In a script, call generate with jobs > 1 below `if __name__ == '__main__':` only"
        ) from None
    if isinstance(answer, NasbenchError):
        raise answer
    records: list[Record] = answer
    return records


def _serve(workshop: Workshop, connection: Connection) -> None:
    """Do jobs as they come, until there are no more."""
    end_with_parent()
    try:
        with workshop.journal() as journal:
            while True:
                records = workshop.train(connection.recv())
                journal.append(records)
                connection.send(records)
    except NasbenchError as error:
        connection.send(error)
    except (EOFError, BrokenPipeError):  # the one who gave out the jobs has gone
        return
