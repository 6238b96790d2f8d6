"""Trains a list of jobs, here or in processes of its own, and journals each training as it ends."""

from __future__ import annotations

import math
import multiprocessing
import multiprocessing.connection
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import numpy as np

from nasbench.errors import NasbenchError, OutputError
from nasbench.processes import deaf_to_interrupts, end_with_parent
from tabular.invariants import DIVERGED, DONE
from tabular.journal import JournalHeader, JournalWriter, Record

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from pathlib import Path

    from numpy.typing import NDArray

    from nasbench.spaces import Space
    from nasbench.training.dataset import Dataset
    from nasbench.training.recipe import Recipe


class Job(NamedTuple):
    """One training that is to be done; ``with_costs`` if the architecture's costs are yet to be counted."""

    row: int
    seed: int
    with_costs: bool


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

    def train(self, job: Job) -> Record:
        """Do one training."""
        from nasbench.training.complexity import complexity
        from nasbench.training.trainer import train

        architecture = self.architectures[job.row]
        training = train(self.space, architecture, self.recipe, self.dataset, job.seed, self.device)
        metrics = np.stack([training.metrics[name] for name in self.header.metrics])
        costs = np.full(len(self.header.costs), math.nan)
        if job.with_costs:
            counted = complexity(self.space, architecture, self.recipe, self.dataset)
            costs = np.array([counted[name] for name in self.header.costs], dtype=np.float64)
        return Record(job.row, job.seed, DIVERGED if training.diverged else DONE, metrics, costs)


def train_all(workshop: Workshop, jobs: Sequence[Job], processes: int) -> Generator[Record, None, None]:
    """Yield each training when it is done and journaled, in the order in which they end.

    Parameters
    ----------
    workshop : Workshop
    jobs : sequence of Job
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
    return _train_in_processes(workshop, jobs, min(processes, len(jobs)))


def _train_here(workshop: Workshop, jobs: Sequence[Job]) -> Generator[Record, None, None]:
    with workshop.journal() as journal:
        for job in jobs:
            record = workshop.train(job)
            journal.append(record)
            yield record


def _train_in_processes(workshop: Workshop, jobs: Sequence[Job], processes: int) -> Generator[Record, None, None]:
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


def _receive(connection: Connection, worker: SpawnProcess) -> Record:
    try:
        answer = connection.recv()
    except (EOFError, ConnectionResetError):
        worker.join()
        raise NasbenchError(
            f"a worker process ended early (exit code {worker.exitcode}); what was finished is kept, run again to go "
            "on. In a script, call generate with jobs > 1 below `if __name__ == '__main__':` only"
        ) from None
    if isinstance(answer, OutputError):
        raise answer
    record: Record = answer
    return record


def _serve(workshop: Workshop, connection: Connection) -> None:
    """Do jobs as they come, until there are no more."""
    end_with_parent()
    try:
        with workshop.journal() as journal:
            while True:
                record = workshop.train(connection.recv())
                journal.append(record)
                connection.send(record)
    except OutputError as error:
        connection.send(error)
    except (EOFError, BrokenPipeError):  # the one who gave out the jobs has gone
        return
