"""Answers of another Python process with another hash seed.

Tests compare them with those of this process.

One process serves all tests of a session: it has imported what the suites need, and forks a child for each question,
so that no question meets what an earlier one left behind.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

FORKS = sys.platform == "linux"
"""On other systems a fork may break the threads of system libraries; there each question starts a process."""


def ask_other_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function of a module answers in another process with another hash seed.

    Parameters
    ----------
    function : callable
        Found there by its module and name; the other process searches the same `sys.path`.
    *arguments : JSON values
        The answer is one, too.

    Raises
    ------
    AssertionError
        With the traceback, if the function fails there.
    """
    question = json.dumps([sys.path, function.__module__, function.__qualname__, arguments])
    if FORKS:
        server = _server(os.getpid())
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(question + "\n")
        server.stdin.flush()
        line = server.stdout.readline()
    else:
        line, _ = _started().communicate(question + "\n")
    assert line, "the other process has ended without an answer"
    answer, error = json.loads(line)
    assert error is None, f"{function.__qualname__} failed in another process:\n{error}"
    return answer


@functools.cache
def _server(asker: int) -> subprocess.Popen[str]:
    """Return the server of a process, which is ended with it; a fork of that process has its own."""
    server = _started()
    atexit.register(lambda: server.communicate() if os.getpid() == asker else None)
    return server


def _started() -> subprocess.Popen[str]:
    """Start a server."""
    return subprocess.Popen(
        [sys.executable, "-c", "from nasbench.testing.other_process import serve; serve()"],
        env={**os.environ, "PYTHONHASHSEED": "4242"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the asker, at whose end the questions end
    )


def serve() -> None:
    """Answer questions, a line of JSON each, until there are no more."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what a strategy prints must not be taken for an answer
        for question in sys.stdin:
            answers.write((_forked_answer(question) if FORKS else _answer(question)) + "\n")
            answers.flush()


def _forked_answer(question: str) -> str:
    """Return the answer of a fork of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError), os.fdopen(writing, "w") as pipe:
            pipe.write(_answer(question))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    return answer or json.dumps([None, f"the process ended with status {status}"])


def _answer(question: str) -> str:
    """Return the answer and no error, or no answer and the traceback."""
    path, module, name, arguments = json.loads(question)
    sys.path[:] = path
    try:
        return json.dumps([getattr(importlib.import_module(module), name)(*arguments), None])
    except BaseException:  # noqa: BLE001 - whatever it is, the asker tells it
        return json.dumps([None, traceback.format_exc()])
