"""Oracles as objectives of Optuna, over the spaces of `tabular.spaces.optuna`.

Where a space admits some rows only, `Objective` prunes the trial of a suggestion outside it at no cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.comparison.protocol import Budget, Protocol, terms_on
from nasbench.comparison.search_run import seeded
from tabular.errors import InvalidArchitectureError, QueryError
from tabular.lazy import load_optional
from tabular.measures import SECONDS, Measure, Oracle, resolve_measure
from tabular.spaces.hashing import combine
from tabular.spaces.optuna import suggest

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from optuna.trial import BaseTrial

NETWORK = "network"
"""The user attribute of a trial that names its network, by which repeats are known."""


class Objective:
    """An oracle as the objective of an Optuna study: each trial is one training.

    Which training answers is a function of ``seed``, the network, and how many earlier trials of the study met the same
    network; so it is that of run ``seed`` of a comparison, and a resumed study goes on as if it had not been
    interrupted. Every recorded epoch is reported, and the trial is pruned when its study's pruner says so, except after
    the last, when all is paid for. Where each recorded epoch ended a training of its own (NAS-Bench-101) only the last
    is trained and reported. A training that diverged is worth minus infinity (infinity if minimised).

    Trials get the user attributes ``epochs`` and ``seconds``, what was trained and its simulated cost, and ``network``;
    one that suggests what the space does not admit is pruned, with ``inadmissible`` saying why. An oracle that really
    trains does so for all of its epochs, pruned or not.

    Parameters
    ----------
    oracle : Oracle
    measure : Measure or str, optional
        The signal; by default the validation accuracy after the last epoch.
    seed : int
        Decides which training answers.
    mean : bool
        Answer with the mean over trainings instead of one.

    Attributes
    ----------
    direction : str
        ``maximize`` or ``minimize``, for `optuna.create_study`.

    Raises
    ------
    QueryError
        If the measure is a test metric, which no search may see, or is not on record; when called, if the study has
        another direction or the oracle has no training of an architecture.
    UnknownNameError

    Examples
    --------
    >>> objective = Objective(TableOracle("nb201-digits"))  # doctest: +SKIP
    >>> study = optuna.create_study(direction=objective.direction)  # doctest: +SKIP
    >>> study.optimize(objective, n_trials=100)  # doctest: +SKIP
    """

    def __init__(
        self, oracle: Oracle, measure: Measure | str | None = None, *, seed: int = 0, mean: bool = False
    ) -> None:
        load_optional("optuna", "optuna", "Optuna's objectives")
        if seed < 0:
            raise QueryError(f"an objective's seed is 0 or more, got {seed}")
        self.oracle, self.seed, self.mean = oracle, seed, mean
        self.measure = resolve_measure(measure, oracle.tasks)
        terms = terms_on(oracle, Protocol(self.measure, Budget(1)))
        self.direction = "maximize" if terms.signs[0] > 0 else "minimize"
        self._worst = -terms.signs[0] * math.inf
        self._fidelities = terms.fidelities[-1:] if terms.restarts else terms.fidelities
        self._root = np.array([seeded(seed)[1]], dtype=np.uint64)

    def __repr__(self) -> str:
        return f"<Objective: {self.direction} {self.measure} of {self.oracle.name}, seed {self.seed}>"

    def __call__(self, trial: BaseTrial) -> float:
        """Evaluate a trial: Optuna calls this."""
        pruned = load_optional("optuna", "optuna", "Optuna's objectives").TrialPruned
        self._check_direction(trial)
        try:
            row = suggest(self.oracle.space, trial)
        except InvalidArchitectureError as error:
            trial.set_user_attr("inadmissible", str(error))
            raise pruned(str(error)) from None
        draw = self._draw(row, trial)
        for epochs in self._fidelities:
            value = self._ask(row, self.measure.metric, epochs, draw)
            trial.report(value, epochs)
            if epochs != self._fidelities[-1] and trial.should_prune():
                self._charge(row, epochs, draw, trial)
                raise pruned
        self._charge(row, epochs, draw, trial)
        return self._worst if math.isnan(value) else value

    def _check_direction(self, trial: BaseTrial) -> None:
        study = getattr(trial, "study", None)  # a trial made by hand has none
        found = [each.name.lower() for each in study.directions] if study is not None else [self.direction]
        if found != [self.direction]:
            raise QueryError(
                f"{self.measure} is to {self.direction}, the study is to {' and '.join(found)}; "
                f"optuna.create_study(direction=objective.direction)"
            )

    def _draw(self, row: NDArray[np.uint8], trial: BaseTrial) -> NDArray[np.uint64] | None:
        key = np.atleast_1d(self.oracle.space.canonical_key(row[None]))
        network = f"{int(key[0]):016x}"
        trial.set_user_attr(NETWORK, network)
        if self.mean:
            return None
        study = getattr(trial, "study", None)
        others: list[Any] = [] if study is None else study.get_trials(deepcopy=False)
        number = getattr(trial, "number", 0)
        met = sum(each.number < number and each.user_attrs.get(NETWORK) == network for each in others)
        return combine(combine(self._root, key), np.array([met], dtype=np.uint64))

    def _ask(self, row: NDArray[np.uint8], metric: str, epochs: int, draw: NDArray[np.uint64] | None) -> float:
        return float(self.oracle.query(row[None], Measure(self.measure.task, metric, epochs), draw=draw)[0])

    def _charge(self, row: NDArray[np.uint8], epochs: int, draw: NDArray[np.uint64] | None, trial: BaseTrial) -> None:
        seconds = self._ask(row, SECONDS, epochs, draw)
        if math.isnan(seconds):
            raise QueryError(
                f"{self.oracle.name}: has no training of {self.oracle.space.to_text(row)!r}; an objective needs every "
                "architecture that a study may ask for (finish the table with 'nasbench generate', or fit a surrogate)"
            )
        trial.set_user_attr("epochs", epochs)
        trial.set_user_attr("seconds", seconds)
