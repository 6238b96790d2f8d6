"""Search strategies, one file each, on the ask/tell protocol of `nasbench.strategy`."""

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
from strategies.registry import (
    STRATEGIES,
    get_strategy,
    make_strategy,
    read_strategy,
    strategy_families,
    strategy_names,
)
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
    "NeuralPredictor",
    "OperationPrior",
    "ParEGO",
    "RandomSearch",
    "RegularizedEvolution",
    "Reinforce",
    "ReinforceRNN",
    "SimulatedAnnealing",
    "SuccessiveHalving",
    "WarmStart",
    "ZeroCostWarmup",
    "get_strategy",
    "make_strategy",
    "read_strategy",
    "strategy_families",
    "strategy_names",
]
