"""Options of several commands: strategies, oracles, engines, and all that a training takes."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import types
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import numpy as np
import typer

from nasbench.cli import console
from tabular.errors import BudgetError, FileFormatError, NasbenchError, StrategyError, UnknownNameError
from tabular.measures import resolve_measure
from tabular.options import read_named, split_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from nasbench.strategy import StrategyFactory
    from tabular.generation.engine import Engine
    from tabular.measures import Oracle
    from tabular.training import Recipe

SpaceToTrain = Annotated[str, typer.Argument(help="A named space or a .toml file that declares one.")]
DatasetOption = Annotated[
    str, typer.Option("--dataset", help="digits, fashion-mnist:FOLDER, cifar10:FOLDER or FILE.npz (with x and y).")
]
RecipeOption = Annotated[
    Path | None,
    typer.Option("--recipe", help="A .toml file of training settings: epochs, channels, learning_rate, ..."),
]
EpochsOption = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Epochs of each training, in place of the recipe's.")
]
SeedsOption = Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each architecture.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="So many unique networks, drawn at random.")]
JobsOption = Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; by default one a core.")]
DeviceOption = Annotated[str, typer.Option("--device", help="A torch device: cpu, cuda, cuda:1, mps.")]

ENGINES = {
    "local": "tabular.generation.local:LocalEngine",
    "ray": "tabular.generation.ray:RayEngine",
    "slurm": "tabular.generation.slurm:SlurmEngine",
}
"""The class of each engine, as ``module:Class``; a new one takes a line here."""

_EXPECTED = {int: "a whole number", float: "a number"}

SOURCE = "source"
"""The option of strategies that start from what another oracle knows; text stands for the oracle of that path."""


def chosen_recipe(path: Path | None, epochs: int | None) -> Recipe:
    """Return the recipe of a file, or the default, with other epochs if they are given.

    Raises
    ------
    RecipeError
    """
    from tabular.training import Recipe

    recipe = Recipe.from_toml(path) if path else Recipe()
    return recipe if epochs is None else recipe.replace(epochs=epochs)


def open_oracle(path: str | Path) -> Oracle:
    """Open a table file, a table that comes with the package, or a surrogate folder.

    Raises
    ------
    FileFormatError
        If it is neither.
    """
    path = Path(path)
    if path.is_dir():
        from surrogates import SurrogateOracle

        return SurrogateOracle(path)
    from tabular import TableOracle, shipped_tables

    shipped = shipped_tables()
    if not path.exists() and str(path) not in shipped:
        raise FileFormatError(
            f"{path}: no such file; make a table with 'nasbench generate' or 'nasbench import', or name one that comes "
            f"with the package: {', '.join(shipped)}"
        )
    return TableOracle(path)


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


def _read_one(text: str) -> StrategyFactory:
    from strategies import read_strategy

    factory = read_strategy(text)
    if isinstance(factory, functools.partial) and isinstance(factory.keywords.get(SOURCE), str):
        return functools.partial(factory, **{SOURCE: open_oracle(factory.keywords[SOURCE])})
    return factory


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


def read_engine(text: str | None, jobs: int | None = None) -> Engine:
    """Read an engine's name, with options in parentheses: ``ray(address=auto,gpus=0.25)``, ``slurm(shards=8)``.

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
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)
    if name == "local":
        _check_known(options, [], name)
        return _engine_class(name)(jobs or os.cpu_count() or 1)
    if jobs is not None:
        own = "workers" if name == "ray" else "shards"
        raise BudgetError(f"jobs is for the local engine; write --engine '{name}({own}={jobs})'")
    engine = _engine_class(name)
    return engine(**_checked(engine, options, name))


def _engine_class(name: str) -> Callable[..., Engine]:
    module, _, class_name = ENGINES[name].partition(":")
    engine: Callable[..., Engine] = getattr(import_module(module), class_name)
    return engine


def _checked(engine: Any, options: dict[str, Any], name: str) -> dict[str, Any]:
    """Return options in the types that an engine takes."""
    parameters = inspect.signature(engine).parameters.values()
    known = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
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
