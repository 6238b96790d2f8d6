"""Verification: promised against measured."""

from collections import Counter

import numpy as np
import pytest

from nasbench import Measure, Reference, Task
from nasbench.comparison import compare, verify
from nasbench.comparison.verification import FRESH_SEED
from strategies import LocalSearch, RandomSearch
from tabular.errors import QueryError
from tabular.measures import standard_metric


class Retraining:
    """Stands in for real training: measures what the table promised less a known shortfall, and notes the seeds."""

    name = "retraining"

    def __init__(self, oracle, shortfall):
        self.space, self._oracle, self._shortfall, self.asked = oracle.space, oracle, shortfall, []
        metric = standard_metric("test_accuracy")
        self.tasks = {"again": Task("again", (1, 3, 9), {metric.name: metric})}

    def query(self, architecture, measure, *, seed=None, draw=None):
        self.asked.append((self.space.to_text(architecture), measure, seed))
        promised = self._oracle.query(architecture, f"test_accuracy@{measure.epochs}")
        return promised - self._shortfall + 0.001 * (seed - FRESH_SEED)

    def spread(self, architectures, measure=None):
        raise AssertionError("not asked for")

    def reference(self, measure=None):
        return Reference(1, 0, 0)


@pytest.fixture(scope="module")
def results(toy_oracle):
    return compare({"random-search": RandomSearch, "local-search": LocalSearch}, toy_oracle, 20, runs=10)


def test_promise_and_measurement_stand_side_by_side(toy_oracle, results):
    training = Retraining(toy_oracle, 0.02)
    verified = verify(results, training, top=4, seeds=3)
    assert len(verified) == 4
    for each in verified:
        row = toy_oracle.space.from_text(each.architecture)
        assert each.promised == toy_oracle.query(row, "test_accuracy")
        assert each.promised_std == toy_oracle.spread(row, "test_accuracy")
        assert each.difference == pytest.approx(-0.02 + 0.001)
        assert each.measured_std == pytest.approx(0.001)
    promised = [each.promised for each in verified]
    assert promised == sorted(promised, reverse=True)


def test_seeds_are_fresh_and_architectures_those_that_runs_ended_with(toy_oracle, results):
    training = Retraining(toy_oracle, 0.0)
    verified = verify(results, training, top=100, seeds=2)
    assert {seed for _, _, seed in training.asked} == {FRESH_SEED, FRESH_SEED + 1}
    assert {measure for _, measure, _ in training.asked} == {Measure("again", "test_accuracy", 9)}
    keys = set()
    for trials in results.trials.values():
        finals = trials.architectures[trials.incumbent[trials.last]]
        keys |= set(results.space.canonical_key(finals).tolist())
    assert len(verified) == len(keys)
    assert sum(sum(each.found_by.values()) for each in verified) == 20


def test_first_is_what_most_runs_ended_with(toy_oracle, results):
    trials = results.trials["random-search"]
    finals = trials.architectures[trials.incumbent[trials.last]]
    counts = Counter(results.space.canonical_key(finals).tolist())
    chosen = verify(results, Retraining(toy_oracle, 0.0), top=1, seeds=1)[0]
    key = int(results.space.canonical_key(results.space.from_text(chosen.architecture)))
    assert counts[key] == max(counts.values()) == chosen.found_by["random-search"]
    assert np.isnan(chosen.measured_std)


def test_every_strategy_has_its_first_choice_trained(toy_oracle, results):
    verified = verify(results, Retraining(toy_oracle, 0.0), top=2, seeds=1)
    for name, trials in results.trials.items():
        keys = results.space.canonical_key(trials.architectures[trials.incumbent[trials.last]]).tolist()
        assert max(each.found_by.get(name, 0) for each in verified) == max(Counter(keys).values())


def test_verification_says_what_it_lacks(toy_oracle, results):
    with pytest.raises(QueryError, match="at least 1 architecture and 1 seed, got 0 and 3"):
        verify(results, Retraining(toy_oracle, 0.0), top=0)
    short = Retraining(toy_oracle, 0.0)
    short.tasks = {"again": Task("again", (1, 3), dict(short.tasks["again"].metrics))}
    with pytest.raises(QueryError, match="training on 'again' for 3 epochs does not give toy/test_accuracy@9"):
        verify(results, short)
