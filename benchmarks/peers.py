"""Searchers of other libraries as ask and tell over rows, to be timed beside ours."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nasbench import Space


class Peer(Protocol):
    """Asks for a row and is told its value."""

    def ask(self) -> NDArray[np.uint8]:
        """Return the next row, (L,) uint8."""
        ...

    def tell(self, value: float) -> None:
        """Learn its value."""
        ...


class OptunaPeer:
    """A sampler of Optuna."""

    def __init__(self, space: Space, seed: int, sampler: str) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self._study = optuna.create_study(direction="maximize", sampler=getattr(optuna.samplers, sampler)(seed=seed))
        self._choices = [list(range(count)) for count in space.cardinalities.tolist()]
        self._trial: Any = None

    def ask(self) -> NDArray[np.uint8]:
        """Return what the sampler suggests."""
        self._trial = self._study.ask()
        row = [self._trial.suggest_categorical(str(i), each) for i, each in enumerate(self._choices)]
        return np.array(row, dtype=np.uint8)

    def tell(self, value: float) -> None:
        """Tell the study."""
        self._study.tell(self._trial, value)


class SyneTuneEvolution:
    """Syne Tune's regularized evolution."""

    def __init__(self, space: Space, seed: int) -> None:
        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        from syne_tune.config_space import choice
        from syne_tune.optimizer.schedulers.searchers.regularized_evolution import RegularizedEvolution

        domains = {str(i): choice(list(range(count))) for i, count in enumerate(space.cardinalities.tolist())}
        self._searcher = RegularizedEvolution(domains, points_to_evaluate=[], random_seed=seed)
        self._asked: dict[str, Any] = {}
        self._trials = 0

    def ask(self) -> NDArray[np.uint8]:
        """Return what the searcher suggests."""
        self._asked = self._searcher.suggest()
        return np.array(list(self._asked.values()), dtype=np.uint8)

    def tell(self, value: float) -> None:
        """Tell the searcher; it minimises."""
        self._searcher.on_trial_complete(self._trials, self._asked, -value)
        self._trials += 1


def _optuna(sampler: str) -> tuple[str, Callable[[Space, int], Peer]]:
    return f"Optuna's {sampler}", lambda space, seed: OptunaPeer(space, seed, sampler)


PEERS: dict[str, tuple[str, Callable[[Space, int], Peer]]] = {
    "random-search": _optuna("RandomSampler"),
    "regularized-evolution": ("Syne Tune's RegularizedEvolution", SyneTuneEvolution),
    "tpe": _optuna("TPESampler"),
    "nsga2": _optuna("NSGAIISampler"),
}
"""The same method elsewhere, by our strategy. Optuna's GPSampler is not here: 300 trials of it take minutes."""
