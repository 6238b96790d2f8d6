"""Strategies by name: those of this package, those of installed packages, and any class that can be imported."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from typing import TYPE_CHECKING

from nasbench.interop.nevergrad_search import NevergradSearch
from nasbench.interop.optuna_search import OptunaSearch
from nasbench.interop.smac_search import SMACSearch
from nasbench.strategy import Strategy
from strategies.evolution.genetic_algorithm import GeneticAlgorithm
from strategies.evolution.local_search import LocalSearch
from strategies.evolution.regularized_evolution import RegularizedEvolution
from strategies.evolution.simulated_annealing import SimulatedAnnealing
from strategies.model_based.bananas import BANANAS
from strategies.model_based.bayesian_optimization import BayesianOptimization
from strategies.model_based.mcts import MCTS
from strategies.model_based.nas_bowl import NASBOWL
from strategies.model_based.neural_predictor import NeuralPredictor
from strategies.model_based.npenas import NPENAS
from strategies.model_based.pnas import PNAS
from strategies.model_based.smac import SMAC
from strategies.model_based.tpe import TPE
from strategies.multi_fidelity.asha import ASHA
from strategies.multi_fidelity.bohb import BOHB
from strategies.multi_fidelity.curve_extrapolation import CurveExtrapolation
from strategies.multi_fidelity.dehb import DEHB
from strategies.multi_fidelity.hyperband import Hyperband
from strategies.multi_fidelity.median_stopping import MedianStopping
from strategies.multi_fidelity.successive_halving import SuccessiveHalving
from strategies.multi_objective.mo_asha import MOASHA
from strategies.multi_objective.mo_regularized_evolution import MultiObjectiveRegularizedEvolution
from strategies.multi_objective.nsga2 import NSGA2
from strategies.multi_objective.parego import ParEGO
from strategies.random_search import RandomSearch
from strategies.reinforcement.ppo import PPO
from strategies.reinforcement.reinforce import Reinforce
from strategies.reinforcement.reinforce_rnn import ReinforceRNN
from strategies.warm_start.operation_prior import OperationPrior
from strategies.warm_start.warm_start import WarmStart
from strategies.warm_start.zero_cost_warmup import ZeroCostWarmup
from tabular.errors import NasbenchError, StrategyError, UnknownNameError
from tabular.options import read_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import EntryPoint
    from typing import TypeGuard

    import numpy as np

    from nasbench.strategy import StrategyFactory
    from tabular.spaces import Space

STRATEGIES: dict[str, type[Strategy]] = {
    strategy.name: strategy
    for strategy in (
        RandomSearch,
        RegularizedEvolution,
        GeneticAlgorithm,
        LocalSearch,
        SimulatedAnnealing,
        Reinforce,
        ReinforceRNN,
        PPO,
        TPE,
        BayesianOptimization,
        NASBOWL,
        SMAC,
        BANANAS,
        NPENAS,
        NeuralPredictor,
        PNAS,
        MCTS,
        SuccessiveHalving,
        Hyperband,
        ASHA,
        BOHB,
        DEHB,
        MedianStopping,
        CurveExtrapolation,
        NSGA2,
        MultiObjectiveRegularizedEvolution,
        ParEGO,
        MOASHA,
        WarmStart,
        OperationPrior,
        ZeroCostWarmup,
        OptunaSearch,
        NevergradSearch,
        SMACSearch,
    )
}
"""The strategies of this package, and those it makes of other libraries, by the names that files and figures use."""

ENTRY_POINTS = "nasbench.strategies"
"""The entry-point group in which another package names strategies of its own."""


def strategy_names() -> list[str]:
    """Return the names that `get_strategy` knows: this package's, then those of installed packages."""
    return [*STRATEGIES, *(name for name in _installed() if name not in STRATEGIES)]


def strategy_families() -> dict[str, list[str]]:
    """Return the names of all strategies by family, both in the order in which they are listed.

    An installed one that cannot be imported is in the family ``own``: it does not keep the others from being found.
    """
    families: dict[str, list[str]] = {}
    for name in strategy_names():
        try:
            family = get_strategy(name).family
        except NasbenchError:
            family = Strategy.family
        families.setdefault(family, []).append(name)
    return families


def get_strategy(name: str) -> type[Strategy]:
    """Return a strategy class.

    Parameters
    ----------
    name : str
        One of `strategy_names`, or ``module:Class`` for a class that can be imported.

    Raises
    ------
    UnknownNameError
        If there is no such name, or no such class in the module; the message offers the nearest.
    StrategyError
        If the module cannot be imported, or what is there is not a `nasbench.strategy.Strategy`.

    Examples
    --------
    >>> get_strategy("random-search").__name__, get_strategy("strategies.multi_fidelity.hyperband:Hyperband").__name__
    ('RandomSearch', 'Hyperband')
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    target = name if ":" in name else None
    if target is None:
        installed = _installed()
        if name not in installed:
            raise UnknownNameError("strategy", name, [*strategy_names(), "module:Class"])
        target = installed[name].value
    return _imported(name, target)


def read_strategy(text: str) -> StrategyFactory:
    """Return what makes a strategy: the class of a name, with options in parentheses if need be.

    Parameters
    ----------
    text : str
        Such as ``regularized-evolution(population=10, sample=3)``; names as `get_strategy` takes them.

    Raises
    ------
    UnknownNameError, StrategyError
        If the name or an option is not known, or the text cannot be read.
    """
    name, options = read_named(text, "strategy", value=ast.literal_eval, example="sample=3", error=StrategyError)
    strategy = get_strategy(name)
    known = [p.name for p in inspect.signature(strategy).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise UnknownNameError("option", option, known, of=f"strategy {name!r}")
    return functools.partial(strategy, **options) if options else strategy


def make_strategy(
    strategy: str | StrategyFactory, space: Space, rng: np.random.Generator, fidelities: Sequence[int]
) -> Strategy:
    """Return the strategy that another one wraps.

    Parameters
    ----------
    strategy : str or callable
        As `read_strategy` reads it, or a class, or a function ``(space, rng, fidelities) -> Strategy``.
    space, rng, fidelities
        See `nasbench.strategy.Strategy`.

    Raises
    ------
    UnknownNameError, StrategyError
    """
    factory = read_strategy(strategy) if isinstance(strategy, str) else strategy
    if not callable(factory):
        raise StrategyError(
            f"cannot make a strategy of {strategy!r}; give a name such as 'regularized-evolution', or a class"
        )
    return factory(space, rng, fidelities)


def _installed() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _imported(name: str, target: str) -> type[Strategy]:
    module_name, _, class_name = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError, TypeError) as error:  # an empty name is a ValueError, a relative one a TypeError
        raise StrategyError(
            f"strategy {name!r}: cannot import the module {module_name!r} ({error}); write module:Class, with the "
            "module installed or in a folder on PYTHONPATH"
        ) from error
    if not hasattr(module, class_name):
        raise UnknownNameError("class", class_name, _strategies_in(vars(module)), of=f"module {module_name!r}")
    found = getattr(module, class_name)
    if not _is_strategy(found):
        raise StrategyError(f"strategy {name!r} is {found!r}, not a class derived from nasbench.Strategy")
    return found


def _is_strategy(found: object) -> TypeGuard[type[Strategy]]:
    return isinstance(found, type) and issubclass(found, Strategy)


def _strategies_in(names: dict[str, object]) -> list[str]:
    return [name for name, found in names.items() if _is_strategy(found) and found is not Strategy]
