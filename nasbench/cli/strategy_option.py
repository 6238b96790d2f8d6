"""What ``--strategies`` means: ``random-search,regularized-evolution(population=10,sample=3)``, or all."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from typing import TYPE_CHECKING

import numpy as np

from nasbench.cli import console
from nasbench.errors import StrategyError, UnknownNameError
from nasbench.named_options import read_named
from nasbench.oracle import resolve_measure

if TYPE_CHECKING:
    from nasbench.oracle import Oracle
    from nasbench.strategy import StrategyFactory

_SEPARATOR = re.compile(r",(?![^(]*\))")


def read_strategies(text: str) -> dict[str, StrategyFactory]:
    """Read a comma-separated list of strategies, each with options in parentheses if need be.

    Parameters
    ----------
    text : str
        Names as `strategies.get_strategy` takes them.

    Raises
    ------
    UnknownNameError, StrategyError
        Naming the part that cannot be read.
    """
    names = [part.strip() for part in _SEPARATOR.split(text)]
    if len(set(names)) != len(names):
        raise StrategyError(f"each strategy is compared once; got {text!r}")
    return {name: _read_one(name) for name in names}


def every_strategy_for(oracle: Oracle, signal: str | None) -> dict[str, StrategyFactory]:
    """Return every named strategy that can search by a signal; a note says which cannot, and why.

    Parameters
    ----------
    oracle : Oracle
    signal : str, optional
        By default the oracle's validation accuracy at the last epoch.

    Raises
    ------
    UnknownNameError, QueryError
        If the oracle has no such signal.
    """
    from strategies import get_strategy, strategy_names

    measure = resolve_measure(signal, oracle.tasks)
    fidelities = [epochs for epochs in oracle.tasks[measure.task].epochs if epochs <= measure.epochs]
    able: dict[str, StrategyFactory] = {}
    for name in strategy_names():
        strategy = get_strategy(name)
        try:
            strategy(oracle.space, np.random.default_rng(0), fidelities)
        except StrategyError as error:
            console.note(f"left out {name}: {error}")
        else:
            able[name] = strategy
    return able


def _read_one(text: str) -> StrategyFactory:
    from strategies import get_strategy

    name, options = read_named(text, "strategy", value=ast.literal_eval, example="sample=3", error=StrategyError)
    strategy = get_strategy(name)
    known = [p.name for p in inspect.signature(strategy).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise UnknownNameError("option", option, known, of=f"strategy {name!r}")
    return functools.partial(strategy, **options) if options else strategy
