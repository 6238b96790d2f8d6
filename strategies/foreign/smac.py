"""SMAC 3 as a strategy."""

from __future__ import annotations

import contextlib
import logging
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strategies.foreign.global_state import GlobalState
from strategies.strategy import Proposal, Strategy, check_whole
from tabular.errors import UnknownNameError
from tabular.lazy import load_optional
from tabular.spaces.configspace import configuration_space, from_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from tabular.spaces import Space

FACADES = {
    "hyperparameter-optimization": "HyperparameterOptimizationFacade",
    "blackbox": "BlackBoxFacade",
    "algorithm-configuration": "AlgorithmConfigurationFacade",
    "random": "RandomFacade",
}
"""The facades of SMAC that train for the full number of epochs: with a random forest, a Gaussian process, a random
forest again with other settings, and with no model."""

MODULES = ("smac", "smac.runhistory.dataclasses", "smac.main.exceptions", "joblib")
"""The modules that are imported when a search is made."""

LEAVES = 1 << 14
"""The most leaves of a tree: more than a run has trials. SMAC's own 2^20 are allocated anew for every tree."""


class SMACSearch(Strategy):
    """Trains what SMAC asks for, for the full number of epochs.

    SMAC searches the space as ConfigSpace knows it.

    SMAC is told that trainings are deterministic, so it asks for each row once. When it has seen all of the space, or
    finds nothing new in it, architectures are drawn at random. Divergences are told to be as bad as the worst training
    that did not diverge, as soon as there is one. SMAC writes into a temporary folder, which is gone when the strategy
    has been made, and logs nothing but errors.

    It is slow: after its first design a trial took 0.1 s of computing in the first hundred with random forests, and 1 s
    in the first fifty with a Gaussian process, more as trials add up. Compare with few runs.

    Parameters
    ----------
    rng : numpy.random.Generator
        One number drawn from ``rng`` seeds SMAC.
    facade : str
        One of `FACADES`.
    trials : int
        The evaluations of a run, which SMAC wants to know: it spends at most a quarter on a Sobol design, which has 10
        (``blackbox``: 8) architectures for each position of a row. No more than that depends on it.

    Raises
    ------
    NasbenchError
        If SMAC is not installed.
    UnknownNameError, StrategyError
        If there is no such facade, or fewer than one trial.

    Examples
    --------
    On the command line: ``--strategies "smac3(trials=100)"``.

    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = SMACSearch(space, np.random.default_rng(0), [12], trials=40)
    >>> best = 0.0
    >>> for _ in range(15):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    0.5
    """

    name = "smac3"
    family = "foreign"
    paper = "Lindauer et al., JMLR 2022"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        facade: str = "hyperparameter-optimization",
        trials: int = 1_000_000,
    ) -> None:
        super().__init__(space, rng, fidelities)
        if facade not in FACADES:
            raise UnknownNameError("facade", facade, FACADES, of=f"strategy {self.name!r}")
        check_whole(self.name, "trials", trials, least=1)
        with GlobalState(0):  # what SMAC imports draws from `random`
            smac, runs, exceptions, joblib = (load_optional(module, "smac", "SMAC's facades") for module in MODULES)
        self._value: Any = runs.TrialValue
        self._sequential: Any = joblib.parallel_config
        seed = int(rng.integers(1 << 31))
        with _quiet(), tempfile.TemporaryDirectory() as folder:
            scenario = _scenario_class(smac)(
                configuration_space(space, seed),
                name=self.name,
                output_directory=Path(folder),
                deterministic=True,
                n_trials=trials,
                seed=seed,
            )
            made = getattr(smac.facade, FACADES[facade])
            model, maximizer = made.get_model(scenario), made.get_acquisition_maximizer(scenario)
            _adjust(model, maximizer)
            self._smac = made(scenario, None, model=model, acquisition_maximizer=maximizer, logging_level=False)
        self._exhausted: tuple[type[Exception], ...] = (StopIteration, exceptions.ConfigurationSpaceExhaustedException)
        self._left = space.size  # without results it would look for another one for ever
        self._under_way: dict[int, tuple[Proposal, Any]] = {}
        self._diverged: list[tuple[Any, float]] = []
        self._worst = -math.inf

    def ask(self) -> Proposal:
        """Propose what SMAC asks for."""
        trial = None
        if self._left:
            try:
                with _quiet(), self._sequential(backend="sequential"):
                    trial = self._smac.ask()
                self._left -= 1
            except self._exhausted:
                self._left = 0
        row = self.space.sample(self.rng) if trial is None else from_configuration(self.space, trial.config)
        proposal = Proposal(row, self.fidelities[-1])
        self._under_way[id(proposal)] = proposal, trial
        return proposal

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:
        """Tell SMAC, which minimises."""
        _, trial = self._under_way.pop(id(proposal))
        if trial is None:
            return
        if math.isfinite(value):
            self._worst = max(self._worst, -value)
            self._tell(trial, -value, seconds)
        else:
            self._diverged.append((trial, seconds))
        if math.isfinite(self._worst):
            for diverged, spent in self._diverged:
                self._tell(diverged, self._worst, spent)
            self._diverged.clear()

    def _tell(self, trial: Any, cost: float, seconds: float) -> None:
        with _quiet():
            self._smac.tell(trial, self._value(cost=cost, time=seconds), save=False)


def _scenario_class(smac: Any) -> Any:
    """Return SMAC's Scenario without the file that it writes of itself.

    JSON cannot hold what a space refuses.
    """

    def save(self: Any) -> None:
        self.output_directory.mkdir(parents=True)

    return type("Scenario", (smac.Scenario,), {"save": save})


def _adjust(model: Any, maximizer: Any) -> None:
    """Make trees of the size that is needed on one core.

    Nothing may depend on Python's hashes.

    SMAC has options for neither. Its local search starts from a set, whose order is that of hashes of texts.
    """
    options = getattr(model, "_rf_opts", None)
    if isinstance(options, dict):
        options.update(n_jobs=1, max_leaf_nodes=LEAVES)
    search = getattr(maximizer, "_local_search", None)
    if search is not None:
        starts = search._get_init_points_from_previous_configs
        search._get_init_points_from_previous_configs = lambda *given: sorted(starts(*given), key=_vector)


def _vector(configuration: Any) -> list[float]:
    vector: list[float] = configuration.get_array().tolist()
    return vector


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("smac")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
