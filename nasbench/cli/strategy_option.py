"""What ``--strategies`` means: ``random-search,regularized-evolution(population=10,sample=3)``, families, or all."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from nasbench.cli import console
from nasbench.cli.oracles import open_oracle
from tabular.errors import StrategyError, UnknownNameError
from tabular.measures import resolve_measure
from tabular.options import split_list

if TYPE_CHECKING:
    from strategies.strategy import StrategyFactory
    from tabular.measures import Oracle

SOURCE = "source"
"""The option of strategies that start from what another oracle knows; text stands for the oracle of that path."""


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
    names = split_list(text)
    if len(set(names)) != len(names):
        raise StrategyError(f"each strategy is compared once; got {text!r}")
    return {name: _read_one(name) for name in names}


def strategies_for(
    text: str, oracle: Oracle, signal: str | None, *, several_objectives: bool
) -> dict[str, StrategyFactory]:
    """Read a list in which families, and ``all``, stand for those of their strategies that can search here.

    A note says which of them cannot, and why. ``all`` leaves out foreign optimisers, which are slow, and without
    several objectives those that are made for them.

    Parameters
    ----------
    text : str
    oracle : Oracle
    signal : str, optional
        By default the oracle's validation accuracy at the last epoch.
    several_objectives : bool

    Raises
    ------
    UnknownNameError, QueryError, StrategyError
    """
    from strategies import strategy_families, strategy_names

    families = strategy_families()
    left_out = {"foreign"} if several_objectives else {"foreign", "multi-objective"}
    everything = [name for family, names in families.items() if family not in left_out for name in names]
    chosen: dict[str, StrategyFactory] = {}
    for part in split_list(text):
        members = everything if part == "all" else families.get(part)
        if members is None:
            name = part.partition("(")[0].strip()
            if ":" not in name and name not in strategy_names():
                raise UnknownNameError("strategy", name, [*strategy_names(), *families, "all", "module:Class"])
            named = read_strategies(part)
        else:
            named = _able(members, oracle, signal)
        if set(named) & set(chosen):
            raise StrategyError(f"each strategy is compared once; got {text!r}")
        chosen |= named
    if not chosen:
        raise StrategyError(f"none of the strategies of {text!r} can search here; the notes above say why")
    return chosen


def _able(names: list[str], oracle: Oracle, signal: str | None) -> dict[str, StrategyFactory]:
    from strategies import get_strategy

    measure = resolve_measure(signal, oracle.tasks)
    fidelities = [epochs for epochs in oracle.tasks[measure.task].epochs if epochs <= measure.epochs]
    able: dict[str, StrategyFactory] = {}
    for name in names:
        strategy = get_strategy(name)
        try:
            strategy(oracle.space, np.random.default_rng(0), fidelities)
        except StrategyError as error:
            console.note(f"left out {name}: {error}")
        else:
            able[name] = strategy
    return able


def _read_one(text: str) -> StrategyFactory:
    from strategies import read_strategy

    factory = read_strategy(text)
    if isinstance(factory, functools.partial) and isinstance(factory.keywords.get(SOURCE), str):
        return functools.partial(factory, **{SOURCE: open_oracle(factory.keywords[SOURCE])})
    return factory
