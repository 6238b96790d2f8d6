"""Which jobs of a cluster have ended."""

from __future__ import annotations

import math
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import submitit

ASKING = 20.0
"""Seconds between two questions to Slurm, which serves others too."""


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
            told = _squeue("--format=%i")
            self._waiting = None if told is None else frozenset(told)
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
