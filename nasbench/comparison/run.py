"""One search run on the simulated clock, and many of them in lock-step."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasbench.comparison.budget import Budget
from nasbench.comparison.trials import Trials
from nasbench.errors import BudgetError, InvalidArchitectureError, NasbenchError, QueryError, StrategyError
from nasbench.oracle import SECONDS, Measure, Oracle, resolve_measure
from nasbench.progress import silent
from nasbench.spaces.hashing import combine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nasbench.progress import Progress
    from nasbench.spaces import Space
    from nasbench.strategy import Proposal, Strategy

    StrategyFactory = Callable[[Space, np.random.Generator, Sequence[int]], Strategy]

REPEATS = ("charge", "cache")
STALLED = 1_000
"""A run whose strategy is served this many repeats in a row from the cache has nothing left to find, and ends."""


@dataclass(frozen=True)
class Protocol:
    """The rules a run is played by.

    Parameters
    ----------
    signal : Measure
        What the strategy sees and the incumbent is chosen by.
    budget : Budget
    workers : int
        Simulated asynchronous workers.
    repeats : str
        What a repeat of an architecture, up to isomorphism, is: ``charge`` trains it anew (another seed, full price);
        ``cache`` answers with the first training, free.
    """

    signal: Measure
    budget: Budget
    workers: int = 1
    repeats: str = "charge"

    def __post_init__(self) -> None:
        if self.repeats not in REPEATS:
            raise QueryError(f"repeats are {' or '.join(map(repr, REPEATS))}, got {self.repeats!r}")
        if self.workers < 1:
            raise BudgetError(f"a run needs at least 1 worker, got {self.workers}")


class _Training(NamedTuple):
    """A training of one network within a run, as far as it was paid for."""

    architecture: bytes
    repetition: int
    epochs: int
    seconds: float


class SearchRun:
    """One strategy spending one budget: asks, keeps the clock and the books, tells.

    The oracle is asked from outside (`advance`), so that one run and a thousand in lock-step are the same code.

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
    sign : int
        1 if the signal is maximised, -1 if minimised.
    """

    def __init__(
        self,
        factory: StrategyFactory,
        name: str,
        space: Space,
        fidelities: Sequence[int],
        seed: int,
        protocol: Protocol,
        sign: int,
    ) -> None:
        streams = np.random.SeedSequence(seed).spawn(2)
        self.name, self.seed = name, seed
        self.strategy = factory(space, np.random.default_rng(streams[0]), fidelities)
        self.root = int(streams[1].generate_state(1, np.uint64)[0])
        self.trials: list[tuple[bytes, int, float, int, float, float]] = []
        """(architecture, epochs, value, charged epochs, charged seconds, finish time), in order of finish."""
        self.first_price: float | None = None
        self._fidelities = frozenset(fidelities)
        self._protocol, self._sign = protocol, sign
        self._trainings: dict[int, _Training] = {}
        self._in_flight: list[tuple[float, int, Proposal, float, int, float]] = []
        self._free_workers = protocol.workers
        self._clock = 0.0
        self._started = 0
        self._epochs_spent = 0
        self._cached_in_a_row = 0
        self._open = True

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
        if budget.unit == "evaluations":
            return self._started + 1 <= budget.amount
        return self._cached_in_a_row < STALLED

    def _ask(self) -> Proposal | None:
        try:
            proposal = self.strategy.ask()
        except NasbenchError:
            raise
        except Exception as error:
            raise StrategyError(f"{self.where()}: ask() raised {type(error).__name__}: {error}") from error
        if proposal is not None and proposal.epochs not in self._fidelities:
            offered = ", ".join(map(str, sorted(self._fidelities)))
            raise StrategyError(f"{self.where()}: asked for {proposal.epochs} epochs; the oracle offers {offered}")
        return proposal

    def spent(self) -> float:
        """Return the share of the budget that is gone, 0 to 1; 1 for a run that has ended."""
        budget = self._protocol.budget
        if not (self._open or self._in_flight):
            return 1.0
        gone = {"evaluations": self._started, "epochs": self._epochs_spent, "seconds": self._clock}[budget.unit]
        return min(1.0, gone / budget.amount)

    def where(self) -> str:
        """Return which strategy, run and trial this is, for errors."""
        return f"strategy {self.name!r}, run {self.seed}, trial {self._started}"

    def training_meant(self, proposal: Proposal, key: int) -> tuple[bytes, int]:
        """Return which training a request means: of which architecture, and whether its first, second, ... (0, 1, ...).

        Asking for more epochs than the last training of that network had continues it; asking for as many or fewer is a
        repeat. Isomorphic architectures are one network.
        """
        before = self._trainings.get(key)
        if before is None:
            return proposal.architecture.tobytes(), 0
        if proposal.epochs <= before.epochs and self._protocol.repeats == "charge":
            return proposal.architecture.tobytes(), before.repetition + 1
        return before.architecture, before.repetition

    def start(self, proposal: Proposal, key: int, training: tuple[bytes, int], value: float, seconds: float) -> None:
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
            Cost of the whole training up to then; what was paid for before is taken off.
        """
        architecture, repetition = training
        before = self._trainings.get(key)
        continued = before is not None and before.repetition == repetition
        paid_epochs, paid_seconds = (before.epochs, before.seconds) if before is not None and continued else (0, 0.0)
        charged_epochs = max(0, proposal.epochs - paid_epochs)
        charged_seconds = max(0.0, seconds - paid_seconds) if charged_epochs else 0.0
        budget = self._protocol.budget
        if self.first_price is None:
            self.first_price = {"evaluations": 1, "epochs": charged_epochs, "seconds": charged_seconds}[budget.unit]
        if budget.unit == "epochs" and self._epochs_spent + charged_epochs > budget.amount:
            self._open = False
            return
        if charged_epochs:
            self._trainings[key] = _Training(architecture, repetition, proposal.epochs, paid_seconds + charged_seconds)
        self._cached_in_a_row = 0 if charged_epochs else self._cached_in_a_row + 1
        self._free_workers -= 1
        finish = self._clock + charged_seconds
        if budget.unit == "seconds" and finish > budget.amount:
            return  # the budget ends before the evaluation does: this worker's last, never told
        entry = (finish, self._started, proposal, value, charged_epochs, charged_seconds)
        heapq.heappush(self._in_flight, entry)
        self._started += 1
        self._epochs_spent += charged_epochs

    def _finish_one(self) -> None:
        finish, _, proposal, value, charged_epochs, charged_seconds = heapq.heappop(self._in_flight)
        self._clock = finish
        self._free_workers += 1
        told = self._sign * value if value == value else -np.inf  # noqa: PLR0124 - NaN is the one unequal to itself
        try:
            self.strategy.tell(proposal, told, charged_seconds)
        except NasbenchError:
            raise
        except Exception as error:
            raise StrategyError(f"{self.where()}: tell() raised {type(error).__name__}: {error}") from error
        self.trials.append(
            (proposal.architecture.tobytes(), proposal.epochs, value, charged_epochs, charged_seconds, finish)
        )


def advance(runs: Sequence[SearchRun], oracle: Oracle, protocol: Protocol, progress: Progress = silent) -> None:
    """Bring all runs to their end, asking the oracle once a round for what every run wants next.

    Raises
    ------
    StrategyError
        If a strategy breaks the protocol.
    QueryError
        If the oracle lacks an architecture.
    """
    active = list(runs)
    while active:
        wanted = [(run, proposal) for run in active if (proposal := run.next_request()) is not None]
        if wanted:
            _answer(wanted, oracle, protocol.signal)
        active = [run for run, _ in wanted]
        if progress is not silent:
            progress(int(100 * sum([run.spent() for run in runs]) / len(runs)), 100, "")


def _answer(wanted: list[tuple[SearchRun, Proposal]], oracle: Oracle, signal: Measure) -> None:
    space = oracle.space
    keys = space.canonical_key(_stack(wanted, space))
    key_list = keys.tolist()
    meant = [run.training_meant(proposal, key) for (run, proposal), key in zip(wanted, key_list, strict=True)]
    rows = np.frombuffer(b"".join([row for row, _ in meant]), dtype=np.uint8).reshape(-1, space.length)
    roots = np.array([run.root for run, _ in wanted], dtype=np.uint64)
    draws = combine(combine(roots, keys), np.array([repetition for _, repetition in meant], dtype=np.uint64))

    epochs = [proposal.epochs for _, proposal in wanted]
    values, seconds = np.empty(len(rows)), np.empty(len(rows))
    epochs_array = np.array(epochs)
    for fidelity in np.unique(epochs_array).tolist():
        chosen = np.flatnonzero(epochs_array == fidelity)
        for answers, metric in ((values, signal.metric), (seconds, SECONDS)):
            measure = Measure(signal.task, metric, fidelity)
            answers[chosen] = oracle.query(rows[chosen], measure, draw=draws[chosen])
    if np.isnan(seconds).any():
        row = rows[int(np.flatnonzero(np.isnan(seconds))[0])]
        raise QueryError(
            f"{oracle.name}: has no training of {space.to_text(row)!r}; a comparison needs every architecture that a "
            "strategy may ask for (finish the table with 'nasbench generate', or fit a surrogate on it)"
        )
    for (run, proposal), key, training, value, cost in zip(
        wanted, key_list, meant, values.tolist(), seconds.tolist(), strict=True
    ):
        run.start(proposal, key, training, value, cost)


def _stack(wanted: list[tuple[SearchRun, Proposal]], space: Space) -> NDArray[np.uint8]:
    try:
        body = b"".join([proposal.architecture.tobytes() for _, proposal in wanted])
        return space.check(np.frombuffer(body, dtype=np.uint8).reshape(len(wanted), space.length))
    except (InvalidArchitectureError, AttributeError, ValueError):
        for run, proposal in wanted:
            _check_proposal(run, proposal, space)
        raise


def _check_proposal(run: SearchRun, proposal: Proposal, space: Space) -> None:
    row = getattr(proposal, "architecture", None)
    if not isinstance(row, np.ndarray) or row.dtype != np.uint8 or row.shape != (space.length,):
        raise StrategyError(f"{run.where()}: proposed {row!r} instead of a ({space.length},) uint8 array")
    try:
        space.check(row)
    except InvalidArchitectureError as error:
        raise StrategyError(f"{run.where()}: {error}") from None


def check_protocol(oracle: Oracle, protocol: Protocol) -> tuple[list[int], int]:
    """Return the fidelities that the signal offers and its sign, or say why a search may not use it.

    Raises
    ------
    QueryError
        If the signal is a test metric, or the oracle has no training seconds.
    """
    task = oracle.tasks[protocol.signal.task]
    metric = task.metrics[protocol.signal.metric]
    if metric.split == "test":
        raise QueryError(f"the signal {protocol.signal} is a test metric; a strategy may see validation only")
    if SECONDS not in task.metrics:
        raise QueryError(f"task {task.name!r} of {oracle.name} has no {SECONDS!r}; the simulated clock needs it")
    fidelities = [e for e in task.epochs if e <= protocol.signal.epochs]
    return fidelities, 1 if metric.direction == "maximize" else -1


def run_lockstep(
    factory: StrategyFactory,
    name: str,
    oracle: Oracle,
    protocol: Protocol,
    seeds: Sequence[int],
    progress: Progress = silent,
) -> Trials:
    """Run a strategy once per seed, all runs in lock-step.

    Raises
    ------
    BudgetError
        If the budget does not pay for a run's first evaluation.
    """
    fidelities, sign = check_protocol(oracle, protocol)
    runs = [SearchRun(factory, name, oracle.space, fidelities, seed, protocol, sign) for seed in seeds]
    advance(runs, oracle, protocol, progress)
    for run in runs:
        if not run.trials:
            price = "" if run.first_price is None else f": its first costs {run.first_price:,.4g}"
            raise BudgetError(
                f"a budget of {protocol.budget} pays for no evaluation of {name!r} in run {run.seed}{price}"
            )
    return Trials.from_runs(name, oracle.space.length, [(run.seed, run.trials) for run in runs], sign)


def run(
    strategy: StrategyFactory,
    oracle: Oracle,
    budget: Budget | str | float,
    seed: int = 0,
    *,
    signal: Measure | str | None = None,
    workers: int = 1,
    repeats: str = "charge",
    name: str | None = None,
) -> Trials:
    """Run one strategy once.

    Parameters
    ----------
    strategy : Strategy class or callable
        ``strategy(space, rng, fidelities)`` gives the strategy.
    oracle : Oracle
    budget : Budget, str or number
        As `Budget.parse` reads it.
    seed : int
    signal : Measure or str, optional
        By default the validation accuracy at the last epoch.
    workers : int
        Simulated asynchronous workers.
    repeats : str
        ``charge`` or ``cache``, see `Protocol`.
    name : str, optional

    Returns
    -------
    Trials
        Of one run.

    Examples
    --------
    >>> from strategies import RandomSearch
    >>> trials = run(RandomSearch, oracle, budget=100, seed=7)  # doctest: +SKIP
    """
    protocol = Protocol(resolve_measure(signal, oracle.tasks), Budget.parse(budget), workers, repeats)
    name = name or str(getattr(strategy, "__name__", "strategy"))
    return run_lockstep(strategy, name, oracle, protocol, [seed])
