"""The engine of a cluster: shares of the groups are jobs of Slurm, submitted by submitit."""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tabular.errors import BudgetError, NasbenchError, OutputError, UnknownNameError
from tabular.generation.queue import Queue
from tabular.generation.shard import Shard, ShardRun, is_whole, journaled
from tabular.work import deaf_to_interrupts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    import submitit

    from tabular.generation.journal import Record
    from tabular.generation.workshop import Job, Workshop

TRIES = 3
"""How often in a row a job may end without having finished a group."""

_PAUSES = {"slurm": 2.0, "local": 0.2}
"""Seconds between two looks at jobs and journals, at the least; looking takes a tenth of the time at the most."""
_ENDING = 30.0
_PREFIX = "slurm-"


class SlurmEngine:
    """Trains in jobs of Slurm, each with an equal share of the groups.

    The folder of the table must be on a file system that this machine and all nodes share: jobs journal beside the
    table, and nothing else is heard of them. A job that is preempted or whose time is up is requeued; one that was
    killed, alone or with its node, is submitted again. Either goes on after the last group it finished. If this process
    is killed, the jobs work on; the same call takes up what they finished and ends those that are left.

    All groups are handed out at once, so there is no training within a ``budget``. The device must be there for this
    process too, which tells of it in the table.

    Parameters
    ----------
    shards : int
        How many jobs. Fewer are submitted where there are fewer groups.
    folder : str or Path, optional
        Where submitit's logs go and stay; shared, too. By default beside the table, until the work has succeeded.
    cluster : str
        ``"slurm"``, or ``"local"`` for jobs that are processes of this machine, to try things out.
    **parameters
        What `submitit.AutoExecutor.update_parameters` takes: ``timeout_min`` (60 by default), ``gpus_per_node``,
        ``slurm_partition`` and so on.

    Raises
    ------
    BudgetError
        If ``shards`` is below 1, or ``nodes`` or ``tasks_per_node`` is not.
    UnknownNameError
    NasbenchError
        If submitit is not installed, or there is no Slurm here.
    """

    takes_all = True

    def __init__(
        self, *, shards: int = 8, folder: str | Path | None = None, cluster: str = "slurm", **parameters: Any
    ) -> None:
        if shards < 1:
            raise BudgetError(f"shards must be 1 or more, got {shards}")
        if cluster not in _PAUSES:
            raise UnknownNameError("cluster", cluster, _PAUSES)
        for name in ("nodes", "tasks_per_node"):
            if parameters.get(name, 1) != 1:
                raise BudgetError(f"{name} must be 1, got {parameters[name]}: a job is one process; give more shards")
        _check_there(cluster)
        self.shards, self.cluster, self.parameters = shards, cluster, parameters
        self.folder = None if folder is None else Path(folder)

    def train(self, workshop: Workshop, jobs: Iterable[Job]) -> Generator[list[Record], None, None]:
        """Yield the trainings of each group when they are found in a journal.

        Parameters
        ----------
        workshop : Workshop
        jobs : iterable of Job
            All are taken at once, so it must end by itself.

        Raises
        ------
        NasbenchError
            If submitit or Slurm refuses the jobs, or one ended `TRIES` times in a row without having finished a group;
            and what went wrong for the user's making in a job.
        OutputError
        """
        everything = list(jobs)
        if not everything:
            return
        workshop = replace(workshop, folder=workshop.folder.resolve())
        with _run(workshop, keep_logs=self.folder is None) as run:
            shares = [everything[first :: self.shards] for first in range(min(self.shards, len(everything)))]
            submissions = [_Submission(Shard.of(workshop, share, run)) for share in shares]
            queue = Queue(self.cluster)
            try:
                executor = self._executor(run)
                _submit(executor, queue, submissions)
                yield from _watch(workshop.folder, executor, queue, submissions, _PAUSES[self.cluster])
                _wait(queue, submissions)
            finally:
                run.end()
                _cancel(queue, submissions)
                if self.cluster == "local":
                    _wait(queue, submissions)

    def _executor(self, run: ShardRun) -> submitit.Executor:
        import submitit

        logging.getLogger("submitit").setLevel(logging.ERROR)  # it writes to stdout, where results may go
        try:
            executor = submitit.AutoExecutor(self.folder or run.folder, cluster=self.cluster)
            executor.update_parameters(**{"name": "nasbench", "timeout_min": 60, **self.parameters})
        except (AssertionError, NameError, ValueError) as error:
            raise NasbenchError(f"slurm engine: {_first_line(error)}") from None
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written: {error.strerror}") from None
        return executor


@dataclass
class _Submission:
    """A shard, the job that it is or was last, and how many jobs in a row have not finished a group."""

    shard: Shard
    job: submitit.Job[NasbenchError | None] | None = None
    failures: int = 0
    progress: bool = False

    def take_finished(self, records: Mapping[tuple[int, int], Record]) -> list[Job]:
        """Return the groups that have been finished since the last time; from now on the shard is the others."""
        finished: list[Job] = []
        left: list[Job] = []
        for job in self.shard.jobs:
            (finished if is_whole(job.group, records) else left).append(job)
        if finished:
            self.progress, self.shard = True, replace(self.shard, jobs=left)
        return finished

    def has_ended(self, queue: Queue) -> bool:
        """Say whether the job will do nothing more."""
        return self.job is None or queue.has_ended(self.job)


def _check_there(cluster: str) -> None:
    try:
        import submitit  # noqa: F401
    except ImportError:
        raise NasbenchError(
            "the slurm engine needs submitit, which is not installed; pip install 'nasbench[slurm]', or take the local "
            "engine"
        ) from None
    missing = [name for name in ("sbatch", "srun") if shutil.which(name) is None]
    if cluster == "slurm" and missing:
        raise NasbenchError(
            f"there is no Slurm on this machine (no {' and no '.join(missing)} on PATH); run this on a login node of "
            "the cluster, take the local engine, or try the slurm engine out with cluster=local"
        )


@contextmanager
def _run(workshop: Workshop, *, keep_logs: bool) -> Iterator[ShardRun]:
    """Begin a run in the folder of the journals; of what went wrong in it, the logs stay until the next."""
    for old in workshop.folder.glob(f"{_PREFIX}*"):  # whose shards, if some still run, end by that
        shutil.rmtree(old, ignore_errors=True)
    run = ShardRun(workshop.folder / f"{_PREFIX}{uuid4().hex[:12]}")
    try:
        try:
            run.begin(workshop.dataset)
        except OSError as error:
            raise OutputError(f"{run.folder}: cannot be written: {error.strerror}") from None
        yield run
    except Exception:
        if not keep_logs or not any(run.folder.glob("*")):
            shutil.rmtree(run.folder, ignore_errors=True)
        raise
    except BaseException:  # Ctrl-C, or nobody wants more
        shutil.rmtree(run.folder, ignore_errors=True)
        raise
    shutil.rmtree(run.folder, ignore_errors=True)


def _submit(executor: submitit.Executor, queue: Queue, submissions: Sequence[_Submission]) -> None:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        with deaf_to_interrupts():
            jobs = executor.submit_array([each.shard for each in submissions])
    except (FailedJobError, FailedSubmissionError) as error:
        raise NasbenchError(f"Slurm refused the jobs: {_first_line(error)}; see the engine's parameters") from None
    except OSError as error:
        raise OutputError(f"{executor.folder}: cannot be written: {error.strerror}") from None
    queue.grew()
    for submission, job in zip(submissions, jobs, strict=True):
        submission.job, submission.progress = job, False


def _watch(
    folder: Path, executor: submitit.Executor, queue: Queue, submissions: Sequence[_Submission], pause: float
) -> Generator[list[Record], None, None]:
    """Yield groups as they appear in journals, and submit again what jobs have left undone."""
    while any(each.shard.jobs for each in submissions):
        began = time.perf_counter()
        ended = [each for each in submissions if each.has_ended(queue)]  # first: what these did is in the journals now
        records = journaled(folder)
        took = time.perf_counter() - began
        for submission in submissions:
            for rows, seed in [job.group for job in submission.take_finished(records)]:
                yield [records[row, seed] for row in rows]
        for submission in ended:
            if submission.shard.jobs:
                _retry(executor, queue, submission)
        time.sleep(max(pause, 10 * took))


def _retry(executor: submitit.Executor, queue: Queue, submission: _Submission) -> None:
    """Submit a shard again whose job has ended early."""
    job = submission.job
    assert job is not None  # noqa: S101 - narrows the type
    if job.paths.result_pickle.exists() and job.exception() is None:
        error = job.result()
        if error is not None:
            raise error
    submission.failures = 0 if submission.progress else submission.failures + 1
    if submission.failures == TRIES:
        log = next((path for path in (job.paths.stderr, job.paths.stdout) if _last_line(path)), job.paths.stderr)
        last_words = _last_line(log) and f", which ends in: {_last_line(log)}"
        raise NasbenchError(
            f"a job ended {TRIES} times without finishing a group, last as job {job.job_id} (state "
            f"{queue.state(job)}); its log is {log}{last_words}; what was finished is kept, run again to go on"
        )
    job.cancel(check=False)  # Slurm requeues some by itself
    _submit(executor, queue, [submission])


def _wait(queue: Queue, submissions: Sequence[_Submission]) -> None:
    """Let jobs that have nothing left to do come to their end."""
    patience = time.monotonic() + _ENDING
    while not all(each.has_ended(queue) for each in submissions) and time.monotonic() < patience:
        time.sleep(0.1)


def _cancel(queue: Queue, submissions: Sequence[_Submission]) -> None:
    for submission in submissions:
        if submission.job is not None and not submission.has_ended(queue):
            submission.job.cancel(check=False)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _last_line(log: Path) -> str:
    with suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""
    return ""
