"""A strategy as a sampler of Optuna, so that studies follow it."""

from __future__ import annotations

import functools
import math
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from strategies.strategy import MultiObjectiveStrategy, Proposal, Strategy
from tabular.errors import StrategyError
from tabular.lazy import load_optional
from tabular.spaces.named_choices import to_named
from tabular.spaces.optuna import distributions

try:
    from optuna.samplers import BaseSampler, RandomSampler
    from optuna.study import StudyDirection
    from optuna.trial import TrialState
except ImportError:
    load_optional("optuna", "optuna", "Optuna's samplers")  # says what to install
    raise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from strategies.strategy import StrategyFactory
    from tabular.spaces.space import Space


class _Asked(NamedTuple):
    """A proposal for a trial, with its names, its choices and its time."""

    proposal: Proposal
    named: dict[str, str | int]
    started: float


class StrategySampler(BaseSampler):
    """A sampler that lets a strategy propose the trials of a study.

    The strategy is told what came of each trial.

    The objective suggests every position of the space as a categorical of `tabular.spaces.optuna.distributions`,
    for which `suggest` there is the short way. What else it suggests is drawn at random. Trials that are enqueued, and
    those of before, go by the strategy. While a strategy waits for results of trials under way, trials are of random
    architectures, of which it is not told.

    Values are told in the direction of the study; a trial that failed or was pruned is told as a divergence. Its cost
    is the user attribute ``seconds``, which `Objective` sets, else how long the trial took. A study of several
    objectives needs a strategy for several. For a study in several processes, each has a strategy of its own.

    Parameters
    ----------
    space : Space
    strategy : Strategy class or callable
        ``strategy(space, rng, fidelities)`` gives the strategy; ``functools.partial`` sets options.
    seed : int
        Of the strategy.

    Raises
    ------
    NasbenchError
        If Optuna is not installed.
    StrategyError
        If the strategy trains for several numbers of epochs, which is the objective's to decide; in a study, if it has
        several objectives and the strategy weighs one, or the objective does not suggest what was proposed.

    Examples
    --------
    >>> objective = Objective(TableOracle("nb201-digits"))  # doctest: +SKIP
    >>> sampler = StrategySampler(objective.oracle.space, RegularizedEvolution)  # doctest: +SKIP
    >>> study = optuna.create_study(direction=objective.direction, sampler=sampler)  # doctest: +SKIP
    """

    def __init__(self, space: Space, strategy: StrategyFactory, *, seed: int = 0) -> None:
        _refuse_fidelities(strategy)
        made = strategy(space, np.random.default_rng(seed), (1,))
        _refuse_fidelities(made)
        self.strategy = made
        self._space = space
        self._distributions = distributions(space)
        self._others = RandomSampler(seed)
        self._rng = np.random.default_rng([seed, 1])
        self._under_way: dict[int, _Asked] = {}
        self._lock = threading.Lock()  # `optimize` with several jobs asks from several threads

    def __repr__(self) -> str:
        return f"<StrategySampler: {type(self.strategy).__name__} over {self._space.name}>"

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the choices of the space; Optuna calls this, and what follows."""
        _check_objectives(self.strategy, study)
        return {} if "fixed_params" in trial.system_attrs else dict(self._distributions)

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002 - what a sampler is given
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Return what the strategy proposes."""
        if not search_space:
            return {}
        with self._lock:
            proposal = self.strategy.ask()
            if proposal is None:
                if not self._under_way:
                    raise StrategyError(f"{self!r} has nothing more to propose")
                return dict(to_named(self._space, self._space.sample(self._rng)))
            named = to_named(self._space, proposal.architecture)
            self._under_way[trial.number] = _Asked(proposal, named, time.monotonic())
        return dict(named)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a random value of what is not of the space."""
        return self._others.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the strategy what became of its proposal."""
        with self._lock:
            asked = self._under_way.pop(trial.number, None)
            if asked is None:
                return
            signs = [1 if each == StudyDirection.MAXIMIZE else -1 for each in study.directions]
            if state == TrialState.COMPLETE and values is not None:
                self._check_suggested(trial, asked)
                signed = [sign * value for sign, value in zip(signs, values, strict=True)]
            else:
                signed = [-math.inf] * len(signs)
            seconds = float(trial.user_attrs.get("seconds", time.monotonic() - asked.started))
            if isinstance(self.strategy, MultiObjectiveStrategy):
                self.strategy.tell_objectives(asked.proposal, np.array(signed), 0.0, seconds)
            else:
                self.strategy.tell(asked.proposal, signed[0], seconds)

    def reseed_rng(self) -> None:
        """Draw other values of what is not of the space; the strategy is one, whatever asks it."""
        self._others.reseed_rng()

    def _check_suggested(self, trial: FrozenTrial, asked: _Asked) -> None:
        for name, choice in asked.named.items():
            if trial.params.get(name) != choice:
                raise StrategyError(
                    f"trial {trial.number} was to have {name}={choice!r} and has {trial.params.get(name)!r}; let the "
                    "objective suggest every choice of the space, as tabular.spaces.optuna.suggest(space, trial) does"
                )


def _refuse_fidelities(strategy: Strategy | StrategyFactory) -> None:
    while isinstance(strategy, functools.partial):
        strategy = strategy.func
    if getattr(strategy, "multi_fidelity", False):
        raise StrategyError(
            f"StrategySampler: {getattr(strategy, 'name', strategy)} decides for how many epochs to train, which a "
            "sampler of Optuna cannot; take a strategy of full trainings, and a pruner to end some early"
        )


def _check_objectives(strategy: Strategy, study: Study) -> None:
    if len(study.directions) > 1 and not isinstance(strategy, MultiObjectiveStrategy):
        raise StrategyError(
            f"StrategySampler: the study has {len(study.directions)} objectives, {strategy.name} weighs one; take a "
            "strategy for several, such as nsga2"
        )
