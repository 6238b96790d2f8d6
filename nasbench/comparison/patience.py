"""An end for strategies that never end: their code is interrupted when it takes too long."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tabular.errors import StrategyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nasbench.comparison.search_run import SearchRun

PATIENCE = 120.0
"""Seconds that one ask or tell may take by default: a neural predictor may need a while to fit."""


class Watch:
    """Knows whose code runs, and since which call; one of a process."""

    def __init__(self) -> None:
        self.run: SearchRun | None = None
        """The run whose strategy is at work, None while an oracle is."""
        self.calls = 0


WATCH = Watch()


@contextmanager
def patience(seconds: float | None) -> Iterator[None]:
    """Raise inside the code of a strategy of which one call takes longer than this, or up to half as long again.

    A clock looks now and then whether calls go on, which costs them nothing. It works in the main thread of a process,
    on systems that have interval timers (not on Windows), and cannot interrupt a single call of compiled code.

    Parameters
    ----------
    seconds : float, optional
        None waits for ever.

    Raises
    ------
    StrategyError
        Names the strategy, the run and the trial.
    """
    if seconds is None or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    unmoved, last = 0, -1

    def look(*_: object) -> None:
        nonlocal unmoved, last
        unmoved = unmoved + 1 if WATCH.run is not None and WATCH.calls == last else 0
        last = WATCH.calls
        if unmoved >= 3 and WATCH.run is not None:
            unmoved = 0
            raise StrategyError(
                f"{WATCH.run.where()}: its code has not answered for {seconds:g} seconds; mend it, or be more patient"
            )

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, seconds / 2, seconds / 2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        WATCH.run = None
