"""The engine of a cluster, by Slurm.

Shards, equal shares of the groups, are jobs that submitit submits.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from tabular.errors import BudgetError, NasbenchError, OutputError, UnknownNameError
from tabular.generation.journal import Record, read_journal
from tabular.training.dataset import Dataset
from tabular.work import deaf_to_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    import submitit
    from submitit.helpers import DelayedSubmission

    from tabular.generation.engine import Job, WorkerContext
    from tabular.generation.plan import Group

TRIES = 3
"""How often in a row a job may end without having finished a group."""

_PAUSES = {"slurm": 2.0, "local": 0.2}
"""Seconds between two looks at jobs and journals, at the least; looking takes a tenth of the time at the most."""

_ENDING = 30.0

_LOOKING = 1.0
"""Seconds between looks at whether a shard is still wanted."""

ASKING = 20.0
"""Seconds between two questions to Slurm, which serves others too."""

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
    jobs_option = "shards"

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

    def train(self, context: WorkerContext, jobs: Iterable[Job]) -> Generator[list[Record], None, None]:
        """Yield the trainings of each group when they are found in a journal.

        Parameters
        ----------
        context : WorkerContext
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
        context = replace(context, folder=context.folder.resolve())
        with _run(context, keep_logs=self.folder is None) as run:
            shares = [everything[first :: self.shards] for first in range(min(self.shards, len(everything)))]
            submissions = [_Submission(Shard.of(context, share, run)) for share in shares]
            queue = Queue(self.cluster)
            try:
                executor = self._executor(run)
                _submit(executor, queue, submissions)
                yield from _watch(context.folder, executor, queue, submissions, _PAUSES[self.cluster])
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
    """A shard and the job that it is or was last.

    ``failures`` counts the jobs in a row that have not finished a group.
    """

    shard: Shard
    job: submitit.Job[NasbenchError | None] | None = None
    failures: int = 0
    progress: bool = False

    def take_finished(self, records: Mapping[tuple[int, int], Record]) -> list[Job]:
        """Return the groups that have been finished since the last time.

        From now on the shard is the others.
        """
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
def _run(context: WorkerContext, *, keep_logs: bool) -> Iterator[ShardRun]:
    """Begin a run in the folder of the journals.

    Of what went wrong in it, the logs stay until the next.
    """
    for old in context.folder.glob(f"{_PREFIX}*"):  # whose shards, if some still run, end by that
        shutil.rmtree(old, ignore_errors=True)
    run = ShardRun(context.folder / f"{_PREFIX}{uuid4().hex[:12]}")
    try:
        try:
            run.begin(context.dataset)
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
            jobs = executor.submit_array([submission.shard for submission in submissions])
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
    """Yield groups as they appear in journals.

    What jobs have left undone is submitted again.
    """
    while any(submission.shard.jobs for submission in submissions):
        began = time.perf_counter()
        ended = [
            submission for submission in submissions if submission.has_ended(queue)
        ]  # first: what these did is in the journals now
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
    while not all(submission.has_ended(queue) for submission in submissions) and time.monotonic() < patience:
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


@dataclass(frozen=True)
class ShardRun:
    """The folder that the shards of one call share, which all nodes see.

    Parameters
    ----------
    folder : Path
        Must not exist.
    """

    folder: Path

    def begin(self, dataset: Dataset) -> None:
        """Make the folder; the data set is in it once, not in each of the jobs."""
        self.folder.mkdir()
        np.savez(self._dataset, **{part.name: getattr(dataset, part.name) for part in fields(Dataset)})
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
    """A share of the groups of a table, as one job.

    It trains those that are in no journal yet, into a journal of its own. So it can be started again at any moment:
    only the group that was in training is trained once more.

    Parameters
    ----------
    make_context : callable
        Gives the WorkerContext when it is called with a ``dataset``.
    jobs : sequence of Job
    run : ShardRun
    """

    make_context: Callable[..., WorkerContext]
    jobs: Sequence[Job]
    run: ShardRun

    @classmethod
    def of(cls, context: WorkerContext, jobs: Sequence[Job], run: ShardRun) -> Shard:
        """Make a shard that does not carry the data set along."""
        rest: dict[str, Any] = {part.name: getattr(context, part.name) for part in fields(context)}
        del rest["dataset"]
        return cls(partial(type(context), **rest), jobs, run)

    def __call__(self) -> NasbenchError | None:
        """Train, and return an error of the user's making.

        submitit hands on no more than the text of one that is raised.
        """
        threading.Thread(target=self._end_when_unwanted, daemon=True).start()
        try:
            self._train()
        except NasbenchError as error:
            return error
        return None

    def checkpoint(self) -> DelayedSubmission:
        """Return what is to be done when the job is requeued.

        Slurm requeues it after a preemption or when its time was up.
        """
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _train(self) -> None:
        from tabular.training.result import provenance

        context = self.make_context(dataset=self.run.dataset())
        done = journaled(context.folder)
        left = [job for job in self.jobs if not is_whole(job.group, done)]
        if not left:
            return
        here = provenance(context.recipe, context.dataset, context.device)
        context = replace(context, header=replace(context.header, provenance=here))
        with context.journal() as journal:
            for job in left:
                journal.append(context.train(job))

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


class Queue:
    """Tells which jobs have ended.

    submitit asks the accounting of Slurm, and that every ten minutes: where a cluster has none, a job that was killed
    would seem to run for ever. The queue is there in every cluster.

    Parameters
    ----------
    cluster : str
        ``"slurm"`` or ``"local"``.
    """

    def __init__(self, cluster: str) -> None:
        self._is_slurm = cluster == "slurm"
        self._waiting: frozenset[str] | None = None
        self._asked = -math.inf

    def grew(self) -> None:
        """Note that jobs were submitted."""
        self._asked = -math.inf

    def has_ended(self, job: submitit.Job[Any]) -> bool:
        """Say whether a job will do nothing more; False if Slurm does not answer."""
        if job.paths.result_pickle.exists():
            return True
        if not self._is_slurm:
            return job.done()
        if time.monotonic() - self._asked > ASKING:
            jobs = _squeue("--format=%i")
            self._waiting = None if jobs is None else frozenset(jobs)
            self._asked = time.monotonic()
        return self._waiting is not None and job.job_id not in self._waiting

    def state(self, job: submitit.Job[Any]) -> str:
        """Return what became of a job, in the words of Slurm."""
        if not self._is_slurm:
            return job.state
        return " ".join(_squeue("--states=all", f"--jobs={job.job_id}", "--format=%T") or ["unknown"])


def _squeue(*arguments: str) -> list[str] | None:
    """Return a word for each of this user's jobs; None if Slurm does not answer."""
    command = ["squeue", "--noheader", "--array", f"--user={os.getuid()}", *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.split() if answer.returncode == 0 else None
