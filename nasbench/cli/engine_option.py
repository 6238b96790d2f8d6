"""What ``--engine`` means: ``local``, ``ray(address=auto,gpus=0.25)``, ``slurm(slurm_partition=gpu,shards=8)``."""

from __future__ import annotations

import ast
import inspect
import os
import types
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from tabular.errors import BudgetError, NasbenchError, UnknownNameError
from tabular.options import read_named

if TYPE_CHECKING:
    from tabular.generation.engine import Engine

_EXPECTED = {int: "a whole number", float: "a number"}


def read_engine(text: str | None, jobs: int | None = None) -> Engine:
    """Read which engine is to train, with options in parentheses if need be.

    Parameters
    ----------
    text : str, optional
        By default the local one.
    jobs : int, optional
        Processes of the local engine; by default one a core.

    Raises
    ------
    UnknownNameError, BudgetError, NasbenchError
        Naming the part that cannot be read, or what is not installed.
    """
    name, options = read_named(
        "local" if text is None else text.strip(),
        "engine",
        value=_literal_or_text,
        example="workers=2",
        error=NasbenchError,
    )
    from tabular.generation.engine import engine_class

    engine = engine_class(name)
    if name == "local":
        _check_known(options, [], name)
        return cast("Engine", engine(jobs or os.cpu_count() or 1))
    if jobs is not None:
        raise BudgetError(f"jobs is for the local engine; write --engine '{name}({engine.jobs_option}={jobs})'")
    return cast("Engine", engine(**_checked(engine, options, name)))


def _checked(engine: type[Any], options: dict[str, Any], name: str) -> dict[str, Any]:
    """Return options in the types that an engine takes."""
    parameters = inspect.signature(engine).parameters.values()
    known = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    if not any(each.kind is each.VAR_KEYWORD for each in parameters):
        _check_known(options, known, name)
    hints = get_type_hints(engine.__init__)
    return {
        option: _typed(option, value, hints[option]) if option in known else value for option, value in options.items()
    }


def _check_known(options: dict[str, Any], known: list[str], name: str) -> None:
    for option in options:
        if option not in known:
            raise UnknownNameError("option", option, known, of=f"engine {name!r}")


def _typed(option: str, value: object, hint: Any) -> object:
    taken = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if isinstance(value, taken) or (float in taken and isinstance(value, int)):
        return value
    if str in taken:
        return str(value)
    expected = next(words for kind, words in _EXPECTED.items() if kind in taken)
    raise BudgetError(f"{option} must be {expected}, got {value!r}")


def _literal_or_text(text: str) -> object:
    """Return a number or the like if that is what a text is, else the text: most values are names or addresses."""
    if not text:
        raise ValueError("no value")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        return text
