"""Samplers of Optuna as a strategy."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

from strategies.strategy import MultiObjectiveStrategy, Proposal, check_whole
from tabular.errors import InvalidArchitectureError, StrategyError, UnknownNameError
from tabular.lazy import load_optional
from tabular.spaces.named_choices import to_named
from tabular.spaces.optuna import architecture_of, distributions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

    from tabular.spaces import Space

TRIES = 1000
"""Suggestions that a space may refuse in a row before an architecture is drawn from it instead."""


class OptunaSearch(MultiObjectiveStrategy):
    """Trains what an Optuna sampler suggests, for the full number of epochs.

    A divergence is told to the sampler as an infinity, of every objective, and so is an architecture that
    breaks a constraint. A row that the space does not admit is told as pruned, and the sampler asked again.

    Parameters
    ----------
    rng : numpy.random.Generator
        One number drawn from ``rng`` seeds the sampler.
    sampler : str or callable
        The name of a class of `optuna.samplers` that takes a seed, or a function ``(seed) -> sampler``.
    objectives : int
        The number of objectives of the study: the signal, and as many of a comparison's other objectives as make up
        this number. Samplers for several are TPESampler, NSGAIISampler and NSGAIIISampler.

    Raises
    ------
    NasbenchError
        If Optuna is not installed.
    UnknownNameError, StrategyError
        If there is no such sampler, or it takes no seed; when told, if there are fewer objectives.

    Examples
    --------
    On the command line: ``--strategies "optuna(sampler='NSGAIISampler')"``.

    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = OptunaSearch(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(60):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    0.83
    """

    name = "optuna"
    family = "foreign"
    paper = "Akiba et al., KDD 2019"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        sampler: str | Callable[[int], BaseSampler] = "TPESampler",
        objectives: int = 1,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "objectives", objectives, least=1)
        optuna = load_optional("optuna", "optuna", "Optuna's samplers")
        seed = int(rng.integers(1 << 32))
        made = _named(optuna.samplers, sampler)(seed=seed) if isinstance(sampler, str) else sampler(seed)
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))  # else each run says that it has a study
        self._study = optuna.create_study(directions=["maximize"] * objectives, sampler=made)
        optuna.logging.set_verbosity(verbosity)
        self._pruned = optuna.trial.TrialState.PRUNED
        self._distributions = distributions(space)
        self._objectives = objectives
        self._under_way: dict[int, tuple[Proposal, Trial]] = {}

    def ask(self) -> Proposal:
        """Propose what the sampler suggests."""
        for _ in range(TRIES):
            trial = self._study.ask(self._distributions)
            try:
                return self._propose(trial)
            except InvalidArchitectureError:
                self._study.tell(trial, state=self._pruned)
        self._study.enqueue_trial(to_named(self.space, self.space.sample(self.rng)))
        return self._propose(self._study.ask(self._distributions))

    def _propose(self, trial: Trial) -> Proposal:
        proposal = Proposal(architecture_of(self.space, trial), self.fidelities[-1])
        self._under_way[id(proposal)] = proposal, trial
        return proposal

    def tell_objectives(
        self,
        proposal: Proposal,
        values: NDArray[np.float64],
        violation: float,
        seconds: float,  # noqa: ARG002 - samplers know no costs
    ) -> None:
        """Tell the sampler."""
        _, trial = self._under_way.pop(id(proposal))
        if len(values) < self._objectives:
            raise StrategyError(
                f"{self.name}: made with objectives={self._objectives}, but the comparison has {len(values)}"
            )
        values_seen = [-math.inf if violation > 0 else value for value in values[: self._objectives].tolist()]
        self._study.tell(trial, values_seen)


def _named(samplers: Any, name: str) -> Any:
    known = {cls: getattr(samplers, cls) for cls in samplers.__all__ if inspect.isclass(getattr(samplers, cls))}
    if name not in known:
        raise UnknownNameError("sampler", name, known, of="optuna.samplers")
    if "seed" not in inspect.signature(known[name]).parameters:
        raise StrategyError(f"optuna: {name} takes no seed; give a function (seed) -> sampler that makes it")
    return known[name]
