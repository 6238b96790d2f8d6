"""The engine of Ray: each group is a task, on this machine or on a cluster."""

from __future__ import annotations

import functools
import itertools
import logging
import math
import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tabular.errors import BudgetError, NasbenchError, OutputError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from ray import ObjectRef

    from tabular.generation.engine import Job, WorkerContext
    from tabular.generation.journal import JournalWriter, Record

RETRIES = 5
"""How often a group is tried again whose worker or node was killed."""

ANSWER_SECONDS = 30.0
"""How long a cluster has to answer."""

_ENDING_SECONDS = 10.0
_LEAST_SHARE = 1e-4  # Ray counts in ten-thousandths
_CONNECT = """
import sys, ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
except Exception as error:
    print(error)
    sys.exit(1)
"""


class RayEngine:
    """Trains on Ray, a group a task.

    A cluster's nodes need this package, the Ray and the Python of this process, and the table's folder under the same
    path. If this process is connected to Ray already, it stays with that.

    Parameters
    ----------
    address : str, optional
        Of a running cluster, ``host:port``; or ``auto`` for the one that ``RAY_ADDRESS`` names or that runs on this
        machine. By default Ray is started here, and ended when the work is.
    gpus : float, optional
        The share of a GPU that a group takes: with 0.25, four train on each at once. By default 1 if the device is a
        GPU.
    workers : int, optional
        The most groups at once; by default as many as there is room for, with a core each.

    Raises
    ------
    NasbenchError
        If Ray is not installed.
    BudgetError
        If a number is out of range.
    """

    jobs_option = "workers"

    def __init__(self, *, address: str | None = None, gpus: float | None = None, workers: int | None = None) -> None:
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise NasbenchError(f"the engine ray needs Ray ({error}); pip install 'nasbench[ray]'") from None
        if workers is not None and not _is_above_zero(workers, int):
            raise BudgetError(f"workers must be 1 or more, got {workers!r}")
        if gpus is not None and not (_is_above_zero(gpus, float) and _LEAST_SHARE <= gpus <= 1):
            raise BudgetError(
                f"gpus must be the share of a GPU that a group takes, from {_LEAST_SHARE:g} to 1; got {gpus!r}"
            )
        self.address = None if address is None else str(address)
        self.gpus = gpus
        self.workers = workers

    def train(self, context: WorkerContext, jobs: Iterable[Job]) -> Generator[list[Record], None, None]:
        """Yield the trainings of each group that has ended.

        They are journaled by then.

        Raises
        ------
        NasbenchError
            If the cluster does not answer or has no room, or a group's workers were killed time and again.
        OutputError
            If a worker cannot write its journal, for one because the folder is not on its node.
        """
        import ray

        gpus = self._share_of_gpu(context.device)
        jobs = iter(jobs)
        busy: list[ObjectRef[Any]] = []
        with self._connected() as ours:
            if not self._room(gpus):
                found = _resources()
                raise NasbenchError(
                    f"Ray has {found.get('CPU', 0):g} CPUs and {found.get('GPU', 0):g} GPUs, which is no room for a "
                    f"group: it takes a CPU and {gpus:g} of a GPU"
                )
            # On its node a worker sees the GPU that it was given, and no other one.
            there = replace(context, folder=context.folder.absolute(), device=context.device.partition(":")[0])
            shared = [ray.put(there)]  # in a list, or it would be unpacked anew for each group
            paths = tuple(sys.path)
            train = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(_train)
            try:
                while True:
                    free = max(1, self._room(gpus)) - len(busy)
                    busy += [train.remote(shared, paths, job) for job in itertools.islice(jobs, max(0, free))]
                    if not busy:
                        return
                    (ended,), busy = ray.wait(busy)
                    yield _received(ended)
            finally:
                if not ours:  # or else all workers end at once with Ray: cancelling before that may abort this process
                    _cancel(busy)

    def _share_of_gpu(self, device: str) -> float:
        on_gpu = device.startswith("cuda")
        if self.gpus is not None and not on_gpu:
            raise BudgetError(f"gpus={self.gpus:g} is for trainings on a GPU, but the device is {device!r}; give cuda")
        return (self.gpus or 1.0) if on_gpu else 0.0

    def _room(self, gpus: float) -> int:
        """Return how many groups are to train at once.

        A cluster may have grown or shrunk.
        """
        found = _resources()
        room = found.get("CPU", 0)
        if gpus:
            room = min(room, found.get("GPU", 0) * int(1 / gpus))
        return int(min(room, self.workers or math.inf))

    @contextmanager
    def _connected(self) -> Iterator[bool]:
        """Give whether Ray was started for this alone, and is to end with it."""
        import ray

        if ray.is_initialized():
            yield False
            return
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_worker_niceness", "0")  # by Ray's default, workers give way to all other processes
        options: dict[str, Any] = {"address": "local", "include_dashboard": False}
        options["num_cpus"] = self.workers or os.cpu_count()
        if self.address is not None:
            _check_answer(self.address)
            options = {"address": self.address}
        try:
            try:
                ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
            except Exception as error:  # noqa: BLE001 - Ray raises just that where a node is not up in time
                raise NasbenchError(f"Ray cannot be started: {_one_line(error)}") from None
            yield self.address is None
        finally:
            ray.shutdown()


def _train(shared: list[ObjectRef[Any]], paths: tuple[str, ...], job: Job) -> list[Record] | NasbenchError:
    """Do a job in a worker.

    An error that a user can cause is handed back as it is, not as one of Ray's.
    """
    try:
        context, journal = _begun(shared[0], paths)
        records = context.train(job)
        journal.append(records)
    except NasbenchError as error:
        return error
    return records


@functools.lru_cache(maxsize=1)
def _begun(shared: ObjectRef[Any], paths: tuple[str, ...]) -> tuple[WorkerContext, JournalWriter]:
    """Return the context and the journal of this worker.

    The journal is begun with its first group.
    """
    import ray

    sys.path += [path for path in paths if path not in sys.path]  # a space may come from a module of the user's
    context: WorkerContext = ray.get(shared)
    if not context.folder.is_dir():
        raise OutputError(
            f"{context.folder}: is not there on {socket.gethostname()}, where a worker runs; write the table to a "
            "file system that all nodes share"
        )
    return context, context.journal()


def _received(task: ObjectRef[Any]) -> list[Record]:
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        answer = ray.get(task)
    except RayTaskError as error:
        missing = re.search(r"No module named '[^']*'", str(error))
        if missing is None:  # a bug, told with the worker's traceback
            raise
        raise NasbenchError(
            f"a worker of Ray says: {missing[0]}; every node needs the packages that are installed here"
        ) from None
    except RayError as error:
        raise NasbenchError(
            f"a group could not be trained, though it was tried {RETRIES + 1} times: {_one_line(error)}; what was "
            "finished is kept, run again to go on"
        ) from None
    if isinstance(answer, NasbenchError):
        raise answer
    records: list[Record] = answer
    return records


def _cancel(tasks: list[ObjectRef[Any]]) -> None:
    """End tasks, and wait until no worker writes a journal any more."""
    import ray

    for task in tasks:
        ray.cancel(task, force=True)  # an interrupted worker would be used again, with whatever it had half imported
    if tasks:
        ray.wait(tasks, num_returns=len(tasks), timeout=_ENDING_SECONDS)


def _check_answer(address: str) -> None:
    """Connect to a cluster from a process of its own.

    Ray itself tries for minutes, and cannot be stopped.
    """
    command = [sys.executable, "-c", _CONNECT, address]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        reason = f"no answer within {ANSWER_SECONDS:g} s"
    else:
        if tried.returncode == 0:
            return
        reason = _one_line(tried.stdout)
    raise NasbenchError(
        f"no Ray cluster can be used at {address!r}: {reason}; give the host:port that `ray start --head` told, with "
        "RAY_AUTH_MODE=token set if it asks for a token, or no address to start Ray here"
    )


def _resources() -> dict[str, float]:
    import ray

    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return found


def _is_above_zero(value: object, kind: type[float]) -> bool:
    return isinstance(value, (int, kind)) and value > 0


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".")
