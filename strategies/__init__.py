"""Search strategies, one file each, on the protocol of `strategies.strategy`.

The classes that `strategies.registry.STRATEGIES` lists are attributes of this package, imported when they are first
asked for; the imports below tell type checkers of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from strategies.predictor import Predictor
from strategies.registry import (
    STRATEGIES,
    get_strategy,
    read_strategy,
    strategy_families,
    strategy_names,
    strategy_options,
)
from strategies.strategy import MultiObjectiveStrategy, Proposal, Strategy

if TYPE_CHECKING:
    from strategies.evolution.genetic_algorithm import GeneticAlgorithm
    from strategies.evolution.local_search import LocalSearch
    from strategies.evolution.regularized_evolution import RegularizedEvolution
    from strategies.evolution.simulated_annealing import SimulatedAnnealing
    from strategies.foreign.nevergrad import NevergradSearch
    from strategies.foreign.optuna import OptunaSearch
    from strategies.foreign.smac import SMACSearch
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

__all__ = [
    "ASHA",
    "BANANAS",
    "BOHB",
    "DEHB",
    "MCTS",
    "MOASHA",
    "NASBOWL",
    "NPENAS",
    "NSGA2",
    "PNAS",
    "PPO",
    "SMAC",
    "STRATEGIES",
    "TPE",
    "BayesianOptimization",
    "CurveExtrapolation",
    "GeneticAlgorithm",
    "Hyperband",
    "LocalSearch",
    "MedianStopping",
    "MultiObjectiveRegularizedEvolution",
    "MultiObjectiveStrategy",
    "NeuralPredictor",
    "NevergradSearch",
    "OperationPrior",
    "OptunaSearch",
    "ParEGO",
    "Predictor",
    "Proposal",
    "RandomSearch",
    "RegularizedEvolution",
    "Reinforce",
    "ReinforceRNN",
    "SMACSearch",
    "SimulatedAnnealing",
    "Strategy",
    "SuccessiveHalving",
    "WarmStart",
    "ZeroCostWarmup",
    "get_strategy",
    "read_strategy",
    "strategy_families",
    "strategy_names",
    "strategy_options",
]


def __getattr__(name: str) -> Any:
    for entry in STRATEGIES.values():
        module, _, class_name = entry.target.partition(":")
        if class_name == name:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
