"""Optimizers of Nevergrad as a strategy."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.foreign.global_state import GlobalState
from strategies.strategy import Proposal, Strategy, check_whole
from tabular.errors import StrategyError, UnknownNameError
from tabular.lazy import load_optional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces import Space

TRIES = 100
"""Suggestions that a space may refuse in a row before an architecture is drawn from it instead."""

WORST = 1e20
"""The loss of a divergence, and of what the space refuses: Nevergrad itself clips losses at 5e20."""


class NevergradSearch(Strategy):
    """Trains what a Nevergrad optimizer suggests, for the full number of epochs.

    Every position is a `nevergrad.p.Choice`, of which the most likely choice is taken: drawing from its weights, as
    Nevergrad does by default, makes a noisy function of any oracle. The optimizer starts at a random architecture.

    A divergence is told as a large loss. So is what the space does not admit, and the optimizer asked again. The global
    generators, from which some optimizers draw, have a state of this strategy's own while Nevergrad computes; what it
    runs in a thread (the optimizers of SciPy and pymoo) may draw from them at other times. A trial takes 6 to 20 ms.

    Parameters
    ----------
    rng : numpy.random.Generator
        Two numbers drawn from ``rng`` seed the optimizer.
    optimizer : str
        A name in `nevergrad.optimizers.registry`; NGOpt chooses one by the parameters and the budget, here
        DiscreteLenglerOnePlusOne.
    budget : int, optional
        The evaluations that the optimizer is told it has; some plan with them, and a few cannot do without.
    workers : int
        The evaluations under way that the optimizer is told of.

    Raises
    ------
    NasbenchError
        If Nevergrad is not installed.
    UnknownNameError, StrategyError
        If there is no such optimizer, or it cannot be made so.

    Examples
    --------
    On the command line: ``--strategies "nevergrad(optimizer='TwoPointsDE')"``.

    >>> import numpy as np
    >>> from tabular.spaces import CellSpace
    >>> space = CellSpace("small", 4, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
    >>> search = NevergradSearch(space, np.random.default_rng(0), [12])
    >>> best = 0.0
    >>> for _ in range(60):
    ...     proposal = search.ask()
    ...     accuracy = float(np.mean(proposal.architecture == 3))  # made up: the share of one operation
    ...     search.tell(proposal, accuracy, seconds=1.0)
    ...     best = max(best, accuracy)
    >>> round(best, 2)
    1.0
    """

    name = "nevergrad"
    family = "foreign"
    paper = "Bennet et al., SIGEVOlution 2021"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        *,
        optimizer: str = "NGOpt",
        budget: int | None = None,
        workers: int = 1,
    ) -> None:
        super().__init__(space, rng, fidelities)
        check_whole(self.name, "workers", workers, least=1)
        if budget is not None:
            check_whole(self.name, "budget", budget, least=1)
        with GlobalState(0):  # some optimizers are defined by numbers that are drawn when Nevergrad is imported
            nevergrad = load_optional("nevergrad", "nevergrad", "Nevergrad's optimizers")
        registry = nevergrad.optimizers.registry
        if optimizer not in registry:
            raise UnknownNameError("optimizer", optimizer, sorted(registry), of="nevergrad.optimizers.registry")
        # Nevergrad makes NaN of a single choice, and errors of no position: these are left out, but for one.
        self._free = np.flatnonzero(space.cardinalities > 1) if space.size > 1 else np.zeros(1, dtype=np.int64)
        self._last = space.cardinalities[self._free] - 1
        choices = [nevergrad.p.Choice(max(2, last + 1), deterministic=True) for last in self._last.tolist()]
        parameters = nevergrad.p.Tuple(*choices)
        parameters.random_state = np.random.RandomState(int(rng.integers(1 << 32)))
        parameters.value = self._values(space.sample(rng))
        self._global = GlobalState(int(rng.integers(1 << 32)))
        self._cannot_hear: type[Exception] = nevergrad.errors.TellNotAskedNotSupportedError
        self._under_way: dict[int, tuple[Proposal, Any]] = {}
        self._called = f"{self.name}: {optimizer!r} with budget={budget} and workers={workers}"
        try:
            with self._global:
                self._optimizer = registry[optimizer](parameters, budget=budget, num_workers=workers)
        except (AssertionError, AttributeError, NotImplementedError, TypeError, ValueError) as error:
            raise StrategyError(f"{self._called} cannot be made ({_in_words(error)})") from error

    def ask(self) -> Proposal:
        """Propose what the optimizer suggests."""
        for _ in range(TRIES):
            with self._global:
                try:
                    candidate = self._optimizer.ask()
                except (AssertionError, RuntimeError, ValueError) as error:
                    raise StrategyError(
                        f"{self._called} has nothing to suggest ({_in_words(error)}); optimizers that plan ahead need "
                        "budget=, the evaluations of a run"
                    ) from error
            row = np.zeros(self.space.length, dtype=np.uint8)
            row[self._free] = np.minimum(candidate.value, self._last)
            if self.space.is_valid(row):
                return self._propose(row, candidate)
            self._tell(candidate, WORST)
        row = self.space.sample(self.rng)
        with self._global:
            candidate = self._optimizer.parametrization.spawn_child(new_value=self._values(row))
        return self._propose(row, candidate)

    def _values(self, row: NDArray[np.uint8]) -> tuple[int, ...]:
        return tuple(row[self._free].tolist())

    def _propose(self, row: NDArray[np.uint8], candidate: Any) -> Proposal:
        proposal = Proposal(row, self.fidelities[-1])
        self._under_way[id(proposal)] = proposal, candidate
        return proposal

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - it knows no costs
        """Tell the optimizer, which minimises."""
        _, candidate = self._under_way.pop(id(proposal))
        self._tell(candidate, -value if math.isfinite(value) else WORST)

    def _tell(self, candidate: Any, loss: float) -> None:
        with self._global, contextlib.suppress(self._cannot_hear):  # some take only what they suggested
            self._optimizer.tell(candidate, loss)


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
