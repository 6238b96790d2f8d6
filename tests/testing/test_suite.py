"""The conformance suite finds the strategies that break a rule: here each of them breaks one."""

from __future__ import annotations

import importlib
import itertools
import math
import random

import numpy as np
import pytest

from nasbench.testing.strategy import FIDELITIES, PlantedOracle, StrategyConformance, drive, fingerprint, random_best
from strategies import RandomSearch
from strategies.strategy import Proposal
from tabular.errors import UnknownNameError
from tabular.measures import Oracle
from tabular.spaces.cell import CellSpace

SPACE = CellSpace("tiny", 3, ("none", "skip_connect", "nor_conv_3x3"))


class OutsideTheSpace(RandomSearch):
    def ask(self):
        return Proposal(super().ask().architecture + np.uint8(1), self.fidelities[-1])


class WrongType(RandomSearch):
    def ask(self):
        return Proposal(super().ask().architecture.astype(np.int64), self.fidelities[-1])


class TooLong(RandomSearch):
    def ask(self):
        return Proposal(super().ask().architecture, self.fidelities[-1] + 1)


class Overwriting(RandomSearch):
    """Proposes one array again and again, with other content."""

    def ask(self):
        if not hasattr(self, "row"):
            self.row = self.space.sample(self.rng)
        self.row[:] = self.space.sample(self.rng)
        return Proposal(self.row, self.fidelities[-1])


class Stuck(RandomSearch):
    """Waits forever once a training has diverged."""

    dead = False

    def ask(self):
        return None if self.dead else super().ask()

    def tell(self, proposal, value, seconds):
        self.dead = self.dead or value == -math.inf


class GlobalRandomness(RandomSearch):
    def ask(self):
        return Proposal(self.space.sample(np.random.default_rng(random.getrandbits(64))), self.fidelities[-1])


class SharedState(RandomSearch):
    calls = itertools.count()

    def ask(self):
        proposal = super().ask()
        return Proposal(proposal.architecture, self.fidelities[next(SharedState.calls) % len(self.fidelities)])


class SeesTest(RandomSearch):
    def tell(self, proposal, value, seconds, test_value=None):
        pass


class Worst(RandomSearch):
    def ask(self):
        return Proposal(np.zeros(self.space.length, dtype=np.uint8), self.fidelities[-1])


def a_local_class():
    class Local(RandomSearch):
        pass

    return Local


def suite_of(strategy):
    class Suite(StrategyConformance):
        strategy_class = strategy
        guided = False

    return Suite()


@pytest.mark.parametrize(
    ("strategy", "test", "message"),
    [
        (OutsideTheSpace, "test_proposes_what_it_may", "not in <CellSpace"),
        (WrongType, "test_proposes_what_it_may", "int64, not uint8"),
        (TooLong, "test_proposes_what_it_may", "offered were"),
        (Overwriting, "test_proposes_what_it_may", "changed an architecture"),
        (Stuck, "test_proposes_what_it_may", "could never go on"),
        (SeesTest, "test_cannot_see_test_metrics", "test_value"),
        (GlobalRandomness, "test_draws_from_its_own_generator_only", "`random` was drawn from"),
        (SharedState, "test_runs_side_by_side_do_not_mix", "while another one runs"),
        (Worst, "test_finds_a_planted_optimum_sooner_than_chance", "of the optimum"),
        (Worst, "test_same_seed_same_run_in_another_process", "the seed changes nothing"),
        (a_local_class(), "test_same_seed_same_run_in_another_process", "cannot be imported"),
    ],
)
def test_a_broken_strategy_is_found(strategy, test, message):
    with pytest.raises(AssertionError) as caught:
        getattr(suite_of(strategy), test)()
    assert message in str(caught.value)


def test_a_run_that_hangs_on_the_hash_seed_is_found(tmp_path, monkeypatch):
    # Each of 300 proposals takes one of 27 fidelities by the hash of a text, so two hash seeds never agree on all.
    (tmp_path / "hashing_strategy.py").write_text(
        "from strategies.strategy import Proposal\n"
        "from strategies import RandomSearch\n"
        "class Hashing(RandomSearch):\n"
        "    def ask(self):\n"
        "        row = super().ask().architecture\n"
        "        return Proposal(row, self.fidelities[hash(str(row)) % len(self.fidelities)])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    hashing = importlib.import_module("hashing_strategy")
    with pytest.raises(AssertionError, match="another hash seed"):
        suite_of(hashing.Hashing).test_same_seed_same_run_in_another_process()


def test_the_planted_oracle_follows_the_protocol_and_keeps_test_results_to_itself():
    oracle = PlantedOracle(SPACE)
    assert isinstance(oracle, Oracle)
    rows = SPACE.all()
    values = oracle.query(rows)
    assert (rows[values.argmax()] == oracle.optimum).all()
    assert oracle.query(rows[0], "train_seconds@9") == 9
    with pytest.raises(AssertionError, match="not for a search to see"):
        oracle.query(rows, "test_accuracy")
    with pytest.raises(UnknownNameError, match="validation_accuracy"):
        oracle.query(rows, "validation_acuracy")


def test_the_expected_best_of_random_search_is_the_measured_one():
    rng = np.random.default_rng(0)
    mean, deviation = random_best(length=3, choices=3, trainings=20)
    best = (rng.random((20_000, 20, 3)) < 1 / 3).mean(axis=2).max(axis=1)
    assert abs(best.mean() - mean) < 5 * deviation / math.sqrt(20_000)  # 5 standard errors: once in 1.7 million
    assert best.std() == pytest.approx(deviation, rel=0.05)


def test_driving_keeps_as_many_evaluations_under_way_as_there_are_workers():
    class Counting(RandomSearch):
        under_way = most = 0

        def ask(self):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            return super().ask()

        def tell(self, proposal, value, seconds):
            self.under_way -= 1

    strategy = Counting(SPACE, np.random.default_rng(0), FIDELITIES)
    assert len(list(drive(strategy, PlantedOracle(SPACE), 50, workers=6))) == 50
    assert (strategy.most, strategy.under_way) == (6, 0)


def test_fingerprints_tell_runs_apart():
    assert fingerprint(RandomSearch, {}, 1) == fingerprint(RandomSearch, {}, 1) != fingerprint(RandomSearch, {}, 2)
