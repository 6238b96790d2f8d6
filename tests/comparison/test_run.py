"""One run: its clock, its budget, its books."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench import Measure, NasbenchError, Proposal, Strategy
from nasbench.comparison import Budget, run
from nasbench.comparison.lockstep import advance, run_lockstep
from nasbench.comparison.protocol import Protocol, terms_on
from nasbench.comparison.search_run import SearchRun
from strategies import get_strategy
from tabular.errors import BudgetError, QueryError, StrategyError

RandomSearch = get_strategy("random-search")
Hyperband = get_strategy("hyperband")
SIGNAL = Measure("toy", "validation_accuracy", 9)


class Scripted(Strategy):
    """Asks for a fixed list of (index, epochs), then has finished; remembers what it was told."""

    script = ()

    def __init__(self, space, rng, fidelities):
        super().__init__(space, rng, fidelities)
        self.left = list(self.script)
        self.told = []

    def ask(self):
        if not self.left:
            return None
        index, epochs = self.left.pop(0)
        return Proposal(self.space.from_index(index), epochs)

    def tell(self, proposal, value, seconds):
        self.told.append((proposal, value, seconds))


def scripted(*script):
    return type("Scripted", (Scripted,), {"script": script})


def test_budgets_are_read():
    assert Budget.parse("300") == Budget.parse(300) == Budget(300, "evaluations")
    assert Budget.parse("600ep") == Budget(600, "epochs")
    assert Budget.parse("20000s") == Budget(20000, "seconds")
    assert Budget.parse("30m") == Budget(1800, "seconds")
    assert Budget.parse("1.5h") == Budget(5400, "seconds")
    assert Budget.parse("20,000s") == Budget.parse("2e4s") == Budget(20000, "seconds")


@pytest.mark.parametrize("text", ["", "many", "-3", "0", "3 weeks", "1e999", "nan", "12,,3x", "1,5h", "2,0000"])
def test_unreadable_budgets_are_refused(text):
    with pytest.raises(BudgetError, match=r"cannot read the budget|must be positive"):
        Budget.parse(text)


def test_clock_adds_up_what_trainings_cost(toy_oracle):
    trials = run(RandomSearch, toy_oracle, 20, seed=3)
    np.testing.assert_allclose(trials.finished, np.cumsum(trials.charged_seconds))
    assert (trials.charged_epochs == 9).all()
    assert len(trials) == 20


@settings(max_examples=30, deadline=None)
@given(amount=st.floats(8, 200), unit=st.sampled_from(["evaluations", "epochs", "seconds"]), seed=st.integers(0, 99))
def test_budget_is_kept_and_used(toy_oracle, amount, unit, seed):
    for strategy in (RandomSearch, Hyperband):
        try:
            trials = run(strategy, toy_oracle, Budget(amount, unit), seed)
        except BudgetError:
            assert amount < 9 or unit == "seconds"
            continue
        spent = trials.clock(unit)[-1]
        assert spent <= amount
        # The next evaluation would have gone beyond: none costs more than 9 epochs, 13.5 seconds or 1 evaluation.
        assert amount - spent < {"evaluations": 1, "epochs": 9, "seconds": 13.5}[unit]


def test_diverged_training_is_told_as_minus_infinity_recorded_as_nan_and_never_the_incumbent(toy_oracle):
    factory = scripted((5, 9), (5, 9), (5, 9), (5, 9), (5, 9), (5, 9), (7, 9))
    protocol = Protocol(SIGNAL, Budget(100))
    one = SearchRun(factory, "scripted", toy_oracle.space, 0, terms_on(toy_oracle, protocol))
    advance([one], toy_oracle, protocol)
    told = [value for _, value, _ in one.strategy.told]
    assert -np.inf in told
    trials = run(factory, toy_oracle, 100)
    diverged = np.isnan(trials.value)
    assert diverged.tolist() == [value == -np.inf for value in told]
    assert not diverged[trials.incumbent[np.flatnonzero(~diverged)[0] :]].any()
    assert (trials.charged_seconds[diverged] > 0).all()


def test_incumbent_prefers_longer_trainings_then_better_values(toy_oracle):
    trials = run(scripted((40, 1), (41, 1), (3, 9), (42, 1), (50, 9)), toy_oracle, 100)
    best_short = int(trials.value[1] > trials.value[0])
    best_long = 4 if trials.value[4] > trials.value[2] else 2
    assert trials.incumbent.tolist() == [0, best_short, 2, 2, best_long]


def test_workers_share_one_clock(toy_oracle):
    script = scripted((40, 9), (41, 9), (42, 9), (43, 9))
    alone, together = run(script, toy_oracle, 100), run(script, toy_oracle, 100, workers=4)
    np.testing.assert_allclose(np.sort(together.finished), np.sort(alone.charged_seconds))
    assert sorted(together.value) == sorted(alone.value)
    two = run(script, toy_oracle, 100, workers=2)
    first, second, third, fourth = alone.charged_seconds
    free = sorted([first, second])
    starts = sorted([free[0] + third, free[1]])  # the third starts when a worker is free, the fourth when the next is
    assert two.finished[-1] == pytest.approx(max(starts[0] + fourth, starts[1]))


# 150 seconds train all of this space, so that runs with a cache end after a thousand repeats: see the next test.
@pytest.mark.parametrize(
    ("repeats", "workers", "budget"),
    [("charge", 1, "150s"), ("charge", 4, "150s"), ("cache", 1, "60s"), ("cache", 4, "15s")],
)
@pytest.mark.parametrize("strategy", ["random-search", "regularized-evolution", "local-search", "hyperband"])
def test_lockstep_gives_what_runs_one_by_one_give(toy_oracle, strategy, repeats, workers, budget):
    lockstep_gives_what_runs_one_by_one_give(toy_oracle, strategy, repeats, workers, budget)


def test_lockstep_ends_runs_that_live_on_the_cache_as_they_end_alone(toy_oracle):
    lockstep_gives_what_runs_one_by_one_give(toy_oracle, "random-search", "cache", 4, "150s")


def lockstep_gives_what_runs_one_by_one_give(toy_oracle, strategy, repeats, workers, budget):
    protocol = Protocol(SIGNAL, Budget.parse(budget), workers, repeats)
    together = run_lockstep(get_strategy(strategy), strategy, toy_oracle, terms_on(toy_oracle, protocol), [0, 5, 9])
    for i, seed in enumerate((0, 5, 9)):
        alone = run(get_strategy(strategy), toy_oracle, budget, seed, workers=workers, repeats=repeats)
        start, stop = together.offsets[i : i + 2]
        for name in ("architectures", "epochs", "value", "charged_seconds", "finished"):
            np.testing.assert_array_equal(getattr(together, name)[start:stop], getattr(alone, name))


def test_strategies_of_one_run_meet_the_same_trainings(toy_oracle):
    one = run(scripted((40, 9), (3, 9), (7, 9)), toy_oracle, 100, seed=4)
    other = run(scripted((7, 9), (40, 9), (12, 9)), toy_oracle, 100, seed=4)
    assert one.value[0] == other.value[1]
    assert one.value[2] == other.value[0]


def test_budget_for_less_than_one_evaluation_names_the_price(toy_oracle):
    with pytest.raises(BudgetError, match=r"a budget of 0.1 seconds pays for no evaluation of .* its first costs \d"):
        run(RandomSearch, toy_oracle, "0.1s")
    with pytest.raises(BudgetError, match="its first costs 9"):
        run(RandomSearch, toy_oracle, "5ep")


def test_test_metrics_are_no_signal(toy_oracle):
    with pytest.raises(QueryError, match="is a test metric; a strategy may see validation only"):
        run(RandomSearch, toy_oracle, 10, signal="test_accuracy")


def test_losses_are_told_negated(toy_oracle):
    protocol = Protocol(Measure("toy", "train_seconds", 9), Budget(10))  # the one minimised metric of this table
    one = SearchRun(RandomSearch, "random", toy_oracle.space, 0, terms_on(toy_oracle, protocol))
    one.strategy = Scripted.__new__(type("S", (Scripted,), {"script": ((3, 9), (4, 9))}))
    one.strategy.__init__(toy_oracle.space, None, (9,))
    advance([one], toy_oracle, protocol)
    assert [value for _, value, _ in one.strategy.told] == [-trial[2] for trial in one.trials]


class Broken(Strategy):
    proposal = None

    def ask(self):
        return self.proposal

    def tell(self, proposal, value, seconds):
        raise ValueError("told too much")


@pytest.mark.parametrize(
    ("proposal", "message"),
    [
        (Proposal(np.array([0, 9, 0], dtype=np.uint8), 9), r"'Mine', run 0, trial 0: not an architecture .* choice 9"),
        (Proposal([0, 0, 0], 9), r"'Mine', run 0, trial 0: proposed \[0, 0, 0\] instead of a \(3,\) uint8 array"),
        (Proposal(np.zeros(3), 9), "trial 0: proposed .* instead of"),
        (
            np.zeros(3, dtype=np.uint8),
            r"ask\(\) returned array.* return Proposal\(architecture, epochs\), or None to wait",
        ),
        (Proposal(np.zeros(3, dtype=np.uint8), 2), "asked for 2 epochs; the oracle offers 1, 3, 9"),
        (Proposal(np.zeros(3, dtype=np.uint8), 9), r"tell\(\) raised ValueError: told too much"),
    ],
)
def test_broken_strategies_are_named_with_the_trial(toy_oracle, proposal, message):
    broken = type("Mine", (Broken,), {"proposal": proposal})
    with pytest.raises(StrategyError, match=message):
        run(broken, toy_oracle, 10)


def test_strategy_that_raises_is_named(toy_oracle):
    class Raising(Broken):
        def ask(self):
            raise KeyError("lost")

    with pytest.raises(StrategyError, match=r"'Raising', run 0, trial 0: ask\(\) raised KeyError: 'lost'"):
        run(Raising, toy_oracle, 10)


def test_strategy_that_lives_on_the_cache_ends(toy_oracle):
    class Stubborn(Strategy):
        def ask(self):
            return Proposal(np.zeros(3, dtype=np.uint8), 9)

        def tell(self, proposal, value, seconds):
            pass

    trials = run(Stubborn, toy_oracle, "1h", repeats="cache")
    assert trials.charged_epochs.sum() == 9


def test_protocol_refuses_what_it_does_not_know():
    with pytest.raises(QueryError, match="repeats are 'charge' or 'cache', got 'forget'"):
        Protocol(SIGNAL, Budget(1), repeats="forget")
    with pytest.raises(NasbenchError, match="at least 1 worker, got 0"):
        Protocol(SIGNAL, Budget(1), workers=0)
