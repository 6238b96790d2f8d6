"""The engine of one machine.

Groups are trained in this process, or in processes of their own.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from typing import TYPE_CHECKING

from tabular.errors import BudgetError, NasbenchError
from tabular.work import deaf_to_interrupts, end_with_parent

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from tabular.generation.engine import Job, WorkerContext
    from tabular.generation.journal import Record


class LocalEngine:
    """Trains on this machine.

    Parameters
    ----------
    processes : int
        With 1 the trainings are done in this process, else in so many others.

    Raises
    ------
    BudgetError
    """

    jobs_option = "processes"

    def __init__(self, processes: int = 1) -> None:
        if processes < 1:
            raise BudgetError(f"jobs must be 1 or more, got {processes}")
        self.processes = processes

    def train(self, context: WorkerContext, jobs: Iterable[Job]) -> Generator[list[Record], None, None]:
        """Yield the trainings of each group that has ended.

        They are journaled by then.

        Raises
        ------
        OutputError
            If a journal cannot be written.
        NasbenchError
            If a process ended before its work did.
        """
        if self.processes == 1:
            return _train_here(context, jobs)
        return _train_in_processes(context, jobs, self.processes)


def _train_here(context: WorkerContext, jobs: Iterable[Job]) -> Generator[list[Record], None, None]:
    with context.journal() as journal:
        for job in jobs:
            records = context.train(job)
            journal.append(records)
            yield records


def _train_in_processes(
    context: WorkerContext, jobs: Iterable[Job], processes: int
) -> Generator[list[Record], None, None]:
    spawn = multiprocessing.get_context("spawn")
    workers: dict[Connection, SpawnProcess] = {}
    try:
        for _ in range(processes):
            ours, theirs = spawn.Pipe()
            worker = spawn.Process(target=_serve, args=(context, theirs), daemon=True)
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


def _serve(context: WorkerContext, connection: Connection) -> None:
    """Do jobs as they come, until there are no more."""
    end_with_parent()
    try:
        with context.journal() as journal:
            while True:
                records = context.train(connection.recv())
                journal.append(records)
                connection.send(records)
    except NasbenchError as error:
        connection.send(error)
    except (EOFError, BrokenPipeError):  # the one who gave out the jobs has gone
        return
