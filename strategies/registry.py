"""Strategies by name.

There are those of this package, those of installed packages, and any class that can be imported. To add one here, write
its file and a line in `STRATEGIES`. No strategy is imported before it is asked for.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from strategies.strategy import Strategy
from tabular.errors import NasbenchError, StrategyError, UnknownNameError
from tabular.options import read_named

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from types import ModuleType
    from typing import TypeGuard

    from strategies.strategy import StrategyFactory


class Entry(NamedTuple):
    """The class of a strategy as ``module:Class``, its family and its publication."""

    target: str
    family: str
    paper: str


STRATEGIES: dict[str, Entry] = {
    "random-search": Entry("strategies.random_search:RandomSearch", "baseline", "Li and Talwalkar, UAI 2019"),
    "regularized-evolution": Entry(
        "strategies.evolution.regularized_evolution:RegularizedEvolution", "evolution", "Real et al., AAAI 2019"
    ),
    "genetic-algorithm": Entry(
        "strategies.evolution.genetic_algorithm:GeneticAlgorithm", "evolution", "Xie and Yuille, ICCV 2017"
    ),
    "local-search": Entry("strategies.evolution.local_search:LocalSearch", "evolution", "White et al., UAI 2021"),
    "simulated-annealing": Entry(
        "strategies.evolution.simulated_annealing:SimulatedAnnealing", "evolution", "Kirkpatrick et al., Science 1983"
    ),
    "reinforce": Entry("strategies.reinforcement.reinforce:Reinforce", "reinforcement", "Dong and Yang, ICLR 2020"),
    "reinforce-rnn": Entry(
        "strategies.reinforcement.reinforce_rnn:ReinforceRNN", "reinforcement", "Zoph and Le, ICLR 2017"
    ),
    "ppo": Entry("strategies.reinforcement.ppo:PPO", "reinforcement", "Zoph et al., CVPR 2018"),
    "tpe": Entry("strategies.model_based.tpe:TPE", "model-based", "Bergstra et al., NeurIPS 2011"),
    "bayesian-optimization": Entry(
        "strategies.model_based.bayesian_optimization:BayesianOptimization", "model-based", "Wan et al., ICML 2021"
    ),
    "nas-bowl": Entry("strategies.model_based.nas_bowl:NASBOWL", "model-based", "Ru et al., ICLR 2021"),
    "smac": Entry("strategies.model_based.smac:SMAC", "model-based", "Hutter et al., LION 2011"),
    "bananas": Entry("strategies.model_based.bananas:BANANAS", "model-based", "White et al., AAAI 2021"),
    "npenas": Entry("strategies.model_based.npenas:NPENAS", "model-based", "Wei et al., TNNLS 2022"),
    "neural-predictor": Entry(
        "strategies.model_based.neural_predictor:NeuralPredictor", "model-based", "Wen et al., ECCV 2020"
    ),
    "pnas": Entry("strategies.model_based.pnas:PNAS", "model-based", "Liu et al., ECCV 2018"),
    "mcts": Entry("strategies.model_based.mcts:MCTS", "model-based", "Wang et al., AAAI 2020"),
    "successive-halving": Entry(
        "strategies.multi_fidelity.successive_halving:SuccessiveHalving",
        "multi-fidelity",
        "Jamieson and Talwalkar, AISTATS 2016",
    ),
    "hyperband": Entry("strategies.multi_fidelity.hyperband:Hyperband", "multi-fidelity", "Li et al., JMLR 2018"),
    "asha": Entry("strategies.multi_fidelity.asha:ASHA", "multi-fidelity", "Li et al., MLSys 2020"),
    "bohb": Entry("strategies.multi_fidelity.bohb:BOHB", "multi-fidelity", "Falkner et al., ICML 2018"),
    "dehb": Entry("strategies.multi_fidelity.dehb:DEHB", "multi-fidelity", "Awad et al., IJCAI 2021"),
    "median-stopping": Entry(
        "strategies.multi_fidelity.median_stopping:MedianStopping", "multi-fidelity", "Golovin et al., KDD 2017"
    ),
    "curve-extrapolation": Entry(
        "strategies.multi_fidelity.curve_extrapolation:CurveExtrapolation",
        "multi-fidelity",
        "Domhan et al., IJCAI 2015",
    ),
    "nsga2": Entry("strategies.multi_objective.nsga2:NSGA2", "multi-objective", "Deb et al., IEEE TEC 2002"),
    "mo-regularized-evolution": Entry(
        "strategies.multi_objective.mo_regularized_evolution:MultiObjectiveRegularizedEvolution",
        "multi-objective",
        "Real et al., AAAI 2019; Salinas et al., ICLR NAS workshop 2021",
    ),
    "parego": Entry("strategies.multi_objective.parego:ParEGO", "multi-objective", "Knowles, IEEE TEC 2006"),
    "mo-asha": Entry("strategies.multi_objective.mo_asha:MOASHA", "multi-objective", "Schmucker et al., arXiv 2021"),
    "warm-start": Entry("strategies.warm_start.warm_start:WarmStart", "transfer", "Feurer et al., AAAI 2015"),
    "operation-prior": Entry(
        "strategies.warm_start.operation_prior:OperationPrior", "transfer", "Mühlenbein and Paaß, PPSN 1996"
    ),
    "zero-cost": Entry(
        "strategies.warm_start.zero_cost_warmup:ZeroCostWarmup", "transfer", "Abdelfattah et al., ICLR 2021"
    ),
    "optuna": Entry("strategies.foreign.optuna:OptunaSearch", "foreign", "Akiba et al., KDD 2019"),
    "nevergrad": Entry("strategies.foreign.nevergrad:NevergradSearch", "foreign", "Bennet et al., SIGEVOlution 2021"),
    "smac3": Entry("strategies.foreign.smac:SMACSearch", "foreign", "Lindauer et al., JMLR 2022"),
}
"""The strategies of this package, and those it makes of other libraries, by the names that files and figures use."""

ENTRY_POINTS = "nasbench.strategies"
"""The entry-point group in which another package names strategies of its own."""


def strategy_names() -> list[str]:
    """Return the names that `get_strategy` knows.

    This package's come first, then those of installed packages.
    """
    return [*STRATEGIES, *(name for name in _installed() if name not in STRATEGIES)]


def strategy_families() -> dict[str, list[str]]:
    """Return the names of all strategies by family.

    Both are in the order in which they are listed.

    Installed ones are imported, as they alone know their family. One that cannot be imported is in the family ``own``:
    it does not keep the others from being found.
    """
    families: dict[str, list[str]] = {}
    for name in strategy_names():
        families.setdefault(_family(name), []).append(name)
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
        If the module cannot be imported, or has something else under that name than a `strategies.strategy.Strategy`.

    Examples
    --------
    >>> get_strategy("random-search").__name__, get_strategy("strategies.multi_fidelity.hyperband:Hyperband").__name__
    ('RandomSearch', 'Hyperband')
    """
    if name in STRATEGIES:
        return _imported(name, STRATEGIES[name].target)
    if ":" in name:
        return _imported(name, name)
    installed = _installed()
    if name not in installed:
        raise UnknownNameError("strategy", name, [*strategy_names(), "module:Class"])
    return _imported(name, installed[name].value)


def strategy_options(name: str) -> dict[str, Any]:
    """Return the options of a strategy with their defaults.

    They are as `read_strategy` takes them.

    Examples
    --------
    >>> strategy_options("regularized-evolution"), strategy_options("median-stopping")["strategy"]
    ({'population': 100, 'sample': 25}, 'regularized-evolution')
    """
    options = _defaults(get_strategy(name))
    return {option: default.name if _is_strategy(default) else default for option, default in options.items()}


def read_strategy(text: str) -> StrategyFactory:
    """Return the strategy class of a name, with options in parentheses if need be.

    Where the default of an option is a strategy, its text is read in the same way.

    Parameters
    ----------
    text : str
        Such as ``regularized-evolution(population=10, sample=3)`` or ``median-stopping(strategy='local-search')``;
        names as `get_strategy` takes them.

    Raises
    ------
    UnknownNameError, StrategyError
        If the name or an option is not known, or the text cannot be read.

    Examples
    --------
    >>> from tabular.spaces import CellSpace
    >>> import numpy as np
    >>> make = read_strategy("median-stopping(strategy='regularized-evolution(population=10, sample=3)')")
    >>> make(CellSpace("small", 3, ("none", "nor_conv_3x3")), np.random.default_rng(0), range(1, 13)).inner.population
    10
    """
    name, options = read_named(text, "strategy", value=ast.literal_eval, example="sample=3", error=StrategyError)
    strategy = get_strategy(name)
    defaults = _defaults(strategy)
    for option, value in options.items():
        if option not in defaults:
            raise UnknownNameError("option", option, list(defaults), of=f"strategy {name!r}")
        if isinstance(value, str) and _is_strategy(defaults[option]):
            options[option] = read_strategy(value)
    return functools.partial(strategy, **options) if options else strategy


def _family(name: str) -> str:
    if name in STRATEGIES:
        return STRATEGIES[name].family
    try:
        return get_strategy(name).family
    except NasbenchError:
        return Strategy.family


def _defaults(strategy: type[Strategy]) -> dict[str, Any]:
    parameters = inspect.signature(strategy).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


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
        raise UnknownNameError("class", class_name, _strategies_in(module), of=f"module {module_name!r}")
    found = getattr(module, class_name)
    if not _is_strategy(found):
        raise StrategyError(f"strategy {name!r} is {found!r}, not a class derived from nasbench.Strategy")
    return found


def _is_strategy(found: object) -> TypeGuard[type[Strategy]]:
    return isinstance(found, type) and issubclass(found, Strategy)


def _strategies_in(module: ModuleType) -> list[str]:
    """Return the names of the strategies of a module.

    Those that it hands on lazily are among them.
    """
    names = dict.fromkeys([*vars(module), *getattr(module, "__all__", ())])
    return [name for name in names if _is_strategy(found := getattr(module, name)) and found is not Strategy]
