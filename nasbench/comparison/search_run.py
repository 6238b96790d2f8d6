"""One search run: its strategy, its simulated clock and the record of its trials."""

from __future__ import annotations

import heapq
import signal
import threading
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strategies.strategy import MultiObjectiveStrategy, Strategy
from tabular.errors import NasbenchError, QueryError, StrategyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nasbench.comparison.protocol import Terms
    from strategies.strategy import Proposal, StrategyFactory
    from tabular.spaces import Space

STALLED = 1_000
"""A run that is given this many evaluations in a row for nothing would never end, and is ended."""

PATIENCE = 120.0
"""Seconds that one ask or tell may take by default: a neural predictor may need a while to fit."""


class Trial(NamedTuple):
    """An evaluation that has ended, as `nasbench.comparison.trials.Trials` keeps it."""

    architecture: bytes
    epochs: int
    value: float
    charged_epochs: int
    charged_seconds: float
    finished: float
    others: tuple[float, ...]
    violation: float


class Training(NamedTuple):
    """A training of one network within a run, as far as it was paid for."""

    architecture: bytes
    repetition: int
    epochs: int
    seconds: float
    finish: float
    shown: float


class Evaluation(NamedTuple):
    """An evaluation under way; they end in the order of their fields."""

    finish: float
    number: int
    proposal: Proposal
    architecture: bytes
    value: float
    shown: float
    charged_epochs: int
    charged_seconds: float
    others: tuple[float, ...]
    violation: float


def seeded(seed: int) -> tuple[np.random.Generator, int]:
    """Return what a run's seed decides: the strategy's randomness, and the root that its trainings are drawn from."""
    strategy, trainings = np.random.SeedSequence(seed).spawn(2)
    return np.random.default_rng(strategy), int(trainings.generate_state(1, np.uint64)[0])


class SearchRun:
    """One strategy spending one budget: asks, keeps the clock and the books, tells.

    `nasbench.comparison.lockstep.advance` asks the oracle from outside, so that one run and a thousand in lock-step are
    the same code.

    Parameters
    ----------
    factory : callable
        ``factory(space, rng, fidelities)`` gives the strategy.
    name : str
        What errors call the strategy.
    space : Space
    seed : int
        Decides the strategy's randomness and which training answers each query.
    terms : Terms
    """

    def __init__(self, factory: StrategyFactory, name: str, space: Space, seed: int, terms: Terms) -> None:
        if seed < 0:
            raise QueryError(f"a run's seed is 0 or more, got {seed}")
        if not callable(factory):
            raise StrategyError(
                f"strategy {name!r}: a comparison makes a new strategy for every run; give the class, or a function "
                f"(space, rng, fidelities) that makes one, instead of {factory!r}"
            )
        rng, self.root = seeded(seed)
        self.name, self.seed = name, seed
        self.strategy = self._make(factory, space, rng, terms.fidelities)
        self.trials: list[Trial] = []
        """In order of finish."""
        self.thinking = 0.0
        """Seconds that the strategy itself has computed."""
        self.first_price: float | None = None
        self._fidelities = frozenset(terms.fidelities)
        self._protocol, self._signs, self._restarts = terms.protocol, terms.signs, terms.restarts
        self._sees_objectives = isinstance(self.strategy, MultiObjectiveStrategy) and bool(terms.protocol.beside)
        self._trainings: dict[int, list[Training]] = {}
        """By canonical key: of each network its trainings, the n-th repetition in place n."""
        self._in_flight: list[Evaluation] = []
        self._free_workers = terms.protocol.workers
        self._clock = 0.0
        self._started = 0
        self._evaluations_spent = 0
        self._epochs_spent = 0
        self._free_in_a_row = 0
        self._open = True

    def _make(
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
        shorter = [training for training in known if training.epochs < proposal.epochs]
        if shorter:
            meant = max(shorter, key=lambda known: (known.architecture == asked, known.epochs, known.shown))
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
        shown = self._signs[0] * value if value == value else -np.inf  # noqa: PLR0124 - NaN alone is unequal to itself
        others, violation = self._besides(beside) if beside else ((), 0.0)
        if charged_epochs:
            paid = Training(architecture, repetition, proposal.epochs, paid_seconds + charged_seconds, finish, shown)
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
                shown,
                charged_epochs,
                charged_seconds,
                others,
                violation,
            ),
        )
        self._started += 1
        self._evaluations_spent += charged_epochs > 0
        self._epochs_spent += charged_epochs

    def _besides(self, beside: Sequence[float]) -> tuple[tuple[float, ...], float]:
        """Return the further objectives as recorded, and by how much the constraints are broken."""
        objectives = len(self._signs) - 1
        broken = [
            float(constraint.violation(np.float64(value)))
            for constraint, value in zip(self._protocol.constraints, beside[objectives:], strict=True)
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
            if self._sees_objectives:
                self._tell_objectives(ended)
            else:
                shown = ended.shown if ended.violation == 0 else -np.inf
                self.strategy.tell(ended.proposal, shown, ended.charged_seconds)
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
        signed = [sign * value for sign, value in zip(self._signs[1:], ended.others, strict=True)]
        values = np.array([ended.shown, *signed])
        if not np.isfinite(values).all():
            values[:] = -np.inf
        assert isinstance(self.strategy, MultiObjectiveStrategy)  # noqa: S101 - which is why this is called
        self.strategy.tell_objectives(ended.proposal, values, ended.violation, ended.charged_seconds)


class Watch:
    """Knows whose code runs, and since which call; one of a process."""

    def __init__(self) -> None:
        self.run: SearchRun | None = None
        """The run whose strategy is at work, None while an oracle is."""
        self.calls = 0


WATCH = Watch()


@contextmanager
def patience(seconds: float | None) -> Iterator[None]:
    """Raise inside the code of a strategy of which one call takes longer than this, or up to half as long again.

    A clock looks now and then whether calls go on, which costs them nothing. It works in the main thread of a process,
    on systems that have interval timers (not on Windows), and cannot interrupt a single call of compiled code.

    Parameters
    ----------
    seconds : float, optional
        None waits for ever.

    Raises
    ------
    StrategyError
        Names the strategy, the run and the trial.
    """
    if seconds is None or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    unmoved, last = 0, -1

    def look(*_: object) -> None:
        nonlocal unmoved, last
        unmoved = unmoved + 1 if WATCH.run is not None and WATCH.calls == last else 0
        last = WATCH.calls
        if unmoved >= 3 and WATCH.run is not None:
            unmoved = 0
            raise StrategyError(
                f"{WATCH.run.where()}: its code has not answered for {seconds:g} seconds; mend it, or be more patient"
            )

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, seconds / 2, seconds / 2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        WATCH.run = None
