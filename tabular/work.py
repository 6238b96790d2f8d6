"""Long work.

Its progress, its worker processes, and linear algebra in one thread.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

Progress = Callable[[int, int, str], None]
"""Called with the units done, the units in all, and a short note of what is best or happening now."""


def silent(done: int, total: int, note: str) -> None:
    """Tell nobody."""


class PartProgress:
    """The progress of one of several pieces of work, as a part of the whole.

    All are of the same size.

    Parameters
    ----------
    progress : callable
        Is told of the whole.
    part, parts : int
        Which piece, from 0, of how many.
    name : str
        The note where the piece gives none.
    """

    def __init__(self, progress: Progress, part: int, parts: int, name: str = "") -> None:
        self._progress, self._part, self._parts, self._name = progress, part, parts, name

    def __call__(self, done: int, total: int, note: str) -> None:
        """Tell the whole's progress."""
        self._progress(self._part * total + done, self._parts * total, note or self._name)


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach.

    A terminal sends it to every process of a program. What it means is for the first one to decide; the others would
    each print a traceback. One that comes meanwhile takes effect when the processes have started.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # multiprocessing starts it with the first process, and unblocks signals there
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which the new processes inherit
    # Another thread may still take the signal in; Python would stop this one halfway through the start of a process.
    late: list[int] = []
    handler = None
    if threading.current_thread() is threading.main_thread():
        handler = signal.signal(signal.SIGINT, lambda number, _: late.append(number))
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number in late[:1]:
            signal.raise_signal(number)


def end_with_parent() -> None:
    """End this process when its parent is gone, even if that could tell nobody."""
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def one_thread() -> AbstractContextManager[object]:
    """Let linear algebra run in one thread.

    How it divides the work among several changes the last bits of its sums.
    """
    limit: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limit


@cache
def _controller() -> Any:
    import scipy.linalg  # noqa: F401 - it brings a library of its own, which is then found beside numpy's
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()
