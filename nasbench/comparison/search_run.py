"""One search run: what its strategy asks for, its clock, its books."""

from __future__ import annotations

import heapq
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nasbench.comparison.patience import WATCH
from nasbench.comparison.records import Evaluation, Goals, Training, Trial
from strategies.strategy import MultiObjectiveStrategy, Strategy
from tabular.errors import NasbenchError, QueryError, StrategyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nasbench.comparison.protocol import Protocol
    from strategies.strategy import Proposal, StrategyFactory
    from tabular.spaces.space import Space

STALLED = 1_000
"""A run that is given this many evaluations in a row for nothing would never end, and is ended."""


def seeded(seed: int) -> tuple[np.random.Generator, int]:
    """Return what a run's seed decides: the strategy's randomness, and the root that its trainings are drawn from."""
    strategy, trainings = np.random.SeedSequence(seed).spawn(2)
    return np.random.default_rng(strategy), int(trainings.generate_state(1, np.uint64)[0])


class SearchRun:
    """One strategy spending one budget: asks, keeps the clock and the books, tells.

    The oracle is asked from outside (`nasbench.comparison.run.advance`), so that one run and a thousand in lock-step
    are the same code.

    Parameters
    ----------
    factory : callable
        ``factory(space, rng, fidelities)`` gives the strategy.
    name : str
        What errors call the strategy.
    space : Space
    fidelities : sequence of int
    seed : int
        Decides the strategy's randomness and which training answers each query.
    protocol : Protocol
    goals : Goals
    restarts : bool
        A longer training does not continue a shorter one, and is paid for in full.
    """

    def __init__(
        self,
        factory: StrategyFactory,
        name: str,
        space: Space,
        fidelities: Sequence[int],
        seed: int,
        protocol: Protocol,
        goals: Goals,
        restarts: bool = False,
    ) -> None:
        if seed < 0:
            raise QueryError(f"a run's seed is 0 or more, got {seed}")
        if not callable(factory):
            raise StrategyError(
                f"strategy {name!r}: a comparison makes a new strategy for every run; give the class, or a function "
                f"(space, rng, fidelities) that makes one, instead of {factory!r}"
            )
        rng, self.root = seeded(seed)
        self.name, self.seed = name, seed
        self.strategy = self._made(factory, space, rng, fidelities)
        self.trials: list[Trial] = []
        """In order of finish."""
        self.thinking = 0.0
        """Seconds that the strategy itself has computed."""
        self.first_price: float | None = None
        self._fidelities = frozenset(fidelities)
        self._protocol, self._goals, self._restarts = protocol, goals, restarts
        self._weighs = isinstance(self.strategy, MultiObjectiveStrategy) and bool(protocol.beside)
        self._trainings: dict[int, list[Training]] = {}
        """By canonical key: of each network its trainings, the n-th repetition in place n."""
        self._in_flight: list[Evaluation] = []
        self._free_workers = protocol.workers
        self._clock = 0.0
        self._started = 0
        self._evaluations_spent = 0
        self._epochs_spent = 0
        self._free_in_a_row = 0
        self._open = True

    def _made(
        self, factory: StrategyFactory, space: Space, rng: np.random.Generator, fidelities: Sequence[int]
    ) -> Strategy:
        try:
            made = factory(space, rng, fidelities)
        except NasbenchError:
            raise
        except Exception as error:
            raise StrategyError(
                f"strategy {self.name!r}: cannot be made, {type(error).__name__}: {error}; a strategy takes "
                "(space, rng, fidelities), and further options with defaults"
            ) from error
        if not isinstance(made, Strategy):
            raise StrategyError(f"strategy {self.name!r} is {made!r}, not a nasbench.Strategy")
        return made

    def next_request(self) -> Proposal | None:
        """Advance to the next moment an oracle is needed; None when the run is over."""
        while True:
            if self._open and self._free_workers:
                if self._may_start():
                    proposal = self._ask()
                    if proposal is not None:
                        return proposal
                    self._open = bool(self._in_flight)  # a strategy that waits for nothing has finished
                else:
                    self._open = False
            if not self._in_flight:
                return None
            self._finish_one()

    def _may_start(self) -> bool:
        budget = self._protocol.budget
        if budget.unit == "evaluations" and self._evaluations_spent + 1 > budget.amount:
            return False
        return self._free_in_a_row < STALLED

    def _ask(self) -> Proposal | None:
        WATCH.run = self
        WATCH.calls += 1
        begin = perf_counter()
        try:
            proposal = self.strategy.ask()
        except NasbenchError:
            raise
        except Exception as error:
            raise StrategyError(f"{self.where()}: ask() raised {type(error).__name__}: {error}") from error
        self.thinking += perf_counter() - begin
        if proposal is None:
            return None
        if not hasattr(proposal, "architecture") or not hasattr(proposal, "epochs"):
            raise StrategyError(
                f"{self.where()}: ask() returned {proposal!r}; return Proposal(architecture, epochs), or None to wait"
            )
        if proposal.epochs not in self._fidelities:
            offered = ", ".join(map(str, sorted(self._fidelities)))
            raise StrategyError(f"{self.where()}: asked for {proposal.epochs} epochs; the oracle offers {offered}")
        return proposal

    def spent(self) -> float:
        """Return the share of the budget that is gone, 0 to 1; 1 for a run that has ended."""
        budget = self._protocol.budget
        if not (self._open or self._in_flight):
            return 1.0
        gone = {"evaluations": self._evaluations_spent, "epochs": self._epochs_spent, "seconds": self._clock}[
            budget.unit
        ]
        return min(1.0, gone / budget.amount)

    def where(self) -> str:
        """Return which strategy, run and trial this is, for errors."""
        return f"strategy {self.name!r}, run {self.seed}, trial {self._started}"

    def training_meant(self, proposal: Proposal, key: int) -> tuple[bytes, int]:
        """Return which training a request means: of which architecture, and whether its first, second, ... (0, 1, ...).

        Asking for more epochs than a training of that network had continues it; asking for as many or fewer is a
        repeat. Isomorphic architectures are one network. Of several trainings that could be continued, the one meant is
        of the same drawing rather than of another, the longest of these, and the best of those: the one for whose
        result a strategy promotes the architecture.
        """
        known = self._trainings.get(key)
        asked = proposal.architecture.tobytes()
        if known is None:
            return asked, 0
        shorter = [each for each in known if each.epochs < proposal.epochs]
        if shorter:
            meant = max(shorter, key=lambda each: (each.architecture == asked, each.epochs, each.told))
            return meant.architecture, meant.repetition
        if self._protocol.repeats == "charge":
            return asked, len(known)
        return known[0].architecture, 0

    def start(
        self,
        proposal: Proposal,
        key: int,
        training: tuple[bytes, int],
        value: float,
        seconds: float,
        beside: Sequence[float] = (),
    ) -> None:
        """Start the evaluation just asked for, on a free worker.

        Parameters
        ----------
        proposal : Proposal
        key : int
            Canonical key of the architecture.
        training : (bytes, int)
            As `training_meant` returned it.
        value : float
            The signal after ``proposal.epochs``; NaN if the training diverged.
        seconds : float
            Cost of the whole training up to then; what was paid for before is taken off, unless trainings restart.
        beside : sequence of float
            The values of `Protocol.beside`.
        """
        architecture, repetition = training
        known = self._trainings.setdefault(key, [])
        before = known[repetition] if repetition < len(known) else None
        if before and self._restarts and proposal.epochs > before.epochs:
            before = None
        paid_epochs, paid_seconds = (before.epochs, before.seconds) if before else (0, 0.0)
        charged_epochs = max(0, proposal.epochs - paid_epochs)
        charged_seconds = max(0.0, seconds - paid_seconds) if charged_epochs else 0.0
        budget = self._protocol.budget
        price = {"evaluations": charged_epochs > 0, "epochs": charged_epochs, "seconds": charged_seconds}[budget.unit]
        if self.first_price is None:
            self.first_price = price
        if budget.unit == "epochs" and self._epochs_spent + charged_epochs > budget.amount:
            self._open = False
            return
        # What another worker is still training can be continued, or served, only when that is done.
        begin = max(self._clock, before.finish) if before else self._clock
        finish = begin + charged_seconds
        told = self._goals.sign * value if value == value else -np.inf  # noqa: PLR0124 - NaN alone is unequal to itself
        others, violation = self._weighed(beside) if beside else ((), 0.0)
        if charged_epochs:
            paid = Training(architecture, repetition, proposal.epochs, paid_seconds + charged_seconds, finish, told)
            known[repetition : repetition + 1] = [paid]
        self._free_in_a_row = 0 if price > 0 else self._free_in_a_row + 1
        self._free_workers -= 1
        if budget.unit == "seconds" and finish > budget.amount:
            return  # the budget ends before the evaluation does: this worker's last, never told
        heapq.heappush(
            self._in_flight,
            Evaluation(
                finish,
                self._started,
                proposal,
                architecture,
                value,
                told,
                charged_epochs,
                charged_seconds,
                others,
                violation,
            ),
        )
        self._started += 1
        self._evaluations_spent += charged_epochs > 0
        self._epochs_spent += charged_epochs

    def _weighed(self, beside: Sequence[float]) -> tuple[tuple[float, ...], float]:
        """Return the further objectives as recorded, and by how much the constraints are broken."""
        objectives = len(self._goals.objective_signs)
        broken = [
            float(constraint.violation(np.float64(value)))
            for constraint, value in zip(self._goals.constraints, beside[objectives:], strict=True)
        ]
        return tuple(beside[:objectives]), sum(broken)

    def _finish_one(self) -> None:
        ended = heapq.heappop(self._in_flight)
        self._clock = ended.finish
        self._free_workers += 1
        WATCH.run = self
        WATCH.calls += 1
        begin = perf_counter()
        try:
            if self._weighs:
                self._tell_objectives(ended)
            else:
                told = ended.told if ended.violation == 0 else -np.inf
                self.strategy.tell(ended.proposal, told, ended.charged_seconds)
        except NasbenchError:
            raise
        except Exception as error:
            raise StrategyError(f"{self.where()}: tell() raised {type(error).__name__}: {error}") from error
        self.thinking += perf_counter() - begin
        self.trials.append(
            Trial(
                ended.architecture,
                ended.proposal.epochs,
                ended.value,
                ended.charged_epochs,
                ended.charged_seconds,
                ended.finish,
                ended.others,
                ended.violation,
            )
        )

    def _tell_objectives(self, ended: Evaluation) -> None:
        signed = [sign * value for sign, value in zip(self._goals.objective_signs, ended.others, strict=True)]
        values = np.array([ended.told, *signed])
        if not np.isfinite(values).all():
            values[:] = -np.inf
        assert isinstance(self.strategy, MultiObjectiveStrategy)  # noqa: S101 - which is why this is called
        self.strategy.tell_objectives(ended.proposal, values, ended.violation, ended.charged_seconds)
