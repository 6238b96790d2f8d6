"""Timing that holds on a noisy machine: medians of many rounds, two things always in turn."""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Figure:
    """One measured line: what, how long in seconds, and beside what.

    ``ratio`` is ours divided by the other's: the median over rounds in which both ran one after the other.
    """

    what: str
    seconds: float
    beside: str = ""
    other_seconds: float = float("nan")
    ratio: float = float("nan")
    aim: str = ""


def measure(call: Callable[[], object], repeat: int = 1, rounds: int = 7) -> float:
    """Return the median over rounds of the seconds that one call takes, a round being ``repeat`` calls."""
    call()
    return statistics.median(_round(call, repeat) for _ in range(rounds))


def measure_pair(
    ours: Callable[[], object], other: Callable[[], object], repeat: int = 1, rounds: int = 9
) -> tuple[float, float, float]:
    """Return the medians of both, in seconds a call, and the median ratio of ours to the other over paired rounds."""
    ours(), other()
    pairs = [(_round(ours, repeat), _round(other, repeat)) for _ in range(rounds)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return mine, theirs, statistics.median(a / b for a, b in pairs)


def _round(call: Callable[[], object], repeat: int) -> float:
    start = time.perf_counter()
    for _ in range(repeat):
        call()
    return (time.perf_counter() - start) / repeat


def machine() -> str:
    """Say what this ran on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def show(seconds: float) -> str:
    """Write a duration in the unit that suits it."""
    if seconds != seconds:  # noqa: PLR0124 - NaN alone is unequal to itself
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"
