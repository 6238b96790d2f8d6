"""Parts of every command: progress, tables, JSON, failure, checks of outputs."""

from __future__ import annotations

import json
import math
import re
import shlex
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from tabular.errors import OutputError
from tabular.files import check_writable
from tabular.storage import file_format_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tabular.progress import Progress

USAGE_ERROR: Any = typer.BadParameter.__bases__[0]
"""Of a command line that cannot be read: click's, wherever this version of typer keeps it."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_OF_SPEED = 600.0
"""Time left is told from the speed of the last minutes: single steps may take more than one."""
_UNLIMITED = 10_000
"""The width of tables that go to a file or another program, which no line should be broken for."""


def say(message: str) -> None:
    """Print one line for a person."""
    out.print(escape(message))


def note(message: str) -> None:
    """Print one line about how the work goes, out of the way of results."""
    err.print(escape(message))


def fail(message: str) -> NoReturn:
    """Print a user's mistake and exit with code 2."""
    line = " ".join(message.split())
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"error": line}) + "\n")
    else:
        err.print(f"nasbench: {escape(line)}", style="red")
    sys.exit(2)


def print_json(value: object) -> None:
    """Print one JSON object; NaN becomes null, dataclasses and arrays become plain values."""
    sys.stdout.write(json.dumps(_plain(value), indent=2) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], texts: Sequence[int] = (0,)) -> None:
    """Print a table; columns at the places ``texts`` go to the left, the others are numbers and stay whole."""
    out.print(escape(title), style="bold")
    table = RichTable(header_style="bold", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        is_text = i in texts
        table.add_column(escape(column), justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    target = out if out.is_terminal else Console(file=out.file, width=_UNLIMITED)
    target.print(table)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def strategy_label(name: str) -> str:
    """Write a strategy with its options so that a narrow table can break it between words."""
    return re.sub(r",\s*", ", ", name.replace("(", " (", 1))


def number(value: float, unit: str = "") -> str:
    """Write a number as a person reads it: fractions in percent, NaN as a dash."""
    if not math.isfinite(value):
        return "-"
    if unit == "fraction":
        return f"{round(100 * value, 2) + 0.0:.2f} %"  # adding zero turns -0.0 into 0.0
    return f"{value:.4g}"


def with_spread(value: float, spread: float, unit: str = "") -> str:
    """Write a mean with its standard deviation."""
    if not math.isfinite(spread):
        return number(value, unit)
    scale = 100 if unit == "fraction" else 1
    return f"{scale * value:.2f} ± {scale * spread:.2f}" + (" %" if unit == "fraction" else "")


def duration(seconds: float) -> str:
    """Write a duration as ``3:07`` or ``1:02:03``."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show how far work is: a bar on a terminal, a line every ten seconds elsewhere, always on standard error."""
    if err.is_terminal:
        with _bar(title) as report:
            yield report
    else:
        yield _Lines(title)


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    from rich.console import RenderableType
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Columns
    from rich.text import Text

    class Bar(Columns):
        """A bar with a line for the note, which is too long to be beside it."""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield from super().get_renderables()
            for task in self.tasks:
                yield Text(f"  {task.fields['note']}", no_wrap=True, overflow="ellipsis")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
    )
    with Bar(*columns, console=err, speed_estimate_period=_SECONDS_OF_SPEED) as bar:
        task = bar.add_task(title, total=None, note="", speed="")

        def report(done: int, total: int, text: str) -> None:
            bar.update(task, completed=done, total=total, note=text)
            bar.update(task, speed=_per_second(bar.tasks[0].finished_speed or bar.tasks[0].speed))

        yield report


def _per_second(speed: float | None) -> str:
    """Write how many units are done in a second; nothing if that is not known yet."""
    if not speed:
        return ""
    return f"{speed:,.0f}/s" if speed >= 100 else f"{speed:.2g}/s"


class _Lines:
    """Progress for logs."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._start = time.monotonic()
        self._last = self._start
        self._first_done: int | None = None

    def __call__(self, done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if self._first_done is None:  # work found done at the start says nothing about the speed
            self._first_done = done
        if done < total and now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        elapsed, made = now - self._start, done - self._first_done
        parts = [f"{done}/{total}", f"{duration(elapsed)} gone"]
        if made and elapsed > 0:
            parts.append(_per_second(made / elapsed))
            parts += [f"{duration(elapsed / made * (total - done))} left"] * (done < total)
        note(f"{self._title}: {', '.join([*parts, *filter(None, [text])])}")


def command_line() -> str:
    """Return what the user typed, to be typed again."""
    return shlex.join(["nasbench", *sys.argv[1:]])


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Print warnings as one line each, without the place in the code that they come from."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: note(f"warning: {message}")
        yield


def check_output(path: Path, file_format: str) -> None:
    """Make sure that a file can be written and that none of another kind is lost by that.

    Raises
    ------
    OutputError
    """
    check_writable(path)
    if path.exists() and file_format_of(path) != file_format:
        raise OutputError(f"{path}: exists and is not a {file_format} file; it is left as it was, choose another name")
